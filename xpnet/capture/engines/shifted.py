"""Calls for steps in a row: those of the first step, on the slots in which the others' rows and results lie."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from xpnet.capture.engines.numpy_calls import Call


def shifted(calls: Sequence[Call], buffers: Iterable[np.ndarray], count: int) -> Iterator[list[Call]]:
    """The calls of each further step, which takes less than to bind them anew.

    Args:
        calls: Those of the first step.
        buffers: Arrays in C order with a slot for each step, of which these calls have the first.
        count: Steps, the first included.
    """
    moving: dict[int, tuple[np.ndarray, np.ndarray, int]] = {}
    moved: dict[int, Call] = {}
    for i, call in enumerate(calls):
        for array in _arrays_of(call):
            for buffer in buffers:
                if np.may_share_memory(array, buffer[0, ...]):
                    moving[id(array)] = array, buffer, _address(array) - _address(buffer)
                    moved[i] = call
    for step in range(1, count):
        others = {
            key: np.ndarray(array.shape, array.dtype, buffer, start + step * buffer.strides[0], array.strides)
            for key, (array, buffer, start) in moving.items()
        }
        yield [_on_others(call, others) if i in moved else call for i, call in enumerate(calls)]


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _arrays_of(call: Call) -> Iterator[np.ndarray]:
    """The arrays of a call."""
    function, arguments = call
    bound = (*function.args, *function.keywords.values()) if isinstance(function, partial) else ()
    for x in (getattr(function, "__self__", None), *bound, *arguments):
        for each in x if isinstance(x, tuple) else (x,):
            if isinstance(each, np.ndarray):
                yield each


def _on_others(call: Call, others: Mapping[int, np.ndarray]) -> Call:
    """The same call on other arrays, by the ids of those that they replace."""

    def other(x: Any) -> Any:
        return tuple(map(other, x)) if isinstance(x, tuple) else others.get(id(x), x)

    function, arguments = call
    if isinstance(function, partial):
        named = {name: other(value) for name, value in function.keywords.items()}
        function = partial(function.func, *map(other, function.args), **named)
    elif id(owner := getattr(function, "__self__", None)) in others:
        function = getattr(others[id(owner)], function.__name__)
    return function, other(arguments)

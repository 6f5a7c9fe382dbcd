"""Captured functions, each planned once for the shapes it meets, and kept as long as the function is."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from xpnet.capture.compiled import Compiled, can_compile
from xpnet.capture.fusion import fuse
from xpnet.capture.plan import Plan, plan
from xpnet.capture.replay import Replay
from xpnet.capture.tracing import Like
from xpnet.errors import CaptureError
from xpnet.trees import arrays_in, map_arrays

Function: TypeAlias = Callable[..., Any]
Program: TypeAlias = Replay | Compiled

WORTH_COMPILING = 10**10
"""Floating-point operations an epoch, calls counted as such, from which a few seconds for a compiler are well spent."""

WORTH_THREADS = 4 * 10**6
"""Floating-point operations of the largest product from which more than one thread is faster."""


class _Kept(threading.local):
    """The programs of a thread: their buffers are for one thread at a time."""

    def __init__(self) -> None:
        self.programs: WeakKeyDictionary[Function, dict[Any, Program]] = WeakKeyDictionary()


_kept = _Kept()


def block(step: Function, carry: Any, data: Any, rows: int, *, compiled: bool) -> Program:
    """A step `step(carry, batch, xp=xp)` as a program that is fed with that many rows of the data, chosen by index."""
    return _program(step, step, carry, data, rows, compiled, gathered=True)


def stretch(function: Function, params: Any, data: Any, rows: int, *, compiled: bool) -> Program:
    """A function `function(params, rows, xp=xp)` as a program that is fed with so many rows at a time, in order."""

    def step(params: Any, fed: Any, *, xp: Any) -> tuple[Any, Any]:
        return params, function(params, fed, xp=xp)

    return _program(function, step, params, data, rows, compiled, gathered=False)


def is_worth_compiling(step: Function, carry: Any, data: Any, rows: int, steps: int) -> bool:
    """Whether an epoch of so many steps is enough work, and all of it can be compiled here."""
    if not can_compile():
        return False
    planned = plan(step, carry, _rows(data, rows))
    try:
        fuse(planned.graph, planned.donated, planned.fed)
    except CaptureError:
        return False
    return planned.work * steps >= WORTH_COMPILING


def threads(planned: Plan) -> AbstractContextManager[Any]:
    """A context with one BLAS thread, where more would only wait for each other."""
    return nullcontext() if planned.largest_product >= WORTH_THREADS else _pools().limit(limits=1, user_api="blas")


@cache
def _pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _program(
    owner: Function, step: Function, carry: Any, data: Any, rows: int, compiled: bool, *, gathered: bool
) -> Program:
    """The program for these shapes; made if this thread has none yet."""
    known = _kept.programs.setdefault(owner, {})
    key = (rows, compiled, gathered, *((a.shape, a.dtype) for a in arrays_in((carry, _rows(data, rows)))))
    if key not in known:
        planned = plan(step, map_arrays(_like, carry), _rows(data, rows))
        known[key] = Compiled(planned, gathered=gathered) if compiled else Replay(planned)
    return known[key]


def _like(array: np.ndarray) -> Like:
    return Like(array.shape, array.dtype)


def _rows(data: Any, rows: int) -> Any:
    """What stands for so many rows of the data."""
    return map_arrays(lambda array: Like((rows, *array.shape[1:]), array.dtype), data)

"""Runs a plan with NumPy: a flat list of calls, each with its arrays and the buffer for its result bound in advance.

Bit for bit what the function gives when it is simply called, without making an array on the way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from xpnet.capture.engines import thread_count as threads
from xpnet.capture.graph import VIEWS, Operation, Value
from xpnet.capture.planning.plan import Plan
from xpnet.capture.tracing.operations import ELEMENTWISE, REDUCTIONS, SEARCHES

Call = tuple[Callable[..., Any], tuple[Any, ...]]

COPIED = 2**18
"""Up to how many bytes an array of the carry is copied in and out, which takes less than to make the calls anew."""

FILLED = 2**20
"""Up to how many bytes a number is made an array of."""


class Replay:
    """A plan with its buffers; for one thread at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._memory = plan.memory()
        self._scratch = self._memory.scratch()
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        carried = plan.graph.inputs[: plan.donated]
        self._carried = [np.empty(v.shape, v.dtype) if v.nbytes <= COPIED else None for v in carried]
        self._inputs: list[np.ndarray] = []
        self._calls: list[Call] = []
        self._given: list[np.ndarray] = []
        self._copies: list[Call] = []

    def gathered(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        """Run a step for each line of `rows`, on those rows of the data; the carry is overwritten.

        Args:
            carry: Contiguous arrays that can be written to.
            data: What each step is fed with rows of.
            rows: Row indices that are in range, (steps, rows a step).
            results: What takes each step's results, (steps, ...).
        """
        with self.bound(carry, data) as run:
            run(rows, results)

    @contextmanager
    def bound(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray]
    ) -> Iterator[Callable[[np.ndarray, Sequence[np.ndarray]], None]]:
        """A context with what runs steps again and again on the same arrays, `run(rows, results)`; see `gathered`."""
        # The carry comes in new arrays every time; these are bound once.
        held = [array if own is None else own for array, own in zip(carry, self._carried, strict=True)]
        self._bind([*held, *self._fed])
        feeds = list(zip(data, self._fed, strict=True))

        def run(rows: np.ndarray, results: Sequence[np.ndarray]) -> None:
            _copy(carry, held)
            for i, chosen in enumerate(rows):
                for array, buffer in feeds:
                    # Of take's modes this one needs no buffer of its own.
                    array.take(chosen, 0, buffer, "clip")
                self._step(i, results)
            _copy(held, carry)

        with threads.of_blas(self.plan):
            yield run

    def sliced(self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
        """Run a step for each stretch of rows, in order, as many as there are results; the data are not copied."""
        rows = self.plan.fed[0].shape[0]
        with threads.of_blas(self.plan):
            for i in range(len(results[0])):
                self._bind([*carry, *(array[i * rows : (i + 1) * rows] for array in data)])
                self._step(i, results)

    def _step(self, i: int, results: Sequence[np.ndarray]) -> None:
        for function, arguments in self._calls:
            function(*arguments)
        for result, value in zip(results, self._given, strict=True):
            result[i] = value
        for function, arguments in self._copies:
            function(*arguments)

    def _bind(self, inputs: list[np.ndarray]) -> None:
        """Make the calls for these arrays, unless they are made for them already."""
        if self._inputs and all(a is b for a, b in zip(inputs, self._inputs, strict=True)):
            return
        graph = self.plan.graph
        arrays = self._memory.arrays(graph, inputs, self._scratch)
        self._calls = []
        for operation in graph.operations:
            if operation.name == "full":
                arrays[operation.output].fill(operation.options[2])
            elif operation.name not in VIEWS:
                self._calls += calls(operation, arrays)
        self._given = [arrays[value] for value in self.plan.results]
        self._copies = [(np.copyto, (inputs[i], arrays[value])) for value, i in self._memory.copies]
        self._inputs = inputs


def _copy(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> None:
    for source, target in zip(sources, targets, strict=True):
        if source is not target:
            target[...] = source


def calls(operation: Operation, arrays: Mapping[Value, np.ndarray]) -> list[Call]:
    """What NumPy is to be asked for an operation."""
    name, out = operation.name, arrays[operation.output]
    # A Python number costs a call a microsecond more than an array of it.
    dtype = np.result_type(*(value.dtype if isinstance(value, Value) else value for value in operation.inputs))
    inputs = [arrays[v] if isinstance(v, Value) else np.asarray(v, dtype) for v in operation.inputs]
    if name in ("maximum", "minimum"):
        # NumPy 2.4 vectorises these where both operands are arrays only, and has them take a buffer by its name only.
        numbers = [not isinstance(value, Value) and out.nbytes <= FILLED for value in operation.inputs]
        operands = [np.full(out.shape, x) if fill else x for x, fill in zip(inputs, numbers, strict=True)]
        return [(partial(ELEMENTWISE[name], out=out), tuple(operands))]
    if name in ELEMENTWISE:
        return [(ELEMENTWISE[name], (*inputs, out))]
    if name == "matmul":
        return [(np.matmul, (*inputs, out))]
    if name in REDUCTIONS:
        return [(REDUCTIONS[name].reduce, (*inputs, *operation.options, None, out, True))]
    if name in SEARCHES:
        (axis,) = operation.options
        return [(getattr(inputs[0], name), (axis, out.reshape(out.shape[:axis] + out.shape[axis + 1 :])))]
    if name == "astype":
        return [(np.copyto, (out, *inputs, "unsafe"))]
    if name == "copy":
        return [(np.copyto, (out, *inputs))]
    if name == "take":
        return [(inputs[0].take, (inputs[1], *operation.options, out))]
    condition, one, other = inputs
    return [(np.copyto, (out, other)), (np.copyto, (out, one, "same_kind", condition))]

"""Replay: a plan as a flat list of NumPy's calls, each with its arrays and the buffer for its result bound in advance.

Bit for bit what the function gives when it is called with NumPy on arrays in C order, without new arrays on the way.
There is one exception, BLAS's threads: steps of small products have one of them (`thread_count.of_blas`), and OpenBLAS
rounds products of float64 otherwise on several. With one thread these are the same too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from xpnet.capture.engines import thread_count as threads
from xpnet.capture.engines.random_calls import draw
from xpnet.capture.graph import OUTER, RANDOM, VIEWS, Number, Operation, Value
from xpnet.capture.planning.cut import cut, of_steps
from xpnet.capture.planning.joined import joined
from xpnet.capture.planning.memory import aligned
from xpnet.capture.planning.plan import Plan
from xpnet.capture.tracing.operations import ELEMENTWISE, REDUCTIONS, SEARCHES, dtypes

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Operand = tuple[np.ndarray, Value | Number]

COPIED = 2**18
"""Bytes up to which an array of the carry is copied in and out, which takes less than to bind the calls anew."""

FILLED = 2**20
"""Bytes up to which a number becomes an array."""


class Replay:
    """Plan with its buffers; for one thread at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._cut = cut(plan)
        step = plan if self._cut is None else self._cut.step
        parts = joined(step)
        self._body = _Bound(step if parts is None else parts.body)
        self._seen = [np.empty((self._cut.steps, *v.shape), v.dtype) for v in step.results] if self._cut else []
        self._later: dict[int, _Bound] = {}
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        carried = self._body.plan.graph.inputs[: self._body.plan.donated]
        own: list[np.ndarray | None] = [np.empty(v.shape, v.dtype) if v.nbytes <= COPIED else None for v in carried]
        self._end: list[Call] = []
        self._nbytes, places = 0, dict[Value, np.ndarray]()
        if parts is not None:
            end = _Bound(parts.end)
            lanes = dict(zip(parts.end.graph.inputs, parts.lanes, strict=True))
            # Numbers come last: where they are views, the array is in its place by then.
            for value in sorted(lanes, key=lambda value: value.shape == ()):
                places[value] = _side_by_side(value, lanes[value], own)
            end.bind([places[value] for value in lanes])
            self._end, self._nbytes = [*end.calls, *end.copies], end.nbytes
        self._carried = own[: plan.donated]
        self._handed = [array for array in own[plan.donated :] if array is not None]

    @property
    def nbytes(self) -> int:
        """Bytes of its buffers, of the carry that it is bound to, and of its calls."""
        # As much again is computed of what results are computed from.
        later = 2 * sum(array.nbytes for array in self._seen)
        return self._nbytes + self._body.nbytes + later + self.plan.nbytes

    def gathered(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        """Run a step for each line of `rows`, on those rows of the data; the carry is overwritten.

        Args:
            carry: Contiguous arrays that can be written to.
            data: Arrays whose rows each step is fed with.
            rows: Row indices that are in range, (steps, rows per step).
            results: Arrays for the steps' results, (steps, ...).
        """
        with self.bound(carry, data) as run:
            run(rows, results)

    @contextmanager
    def bound(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray]
    ) -> Iterator[Callable[[np.ndarray, Sequence[np.ndarray]], None]]:
        """A context for steps again and again on the same arrays, by `run(rows, results)`; see `gathered`."""
        # The carry comes in new arrays every time; these are bound once.
        bound = [array if own is None else own for array, own in zip(carry, self._carried, strict=True)]
        self._body.bind([*bound, *self._handed, *self._fed])
        feeds = list(zip(data, self._fed, strict=True))

        def run(rows: np.ndarray, results: Sequence[np.ndarray]) -> None:
            _copy(carry, bound)
            size = len(rows) if self._cut is None else self._cut.steps
            for start in range(0, len(rows), max(size, 1)):
                some, made = rows[start : start + size], results if self._cut is None else self._seen
                for i, chosen in enumerate(some):
                    for array, buffer in feeds:
                        # Of take's modes this one needs no buffer of its own.
                        array.take(chosen, 0, buffer, "clip")
                    self._step(i, made)
                if self._cut is not None:
                    self._finish(len(some), [result[start : start + size] for result in results])
            _copy(bound, carry)

        with threads.of_blas(self.plan):
            yield run

    def _step(self, i: int, results: Sequence[np.ndarray]) -> None:
        for function, arguments in self._body.calls:
            function(*arguments)
        for result, value in zip(results, self._body.results, strict=True):
            result[i] = value
        for function, arguments in self._body.copies:
            function(*arguments)
        for function, arguments in self._end:
            function(*arguments)

    def _finish(self, steps: int, results: Sequence[np.ndarray]) -> None:
        """Compute the results of so many steps from what these have left."""
        if steps not in self._later:
            assert self._cut is not None
            graph = of_steps(self._cut.results, steps)
            self._later[steps] = _Bound(Plan(graph, 0, graph.outputs))
            self._later[steps].bind([array[:steps] for array in self._seen])
        later = self._later[steps]
        for function, arguments in later.calls:
            function(*arguments)
        for result, array in zip(results, later.results, strict=True):
            result[...] = array


class _Bound:
    """Plan as calls with its buffers, bound to the arrays that are its inputs.

    Attributes:
        plan: The plan.
        calls: Its operations.
        results: Its results' arrays.
        copies: Calls that carry on what does not lie where the next step reads it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._memory = plan.memory()
        self._scratch = self._memory.scratch()
        self._inputs: list[np.ndarray] = []
        self.calls: list[Call] = []
        self.results: list[np.ndarray] = []
        self.copies: list[Call] = []

    @property
    def nbytes(self) -> int:
        """Bytes of its buffers and its inputs."""
        return sum(self._memory.sizes) + sum(value.nbytes for value in self.plan.graph.inputs)

    def bind(self, inputs: list[np.ndarray]) -> None:
        """Bind the calls to these arrays, unless they are bound to them already."""
        if self._inputs and all(a is b for a, b in zip(inputs, self._inputs, strict=True)):
            return
        graph = self.plan.graph
        arrays = self._memory.arrays(graph, inputs, self._scratch)
        self.calls = []
        for operation in graph.operations:
            if operation.name == "full":
                np.copyto(arrays[operation.output], operation.options[2], "unsafe")
            elif operation.name not in VIEWS:
                self.calls += calls(operation, arrays)
        self.results = [arrays[value] for value in self.plan.results]
        self.copies = [(np.copyto, (inputs[i], arrays[value])) for value, i in self._memory.copies]
        self._inputs = inputs


def _side_by_side(value: Value, lane: Sequence[int], own: list[np.ndarray | None]) -> np.ndarray:
    """Array for a value, in whose memory those arrays of the carry are from now on."""
    if value.shape == ():
        (array,) = (own[i] for i in lane)
        assert array is not None
        return array.reshape(())
    whole, start = aligned(value.nbytes).view(value.dtype), 0
    for i in lane:
        array = own[i]
        assert array is not None
        own[i] = whole[start : start + array.size].reshape(array.shape)
        start += array.size
    return whole


def _copy(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> None:
    for source, target in zip(sources, targets, strict=True):
        if source is not target:
            target[...] = source


def calls(operation: Operation, arrays: Mapping[Value, np.ndarray]) -> list[Call]:
    """The calls of NumPy's functions that an operation is."""
    name, out, options = operation.name, arrays[operation.output], operation.options
    if name in ELEMENTWISE:
        return [_elementwise(operation, arrays, out)]
    inputs: list[Any] = [arrays[x] if isinstance(x, Value) else x for x in operation.inputs]
    if name == "where":
        condition, one, other = inputs
        return [(np.copyto, (out, other, "unsafe")), (np.copyto, (out, one, "unsafe", condition))]
    if name == "matmul":
        return [(np.matmul, (*inputs, out))]
    if name in REDUCTIONS:
        (axes,), dtype = options, out.dtype if name in ("sum", "prod") else None
        if len(axes) > 1:
            return [(REDUCTIONS[name].reduce, (*inputs, axes, dtype, out, True))]
        return [(REDUCTIONS[name].reduce, (*inputs, axes[0], dtype, _without(out, axes[0])))]
    if name in SEARCHES:
        (axis,) = options
        return [(getattr(inputs[0], name), (axis, _without(out, axis)))]
    if name in RANDOM:
        return [(draw, (*inputs, options, out))]
    if name == "take":
        return [(inputs[0].take, (inputs[1], *options, out))]
    return [(np.copyto, (out, *inputs, "unsafe"))]


def _without(array: np.ndarray, axis: int) -> np.ndarray:
    """A view without an axis of length one."""
    return array.reshape(array.shape[:axis] + array.shape[axis + 1 :])


def _narrowed(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view without the axes along which the result is of length one, for which NumPy would take an iterator."""
    sizes = (*(1,) * (len(shape) - array.ndim), *array.shape)
    return array.reshape([size for size, longest in zip(sizes, shape, strict=True) if longest != 1] * (array.size != 1))


def _elementwise(operation: Operation, arrays: Mapping[Value, np.ndarray], out: np.ndarray) -> Call:
    """The call of an element-wise function."""
    name, function = operation.name, ELEMENTWISE[operation.name]
    if name == "clip":
        return np.clip, (*(arrays[x] if isinstance(x, Value) else x for x in operation.inputs), out)
    # A Python number costs a call a microsecond more than an array of it.
    inputs = [
        arrays[x] if isinstance(x, Value) else np.asarray(x, dtype)
        for x, dtype in zip(operation.inputs, dtypes(operation), strict=True)
    ]
    if OUTER in operation.options:
        # BLAS takes less time than an iterator of rows, or than np.matmul, which has a loop of its own for these.
        return np.dot, (*inputs, out)
    if 1 in out.shape and name != "pow":
        shape = out.shape
        out, *inputs = (_narrowed(array, shape) for array in (out, *inputs))
    if name in ("maximum", "minimum"):
        # NumPy 2.4 vectorises these where both operands are arrays only, and has them take a buffer by its name only.
        numbers = [not isinstance(x, Value) and out.nbytes <= FILLED for x in operation.inputs]
        filled = (np.full(out.shape, x) if fill else x for x, fill in zip(inputs, numbers, strict=True))
        return partial(function, out=out), tuple(filled)
    if name == "pow" and operation.options:
        return partial(_power_of_scalars, operation.options), (*zip(inputs, operation.inputs, strict=True), out)
    return function, (*inputs, out)


def _power_of_scalars(are_scalars: tuple[bool, bool], x: Operand, exponent: Operand, out: np.ndarray) -> None:
    """A power as Python's operator gives it for NumPy's scalars and for Python's numbers."""
    base, power = (
        (array[()] if is_scalar else array) if isinstance(value, Value) else value
        for (array, value), is_scalar in zip((x, exponent), are_scalars, strict=True)
    )
    out[()] = base**power

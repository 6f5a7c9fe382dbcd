"""Replay: a plan as a flat list of NumPy's calls, each with its arrays and the buffer for its result bound in advance.

Bit for bit what the function gives when it is called with NumPy on arrays in C order, without new arrays on the way.
There is one exception, BLAS's threads: steps of small products have one of them (`thread_count.of_blas`), and OpenBLAS
rounds products of float64 otherwise on several. With one thread these are the same too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from xpnet.capture.engines import thread_count as threads
from xpnet.capture.engines.numpy_calls import Call, calls
from xpnet.capture.engines.shifted import shifted
from xpnet.capture.graph import VIEWS, Value
from xpnet.capture.planning.cut import cut, of_steps
from xpnet.capture.planning.joined import joined
from xpnet.capture.planning.memory import aligned
from xpnet.capture.planning.plan import Plan

COPIED = 2**18
"""Bytes up to which an array of the carry is copied in and out, which takes less than to bind the calls anew."""

GATHERED = 2**19
"""Bytes of rows that are gathered at once for several steps: they are to stay in the cache."""


class Replay:
    """Plan with its buffers; for one thread at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._cut = cut(plan)
        step = plan if self._cut is None else self._cut.step
        parts = joined(step)
        self._body = _Buffered(step if parts is None else parts.body)
        carried = self._body.plan.graph.inputs[: self._body.plan.donated]
        own: list[np.ndarray | None] = [np.empty(v.shape, v.dtype) if v.nbytes <= COPIED else None for v in carried]
        self._end: list[Call] = []
        self._nbytes, places = 0, dict[Value, np.ndarray]()
        if parts is not None:
            end = _Buffered(parts.end)
            lanes = dict(zip(parts.end.graph.inputs, parts.lanes, strict=True))
            # Numbers come last: where they are views, the array is in its place by then.
            for value in sorted(lanes, key=lambda value: value.shape == ()):
                places[value] = _side_by_side(value, lanes[value], own)
            ended = end.bound([places[value] for value in lanes])
            self._end, self._nbytes = [*ended.calls, *ended.copies], end.nbytes
        self._carried = own[: plan.donated]
        self._handed = [array for array in own[plan.donated :] if array is not None]
        steps = 1 if self._cut is None else self._cut.steps
        # Steps in a row have calls of their own where those are bound once.
        in_a_row = all(array is not None for array in own)
        in_a_row &= steps * sum(value.nbytes for value in plan.fed) <= GATHERED
        self._count = steps if in_a_row else 1
        self._fed = {value: np.empty((self._count, *value.shape), value.dtype) for value in plan.fed}
        self._seen = [] if self._cut is None else [self._place(value) for value in self._cut.step.results]
        self._later: dict[int, _Bound] = {}
        self._bound_to: list[np.ndarray] = []
        self._steps: list[_Step] = []

    def _place(self, value: Value) -> np.ndarray:
        """Array for what a cut plan's steps leave of a value; the rows of steps in a row are there already."""
        assert self._cut is not None
        is_there = self._count > 1 and value in self._fed
        return self._fed[value] if is_there else np.empty((self._cut.steps, *value.shape), value.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of its buffers, of the carry that it is bound to, and of its calls."""
        # As much again is computed of what results are computed from.
        own = 2 * sum(array.nbytes for array in self._seen) + sum(array.nbytes for array in self._fed.values())
        return self._nbytes + self._body.nbytes + own + self._count * self.plan.nbytes

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
        self._bind(bound)
        feeds = list(zip(data, self._fed.values(), strict=True))

        def run(rows: np.ndarray, results: Sequence[np.ndarray]) -> None:
            _copy(carry, bound)
            size = len(rows) if self._cut is None else self._cut.steps
            for start in range(0, len(rows), max(size, 1)):
                some, left = rows[start : start + size], results if self._cut is None else self._seen
                for first in range(0, len(some), self._count):
                    chosen = some[first : first + self._count]
                    for array, buffer in feeds:
                        # Of take's modes this one needs no buffer of its own.
                        array.take(chosen, 0, buffer[: len(chosen)], "clip")
                    for i, step in enumerate(self._steps[: len(chosen)], first):
                        for function, arguments in step.calls:
                            function(*arguments)
                        for k, value in step.results:
                            left[k][i] = value
                        for function, arguments in step.after:
                            function(*arguments)
                if self._cut is not None:
                    self._finish(len(some), [result[start : start + size] for result in results])
            _copy(bound, carry)

        with threads.of_blas(self.plan):
            yield run

    def _bind(self, carry: list[np.ndarray]) -> None:
        """Bind the calls to a carry, unless they are bound to it already."""
        if not self._steps or any(a is not b for a, b in zip(carry, self._bound_to, strict=True)):
            first = self._step(carry)
            self._bound_to, self._steps = carry, [first]
            if self._count > 1:
                slots = {id(buffer): buffer for buffer in (*self._fed.values(), *self._seen)}
                self._steps += [_Step(further, [], []) for further in shifted(first.calls, slots.values(), self._count)]

    def _step(self, carry: Sequence[np.ndarray]) -> "_Step":
        """The calls of the first step."""
        inputs = [*carry, *self._handed, *(rows[0, ...] for rows in self._fed.values())]
        if self._count == 1:
            bound = self._body.bound(inputs)
            return _Step(bound.calls, list(enumerate(bound.results)), [*bound.copies, *self._end])
        places = [seen[0, ...] for seen in self._seen]
        bound = self._body.bound(inputs, places)
        elsewhere = [
            (np.copyto, (place, result)) for place, result in zip(places, bound.results, strict=True)
            if not np.may_share_memory(place, result)
        ]  # fmt: skip
        return _Step([*bound.calls, *elsewhere, *bound.copies, *self._end], [], [])

    def _finish(self, steps: int, results: Sequence[np.ndarray]) -> None:
        """Compute the results of so many steps from what these have left."""
        if steps not in self._later:
            assert self._cut is not None
            graph = of_steps(self._cut.results, steps)
            self._later[steps] = _Buffered(Plan(graph, 0, graph.outputs)).bound([array[:steps] for array in self._seen])
        later = self._later[steps]
        for function, arguments in later.calls:
            function(*arguments)
        for result, array in zip(results, later.results, strict=True):
            result[...] = array


class _Step(NamedTuple):
    """Calls of a step.

    Attributes:
        calls: Those before its results are stored.
        results: What is to be stored, by number; nothing if the calls have done so.
        after: The other calls.
    """

    calls: list[Call]
    results: list[tuple[int, np.ndarray]]
    after: list[Call]


class _Bound(NamedTuple):
    """Calls of a plan, bound to arrays.

    Attributes:
        calls: Its operations.
        results: Its results' arrays.
        copies: Calls that carry on what does not lie where the next step reads it.
    """

    calls: list[Call]
    results: list[np.ndarray]
    copies: list[Call]


class _Buffered:
    """Plan with buffers for its values."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._memory = plan.memory()
        self._scratch = self._memory.scratch()

    @property
    def nbytes(self) -> int:
        """Bytes of its buffers and its inputs."""
        return sum(self._memory.sizes) + sum(value.nbytes for value in self.plan.graph.inputs)

    def bound(self, inputs: Sequence[np.ndarray], places: Sequence[np.ndarray] = ()) -> _Bound:
        """Its calls on an array for each of its inputs; of its results, those that have a buffer go to their places."""
        graph, of_results = self.plan.graph, dict(zip(self.plan.results, places, strict=False))
        arrays = self._memory.arrays(graph, inputs, self._scratch, of_results)
        made: list[Call] = []
        for operation in graph.operations:
            if operation.name == "full":
                np.copyto(arrays[operation.output], operation.options[2], "unsafe")
            elif operation.name not in VIEWS:
                made += calls(operation, arrays)
        copies = [(np.copyto, (inputs[i], arrays[value])) for value, i in self._memory.copies]
        return _Bound(made, [arrays[value] for value in self.plan.results], copies)


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

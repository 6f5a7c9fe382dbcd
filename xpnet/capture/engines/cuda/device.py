"""Runs a plan's launches on a CUDA device, one by one or as a CUDA graph of many steps."""

from collections.abc import Sequence
from typing import Any
from weakref import ref

import cupy
import numpy as np

from xpnet.capture.engines.cuda.launches import Gemm, launches
from xpnet.capture.engines.cuda.products import Products
from xpnet.capture.engines.cuda.statements import Argument
from xpnet.capture.graph import Number, Value
from xpnet.capture.planning.plan import Plan

GRAPH_STEPS = 32
"""Steps of a graph, which is launched as fast as one kernel."""


class DeviceProgram:
    """A plan with its arrays, kernels and graphs on the current device; for one thread at a time."""

    def __init__(self, plan: Plan, *, precision: str, graphs: bool) -> None:
        self.plan = plan
        self._launches = launches(plan)
        module = cupy.RawModule(code=self._launches.source, options=("--std=c++17",))
        names = [launch.kernel for launch in self._launches.sequence if not isinstance(launch, Gemm)]
        self._kernels = {name: module.get_function(name) for name in names}
        self._products = Products(precision)
        self._inputs = [cupy.zeros(value.shape, value.dtype) for value in plan.graph.inputs]
        self._scratch = [cupy.zeros(size, np.uint8) for size in self._launches.memory.sizes]
        self._step = cupy.zeros((), np.int64)
        self._numbers: dict[tuple[Number, np.dtype], Any] = {}
        self._with_graphs = graphs
        self._given: list[ref[Any]] = []
        self._copies: list[Any] = []
        self._data: list[Any] = []
        self._room = 0

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays on the device."""
        return sum(array.nbytes for array in (*self._inputs, *self._scratch))

    def run(self, carry: Sequence[Any], data: Sequence[Any], rows: np.ndarray) -> tuple[list[Any], list[Any]]:
        """Run a step for each line of `rows`, on those rows of the data.

        Args:
            carry: Arrays on the device; they are left as they are.
            data: What each step is fed with rows of.
            rows: Row indices that are in range, (steps, rows a step), on the host.

        Returns:
            The carry after the last step, and each step's results, (steps, ...), in arrays of their own.
        """
        if self._is_bound(data, len(rows)):
            self._take(data)
        else:
            self._bind(data, len(rows))
        held = self._inputs[: self.plan.donated]
        for array, given in zip(held, carry, strict=True):
            cupy.copyto(array, given)
        self._rows[: rows.size].set(np.ascontiguousarray(rows, np.int64).ravel())
        self._step.fill(0)
        if self._with_graphs:
            for graph_steps, times in zip((GRAPH_STEPS, 1), divmod(len(rows), GRAPH_STEPS), strict=True):
                for _ in range(times):
                    self._graph(graph_steps).launch()
        else:
            self._products.go_to(cupy.cuda.get_current_stream())
            for _ in range(len(rows)):
                self._launch()
        self._data = []
        return [array.copy() for array in held], [result[: len(rows)].copy() for result in self._results]

    def _is_bound(self, data: Sequence[Any], steps: int) -> bool:
        """Whether there is room for so many steps on these data, whose addresses the graphs hold."""
        same = len(data) == len(self._given) and all(a is b() for a, b in zip(data, self._given, strict=True))
        return same and steps <= self._room

    def _take(self, data: Sequence[Any]) -> None:
        """Hold the data for a run: a program may live longer than the training whose data they are."""
        self._data = [array if copy is None else copy for array, copy in zip(data, self._copies, strict=True)]

    def _bind(self, data: Sequence[Any], steps: int) -> None:
        """Make room for so many steps on these data."""
        self._given, self._room = [ref(array) for array in data], max(steps, 1)
        self._copies = [None if array.flags.c_contiguous else cupy.ascontiguousarray(array) for array in data]
        self._take(data)
        self._rows = cupy.zeros(self._room * (self.plan.fed[0].shape[0] if self.plan.fed else 0), np.int64)
        self._results = [cupy.zeros((self._room, *value.shape), value.dtype) for value in self.plan.results]
        self._graphs: dict[int, Any] = {}
        # Once without a graph: kernels are loaded at their first launch, which a graph could not capture.
        self._step.fill(0)
        self._products.go_to(cupy.cuda.get_current_stream())
        self._launch()

    def _graph(self, steps: int) -> Any:
        """The graph of so many steps; it is captured when it is first asked for."""
        if steps not in self._graphs:
            # The default stream cannot be captured, nor one that waits for it.
            stream = cupy.cuda.Stream(non_blocking=True)
            self._products.go_to(stream)
            with stream:
                stream.begin_capture()
                try:
                    for _ in range(steps):
                        self._launch()
                finally:
                    graph = stream.end_capture()
            self._graphs[steps] = graph
        return self._graphs[steps]

    def _launch(self) -> None:
        """A step's kernels and products, in order, on the current stream."""
        for launch in self._launches.sequence:
            if isinstance(launch, Gemm):
                matrices = map(self._array, (launch.a, launch.b, launch.c))
                scales = (self._scale(scale, launch.c.dtype) for scale in (launch.alpha, launch.beta))
                self._products.multiply(launch, *matrices, *scales)
            else:
                kernel = self._kernels[launch.kernel]
                kernel((launch.blocks,), (launch.threads,), tuple(map(self._array, launch.arguments)))

    def _array(self, argument: Argument) -> Any:
        """Where an argument lies."""
        if isinstance(argument, Value):
            home = self._launches.memory.homes[argument]
            return (self._inputs if home.is_input else self._scratch)[home.number]
        if argument in ("rows", "step"):
            return self._rows if argument == "rows" else self._step
        return (self._data if argument[0] == "d" else self._results)[int(argument[1:])]

    def _scale(self, scale: Value | Number, dtype: np.dtype) -> Any:
        """A factor's place: that of a value, or of a number that is brought to the device once."""
        if isinstance(scale, Value):
            return self._array(scale)
        if (scale, dtype) not in self._numbers:
            self._numbers[scale, dtype] = cupy.full((), scale, dtype)
        return self._numbers[scale, dtype]

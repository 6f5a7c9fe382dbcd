"""Runs a plan's launches on a CUDA device, one by one or as a CUDA graph of many steps."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any
from weakref import ref

import cupy
import numpy as np

from xpnet.capture.engines.cuda.carry import Carry
from xpnet.capture.engines.cuda.kernel_source import Launch
from xpnet.capture.engines.cuda.launches import Gemm, launches
from xpnet.capture.engines.cuda.packs import BYTES
from xpnet.capture.engines.cuda.products import Products
from xpnet.capture.engines.cuda.statements import Argument
from xpnet.capture.graph import Number
from xpnet.capture.planning.memory import Home
from xpnet.capture.planning.plan import Plan

_capturing = Lock()
"""One thread at a time loads kernels and captures: the driver may refuse to load some while graphs are made."""


class DeviceProgram:
    """A plan with its arrays, kernels and graphs on the current device; for one thread at a time."""

    def __init__(self, plan: Plan, *, precision: str, graphs: bool) -> None:
        self.plan = plan
        self._launches = launches(plan)
        self._steps = self._launches.steps
        with _capturing:
            module = cupy.RawModule(code=self._launches.source, options=("--std=c++17",))
            self._kernels = {launch.kernel: module.get_function(launch.kernel) for launch in self._launches.kernels}
        self._products = Products(precision)
        self._carry = Carry([(value.shape, value.dtype) for value in plan.graph.inputs[: plan.donated]])
        inputs = self._launches.graph.inputs[plan.donated :]
        self._gathered = [cupy.zeros((self._steps, *value.shape), value.dtype) for value in inputs]
        self._scratch = [cupy.zeros(size, np.uint8) for size in self._launches.memory.sizes]
        self._step = cupy.zeros((), np.int64)
        self._many = {steps: cupy.full((), steps, np.int64) for steps in {self._steps, 1}}
        self._numbers: dict[tuple[Number, np.dtype], Any] = {}
        self._with_graphs = graphs
        self._given: list[ref[Any]] = []
        self._copies: list[Any] = []
        self._data: list[Any] = []
        self._room = 0

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays on the device."""
        return sum(array.nbytes for array in (*self._gathered, *self._scratch, *self._carry.arrays))

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
        self._carry.take(carry)
        self._rows[: rows.size].set(np.ascontiguousarray(rows, np.int64).ravel())
        self._step.fill(0)
        if not self._with_graphs:
            self._products.go_to(cupy.cuda.get_current_stream())
        for steps, times in zip((self._steps, 1), divmod(len(rows), self._steps), strict=True):
            for _ in range(times):
                if self._with_graphs:
                    self._graph(steps).launch()
                else:
                    self._launch(steps)
        self._data = []
        return self._carry.give(), [result[: len(rows)].copy() for result in self._results]

    def _is_bound(self, data: Sequence[Any], steps: int) -> bool:
        """Whether there is room for so many steps on these data, whose addresses the graphs hold."""
        same = len(data) == len(self._given) and all(a is b() for a, b in zip(data, self._given, strict=True))
        return same and steps <= self._room

    def _take(self, data: Sequence[Any]) -> None:
        """Hold the data for a run: a program may live longer than the training whose data they are."""
        self._data = [array if copy is None else copy for array, copy in zip(data, self._copies, strict=True)]

    def _bind(self, data: Sequence[Any], steps: int) -> None:
        """Make room for so many steps on these data."""
        self._given, self._room = [ref(array) for array in data], max(steps, self._steps)
        fine = (array.flags.c_contiguous and array.data.ptr % BYTES == 0 for array in data)
        self._copies = [None if is_fine else array.copy() for is_fine, array in zip(fine, data, strict=True)]
        self._take(data)
        self._rows = cupy.zeros(self._room * (self.plan.fed[0].shape[0] if self.plan.fed else 0), np.int64)
        self._results = [cupy.zeros((self._room, *value.shape), value.dtype) for value in self.plan.results]
        self._graphs: dict[int, Any] = {}
        # Once without a graph: kernels are loaded at their first launch, which a graph could not capture.
        self._step.fill(0)
        with _capturing:
            self._products.go_to(cupy.cuda.get_current_stream())
            self._launch(1)

    def _graph(self, steps: int) -> Any:
        """The graph of so many steps; it is captured when it is first asked for."""
        if steps not in self._graphs:
            # The default stream cannot be captured, nor one that waits for it.
            stream = cupy.cuda.Stream(non_blocking=True)
            self._products.go_to(stream)
            with _capturing, _uncollected(), stream:
                stream.begin_capture()
                try:
                    self._launch(steps)
                except BaseException:
                    # Whatever breaks a capture off says why; to end it then is a second error, and says nothing.
                    with suppress(Exception):
                        stream.end_capture()
                    raise
                self._graphs[steps] = stream.end_capture()
        return self._graphs[steps]

    def _launch(self, steps: int) -> None:
        """So many steps' kernels and products, in order, on the current stream; their rows are fetched at once."""
        around = self._launches
        if around.gather:
            self._launch_kernel(around.gather, steps, 0)
        for i in range(steps):
            for launch in around.sequence:
                if isinstance(launch, Gemm):
                    matrices = (self._array(place, steps, i) for place in (launch.a, launch.b, launch.c))
                    scales = (self._scale(scale, launch.dtype, i) for scale in (launch.alpha, launch.beta))
                    self._products.multiply(launch, *matrices, *scales)
                else:
                    self._launch_kernel(launch, steps, i)
        self._launch_kernel(around.counter, steps, 0)

    def _launch_kernel(self, launch: Launch, steps: int, i: int) -> None:
        """A kernel, in step i of so many."""
        arguments = tuple(self._array(argument, steps, i) for argument in launch.arguments)
        self._kernels[launch.kernel]((launch.blocks,), (launch.threads,), arguments)

    def _array(self, argument: Argument, steps: int, i: int) -> Any:
        """Where an argument lies in step i of a graph of so many."""
        if isinstance(argument, Home):
            if not argument.is_input:
                return self._scratch[argument.number]
            fed = argument.number - self.plan.donated
            return self._carry.arrays[argument.number] if fed < 0 else self._gathered[fed][i]
        if argument in ("rows", "step", "many"):
            return {"rows": self._rows, "step": self._step, "many": self._many[steps]}[argument]
        kind, number = argument[0], int(argument[1:])
        return self._results[number][i:] if kind == "o" else (self._data if kind == "d" else self._gathered)[number]

    def _scale(self, scale: Home | Number, dtype: np.dtype, i: int) -> Any:
        """A factor's place: that of a value, or of a number that is brought to the device once."""
        if isinstance(scale, Home):
            return self._array(scale, 1, i)
        if (scale, dtype) not in self._numbers:
            self._numbers[scale, dtype] = cupy.full((), scale, dtype)
        return self._numbers[scale, dtype]


@contextmanager
def _uncollected() -> Iterator[None]:
    """A context without garbage collection: to let go of another program's handles breaks a capture off."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

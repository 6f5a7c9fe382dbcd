"""The names that the source of a plan has for arrays, numbers, and the shares of its threads."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xpnet.capture.engines.cpu.expressions import number
from xpnet.capture.graph import Graph, Value
from xpnet.capture.planning.kernels import Extent
from xpnet.capture.planning.memory import Memory


class Names:
    """What one source calls things.

    Attributes:
        arguments: The values whose arrays the function takes, by their names.
        numbers: The names of numbers, by how they are made.
        shares: How many units of work have been shared, in each of the ways that they are.
        views: Lines that make other views of the rows of a step.
    """

    def __init__(self, graph: Graph, memory: Memory, sliced: Sequence[Value]) -> None:
        self._memory, self._roots = memory, graph.roots()
        self._makers = {operation.output: operation for operation in graph.operations}
        self._arrays: dict[Any, str] = {}
        self._slices = {value: f"x{i}" for i, value in enumerate(sliced)}
        self.arguments: dict[str, Value] = {}
        self.numbers: dict[str, str] = {}
        self.shares: set[int] = set()
        self.views: list[str] = []

    def array(self, value: Value) -> str:
        """The array of a value."""
        if value in self._slices:
            return self._slices[value]
        if self._roots[value] in self._slices:
            maker = self._makers[value]
            view = "transpose" if maker.name == "transpose" else "reshape"
            source = self.array(maker.arrays[0])
            self._slices[value] = f"x{len(self._slices)}"
            self.views.append(f"{self._slices[value]} = {source}.{view}({maker.options[0]})")
            return self._slices[value]
        # Arrays that are the same memory have one name, or they would seem to overlap.
        key = (self._memory.homes[self._roots[value]], value.shape, value.dtype, value.order)
        name = self._arrays.setdefault(key, f"v{len(self._arrays)}")
        self.arguments.setdefault(name, value)
        return name

    def element(self, value: Value, extent: Extent) -> str:
        """Element (i, j) of a value, seen as a matrix of that extent."""
        return f"{self.array(value)}[{index(value, extent)}]"

    def number(self, value: Any, dtype: np.dtype) -> str:
        """A number in a dtype."""
        spelled = number(value, dtype)
        return spelled if dtype == np.bool_ else self.numbers.setdefault(spelled, f"c{len(self.numbers)}")

    def share(self, n: int) -> tuple[str, str]:
        """The first of n units that a thread does, and the one after its last."""
        self.shares.add(n)
        return f"first{n}", f"end{n}"

    def columns(self, n: int) -> str:
        """The range of a thread's columns; numba would see at every element whether signed ones are negative."""
        first, end = self.share(n)
        return f"range(np.uint64({first}), np.uint64({end}))"


def index(value: Value, extent: Extent) -> str:
    """How element (i, j) of a value is found, seen as a matrix of that extent."""
    i, j = ("i" if extent[0] > 1 else "0"), ("j" if extent[1] > 1 else "0")
    if len(value.shape) == 0:
        return "()"
    if len(value.shape) == 1:
        return i if extent[0] > 1 else j
    return f"{i}, {j}"

"""What a recorded function computes: operations on values, in the order in which they were written."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Number = bool | int | float

VIEWS = ("reshape", "transpose")
"""Operations that give the same memory with other axes."""


@dataclass(frozen=True, eq=False)
class Value:
    """An array that is not there yet; each is itself only.

    Attributes:
        shape: Its shape.
        dtype: Its dtype, in NumPy's terms.
        order: Its axes longer than one, those with the longest strides first, as NumPy would lay it out.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    order: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Its size in memory."""
        return self.size * self.dtype.itemsize

    @property
    def is_contiguous(self) -> bool:
        """Whether its rows lie end to end, so that it can be reshaped without a copy."""
        return self.order == tuple(sorted(self.order))

    def __str__(self) -> str:
        """The shape and dtype: `10×784 float32`."""
        return f"{'×'.join(map(str, self.shape)) or 'scalar'} {self.dtype}"


class Operation(NamedTuple):
    """One operation.

    Attributes:
        name: As the standard calls it.
        inputs: Values, and Python numbers where the function had them.
        output: What it gives.
        options: Axes and flags, by position; which ones depends on the operation.
        line: Where it was written: `backprop.py:48`.
    """

    name: str
    inputs: tuple[Value | Number, ...]
    output: Value
    options: tuple[Any, ...] = ()
    line: str = ""

    @property
    def arrays(self) -> tuple[Value, ...]:
        """The inputs that are no numbers."""
        return tuple(value for value in self.inputs if isinstance(value, Value))


class Graph(NamedTuple):
    """A recorded function.

    Attributes:
        inputs: What it takes, in order.
        outputs: What it gives, in order.
        operations: What it does; every value is made before it is used.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operations: tuple[Operation, ...]

    def living(self) -> "Graph":
        """The same without what no output needs."""
        needed, kept = set(self.outputs), []
        for operation in reversed(self.operations):
            if operation.output in needed:
                needed.update(operation.arrays)
                kept.append(operation)
        return self._replace(operations=tuple(reversed(kept)))

    def roots(self) -> dict[Value, Value]:
        """For every value the one whose memory it shares: its own, or that of what it is a view of."""
        roots = {value: value for value in self.inputs}
        for operation in self.operations:
            is_view = operation.name in VIEWS
            roots[operation.output] = roots[operation.arrays[0]] if is_view else operation.output
        return roots


def flops(operation: Operation) -> int:
    """Floating-point operations: 2·m·k·n for a product, one an element for anything else, none for a view."""
    if operation.name in VIEWS:
        return 0
    if operation.name == "matmul":
        (m, k), (_, n) = (value.shape for value in operation.arrays)
        return 2 * m * k * n
    return max(value.size for value in (*operation.arrays, operation.output))

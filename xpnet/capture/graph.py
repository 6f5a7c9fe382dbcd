"""Operations on values, in the order in which a recorded function wrote them."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

Number = bool | int | float

VIEWS = ("reshape", "transpose")
"""Operations whose result is the same memory with other axes."""

NORMAL = "random_normal"
"""The operation that makes normal numbers of scalars: a key, the index of the first row, a step's number."""

RANDOM = ("random_bits", NORMAL)
"""The operations that make random numbers of these scalars."""

ROUNDS_WORK = 40
"""Floating-point operations in whose time it makes one number."""

OUTER = "matmul"
"""The option of a multiplication that is a matrix product, a column by a row."""


@dataclass(frozen=True, eq=False)
class Value:
    """Stand-in for an array that has no numbers yet; equal to itself only.

    Attributes:
        shape: Its shape.
        dtype: Its dtype, in NumPy's terms.
        order: Its axes longer than one, those with the longest strides first, as NumPy would lay it out.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    order: tuple[int, ...]

    @classmethod
    def contiguous(cls, shape: tuple[int, ...], dtype: np.dtype) -> Self:
        """A value in C order."""
        return cls(shape, dtype, tuple(axis for axis, size in enumerate(shape) if size > 1))

    def is_like(self, other: "Value") -> bool:
        """Whether both have the same shape, dtype and layout, so that one can take the other's memory."""
        return (self.shape, self.dtype, self.order) == (other.shape, other.dtype, other.order)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.size * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """Elements from one index to the next along each axis; 0 along axes of length one."""
        strides, step = [0] * len(self.shape), 1
        for axis in reversed(self.order):
            strides[axis] = step
            step *= self.shape[axis]
        return tuple(strides)

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
        output: Its result.
        options: Axes and flags, by position; which ones depends on the operation.
        line: The line that wrote it: `backprop.py:48`.
    """

    name: str
    inputs: tuple[Value | Number, ...]
    output: Value
    options: tuple[Any, ...] = ()
    line: str = ""

    @property
    def arrays(self) -> tuple[Value, ...]:
        """The inputs that are arrays."""
        return tuple([value for value in self.inputs if isinstance(value, Value)])


class Graph(NamedTuple):
    """A recorded function.

    Attributes:
        inputs: Its arguments, in order.
        outputs: Its results, in order.
        operations: Its operations; every value is computed before it is read.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operations: tuple[Operation, ...]

    def living(self) -> "Graph":
        """The graph without the operations that no output depends on."""
        needed, living = set(self.outputs), []
        for operation in reversed(self.operations):
            if operation.output in needed:
                needed.update(operation.arrays)
                living.append(operation)
        return self._replace(operations=tuple(reversed(living)))

    def roots(self) -> dict[Value, Value]:
        """The owner of each value's memory: itself, or the value that it is a view of."""
        roots = {value: value for value in self.inputs}
        for operation in self.operations:
            is_view = operation.name in VIEWS
            roots[operation.output] = roots[operation.arrays[0]] if is_view else operation.output
        return roots


def flops(operation: Operation) -> int:
    """Floating-point operations: 2·m·k·n for a product, one per element for anything else, none for a view."""
    if operation.name in VIEWS:
        return 0
    if operation.name == "matmul":
        (m, k), (_, n) = (value.shape for value in operation.arrays)
        return 2 * m * k * n
    most = max(value.size for value in (*operation.arrays, operation.output))
    return ROUNDS_WORK * most if operation.name in RANDOM else most

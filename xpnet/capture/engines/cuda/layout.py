"""Where the elements of values lie in memory, as C++ counts them and as BLAS is told."""

from typing import NamedTuple

from xpnet.capture.graph import Graph, Value
from xpnet.capture.planning.kernels import Extent
from xpnet.errors import CaptureError

LARGEST = 2**31 - 1
"""The largest number that an int of C++ can hold."""

TYPES = {
    "bool": "bool", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
    "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int", "uint64": "unsigned long long",
    "float32": "float", "float64": "double",
}  # fmt: skip
"""What C++ calls the dtypes."""


class Factor(NamedTuple):
    """A matrix as BLAS is told it: whether it lies column by column, and the length of a column or row."""

    turned: bool
    length: int


class DeviceLayout:
    """A graph's values as CUDA and cuBLAS are told of them.

    Attributes:
        index: The type of rows, columns and elements: 64 bits where any value has more elements than 32 can count.

    Raises:
        CaptureError: A value has a dtype that C++ does not have, or no elements.
    """

    def __init__(self, graph: Graph) -> None:
        values = [*graph.inputs, *(operation.output for operation in graph.operations)]
        for value in values:
            if value.dtype.name not in TYPES or not value.size:
                raise CaptureError(f"An array of {value} cannot be compiled for CUDA; use engine plain.")
        self.index = "int" if all(value.size <= LARGEST for value in values) else "long long"

    def strides(self, value: Value, extent: Extent) -> tuple[int, int]:
        """From a row to the next and from a column to the next, of a value seen as a matrix of that extent."""
        strides = value.strides
        if len(strides) < 2:
            strides = (0, 0, *strides) if extent[0] == 1 else (*strides, 0)
        down, along = strides[-2:]
        return (down if extent[0] > 1 else 0, along if extent[1] > 1 else 0)

    def offset(self, value: Value, extent: Extent) -> str:
        """Where element (i, j) of a value is, seen as a matrix of that extent."""
        terms = [
            name if stride == 1 else f"{name} * {stride}"
            for name, stride in zip("ij", self.strides(value, extent), strict=True)
            if stride
        ]
        return " + ".join(terms) or "0"

    def place(self, value: Value) -> str:
        """Where a value's element number `at` is, counted row by row over any number of axes."""
        terms, inner = [], 1
        for size, stride in reversed(list(zip(value.shape, value.strides, strict=True))):
            if size > 1:
                terms.append((inner, size, stride))
                inner *= size
        if all(stride == inner for inner, _, stride in terms):
            return "at"
        return " + ".join(f"at / {inner} % {size} * {stride}" for inner, size, stride in terms)

    def factor(self, value: Value) -> Factor:
        """A matrix for BLAS."""
        down, along = value.strides
        rows, columns = value.shape
        if (along == 1 or columns == 1) and (rows == 1 or down >= columns):
            return Factor(False, max(down, columns))
        return Factor(True, max(along, rows))

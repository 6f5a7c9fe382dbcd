"""Where the elements of values lie in memory, as C++ counts them and as BLAS is told."""

from typing import NamedTuple

from xpnet.capture.graph import Graph, Value
from xpnet.capture.planning.kernels import Extent
from xpnet.errors import CaptureError

LARGEST = 2**31 - 1
"""Elements that an int can count."""


class Factor(NamedTuple):
    """A matrix as BLAS is told it: whether it lies column by column, and the length of a column or row."""

    turned: bool
    length: int


class DeviceLayout:
    """A graph's values as CUDA and cuBLAS are told of them."""

    def __init__(self, graph: Graph) -> None:
        for value in (*graph.inputs, *(operation.output for operation in graph.operations)):
            if value.size > LARGEST:
                raise CaptureError(f"An array of {value} is too large to be compiled for CUDA; use engine plain.")

    def offset(self, value: Value, extent: Extent) -> str:
        """Where element (i, j) of a value is, seen as a matrix of that extent."""
        strides = value.strides
        if len(strides) < 2:
            strides = (0, *strides) if extent[0] == 1 else (*strides, 0)
        terms = [
            name if stride == 1 else f"{name} * {stride}"
            for name, stride, size in zip("ij", strides[-2:] or (0, 0), extent, strict=False)
            if size > 1 and stride
        ]
        return " + ".join(terms) or "0"

    def factor(self, value: Value) -> Factor:
        """A matrix for BLAS."""
        down, along = value.strides
        rows, columns = value.shape
        if (along == 1 or columns == 1) and (rows == 1 or down >= columns):
            return Factor(False, max(down, columns))
        return Factor(True, max(along, rows))

"""Transfer of arrays between host and device, and their concatenation, in the generic way."""

import math
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet._support.typing import Array, Namespace


class Transfer:
    """Transfer between the host and one device of an array library; a library with a faster way overrides it.

    Attributes:
        xp: Namespace of the library, which follows the Array API standard.
        device: Device of its arrays, in the library's own type; None for the library's default.
    """

    xp: Namespace

    def __init__(self, xp: Namespace, device: Any = None) -> None:
        self.xp, self.device = xp, device

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """Array on this device, from a host array or from one of this library; `dtype` is a name."""
        return self.xp.asarray(array, dtype=self.dtype(dtype), device=self.device)

    def dtype(self, name: Any) -> Any:
        """Dtype of the library by its name in the standard; None stays None."""
        return None if name is None else getattr(self.xp, str(name))

    def owns(self, array: Any) -> bool:
        """Whether an array is certainly one of this library on this device; said at once, or not at all."""
        return False

    def view_on_host(self, array: Array) -> np.ndarray | None:
        """NumPy array with the array's own memory; None where there is none, or where its history is recorded."""
        return None

    def to_host(self, array: Array) -> np.ndarray:
        """NumPy array of an array; waits for the device."""
        return np.from_dlpack(array)

    def copy(self, tree: Any) -> Any:
        """Copy that later steps leave alone."""
        return map_arrays(lambda array: self.xp.asarray(array, copy=True), tree)

    def detached(self, tree: Any) -> Any:
        """Tree without its history, by which a library would differentiate what is computed of it."""
        return tree

    def joined(self, tree: Any) -> Array:
        """Numbers of all arrays of a tree, end to end."""
        return self.xp.concat([self.xp.reshape(array, (-1,)) for array in arrays_in(tree)])

    def parted(self, flat: Array, tree: Any) -> Any:
        """Arrays like a tree's, of numbers that lie end to end; where the library can, in the same memory."""
        arrays = arrays_in(tree)
        ends = accumulate((math.prod(array.shape) for array in arrays), initial=0)
        parts = (flat[start:end] for start, end in pairwise(ends))
        return filled(tree, (self.xp.reshape(part, a.shape) for part, a in zip(parts, arrays, strict=True)))

    def buffer(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Host memory that the device reads and writes as fast as it can."""
        return np.empty(shape, dtype)

    def download(self, array: Array, buffer: np.ndarray) -> None:
        """Copy an array into a buffer of its shape; waits for the device."""
        buffer[...] = self.to_host(array)

    def upload(self, buffers: Any) -> Any:
        """Arrays on the device from the buffers of a tree, complete when this returns; on any thread."""
        return map_arrays(self.asarray, buffers)

    def take_over(self, current: Any, arrays: Any) -> Any:
        """Arrays in the memory of the current ones, which are alike, so that captured steps read them.

        Where no step depends on addresses, or nothing is current yet, they are returned as they are.
        """
        return arrays

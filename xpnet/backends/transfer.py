"""How arrays travel between host and device, and lie end to end, in the generic way."""

import math
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet._support.typing import Array, Namespace


class Transfer:
    """What every array library can do to bring arrays somewhere else; a library with a faster way overrides it.

    Attributes:
        xp: Its namespace, which follows the Array API standard.
        device: Where its arrays lie, in the library's own type; None for the library's default.
    """

    xp: Namespace

    def __init__(self, xp: Namespace, device: Any = None) -> None:
        self.xp, self.device = xp, device

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """An array on this device, from a host array or from one of this library; `dtype` is a name."""
        return self.xp.asarray(array, dtype=self.dtype(dtype), device=self.device)

    def dtype(self, name: Any) -> Any:
        """The library's dtype of that name; None stays None."""
        return None if name is None else getattr(self.xp, str(name))

    def to_host(self, array: Array) -> np.ndarray:
        """The array as NumPy's; waits for the device."""
        return np.from_dlpack(array)

    def copy(self, tree: Any) -> Any:
        """A copy that later steps leave alone."""
        return map_arrays(lambda array: self.xp.asarray(array, copy=True), tree)

    def joined(self, tree: Any) -> Array:
        """All numbers of a tree's arrays, end to end."""
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
        """The buffers of a tree as arrays on the device, which has them when this returns; on any thread."""
        return map_arrays(self.asarray, buffers)

    def take_over(self, held: Any, arrays: Any) -> Any:
        """Arrays in the place of those that are held, like which they are, so that captured steps find them there.

        Where nothing depends on a place, or nothing is held yet, they are handed on as they are.
        """
        return arrays

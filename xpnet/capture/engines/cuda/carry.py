"""What goes from block to block: arrays in one piece of a device's memory, copied in and out at one go."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any
from weakref import ref

import cupy
import numpy as np

ALIGNMENT = 256
"""Bytes: what CUDA's own allocations begin at a multiple of."""


class Carry:
    """A program's own arrays.

    Attributes:
        arrays: Where the steps find them.
    """

    def __init__(self, forms: Sequence[tuple[tuple[int, ...], np.dtype]]) -> None:
        self._forms, self._starts, size = forms, list[int](), 0
        for shape, dtype in forms:
            self._starts.append(size)
            size += -(-prod(shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
        self._whole = cupy.zeros(size, np.uint8)
        self.arrays = self._views(self._whole)
        self._given: Callable[[], Any] = lambda: None
        self._handed_out: list[ref[Any]] = []

    def take(self, arrays: Sequence[Any]) -> None:
        """Copy arrays in: those that were handed out last, and have stayed together, at one go."""
        known = [array is given() for array, given in zip(arrays, self._handed_out, strict=False)]
        whole = self._given()
        known = known if whole is not None else []
        if any(known):
            cupy.copyto(self._whole, whole)
        for i, (own, array) in enumerate(zip(self.arrays, arrays, strict=True)):
            if not (i < len(known) and known[i]):
                cupy.copyto(own, array)

    def give(self) -> list[Any]:
        """Copies of the arrays, which are the caller's."""
        whole = self._whole.copy()
        arrays = self._views(whole)
        # Views keep what they are views of.
        self._given = ref(whole)
        self._handed_out = [ref(array) for array in arrays]
        return arrays

    def _views(self, whole: Any) -> list[Any]:
        """The arrays in such a piece of memory."""
        return [
            whole[start : start + prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
            for start, (shape, dtype) in zip(self._starts, self._forms, strict=True)
        ]

"""NumPy itself: since version 2.1 it follows the Array API standard as far as this package needs it."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from xpnet.backends.base import Backend
from xpnet.errors import InputError


class NumpyBackend(Backend):
    """NumPy arrays, writable or not, and whatever NumPy can make one of."""

    def __init__(self) -> None:
        super().__init__("numpy", np)

    def asarray(self, array: Any, dtype: Any = None) -> np.ndarray:
        """A NumPy array of anything array-like: lists and data frames too.

        Raises:
            InputError: For rows of different lengths, and values that are not of the dtype.
        """
        try:
            return np.asarray(array, dtype=dtype)
        except (TypeError, ValueError) as error:
            why = "its rows differ in length" if "inhomogeneous" in str(error) else str(error)
            raise InputError(
                f"a {type(array).__name__} does not make an array: {why}; every row needs equally many numbers."
            ) from error

    def current(self) -> AbstractContextManager[Any]:
        """A context in which numbers beyond the floating-point range pass silently, as in every other library."""
        return np.errstate(all="ignore")

    def to_host(self, array: Any) -> np.ndarray:
        """The array itself."""
        return np.asarray(array)


def load(index: int | None) -> NumpyBackend:
    """The backend; the CPU is its only device."""
    return NumpyBackend()


def holding(array: Any) -> NumpyBackend:
    """The backend of an array."""
    return NumpyBackend()

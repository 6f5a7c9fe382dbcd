"""Namespace of torch's functions as the standard has them, all of which a CUDA graph can capture."""

from types import SimpleNamespace

from array_api_compat import torch as standard
from torch import clamp

from xpnet._support.typing import Array


# array-api-compat 1.16 makes an array of a number and copies it to the device, which no graph may hold.
def maximum(x1: Array | float, x2: Array | float, /) -> Array:
    """Larger of two arrays, number by number; NaN where either is."""
    if isinstance(x2, int | float):
        return clamp(x1, min=x2)
    return clamp(x2, min=x1) if isinstance(x1, int | float) else standard.maximum(x1, x2)


def minimum(x1: Array | float, x2: Array | float, /) -> Array:
    """Smaller of two arrays, number by number; NaN where either is."""
    if isinstance(x2, int | float):
        return clamp(x1, max=x2)
    return clamp(x2, max=x1) if isinstance(x1, int | float) else standard.minimum(x1, x2)


xp = SimpleNamespace(**{**vars(standard), "maximum": maximum, "minimum": minimum})

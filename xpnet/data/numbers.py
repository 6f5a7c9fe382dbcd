"""Numbers in a form that every library and engine computes with, whatever form they come in."""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from xpnet._support.traced import is_traced
from xpnet._support.typing import Array, Namespace
from xpnet.data.checks import count
from xpnet.data.columns import listed
from xpnet.errors import InputError

LARGEST = 1023
"""Largest exponent of a float64: of weights below 2⁻¹⁰²², this is as near as a factor comes to theirs."""


@lru_cache
def portable_dtype(dtype: np.dtype) -> np.dtype:
    """Dtype that every library has: in this machine's byte order, and of single or double precision."""
    dtype = dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32 if dtype.itemsize == 2 else np.float64)
    return dtype


def portable(array: Any) -> Any:
    """Array of a dtype that every library has; arrays of other libraries than NumPy stay as they are."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        return array
    if array.dtype.isnative and array.dtype.char not in "eg":
        return array
    dtype = portable_dtype(array.dtype)
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def readable(array: Any, *, name: str) -> Any:
    """Array-like whose numbers NumPy can read: of a data frame with nullable dtypes, with NaN where one is missing.

    Raises:
        InputError: Numbers are masked: what lies under a mask is no number, as NaN is none.
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        masked = count(int(np.sum(np.ma.getmaskarray(array))), "masked number")
        raise InputError(
            f"{name} has {masked}; fill them, as {name}.filled(0) does, or leave out the rows that have any."
        )
    if not hasattr(array, "to_numpy") or not hasattr(array, "dtypes"):
        return array
    dtypes = list(array.dtypes) if getattr(array, "ndim", 0) == 2 else [array.dtypes]
    if all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return array
    dtypes = [getattr(dtype, "numpy_dtype", dtype) for dtype in dtypes]
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in dtypes):
        return array
    dtype = np.result_type(*dtypes)
    if not np.any(array.isna().to_numpy()):
        return array.to_numpy(dtype=dtype)
    return array.to_numpy(dtype=dtype if dtype.kind == "f" else np.float64, na_value=np.nan)


def refuse_words(frame: Any, *, name: str) -> None:
    """Refuse a data frame with columns that are no numbers, all of them at once; anything else is let pass.

    Raises:
        InputError: There are such columns, or it is one of polars' that is still to be computed.
    """
    if isinstance(frame, np.ndarray):
        return
    if hasattr(frame, "collect") and hasattr(frame, "collect_schema") and not hasattr(frame, "to_numpy"):
        raise InputError(f"{name} is a {type(frame).__name__}, which holds no numbers yet; give {name}.collect().")
    if not hasattr(frame, "columns") or not hasattr(frame, "dtypes"):
        return
    words = [
        f"{column} ({dtype})"
        for column, dtype in zip(frame.columns, frame.dtypes, strict=True)
        if getattr(dtype, "kind", "O") not in "biuf" and np.asarray(frame[column]).dtype.kind not in "biuf"
    ]
    if words:
        raise InputError(
            f"{name} holds no numbers in the column{'s' * (len(words) > 1)} {listed(words)}; leave them out, or make "
            "an input of each category, as pandas.get_dummies and polars' to_dummies do."
        )


def scaled_weights(weight: Array, *, xp: Namespace) -> tuple[Array, float]:
    """Sample weights times the power of two that brings the largest above ½ and to 1 at most, and that power.

    Sums of them neither overflow nor vanish, and an objective that they weight stays the same to the last bit. Whole
    numbers become floats; what are no weights stays as it is, for `check_weights` to refuse.
    """
    if is_traced(weight):
        return weight / xp.max(weight), 1.0
    if xp.isdtype(weight.dtype, "integral"):
        weight = xp.astype(weight, xp.float64 if xp is np else xp.float32)
    if not xp.isdtype(weight.dtype, "real floating") or 0 in tuple(weight.shape):
        return weight, 1.0
    largest = float(xp.max(weight))
    if not 0 < largest < math.inf:
        return weight, 1.0
    mantissa, exponent = math.frexp(largest)
    exponent -= mantissa == 0.5
    # In two steps, since 2⁻ᵉ itself may be no number of the dtype.
    first = -exponent // 2
    return weight * 2.0**first * 2.0 ** (-exponent - first), 2.0 ** min(-exponent, LARGEST)

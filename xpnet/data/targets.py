"""Targets: what labels and other targets must be for each loss, and labels one-hot, on the arrays of any library."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from xpnet._support.traced import is_traced
from xpnet._support.typing import Array, Namespace
from xpnet.data.checks import (
    PlacedError,
    check_finite,
    check_numbers,
    count,
    first_true,
    is_of,
    spell_dtype,
    spell_library,
)
from xpnet.errors import InputError


def loss_for(y: Array, *, name: str = "y", shape: tuple[int, ...] | None = None, xp: Namespace) -> str:
    """Loss that targets call for.

    Integer vectors are labels ("cross_entropy"), matrices of 0 and 1 are yes or no for each output
    ("binary_cross_entropy"), any other floating-point numbers are a regression ("squared_error"). `shape` is
    that of the whole array, where y is a part of it.
    """
    check_not_words(y, name=name)
    check_numbers(y, ("bool", "integral", "real floating"), name=name, xp=xp)
    if y.ndim == 1 and xp.isdtype(y.dtype, "integral"):
        return "cross_entropy"
    if y.ndim == 2 and not bool(xp.any(neither_0_nor_1(y, xp=xp))):
        return "binary_cross_entropy"
    if y.ndim in (1, 2) and xp.isdtype(y.dtype, "real floating"):
        return "squared_error"
    raise InputError(
        f"{name} holds {spell_dtype(y)} of shape {shape or tuple(y.shape)}, which fits no loss: labels are a vector of "
        "integers, yes-or-no targets a matrix of 0 and 1, the targets of a regression floating-point numbers."
    )


def encode_targets(y: Array, *, loss: str, outputs: int, dtype: Any, device: Any, xp: Namespace) -> Float[Array, "n k"]:
    """Labels one-hot, everything else as a column for each output."""
    if loss == "cross_entropy":
        y = xp.astype(y, xp.int32)[:, None] == xp.arange(outputs, dtype=xp.int32, device=device)[None, :]
        return xp.astype(y, dtype)
    return xp.astype(xp.reshape(y, (-1, outputs)), dtype)


def check_targets(y: Array, *, name: str = "y", loss: str, outputs: int, xp: Namespace) -> None:
    """Refuse targets that the loss cannot compare with that number of outputs; one output also takes a vector."""
    if loss == "cross_entropy":
        return check_labels(y, name=name, classes=outputs, xp=xp)
    check_numbers(y, ("bool", "integral", "real floating")[loss != "binary_cross_entropy" :], name=name, xp=xp)
    shape = tuple(y.shape)
    if shape[1:] != (outputs,) and not (len(shape) == 1 and outputs == 1):
        raise InputError(
            f"{name} has shape {shape} but needs {count(outputs, 'column')}, one per output of the network."
        )
    check_finite(y, name=name, xp=xp)
    if loss == "binary_cross_entropy":
        bad = neither_0_nor_1(y, xp=xp)
        refuse_where(bad, f"{name} holds", "the loss 'binary_cross_entropy' needs 0 or 1.", y, xp=xp)
    if loss == "poisson" and not xp.isdtype(y.dtype, "unsigned integer"):
        refuse_where(y < 0, f"{name} holds", "the loss 'poisson' needs counts, none below 0.", y, xp=xp)


def check_labels(y: Array, *, name: str = "y", classes: int | None = None, xp: Namespace) -> None:
    """Refuse anything but a vector of integers 0 … classes - 1, or of integers from 0 on where `classes` is None."""
    check_not_words(y, name=name)
    try:
        check_numbers(y, ("integral",), name=name, xp=xp)
    except InputError as error:
        raise InputError(f"{error}{_remedy(y, name=name, xp=xp)}") from None
    if y.ndim != 1:
        shape = tuple(y.shape)
        raise InputError(f"{name} has shape {shape} but labels are a vector.{_remedy(y, name=name, xp=xp)}")
    if is_traced(y):
        return
    unsigned = is_of(y.dtype, ("unsigned integer",), xp=xp)
    if unsigned:
        # PyTorch 2.13 neither orders uint16, uint32 and uint64 nor finds their extremes.
        y = xp.astype(y, xp.asarray([0], device=y.device).dtype)
    smallest, largest = int(xp.min(y)), int(xp.max(y))
    if smallest < 0 or (classes is not None and largest >= classes):
        numbered = f"start at 0: number them as names, {name} = np.unique({name}, return_inverse=True) does"
        allowed = numbered if classes is None else f"of {classes} classes are 0 … {classes - 1}"
        wrong = smallest if smallest < 0 else largest
        # What is negative as an int64 was 2⁶³ or more.
        came = wrong % 2**64 if unsigned else wrong
        raise PlacedError(f"{name} holds the label {came}; labels {allowed}.", first_true(y == wrong, xp=xp))


def check_not_words(y: Array, *, name: str) -> None:
    """Refuse labels that are words; only NumPy's arrays can hold these."""
    if getattr(y.dtype, "kind", "") in ("O", "S", "U", "T"):
        raise InputError(
            f"{name} holds {y.dtype} but needs integers: number the classes, as "
            f"names, {name} = np.unique({name}, return_inverse=True) does."
        )


def _remedy(y: Array, *, name: str, xp: Namespace) -> str:
    """Sentence that says how to make labels of an array that is none; empty where nothing is certain."""
    if is_traced(y):
        return ""
    try:
        right = xp.isdtype(y.dtype, ("bool", "integral", "real floating")) and 0 not in tuple(y.shape)
    except (AttributeError, TypeError):
        # As in check_numbers: the dtype is another library's.
        return ""
    if not right:
        return ""
    if is_one_hot(y, xp=xp):
        return f" Use {name}.argmax(axis=1): these rows are one-hot."
    flat = math.prod(y.shape) == max(y.shape, default=1)
    vector = name if y.ndim == 1 else f"{name}.reshape(-1)"
    if not flat:
        return " Give the number of its class for each row."
    if xp.isdtype(y.dtype, "integral"):
        return f" Use {vector}."
    if bool(xp.any(xp.astype(xp.astype(y, xp.int32), y.dtype) != y)):
        return " Numbers with fractions are the targets of a regression, Network(..., loss='squared_error')."
    integers = "long()" if spell_library(type(y).__module__) == "torch" else "astype(int)"
    return f" Use {vector}.{integers}: all are whole."


def is_one_hot(y: Array, *, xp: Namespace) -> bool:
    """Whether it is a matrix of 0 and 1 with a single 1 in every row."""
    if y.ndim != 2 or y.shape[1] < 2 or bool(xp.any(neither_0_nor_1(y, xp=xp))):
        return False
    return bool(xp.all(xp.sum(xp.astype(y, xp.int32), axis=1) == 1))


def check_complete_labels(y: np.ndarray, *, name: str = "y_train") -> None:
    """Refuse training labels from a file if they leave out a class below the largest, or hold only one class."""
    check_labels(y, name=name, xp=np)
    present = np.unique(y)
    if len(present) == 1:
        raise InputError(f"{name} holds only the label {present[0]}; a classifier needs two classes or more.")
    missing = np.flatnonzero(present != np.arange(len(present)))
    if len(missing):
        raise InputError(
            f"label {missing[0]} never occurs in {name}, whose largest is {present[-1]}; "
            f"number the classes from 0 without gaps, as names, {name} = np.unique({name}, return_inverse=True) does; "
            "a regression needs floating-point numbers."
        )


def neither_0_nor_1(y: Array, *, xp: Namespace) -> Array:
    """True where a value is neither 0 nor 1."""
    if xp.isdtype(y.dtype, "bool"):
        return xp.zeros_like(y)
    return (y != 0) & (y != 1)


def refuse_where(bad: Array, holds: str, needs: str, y: Array, *, xp: Namespace) -> None:
    """Raise a sentence of what holds the first bad value, where, and what is needed, if any value is bad."""
    if not is_traced(bad) and bool(xp.any(bad)):
        place = first_true(bad, xp=xp)
        raise PlacedError(f"{holds} {float(y[place]):g}", place, f"; {needs}")

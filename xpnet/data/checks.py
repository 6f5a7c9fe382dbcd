"""Checks of features on the arrays of any library; each refusal is one sentence."""

import math
from typing import Any, Self

import numpy as np

from xpnet._support.traced import is_traced
from xpnet._support.typing import Array, Namespace
from xpnet.errors import InputError, printable

WORDS = {"bool": "booleans", "integral": "integers", "real floating": "real floating-point numbers"}

KINDS = {"bool": "b", "integral": "iu", "unsigned integer": "u", "real floating": "f"}
"""Kinds of the standard as NumPy's dtypes have them."""


class PlacedError(InputError):
    """Error in one number of an array.

    Attributes:
        before: The message, up to where it names the place.
        place: The number's index.
        after: What comes after the place; None where the message does not name it.
    """

    def __init__(self, before: str, place: tuple[int, ...], after: str | None = None) -> None:
        super().__init__(before, place, after)
        self.before, self.place, self.after = before, place, after

    def moved(self, rows: int) -> Self:
        """The same error in an array in which the number is `rows` rows further down."""
        row, *others = self.place
        return type(self)(self.before, (row + rows, *others), self.after)

    def __str__(self) -> str:
        placed = "" if self.after is None else f" {spell_place(self.place)}{self.after}"
        return printable(self.before + placed)


def check_features(x: Array, *, name: str = "x", shape: tuple[int, ...] | None = None, xp: Namespace) -> None:
    """Refuse anything but a matrix of finite real numbers, one row per sample.

    `shape` is that of the whole array, where x is a part of it.
    """
    check_numbers(x, ("bool", "integral", "real floating"), name=name, xp=xp)
    shape = shape or tuple(x.shape)
    if len(shape) != 2:
        remedy = f"{name}.reshape({shape[0] if len(shape) > 2 else 1}, -1)"
        if len(shape) == 1:
            remedy = f"{name}.reshape(-1, 1) if each number is a sample, {remedy} if all of them are one"
        raise InputError(f"{name} has shape {shape} but needs two axes, one row per sample: use {remedy}.")
    check_finite(x, name=name, xp=xp)


def check_same_rows(x: Array, y: Array, *, names: tuple[str, str] = ("x", "y"), each: str = "label") -> None:
    """Refuse two arrays of different lengths; `each` is the name of a row of the second one."""
    rows = [array.shape[0] if array.ndim else 1 for array in (x, y)]
    if rows[0] != rows[1]:
        raise InputError(
            f"{names[1]} has {count(rows[1], 'row')} but {names[0]} has {rows[0]}; every sample needs one {each}."
        )


def check_weights(weight: Array, *, name: str = "weight", xp: Namespace) -> None:
    """Refuse sample weights that are negative, not finite, or 0 throughout."""
    check_numbers(weight, ("integral", "real floating"), name=name, xp=xp)
    if weight.ndim != 1:
        raise InputError(f"{name} has shape {tuple(weight.shape)} but needs one number per sample: a vector.")
    check_finite(weight, name=name, xp=xp)
    if is_traced(weight):
        return
    if bool(xp.any(weight < 0)) or not bool(xp.any(weight > 0)):
        raise InputError(f"{name} must be 0 or more for every sample, and above 0 for at least one.")


def is_of(dtype: Any, kinds: tuple[str, ...], *, xp: Namespace) -> bool:
    """Whether a dtype is of one of some kinds of the standard; NumPy's own function takes microseconds for it."""
    return any(dtype.kind in KINDS[kind] for kind in kinds) if xp is np else bool(xp.isdtype(dtype, kinds))


def check_numbers(array: Array, kinds: tuple[str, ...], *, name: str, xp: Namespace) -> None:
    """Refuse an empty array, and a dtype that is of none of these kinds of the Array API standard."""
    try:
        right = is_of(array.dtype, kinds, xp=xp)
    except (AttributeError, TypeError):
        # What isdtype of array-api-compat 1.16 and array-api-strict 2.6 raises for another library's dtype.
        right = False
    if not right:
        if not isinstance(array, type(xp.asarray(0))):
            library, needed = spell_library(type(array).__module__), spell_library(xp.__name__)
            raise InputError(f"{name} is an array of {library} but needs to be one of {needed}, like the others.")
        needed = " or ".join(WORDS[kind] for kind in kinds)
        raise InputError(f"{name} holds {spell_dtype(array)} but needs {needed}.")
    if 0 in tuple(array.shape):
        raise InputError(f"{name} has shape {tuple(array.shape)}: it is empty, but needs one row at least.")


def check_finite(array: Array, *, name: str, xp: Namespace) -> None:
    """Refuse NaN and infinity; integers pass unread, and so do numbers that are not known yet."""
    if not is_of(array.dtype, ("real floating",), xp=xp) or is_traced(array):
        return
    if xp is np and array.dtype.char in "fd" and array.flags.forc:
        if is_surely_finite(array.ravel("K")):
            return
    else:
        with np.errstate(all="ignore"):
            # So is the plain sum, which takes no memory.
            if bool(xp.all(xp.isfinite(xp.sum(array, axis=0)))):
                return
    finite = xp.isfinite(array)
    if not bool(xp.all(finite)):
        place = first_true(~finite, xp=xp)
        value = array[place]
        spelled = "NaN" if bool(xp.isnan(value)) else "infinity" if bool(value > 0) else "-infinity"
        raise PlacedError(f"{name} holds {spelled}", place, "; every value must be finite.")


def is_surely_finite(array: np.ndarray) -> bool:
    """Whether floating-point numbers in C order are finite at a glance; if not, they are to be looked at."""
    # The sum of the squares is finite only if all are, and BLAS computes it; it can still overflow.
    return math.isfinite(np.vdot(array, array))


def first_true(bad: Array, *, xp: Namespace) -> tuple[int, ...]:
    """Index of the first True, row by row."""
    flat = int(xp.argmax(xp.reshape(xp.astype(bad, xp.uint8), (-1,))))
    return tuple(int(i) for i in np.unravel_index(flat, tuple(bad.shape)))


def spell_place(place: tuple[int, ...]) -> str:
    """Index in words."""
    axes = ("row", "column")
    return "in " + ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=False)) + " (counted from 0)"


def spell_dtype(array: Any) -> str:
    """Name of an array's dtype without its library's."""
    return str(array.dtype).rpartition(".")[2]


def spell_library(module: str) -> str:
    """Name of the library that a module belongs to, without array-api-compat around it."""
    return module.removeprefix("array_api_compat.").partition(".")[0]


def count(n: int, noun: str) -> str:
    """Number with its noun: `1 row`, `2 rows`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

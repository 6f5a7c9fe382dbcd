"""Numbers: columns as pyarrow has them, made matrices of inputs and vectors of labels, weights and identifiers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xpnet.data.checks import PlacedError
from xpnet.data.columns import spelled

Categories = Mapping[str, tuple[str, ...]]
"""Categories by the column that is made one-hot."""


PLAIN = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double")
"""pyarrow's types whose numbers lie in memory as NumPy's do."""


def as_matrix(columns: Mapping[str, Any], categories: Categories, dtype: Any) -> np.ndarray:
    """Matrix of some rows: bytes where all numbers are whole and from 0 to 255, else of `dtype`."""
    arrays: list[np.ndarray] = []
    for name, column in columns.items():
        arrays += one_hot(column, name, categories[name]) if name in categories else [as_numbers(column, name)]
    matrix = np.empty((len(arrays), len(arrays[0])), np.result_type(*arrays))
    for row, array in zip(matrix, arrays, strict=True):
        row[:] = array
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(matrix.T, dtype=np.uint8 if are_bytes(matrix) else dtype)


def are_bytes(numbers: np.ndarray) -> bool:
    """Whether all are whole and from 0 to 255; truth values are not such numbers."""
    if numbers.dtype.kind not in "iuf" or numbers.size == 0:
        return False
    if numbers.dtype == np.uint8:
        return True
    return bool(numbers.min() >= 0 and numbers.max() <= 255 and np.all(numbers == np.floor(numbers)))


def as_numbers(column: Any, name: str) -> np.ndarray:
    """Numbers of one column, none of which is missing."""
    refuse_missing(column, name)
    if str(column.type).startswith("decimal"):
        column = column.cast("float64")
    # By pyarrow's own way to NumPy it imports pandas, wherever that is installed.
    plain = str(column.type) in PLAIN and len(column)
    numbers = np.from_dlpack(column) if plain else np.asarray(column.to_numpy(zero_copy_only=False))
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise PlacedError(f"holds {numbers[row]:g} in the column {name}", (row,), f"; {remedy(name)}.")
    return numbers


def as_words(column: Any, name: str) -> list[str]:
    """Words of one column, none of which is missing; numbers as they are written."""
    refuse_missing(column, name)
    return [str(value) for value in column.to_pylist()]


def one_hot(column: Any, name: str, categories: Sequence[str]) -> list[np.ndarray]:
    """A vector of 0 and 1 for each category."""
    words = np.asarray(as_words(column, name))
    unknown = np.flatnonzero(~np.isin(words, categories))
    if len(unknown):
        row = int(unknown[0])
        raise PlacedError(
            f"holds {str(words[row])!r} in the column {name}",
            (row,),
            f", which the training rows did not; they held {', '.join(categories[:8])}{' …' * (len(categories) > 8)}.",
        )
    return [words == category for category in categories]


def refuse_missing(column: Any, name: str) -> None:
    """Refuse a column in which a value is missing."""
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise PlacedError(f"has no value in the column {name}", (row,), f"; {remedy(name)}.")


def remedy(name: str) -> str:
    """What can be done about a value that is missing."""
    return f"fill it in, remove such rows, or leave the column out with --drop {spelled([name])} (in the library drop=)"

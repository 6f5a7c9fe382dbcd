"""Stored arrays: they stay in .npy files, from which rows are read when they are needed."""

import os
from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import accumulate, pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from xpnet._support.regular_file import open_regular
from xpnet.data import npz
from xpnet.data.checks import PlacedError
from xpnet.data.files import reading
from xpnet.data.numbers import portable_dtype
from xpnet.errors import DataError, InputError

PIECE = 2**23
"""Bytes of rows to read at a time in a pass over all of them."""


class Stored:
    """Array whose rows are those of some .npy files, one after the other; it has a shape and a dtype, but no numbers.

    Bytes in another machine's order, and half and extended precision, are read as dtypes that every library has.

    Args:
        paths: The files.
        folder: Owner of temporary files, which may go as soon as no array needs it.

    Attributes:
        paths: The files.
        shape: The shape of all rows together.
        dtype: The dtype that they are read as.

    Raises:
        DataError: A file is missing or damaged, or the files hold rows of different shapes or dtypes.
        InputError: No file is given.
    """

    def __init__(self, *paths: str | os.PathLike[str], folder: Any = None) -> None:
        if not paths:
            raise InputError(
                "Stored got no path but needs at least one: those of .npy files, in the order of their rows."
            )
        self.paths, self._folder = tuple(map(Path, paths)), folder
        self._headers = [npz.npy_header(path) for path in self.paths]
        first = self._headers[0]
        for path, header in zip(self.paths, self._headers, strict=True):
            if (header.shape[1:], header.dtype) != (first.shape[1:], first.dtype):
                raise DataError(
                    f"{path}: holds rows of {header.dtype}, {header.shape[1:]}, but {self.paths[0].name} "
                    f"{first.dtype}, {first.shape[1:]}; the files of one array need rows of one shape and dtype"
                )
        self._ends = list(accumulate((header.shape[0] for header in self._headers), initial=0))
        self.shape = (self._ends[-1], *first.shape[1:])
        self.dtype = portable_dtype(first.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __str__(self) -> str:
        """Name of the first file, with … where there are more."""
        return f"{self.paths[0]}{' …' if len(self.paths) > 1 else ''}"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The whole array, read into memory."""
        return np.asarray(self.read(0, len(self)), dtype)

    def with_rows(self, *shape: int) -> "Stored":
        """The same numbers in rows of another shape."""
        reshaped = object.__new__(Stored)
        reshaped.__dict__ = {**self.__dict__, "shape": (len(self), *shape)}
        return reshaped

    def locate(self, row: int) -> tuple[Path, int]:
        """File that holds a row, and the row's number in it."""
        file = bisect(self._ends, row) - 1
        return self.paths[file], row - self._ends[file]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Read the rows from `start` up to `stop`.

        Raises:
            DataError: A file can no longer be read.
        """
        with reading(self):
            result = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for path, header, (first, end) in zip(self.paths, self._headers, pairwise(self._ends), strict=True):
            low, high = max(start, first), min(stop, end)
            if low < high:
                rows = result[low - start : high - start]
                with reading(path), open_regular(path) as file:
                    if header.by_columns:
                        rows[...] = _read_columns(file, header, low - first, high - first).reshape(rows.shape)
                        continue
                    raw = rows if header.dtype == self.dtype else np.empty(rows.shape, header.dtype)
                    file.seek(header.offset + (low - first) * prod(header.shape[1:]) * header.dtype.itemsize)
                    _fill(raw, file)
                if raw is not rows:
                    rows[...] = raw
        return result

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """Pieces of a few megabytes with all rows in order, each with the number of its first row."""
        rows = max(1, PIECE // max(1, prod(self.shape[1:]) * self.dtype.itemsize))
        for start in range(0, len(self), rows):
            yield start, self.read(start, min(start + rows, len(self)))

    def spread_rows(self, count: int) -> np.ndarray:
        """At most `count` rows, spread evenly over all."""
        places = np.unique(np.linspace(0, len(self) - 1, count).astype(int))
        return np.concatenate([self.read(int(place), int(place) + 1) for place in places])


def _read_columns(file: BufferedReader, header: npz.NpyHeader, start: int, stop: int) -> np.ndarray:
    """Rows of a file that is stored column by column, of which each is read for itself."""
    n, *others = header.shape
    columns = np.empty((prod(others), stop - start), header.dtype)
    for number, column in enumerate(columns):
        file.seek(header.offset + (number * n + start) * header.dtype.itemsize)
        _fill(column, file)
    return columns.reshape(*others[::-1], stop - start).T


def _fill(array: np.ndarray, file: BufferedReader) -> None:
    """Read an array's numbers from where a file stands."""
    if file.readinto(array.reshape(-1).view(np.uint8).data) < array.nbytes:
        raise InputError("has become shorter since it was opened; leave it unchanged while it is used")


def in_pieces(array: np.ndarray | Stored) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces with all rows in order, each with the number of its first row: an array in memory is a single piece."""
    return array.pieces() if isinstance(array, Stored) else iter([(0, array)])


def read_rows(array: np.ndarray | Stored, start: int, stop: int) -> np.ndarray:
    """Rows from `start` up to `stop`, of an array in memory or on disk."""
    return array.read(start, stop) if isinstance(array, Stored) else array[start:stop]


@contextmanager
def locating(array: np.ndarray | Stored, start: int) -> Iterator[None]:
    """Context for a check of the rows from `start` on, whose errors name the file where the array is stored.

    An error in one row names the row's number among all rows, and in its file where there are several files.
    """
    if not isinstance(array, Stored):
        yield
        return
    with reading(f"{array} from row {start} on" if start else array):
        try:
            yield
        except PlacedError as error:
            moved = error.moved(start)
            path, row_in_file = array.locate(moved.place[0])
            named = len(array.paths) == 1 and error.after is not None
            raise DataError(f"{path}{'' if named else f', row {row_in_file} (from 0)'}: {moved}") from error

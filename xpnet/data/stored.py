"""Arrays that stay in .npy files, of which rows are read when they are needed."""

import os
from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate, pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from xpnet.data import npz
from xpnet.data.checks import PlacedError
from xpnet.data.files import reading
from xpnet.errors import DataError, InputError

PIECE = 2**23
"""Bytes of rows to read at a time where all of them are looked at once."""


class Stored:
    """The rows of some .npy files, one file's behind the other's; it has a shape and a dtype, but no numbers.

    Bytes in another machine's order, and half and extended precision, are read as types that every library has.

    Attributes:
        paths: The files.
        shape: Of all rows together.
        dtype: What they are read as.

    Raises:
        DataError: A file is missing or damaged, or they do not go together.
        InputError: There is no file.
    """

    def __init__(self, *paths: str | os.PathLike[str]) -> None:
        if not paths:
            raise InputError(
                "Stored got no path but needs one or more: those of .npy files, in the order of their rows."
            )
        self.paths = tuple(map(Path, paths))
        self._headers = [npz.npy_header(path) for path in self.paths]
        first = self._headers[0]
        for path, header in zip(self.paths, self._headers, strict=True):
            if (header.shape[1:], header.dtype) != (first.shape[1:], first.dtype):
                raise DataError(
                    f"{path}: holds rows of {header.dtype}, {header.shape[1:]}, but {self.paths[0].name} "
                    f"{first.dtype}, {first.shape[1:]}; the files of one array need rows alike"
                )
        self._ends = list(accumulate((header.shape[0] for header in self._headers), initial=0))
        self.shape = (self._ends[-1], *first.shape[1:])
        self.dtype = portable_dtype(first.dtype)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __str__(self) -> str:
        """The first file, and whether there are more."""
        return f"{self.paths[0]}{' …' if len(self.paths) > 1 else ''}"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it, read."""
        return np.asarray(self.read(0, len(self)), dtype)

    def with_rows(self, *shape: int) -> "Stored":
        """The same with rows of another shape, of as many numbers."""
        made = object.__new__(Stored)
        made.__dict__ = {**self.__dict__, "shape": (len(self), *shape)}
        return made

    def locate(self, row: int) -> tuple[Path, int]:
        """The file that holds a row, and the row's number in it."""
        file = bisect(self._ends, row) - 1
        return self.paths[file], row - self._ends[file]

    def read(self, start: int, stop: int) -> np.ndarray:
        """The rows from `start` up to `stop`.

        Raises:
            DataError: A file cannot be read any more.
        """
        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for path, header, (first, end) in zip(self.paths, self._headers, pairwise(self._ends), strict=True):
            low, high = max(start, first), min(stop, end)
            if low < high:
                rows = found[low - start : high - start]
                raw = rows if header.dtype == self.dtype else np.empty(rows.shape, header.dtype)
                with reading(path), open(path, "rb") as file:
                    file.seek(header.offset + (low - first) * prod(header.shape[1:]) * header.dtype.itemsize)
                    if file.readinto(raw.reshape(-1).view(np.uint8).data) < raw.nbytes:
                        raise DataError(f"{path}: has become shorter")
                if raw is not rows:
                    rows[...] = raw
        return found

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows, a few megabytes at a time, each time with the number of the first."""
        rows = max(1, PIECE // max(1, prod(self.shape[1:]) * self.dtype.itemsize))
        for start in range(0, len(self), rows):
            yield start, self.read(start, min(start + rows, len(self)))

    def spread_rows(self, count: int) -> np.ndarray:
        """So many rows at most, from places that are equally far from each other."""
        places = np.unique(np.linspace(0, len(self) - 1, count).astype(int))
        return np.concatenate([self.read(int(place), int(place) + 1) for place in places])


def portable_dtype(dtype: np.dtype) -> np.dtype:
    """This machine's byte order, and half and extended precision as types that every library has."""
    dtype = dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32 if dtype.itemsize == 2 else np.float64)
    return dtype


def in_pieces(array: np.ndarray | Stored) -> Iterator[tuple[int, np.ndarray]]:
    """All rows, each time with the number of the first: an array in memory at once, one on disk bit by bit."""
    return array.pieces() if isinstance(array, Stored) else iter([(0, array)])


def read_rows(array: np.ndarray | Stored, start: int, stop: int) -> np.ndarray:
    """The rows from `start` up to `stop`."""
    return array.read(start, stop) if isinstance(array, Stored) else array[start:stop]


@contextmanager
def locating(array: np.ndarray | Stored, start: int) -> Iterator[None]:
    """A context for rows from a number on, whose errors begin with the file where they are stored in one.

    An error that has a row tells its number among all rows, and in that file where there are several.
    """
    if not isinstance(array, Stored):
        yield
        return
    with reading(f"{array} from row {start} on" if start else array):
        try:
            yield
        except PlacedError as error:
            moved = error.moved(start)
            path, row_there = array.locate(moved.place[0])
            told = len(array.paths) == 1 and "{}" in error.sentence
            raise DataError(f"{path}{'' if told else f', row {row_there} (from 0)'}: {moved}") from error

"""NumPy's own files, .npz and .npy, without unpickling."""

import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from xpnet._support.regular_file import open_regular
from xpnet.data import kinds
from xpnet.data.checks import count
from xpnet.data.files import reading
from xpnet.errors import DataError

MAGIC = np.lib.format.MAGIC_PREFIX


def npz_names(path: Path) -> list[str]:
    """Names of the arrays in an .npz file.

    Raises:
        DataError: The file is no .npz file.
    """
    with _opened(path) as file, np.load(file, allow_pickle=False) as archive:
        return list(archive.files)


def read_npz(path: Path, wanted: Sequence[str]) -> list[np.ndarray]:
    """Read some arrays of an .npz file.

    Raises:
        DataError: The file is no .npz file or damaged, lacks one of the arrays, or would have to be unpickled.
    """
    with _opened(path) as file, np.load(file, allow_pickle=False) as archive:
        missing = [name for name in wanted if name not in archive.files]
        if missing:
            present = ", ".join(archive.files) or "no arrays"
            raise DataError(f"{path}: {' and '.join(missing)} missing; it holds {present}")
        arrays = []
        for name in wanted:
            with _undamaged(f"{path}: {name}"):
                arrays.append(archive[name])
            if not isinstance(arrays[-1], np.ndarray):
                raise DataError(f"{path}: {name} is a file of another kind, not a NumPy array")
        return arrays


def read_npy(path: Path) -> np.ndarray:
    """Read the array in an .npy file.

    Raises:
        DataError: It is damaged, or would have to be unpickled.
    """
    with reading(path), open_regular(path) as file, _undamaged(path):
        _read_header(file, path)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


class NpyHeader(NamedTuple):
    """Header of an .npy file.

    Attributes:
        offset: Position of the array's first byte in the file.
        by_columns: Whether it is stored column by column, in Fortran's order, instead of row by row.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    by_columns: bool = False


def npy_header(path: Path) -> NpyHeader:
    """Read the header of an .npy file.

    Raises:
        DataError: It is damaged or shorter than it says, would have to be unpickled, or has no rows.
    """
    with reading(path), open_regular(path) as file, _undamaged(path):
        header = _read_header(file, path)
    if min(header.shape, default=1) < 1:
        raise DataError(f"{path}: holds an array of shape {header.shape}: it is empty")
    if not header.shape:
        raise DataError(f"{path}: holds one number; save an array with a row for each sample")
    return header


def _read_header(file: IO[bytes], path: Path) -> NpyHeader:
    """Header of an .npy file that is complete."""
    magic = file.read(len(MAGIC))
    if not magic or magic != MAGIC[: len(magic)]:
        starts = f", it starts with the bytes {magic.hex(' ') or '(none)'}"
        raise DataError(f"{path}: not an .npy file{_but(path) or starts}")
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    try:
        first = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(file)
    except ValueError:
        if file.tell() < size:
            raise
        raise DataError(f"{path}: ends within its header, after {count(size, 'byte')}; copy or save it again") from None
    if dtype.hasobject:
        raise DataError(f"{path} holds Python objects, which are never unpickled; save it as numbers")
    needed = file.tell() + math.prod(shape) * dtype.itemsize
    if size < needed:
        raise DataError(f"{path}: is shorter than its header says, {size} bytes of {needed}; copy or save it again")
    # NumPy says itself which shapes it can have; this view of one number takes no memory.
    np.broadcast_to(np.empty((), dtype), shape)
    by_columns = by_columns and sum(length > 1 for length in shape) > 1
    return NpyHeader(shape, dtype, file.tell(), by_columns)


def _but(path: Path) -> str:
    """What a file is instead, where that is known."""
    start = kinds.start_of(path)
    if kinds.is_page(start):
        return f" but {kinds.PAGE.name}; {kinds.PAGE.remedy}"
    kind = "" if start.startswith(kinds.NPZ) else kinds.named(path)
    return f" but {kind}" if kind else ""


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with reading(path), open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            truncated = ", or truncated: it is not a complete zip archive"
            raise DataError(f"{path}: not an .npz file{_but(path) or truncated}")
        file.seek(0)
        with _undamaged(path):
            yield file


@contextmanager
def _undamaged(origin: object) -> Iterator[None]:
    try:
        yield
    except (DataError, MemoryError, OSError):
        raise
    except Exception as error:
        # zipfile, zlib and NumPy report damage in a dozen types of exception.
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            raise DataError(f"{origin} holds Python objects, which are never unpickled; save it as numbers") from error
        raise DataError(f"{origin}: cannot be read, {error}") from error

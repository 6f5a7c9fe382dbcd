"""IDX files, MNIST's format: zero, zero, the element type, the number of axes, their lengths, then the elements."""

import gzip
import hashlib
import io
import math
import os
import zlib
from pathlib import Path

import numpy as np

from xpnet.data.files import reading
from xpnet.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
MOST_AXES = 8
CHUNK = 1 << 20
MOST_EXPANSION = 1032
"""Most bytes that deflate makes of one; with it a damaged header is refused before memory is allocated."""


def read_idx(path: Path | str) -> np.ndarray:
    """Read the array of bytes in an IDX file, plain or gzip-compressed, whatever its name.

    Raises:
        DataError: It cannot be opened, is no IDX file of unsigned bytes, ends early or late, or is damaged.
    """
    with reading(path), open(path, "rb") as file:
        compressed = file.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
        stream = gzip.GzipFile(fileobj=file) if compressed else file
        try:
            return _parse(stream, path, most=MOST_EXPANSION * os.fstat(file.fileno()).st_size)
        except EOFError:
            raise DataError(f"{path}: truncated, its gzip stream ends early") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}: damaged, {error}") from error


def idx_sha256(array: np.ndarray) -> str:
    """SHA-256 of the uncompressed file that holds this array, in hexadecimal digits."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    content = hashlib.sha256(bytes([0, 0, UNSIGNED_BYTE, array.ndim]) + lengths)
    content.update(array.reshape(-1).data)
    return content.hexdigest()


def _parse(stream: io.BufferedIOBase, path: Path | str, *, most: int) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= MOST_AXES:
        raise DataError(f"{path}: not an IDX file, it starts with the bytes {magic.hex(' ') or '(none)'}")
    if magic[2] != UNSIGNED_BYTE:
        raise DataError(f"{path}: holds elements of type 0x{magic[2]:02x}; only unsigned bytes, 0x08, are read")
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise DataError(f"{path}: truncated within its header")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    size = math.prod(shape)
    if size > most:
        raise DataError(f"{path}: truncated, its header announces {size} bytes, more than the file can hold")
    content = np.empty(size, np.uint8)
    view, filled = content.data, 0
    while filled < size:
        chunk = stream.read(min(CHUNK, size - filled))
        if not chunk:
            raise DataError(f"{path}: truncated, its header announces {size} bytes but {filled} follow")
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    if stream.read(1):
        raise DataError(f"{path}: bytes are left over after the {size} that its header announces")
    return content.reshape(shape)

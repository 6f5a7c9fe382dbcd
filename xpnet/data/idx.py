"""IDX files, MNIST's format: zero, zero, the element type, the number of axes, their lengths, then the elements."""

import gzip
import hashlib
import io
import math
import os
import zlib
from pathlib import Path

import numpy as np

from xpnet._support.regular_file import open_regular
from xpnet.data.files import reading
from xpnet.data.kinds import PAGE, START, is_page
from xpnet.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
TYPES = {UNSIGNED_BYTE: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The format's element types, by their numbers."""

MOST_AXES = 8
CHUNK = 1 << 20
MOST_EXPANSION = 1032
"""Most bytes that deflate makes of one; with it a damaged header is refused before memory is allocated."""


def read_idx(path: Path | str) -> np.ndarray:
    """Read the array in an IDX file, plain or gzip-compressed, whatever its name.

    Raises:
        DataError: It cannot be opened, is no IDX file, ends early or late, or is damaged.
    """
    with reading(path), open_regular(path) as file:
        compressed = file.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
        stream = gzip.GzipFile(fileobj=file) if compressed else file
        try:
            size = os.fstat(file.fileno()).st_size
            return _parse(stream, path, most=MOST_EXPANSION * size if compressed else size)
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
        if is_page(magic + stream.read(START)):
            raise DataError(f"{path}: {PAGE.name}; {PAGE.remedy}")
        raise DataError(f"{path}: not an IDX file, it starts with the bytes {magic.hex(' ') or '(none)'}")
    if magic[2] not in TYPES:
        raise DataError(f"{path}: damaged, it announces elements of a type that IDX lacks, 0x{magic[2]:02x}")
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise DataError(f"{path}: truncated within its header")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    if size > most:
        raise DataError(f"{path}: truncated, its header announces {size} bytes, more than the file can hold")
    # It grows as bytes come: a header that announces too much is not believed.
    content = bytearray()
    while len(content) < size:
        chunk = stream.read(min(CHUNK, size - len(content)))
        if not chunk:
            raise DataError(f"{path}: truncated, its header announces {size} bytes but {len(content)} follow")
        content += chunk
    if stream.read(1):
        raise DataError(f"{path}: bytes are left over after the {size} that its header announces")
    return np.frombuffer(content, dtype).reshape(shape)

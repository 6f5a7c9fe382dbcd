"""Spool: rows that arrive in parts, kept in memory or, beyond a limit, in temporary .npy files."""

import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from xpnet.data.stored import Stored
from xpnet.errors import InputError

FULL = 255
"""Largest byte; whole numbers that never reach it may be anything, and are not taken for bytes."""


class Folder:
    """Temporary folder, which is removed as soon as nothing needs it any more, or when Python ends."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="xpnet-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Spool:
    """Rows of numbers, in order.

    Args:
        dtype: Dtype of the rows, where they are not bytes.
        limit: Bytes in memory at most.
    """

    def __init__(self, dtype: str, limit: float) -> None:
        self.dtype, self.limit = np.dtype(dtype), limit
        self._parts: list[np.ndarray] = []
        self._files: list[Path] = []
        self._folder: Folder | None = None
        self._bytes, self._largest = True, 0

    def add(self, rows: np.ndarray) -> None:
        """Add some rows, bytes or of the dtype."""
        if not len(rows):
            return
        self._bytes = self._bytes and rows.dtype == np.uint8
        if self._bytes:
            self._largest = max(self._largest, int(rows.max()))
        self._parts.append(rows)
        # To be written they are joined, which takes as much once more.
        if sum(part.nbytes for part in self._parts) > self.limit / 2:
            self._write()

    @property
    def uses_bytes(self) -> bool:
        """Whether all numbers are whole from 0 to 255, and use that range."""
        return self._bytes and self._largest == FULL

    def finished(self, *, as_bytes: bool) -> np.ndarray | Stored:
        """All rows, as bytes or in the dtype.

        Raises:
            InputError: They are to be bytes, but some are not.
        """
        if as_bytes and not self._bytes:
            raise InputError("holds inputs that are no whole numbers from 0 to 255, as those of the training rows are")
        dtype = np.dtype(np.uint8) if as_bytes else self.dtype
        if self._folder is None:
            return self._joined(dtype)
        if self._parts:
            self._write()
        for path in self._files:
            if np.load(path, mmap_mode="r").dtype != dtype:
                np.save(path, np.load(path).astype(dtype))
        return Stored(*self._files, folder=self._folder)

    def _joined(self, dtype: np.dtype) -> np.ndarray:
        """The parts in memory as one array; each is released as soon as it is copied."""
        rows = np.empty((sum(map(len, self._parts)), self._parts[0].shape[1]), dtype)
        end = len(rows)
        while self._parts:
            part = self._parts.pop()
            rows[end - len(part) : end] = part
            end -= len(part)
        return rows

    def _write(self) -> None:
        """Move the parts in memory to a file of their own."""
        if self._folder is None:
            self._folder = Folder()
        dtype = np.uint8 if all(part.dtype == np.uint8 for part in self._parts) else self.dtype
        path = self._folder.path / f"rows-{len(self._files)}.npy"
        np.save(path, self._joined(np.dtype(dtype)))
        self._files.append(path)

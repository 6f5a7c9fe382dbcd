"""Opening of regular files only: a FIFO would be waited for, and a device never ends."""

import os
import stat
from io import BufferedReader

from xpnet._support.atomic_write import KINDS
from xpnet.errors import InputError


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading.

    Raises:
        InputError: It is a FIFO, a socket or a device.
        OSError: It cannot be opened, or is a folder.
    """
    return open(path, "rb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    """Descriptor of a regular file or a folder."""
    # Without a wait for whoever would write into a FIFO.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if kind := KINDS.get(stat.S_IFMT(os.fstat(descriptor).st_mode)):
        os.close(descriptor)
        raise InputError(f"it is a {kind}; copy what it gives into a file first.")
    return descriptor

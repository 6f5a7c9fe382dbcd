"""Files that are written whole or not at all."""

import os
from pathlib import Path

from xpnet.errors import InputError


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file in one move, once the new content is on the disk; whatever fails, nothing half-written stays.

    Raises:
        InputError: It cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        if os.name == "posix":
            # The rename itself is on the disk once the folder is.
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that a file cannot be written to, before the work that would be lost."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder.")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: the folder {path.parent} is read-only.")

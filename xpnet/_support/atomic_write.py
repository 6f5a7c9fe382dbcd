"""Writing files whole or not at all."""

import os
import secrets
import stat
from pathlib import Path

from xpnet.errors import InputError

KINDS = {stat.S_IFCHR: "device", stat.S_IFBLK: "device", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
"""Names of what is no file that content can be put into the place of."""


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file in one move, once the new content is on the disk; whatever fails, nothing half-written stays.

    Each call has a temporary file of its own, so that of several writers the last one wins, whole. A link is followed
    to the file that it names, and an existing file keeps its mode.

    Raises:
        InputError: It cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = _mode(target)
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        # Never a file or a link that somebody has put there.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            with open(descriptor, "wb") as file:
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if os.name == "posix":
            # The rename itself is on the disk once the folder is.
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that a file cannot be written to, before the work that would be lost."""
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise InputError(f"cannot write {Path(path)}: it is a folder.")
        _mode(target)
        if not target.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {Path(path).parent}.")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"cannot write {path}: the folder {target.parent} is read-only.")


def check_distinct(**paths: str | os.PathLike[str] | None) -> None:
    """Refuse one path for two purposes, of which one would destroy the other.

    Args:
        paths: Each by the name of its flag, with underscores; None where there is none.

    Raises:
        InputError: Two of them are the same file.
    """
    given = [(name, path) for name, path in paths.items() if path is not None]
    for index, (name, path) in enumerate(given):
        for other, before in given[:index]:
            if _is_same(path, before):
                one, two = (f"--{each.replace('_', '-')}" for each in (other, name))
                raise InputError(f"{one} and {two} both name {path}; give each a file of its own.")


def _mode(target: Path) -> int | None:
    """Permissions of an existing file, or None where there is none."""
    try:
        about = os.lstat(target)
    except FileNotFoundError:
        return None
    if kind := KINDS.get(stat.S_IFMT(about.st_mode)):
        raise InputError(f"cannot write {target}: it is a {kind}, which a file would take the place of.")
    return stat.S_IMODE(about.st_mode)


def _is_same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths are one file, existing or not."""
    try:
        if os.path.samefile(one, other):
            return True
    except OSError:
        pass
    return os.path.realpath(one) == os.path.realpath(other)

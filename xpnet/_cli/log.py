"""Log of a training: a line of JSON per epoch, in which a resumed training leaves no gap."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xpnet._support.atomic_write import write_whole
from xpnet.errors import InputError

Record = Mapping[str, Any]


def line(record: Record) -> str:
    """Line of an epoch."""
    return json.dumps(record) + "\n"


def append(path: str, text: str, mode: str = "a") -> None:
    """Append to a log, or begin it anew with mode "w"."""
    try:
        with open(path, mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error


def resume_log(path: str, history: Iterable[Record]) -> dict[int, Record]:
    """Make a log ready for further epochs: it ends with a whole line, and has those that were trained without it.

    Args:
        path: The log; it may not exist yet.
        history: Epochs of the model that is resumed.

    Returns:
        Its epochs by number; of one that stands there twice the later line.

    Raises:
        InputError: It is not a log, or cannot be written.
    """
    append(path, "")
    if not Path(path).is_file():
        return {}
    lines, torn = read_lines(path)
    epochs = dict(lines)
    lacking = [(each["epoch"], each) for each in history if each["epoch"] not in epochs]
    if lacking or torn:
        whole = sorted([*lines, *lacking], key=lambda entry: entry[0])
        write_whole(path, "".join(line(record) for _, record in whole).encode())
    return epochs | dict(lacking)


def read_lines(path: str) -> tuple[list[tuple[int, Record]], bool]:
    """Epochs of a log, each with its number, and whether its last line was torn by the end of its writer."""
    try:
        *lines, rest = Path(path).read_text(encoding="utf-8").split("\n")
        records = [json.loads(text) for text in lines if text.strip()]
        return [(int(record["epoch"]), record) for record in records], bool(rest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not the log of a training, which it would go on with; name another.") from error

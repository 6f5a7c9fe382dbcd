"""Tables by name, whose missing entries are told as sentences."""

from collections.abc import Mapping
from typing import Any, TypeVar

from xpnet.errors import InputError

Entry = TypeVar("Entry")


def lookup(table: Mapping[str, Entry], kind: str, name: Any, needed: str = "") -> Entry:
    """Entry of a table, or the sentence that says what is missing.

    Args:
        table: The entries by name.
        kind: What is named: "activation", "loss", "optimizer".
        name: Which one.
        needed: What the table gives for it, where it is not the registry itself: "ONNX node".

    Raises:
        InputError: The table has no such entry; the message lists those it has.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    lacking = f"{kind} {name!r} has no {needed}" if needed else f"{kind} is {name!r}"
    raise InputError(f"{lacking}; it can be {', '.join(table)}.")

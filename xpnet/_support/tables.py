"""Tables by name, whose missing entries are answered in sentences."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from xpnet.errors import InputError

Entry = TypeVar("Entry")

NO_SYNONYMS: Mapping[str, str] = MappingProxyType({})


def lookup(
    table: Mapping[str, Entry], kind: str, name: Any, needed: str = "", *, synonyms: Mapping[str, str] = NO_SYNONYMS
) -> Entry:
    """Entry of a table, or the sentence that says what is missing.

    Args:
        table: The entries by name.
        kind: What is named: "activation", "loss", "optimizer".
        name: Which one.
        needed: What the table gives for it, where it is not the registry itself: "ONNX node".
        synonyms: What other libraries call the entries: the message names the one that is meant.

    Raises:
        InputError: The table has no such entry; the message lists those it has.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    lacking = f"{kind} {name!r} has no {needed}" if needed else f"{kind} is {name!r}"
    if isinstance(name, str) and synonyms.get(name.lower()) in table:
        raise InputError(f"{lacking}; use {synonyms[name.lower()]!r}, which is the same.")
    raise InputError(f"{lacking}; it can be {', '.join(table)}.")

"""Tables by name, whose missing entries are answered in sentences."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from xpnet.errors import InputError

Entry = TypeVar("Entry")

NO_SYNONYMS: Mapping[str, str] = MappingProxyType({})


class Family(NamedTuple, Generic[Entry]):
    """Entries that differ by a number, which stands behind the name and a colon: `huber:0.5`.

    Attributes:
        make: Function from the number to the entry.
        fits: Whether a finite number makes one.
        number: What it is, in words: "the slope below 0, from 0 to 1".
    """

    make: Callable[[float], Entry]
    fits: Callable[[float], bool]
    number: str


def member(
    table: Mapping[str, Entry],
    families: Mapping[str, Family[Entry]],
    kind: str,
    name: Any,
    *,
    synonyms: Mapping[str, str] = NO_SYNONYMS,
) -> Entry:
    """Entry of a registry by `NAME`, or by `NAME:NUMBER` where its family has a number.

    Raises:
        InputError: There is no such entry, or the number makes none.
    """
    base, colon, text = name.partition(":") if isinstance(name, str) else (name, "", "")
    if colon and isinstance(synonyms.get(base.lower()), str):
        raise InputError(f"{kind} is {name!r}; use '{synonyms[base.lower()]}:{text}', which is the same.")
    entry = lookup(table, kind, base, synonyms=synonyms)
    if not colon:
        return entry
    if base not in families:
        raise InputError(f"{kind} is {name!r}, but {base} takes no number; leave out the colon and what follows it.")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and families[base].fits(number)):
        raise InputError(f"{kind} is {name!r}; behind the colon stands {families[base].number}.")
    return families[base].make(number)


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

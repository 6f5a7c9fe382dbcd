"""Values that a damaged or hostile file may hold where something else is expected."""

from collections.abc import Iterator
from typing import Any

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    1.5,
    2**31,
    2**63,
    10**30,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "\x1b]0;x\x07",
]
HOSTILE += ["", "\x1b]0;x\x07", "A" * 100_000, [], [1], [[]], [None], {}, {"a": 1}, [4, 5, 3], [-4, 3], ["relu", []]]


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (holder, key) of nested lists and dictionaries."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])

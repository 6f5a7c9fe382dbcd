"""Nested tuples and named tuples with arrays at their ends; None stays None."""

from collections.abc import Callable, Iterable
from typing import Any


def map_arrays(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every array of a tree."""
    if tree is None:
        return None
    if isinstance(tree, tuple):
        branches = [map_arrays(function, branch) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else tuple(branches)
    return function(tree)


def arrays_in(tree: Any) -> list[Any]:
    """The arrays of a tree, in order."""
    found: list[Any] = []
    _collect(tree, found)
    return found


def _collect(tree: Any, found: list[Any]) -> None:
    if isinstance(tree, tuple):
        for branch in tree:
            _collect(branch, found)
    elif tree is not None:
        found.append(tree)


def filled(tree: Any, arrays: Iterable[Any]) -> Any:
    """A tree of the same form with other arrays, in order."""
    following = iter(arrays)
    return map_arrays(lambda _: next(following), tree)

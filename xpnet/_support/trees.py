"""Trees: nested tuples and named tuples of arrays; None stays None."""

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
    """Arrays of a tree, in order."""
    if not isinstance(tree, tuple):
        return [] if tree is None else [tree]
    arrays: list[Any] = []
    for branch in tree:
        if isinstance(branch, tuple):
            arrays += arrays_in(branch)
        elif branch is not None:
            arrays.append(branch)
    return arrays


def filled(tree: Any, arrays: Iterable[Any]) -> Any:
    """Tree of the same form with other arrays, in order."""
    remaining = iter(arrays)
    return map_arrays(lambda _: next(remaining), tree)

"""Names of classes: words or numbers, as a network keeps them and a model file holds them."""

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from xpnet.errors import InputError

ClassName: TypeAlias = str | int | float

KINDS = (str, bool, int, float)
"""Types of names; all names of a network are of one."""


def are_names(names: Any) -> bool:
    """Whether they are a list of names, all of one type and each another."""
    if not isinstance(names, list | tuple) or not names or type(names[0]) not in KINDS:
        return False
    alike = all(type(name) is type(names[0]) for name in names) and len(set(names)) == len(names)
    return alike and (type(names[0]) is not float or all(map(math.isfinite, names)))


def checked_names(classes: Any, k: int) -> tuple[ClassName, ...]:
    """Names of k classes, NumPy's scalars made Python's.

    Raises:
        InputError: They are not k different words, or numbers.
    """
    names = tuple(_plain(name) for name in classes) if isinstance(classes, Iterable) else ()
    if len(names) != k or not are_names(names):
        shown = _shown(names) if names else repr(classes)
        raise InputError(f"classes is {shown}; give {k} different names, all of them words or all numbers.")
    return names


def names_of(labels: Any) -> tuple[ClassName, ...] | None:
    """Names of a classifier's labels that a network can keep; None where it cannot, or they are the numbers from 0."""
    names = tuple(_plain(label) for label in labels)
    numbered = all(type(name) is int for name in names) and names == tuple(range(len(names)))
    return names if are_names(names) and len(names) > 1 and not numbered else None


def _plain(name: Any) -> Any:
    """Name without NumPy's type."""
    return name.item() if isinstance(name, np.generic) else name


def _shown(names: tuple[Any, ...]) -> str:
    """Names in a message, the first few of many."""
    return repr(list(names)) if len(names) <= 10 else f"{repr(list(names[:10]))[:-1]}, …] of {len(names)}"

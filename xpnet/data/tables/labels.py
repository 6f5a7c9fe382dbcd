"""Labels: the column that is to be predicted, as numbers of classes with their names, or as targets."""

from typing import Any

import numpy as np

from xpnet.data.columns import is_number
from xpnet.data.tables.numbers import as_numbers, as_words
from xpnet.errors import InputError

MOST_CLASSES = 100
"""Different whole numbers beyond which they are taken for amounts, if there are many of them per row too."""

ROWS_PER_CLASS = 10

PART = 2**17
"""Labels that are sorted at a time: a copy of all of them would take as much memory again."""


class Labels:
    """Labels of one column, collected batch by batch.

    Args:
        name: Name of the column.
        regression: Whether whole numbers are targets too.
        classes: Names of the classes, if they are known; else they are the labels that occur, in order.
    """

    def __init__(self, name: str, regression: bool = False, classes: tuple[str | int, ...] | None = None) -> None:
        self.name, self.regression, self.classes = name, regression, classes
        self._parts: list[np.ndarray] = []

    def add(self, column: Any) -> np.ndarray:
        """Add some rows; the result is these rows' labels, equal ones equal."""
        kind = str(column.type)
        if kind.startswith(("string", "large_string", "dictionary", "bool")):
            part = np.asarray(as_words(column, self.name))
        elif is_number(kind):
            part = as_numbers(column, self.name)
        else:
            words = "bytes that are no words in UTF-8" if "binary" in kind else kind
            raise InputError(f"holds {words} in the column {self.name}; labels are words or numbers")
        if self._parts and part.dtype.kind != self._parts[0].dtype.kind:
            mixed = "words" if "U" in (part.dtype.kind, self._parts[0].dtype.kind) else "whole numbers"
            others = "numbers" if mixed == "words" else "others"
            raise InputError(f"holds {mixed} and {others} in the column {self.name}; a label is one or the other")
        # A copy: what pyarrow hands out may be a view that keeps the memory of all columns of these rows.
        self._parts.append(part.copy())
        return part

    def finished(self) -> tuple[np.ndarray, tuple[str | int, ...] | None]:
        """Numbers of the classes, and their names unless they are the numbers from 0 on; or targets, and None."""
        labels = np.concatenate(self._parts)
        self._parts.clear()
        if labels.dtype.kind == "f" or (self.regression and labels.dtype.kind in "iu"):
            return labels.astype(np.float64), None
        if self.regression:
            raise InputError(f"holds words in the column {self.name}, but the targets of a regression are numbers")
        present = np.unique(np.concatenate([*map(np.unique, np.array_split(labels, 1 + len(labels) // PART))]))
        if self.classes is not None:
            return self._numbered(labels), self.classes
        if labels.dtype.kind in "iu" and len(present) > max(MOST_CLASSES, len(labels) / ROWS_PER_CLASS):
            raise InputError(
                f"holds {len(present)} different whole numbers in the column {self.name}, in {len(labels)} rows; "
                "if they are amounts and not classes, add --regression (in the library regression=True)"
            )
        numbered = labels.dtype.kind in "iu" and np.array_equal(present, np.arange(len(present)))
        if numbered:
            return labels.astype(np.int64, copy=False), None
        return np.searchsorted(present, labels), tuple(present.tolist())

    def _numbered(self, labels: np.ndarray) -> np.ndarray:
        """Numbers of classes whose names are known."""
        numbers = {name: number for number, name in enumerate(self.classes or ())}
        unknown = [name for name in np.unique(labels).tolist() if name not in numbers]
        if unknown:
            raise InputError(f"holds {unknown[0]!r} in the column {self.name}, which is no class of the training rows")
        return np.asarray([numbers[name] for name in labels.tolist()], np.int64)

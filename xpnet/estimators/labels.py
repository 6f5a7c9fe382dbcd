"""Class labels of any kind, as numbers that a network learns, and back."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from xpnet._support.typing import Array
from xpnet.backends import Backend


class Labels(NamedTuple):
    """What the labels of a training are.

    Attributes:
        classes: Every label, in rising order; of a multilabel task the columns' numbers.
        kind: "binary", "multiclass" or "multilabel-indicator", as scikit-learn calls them.
    """

    classes: np.ndarray
    kind: str

    @property
    def outputs(self) -> int:
        """How many outputs tell them apart."""
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def loss(self) -> str:
        """The loss that learns them."""
        return "cross_entropy" if self.kind == "multiclass" else "binary_cross_entropy"

    def encoded(self, y: np.ndarray) -> np.ndarray:
        """Classes by number, or 0 and 1 in a column for each output."""
        if self.kind == "multilabel-indicator":
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise ValueError(f"y has shape {y.shape} but needs {len(self.classes)} columns, one for each label.")
            return (y != 0).astype(np.int32)
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}, but the labels before were single ones; give a vector.")
        numbers = np.searchsorted(self.classes, y).astype(np.int32)
        return numbers if self.kind == "multiclass" else numbers[:, None]

    def weights(self, class_weight: Any, y: np.ndarray) -> np.ndarray:
        """What each of these labels counts for, (n,); a dict may name labels that are not among them."""
        if isinstance(class_weight, dict) and y.ndim == 1:
            of_class = compute_class_weight(class_weight, classes=self.classes, y=y)
            return of_class[np.searchsorted(self.classes, y)]
        return compute_sample_weight(class_weight, y)

    def decided(self, a: Array, backend: Backend) -> Array:
        """The most probable class of each row, by number; of each label, 0 or 1."""
        xp = backend.xp
        if self.kind == "multiclass":
            return xp.argmax(a, axis=1)
        # Where there is but one class, no row is of another.
        chosen = xp.astype(a > (0.5 if len(self.classes) > 1 else 1.0), xp.asarray([0], device=backend.device).dtype)
        return chosen if self.kind == "multilabel-indicator" else chosen[:, 0]

    def named(self, decided: Array, classes: Array, there: Backend) -> Array:
        """The labels for what was decided, where both lie; those that are strings are NumPy's everywhere."""
        if self.kind == "multilabel-indicator":
            return decided
        if isinstance(classes, np.ndarray):
            return classes[there.to_host(decided)]
        return there.xp.take(classes, decided, axis=0)


def labels_in(y: Any) -> Labels:
    """What such labels are; refuses what are none."""
    binarizer = LabelBinarizer().fit(y)
    return Labels(binarizer.classes_, binarizer.y_type_)

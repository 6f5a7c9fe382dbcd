"""Labels of any kind, encoded for a network, and decoded."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_sample_weight

from xpnet._support.typing import Array
from xpnet.backends import Backend


class Labels(NamedTuple):
    """Labels of a task.

    Attributes:
        classes: All labels, in ascending order; of a multilabel task the numbers of the columns.
        kind: "binary", "multiclass" or "multilabel-indicator", as in scikit-learn.
    """

    classes: np.ndarray
    kind: str

    @property
    def outputs(self) -> int:
        """Number of outputs of a network for these labels."""
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def loss(self) -> str:
        """Loss of a network for these labels."""
        return "cross_entropy" if self.kind == "multiclass" else "binary_cross_entropy"

    def encoded(self, y: np.ndarray) -> np.ndarray:
        """Encode labels: as the number of each class, or as 0 and 1 in a column for each output."""
        if self.kind == "multilabel-indicator":
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise ValueError(f"y has shape {y.shape} but needs {len(self.classes)} columns, one for each label.")
            return (y != 0).astype(np.int32)
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}, but earlier labels were one per row; give a vector.")
        numbers = np.searchsorted(self.classes, y).astype(np.int32)
        return numbers if self.kind == "multiclass" else numbers[:, None]

    def weights(self, class_weight: Any, y: np.ndarray) -> np.ndarray:
        """Weights of these labels by class, (n,), with several labels the product of a row's.

        Unlike scikit-learn's, dicts may name classes that do not occur, such as a rare one that a fold lacks.
        """
        if isinstance(class_weight, dict) and y.ndim == 1:
            return _of_classes(class_weight, self.classes)[np.searchsorted(self.classes, y)]
        if y.ndim == 2 and _is_of_labels(class_weight, y.shape[1]):
            of_class = np.stack([_of_classes(each, np.arange(2)) for each in class_weight])
            return np.prod(of_class[np.arange(y.shape[1]), self.encoded(y)], axis=1)
        return compute_sample_weight(class_weight, y)

    def warn_of_unknown(self, class_weight: Any) -> None:
        """Warn of classes that do not occur, where others have no weight of their own: it may be a slip of the pen."""
        if not isinstance(class_weight, dict):
            return
        labels = self.classes.tolist()
        unknown = [repr(label) for label in class_weight if label not in labels]
        left_out = [repr(label) for label in labels if label not in class_weight]
        if unknown and left_out:
            warnings.warn(
                f"class_weight names {', '.join(unknown)}, which y lacks, and leaves out {', '.join(left_out)}, "
                "which counts with weight 1.",
                stacklevel=6,
            )

    def decisions(self, a: Array, backend: Backend) -> Array:
        """Decide on the most probable class of each row, by number, or on 0 or 1 for each label."""
        xp = backend.xp
        if self.kind == "multiclass":
            return xp.argmax(a, axis=1)
        # With a single class, every row is of that class.
        chosen = xp.astype(a > (0.5 if len(self.classes) > 1 else 1.0), xp.asarray([0], device=backend.device).dtype)
        return chosen if self.kind == "multilabel-indicator" else chosen[:, 0]

    def named(self, decisions: Array, classes: Array, backend: Backend) -> Array:
        """Decode decisions into labels, on their device; labels that are strings are always in NumPy arrays."""
        if self.kind == "multilabel-indicator":
            return decisions
        if isinstance(classes, np.ndarray):
            return classes[backend.to_host(decisions)]
        return backend.xp.take(classes, decisions, axis=0)


def _is_of_labels(class_weight: Any, labels: int) -> bool:
    """Whether it is a list with a dict for each label, with weights of 0 and 1 at most."""
    if not isinstance(class_weight, list) or len(class_weight) != labels:
        return False
    return all(isinstance(each, dict) and each.keys() <= {0, 1} for each in class_weight)


def _of_classes(class_weight: dict[Any, float], classes: np.ndarray) -> np.ndarray:
    """Weight of each class, 1 where the dict lacks it."""
    return np.asarray([class_weight.get(label, 1.0) for label in classes.tolist()], np.float64)


def labels_in(y: Any) -> Labels:
    """Find the labels of a task in its targets; anything else is refused."""
    binarizer = LabelBinarizer().fit(y)
    return Labels(binarizer.classes_, binarizer.y_type_)

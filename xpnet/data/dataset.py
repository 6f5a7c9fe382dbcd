"""Data: a data set of training and test rows, and the checks that every reader puts it through."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from xpnet._support.typing import Array
from xpnet.data.checks import check_features, check_finite, check_same_rows, count
from xpnet.data.columns import Layout
from xpnet.data.doubts import doubt_targets
from xpnet.data.files import reading
from xpnet.data.numbers import portable_dtype
from xpnet.data.stored import Stored, in_pieces, locating
from xpnet.data.targets import check_complete_labels, check_labels, check_targets, loss_for
from xpnet.errors import InputError

TRAIN, TEST, VALIDATION = ("x_train", "y_train"), ("x_test", "y_test"), ("x_val", "y_val")
"""Names of arrays in files: inputs and targets to train on, and of rows that are not trained on."""

SAMPLED = 1000
"""Rows of a stored array that its digest covers."""


class Data(NamedTuple):
    """Training and test rows as they were stored: images of bytes stay bytes. `Stored` arrays are read when needed.

    Attributes:
        input_scale: Divisor of the inputs before the first layer; None is 255 for bytes and 1 for any others, as
            `scale` says.
        name: Name of the data set in the output of a training.
        row_shape: Shape of an image before it became a row, where the rows were images.
        x_validation: Rows to validate on after every epoch, with their targets `y_validation`.
        classes: Names of the classes that integer labels number, for the network to keep; None has no names.
        weight: Sample weights of the training rows, where they came with them.
        layout: Columns of the table that the rows are from, if they are from one.
    """

    x_train: Array
    y_train: Array
    x_test: Array | None = None
    y_test: Array | None = None
    input_scale: float | None = None
    name: str = ""
    x_validation: Array | None = None
    y_validation: Array | None = None
    row_shape: tuple[int, ...] | None = None
    classes: tuple[str | int | float, ...] | None = None
    weight: Array | None = None
    layout: Layout | None = None

    @property
    def scale(self) -> float:
        """`input_scale`, resolved."""
        if self.input_scale is not None:
            return self.input_scale
        return 255.0 if str(self.x_train.dtype).endswith("uint8") else 1.0

    def fingerprint(self) -> str:
        """Short digest of the arrays and of the classes' names, to tell whether data have changed."""
        validation = () if self.x_validation is None else (self.x_validation, self.y_validation)
        names = () if self.classes is None else (np.asarray(self.classes),)
        return digest((*self[:4], *validation, *names))


def digest(arrays: Iterable[Array | None]) -> str:
    """Short digest of the shapes, dtypes and contents of host arrays; of a stored one it covers some rows."""
    content = hashlib.blake2b(digest_size=8)
    for array in arrays:
        if array is None:
            content.update(b"none")
            continue
        content.update(f"{array.dtype} {tuple(array.shape)} ".encode())
        host = np.ascontiguousarray(array.spread_rows(SAMPLED) if isinstance(array, Stored) else array)
        content.update(host.reshape(-1).view(np.uint8).data)
    return content.hexdigest()


def assemble(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_test: np.ndarray | None = None,
    y_test: np.ndarray | None = None,
    x_validation: np.ndarray | None = None,
    y_validation: np.ndarray | None = None,
    *,
    origin: object,
    name: str,
    input_scale: float | None = None,
) -> Data:
    """Checked data set from a reader's arrays, with its scale resolved; error messages begin with the origin."""
    row_shape = x_train.shape[1:] if x_train.ndim > 2 else None
    x_train, y_train = as_rows(x_train), as_targets(y_train)
    with reading(origin):
        loss, outputs = task(y_train, name="y_train", training=True)
        check_rows(x_train, y_train, names=("x_train", "y_train"), loss=loss, outputs=outputs)
        others = []
        for x, y, names in ((x_test, y_test, TEST), (x_validation, y_validation, VALIDATION)):
            check_pair(x, y, names=names)
            if x is not None and y is not None:
                x, y = as_rows(x), as_targets(y)
                check_rows(x, y, names=names, loss=loss, outputs=outputs)
                check_alike(x_train, x, name=names[0])
            others += [x, y]
    x_test, y_test, x_validation, y_validation = others
    data = Data(x_train, y_train, x_test, y_test, input_scale, name, x_validation, y_validation, row_shape)
    return data._replace(input_scale=data.scale)


def unread(names: Sequence[str], read: Sequence[str]) -> str:
    """Words for arrays that are passed over because of their names."""
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not read, only {', '.join(read)}"


def check_pair(x: Any, y: Any, *, names: tuple[str, str]) -> None:
    """Refuse inputs without targets, and targets without inputs."""
    if (x is None) != (y is None):
        present, missing = names if y is None else names[::-1]
        raise InputError(f"{present} comes without {missing}; give both, or leave out both.")


def task(y: np.ndarray | Stored, *, name: str, training: bool = False) -> tuple[str, int]:
    """Loss that targets call for, and the number of outputs.

    With `training`, targets that cannot be trained on are refused in the same pass: NaN, infinity, gaps in the labels;
    and a warning says where they are probably something else.
    """
    losses, outputs, labels = set(), y.shape[1] if y.ndim == 2 else 1, np.empty(0, y.dtype)
    for start, part in in_pieces(y):
        with locating(y, start):
            losses.add(loss := loss_for(part, name=name, shape=y.shape, xp=np))
            if loss == "cross_entropy":
                check_labels(part, name=name, xp=np)
                outputs = max(outputs, int(part.max()) + 1)
                labels = np.union1d(labels, np.unique(part)) if training else labels
            elif training:
                check_finite(part, name=name, xp=np)
    if len(labels):
        check_complete_labels(labels, name=name)
    elif training:
        doubt_targets(y, name=name)
    # The targets of a regression may be 0 and 1 throughout some pieces.
    return losses.pop() if len(losses) == 1 else "squared_error", outputs


def check_rows(x: np.ndarray, y: np.ndarray, *, names: tuple[str, str], loss: str, outputs: int) -> None:
    """Refuse features and targets that do not belong together."""
    check_features(x, name=names[0], xp=np)
    check_targets(y, name=names[1], loss=loss, outputs=outputs, xp=np)
    check_same_rows(x, y, names=names)


def check_alike(x_train: np.ndarray | Stored, x_test: np.ndarray | Stored, *, name: str = "x_test") -> None:
    """Refuse test features that a network for the training features cannot take."""
    if x_train.shape[1] != x_test.shape[1]:
        raise InputError(
            f"{name} has {count(x_test.shape[1], 'column')} but x_train has {x_train.shape[1]}; both need as many."
        )
    if (x_train.dtype == np.uint8) != (x_test.dtype == np.uint8):
        raise InputError(
            f"{name} holds {x_test.dtype} but x_train {x_train.dtype}; both are divided by the same number, "
            "so both must be bytes (uint8) or neither."
        )


def as_rows(x: np.ndarray) -> np.ndarray:
    """Rows of images, or of anything else with more than two axes."""
    x = as_portable(x)
    return x.reshape(len(x), math.prod(x.shape[1:])) if x.ndim > 2 else x


def as_targets(y: np.ndarray) -> np.ndarray:
    """Targets, of which labels that are stored as a column, as Keras stores CIFAR's, become a vector."""
    y = as_portable(y)
    return y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "iu" else y


def as_portable(array: np.ndarray) -> np.ndarray:
    """Array in C order, of a dtype that every library has."""
    return np.asarray(array, dtype=portable_dtype(array.dtype), order="C")

"""A folder of .npy files of any size: x_train and y_train, and for a test set x_test and y_test.

An array may be in several numbered files, x_train-0.npy, x_train-1.npy and so on, one's rows behind the other's.
"""

import re
from math import prod
from pathlib import Path

import numpy as np

from xpnet.data.checks import check_features, check_same_rows
from xpnet.data.dataset import Data, check_alike, task
from xpnet.data.files import reading
from xpnet.data.stored import Stored, place
from xpnet.data.targets import check_complete_labels, check_targets
from xpnet.errors import DataError, InputError

NAMES = ("x_train", "y_train", "x_test", "y_test")


def files(folder: Path) -> dict[str, list[Path]]:
    """The files of each array that is there, in the order of their numbers."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.glob("*.npy"):
        if match := re.fullmatch(rf"({'|'.join(NAMES)})(?:[-_](\d+))?\.npy", path.name):
            found.setdefault(match[1], []).append((-1 if match[2] is None else int(match[2]), path))
    for numbered in found.values():
        if len(numbered) > 1 and min(numbered)[0] == -1:
            raise DataError(f"{min(numbered)[1]}: there are numbered files of that name too; leave one or the others")
    return {name: [path for _, path in sorted(found[name])] for name in NAMES if name in found}


def load(folder: Path) -> Data:
    """The data set in a folder. Targets are checked, row by row; inputs when they are read."""
    arrays = {name: Stored(*paths) for name, paths in files(folder).items()}
    with reading(folder):
        for name, partner in zip(NAMES, ("y_train", "x_train", "y_test", "x_test"), strict=True):
            if (name in arrays or name.endswith("train")) and partner not in arrays:
                held = ", ".join(f"{held}.npy" for held in arrays)
                raise InputError(f"{partner}.npy missing, in one file or numbered ones; it holds {held}")
    x, y = rows(arrays["x_train"]), targets(arrays["y_train"])
    loss, outputs = task(y, name="y_train")
    if loss == "cross_entropy":
        with reading(y):
            check_complete_labels(np.concatenate([np.unique(part) for _, part in y.stretches()]), name="y_train")
    check(x, y, names=("x_train", "y_train"), loss=loss, outputs=outputs)
    data = Data(x, y, name=folder.resolve().name)
    if "x_test" in arrays:
        x_test, y_test = rows(arrays["x_test"]), targets(arrays["y_test"])
        check(x_test, y_test, names=("x_test", "y_test"), loss=loss, outputs=outputs)
        with reading(folder):
            check_alike(x, x_test)
        data = data._replace(x_test=x_test, y_test=y_test)
    return data._replace(input_scale=data.scale)


def rows(x: Stored) -> Stored:
    """Images, or anything of more than two axes, as rows."""
    return x.with_rows(prod(x.shape[1:])) if x.ndim > 2 else x


def targets(y: Stored) -> Stored:
    """Labels stored as a column become a vector."""
    return y.with_rows() if y.shape[1:] == (1,) and y.dtype.kind in "iu" else y


def check(x: Stored, y: Stored, *, names: tuple[str, str], loss: str, outputs: int) -> None:
    """Refuse what does not belong together; of the inputs the first row is looked at."""
    with reading(x):
        check_features(x.read(0, 1), name=names[0], xp=np)
        check_same_rows(x, y, names=names)
    for start, part in y.stretches():
        with place(y, start):
            check_targets(part, name=names[1], loss=loss, outputs=outputs, xp=np)

"""Data by name or path: what a command's `--data` takes."""

import os
from pathlib import Path

import numpy as np

from xpnet.data import digits, folder, idx, mnist, npz, stored_folder
from xpnet.data.checks import check_features
from xpnet.data.dataset import Data, as_rows, as_targets, assemble, check_rows, task
from xpnet.data.files import reading
from xpnet.errors import DataError

NAMED = {"digits": digits.load, "mnist": mnist.load}
TRAIN, TEST = ["x_train", "y_train"], ["x_test", "y_test"]

SOURCES = (
    "data are digits, mnist, an .npz file with the arrays x_train, y_train and, for a test set, x_test, y_test, "
    "a folder of .npy files of these names, or one of IDX files under MNIST's names"
)
ROWS = (
    "rows are an .npz file with the array x_test or x, an .npy file, an IDX file of images "
    "or a folder of such files: x_test.npy, or IDX files under the names of MNIST's test set"
)


def load(source: str | os.PathLike[str]) -> Data:
    """Read a data set and check it.

    Args:
        source: "digits", "mnist", an .npz file with `x_train`, `y_train` and, for a test set, `x_test`, `y_test`, a
            folder of .npy files of these names, whose rows are read when they are needed, or a folder of IDX files
            under MNIST's names, each plain or with .gz. Images become rows.

    Raises:
        DataError: There is no such data, or it is not fit to train with; the message says what is wrong with it.
    """
    if source in NAMED:
        return NAMED[str(source)]()
    path = _existing(source, SOURCES)
    if path.is_dir():
        if _is_idx(path, TRAIN + TEST, folder.TRAIN + folder.TEST):
            return folder.load(path)
        return stored_folder.load(path)
    if path.suffix != ".npz":
        raise DataError(f"{path}: neither an .npz file nor a folder; {SOURCES}")
    held = npz.names(path)
    wanted = TRAIN + [name for name in TEST if name in held]
    found = dict(zip(wanted, npz.read(path, wanted), strict=True))
    x_test, y_test = found.get("x_test"), found.get("y_test")
    return assemble(found["x_train"], found["y_train"], x_test, y_test, origin=path, name=path.stem)


def load_rows(source: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Read rows to predict, and their labels or targets where the source has them, all of them into memory.

    Args:
        source: A name or a folder that `load` takes, for its test rows; an .npz file with `x_test` and perhaps
            `y_test`, else with `x` and perhaps `y`; an .npy file; or an IDX file of images, plain or with .gz.

    Raises:
        DataError: There are no such rows, or they are not fit to predict from.
    """
    if source in NAMED:
        data = NAMED[str(source)]()
        return np.asarray(data.x_test), data.y_test
    path = _existing(source, ROWS)
    x, y, names = _read_rows(path)
    x = as_rows(x)
    with reading(path):
        if y is None:
            check_features(x, name=names[0], xp=np)
        else:
            y = as_targets(y)
            loss, outputs = task(y, name=names[1])
            check_rows(x, y, names=names, loss=loss, outputs=outputs)
    return x, y


def _read_rows(path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, str]]:
    """Rows, targets or None, and what messages call them; all is read into memory, from .npy files in a folder too."""
    if path.is_dir():
        if _is_idx(path, TEST[:1], folder.TEST[:1]):
            return *folder.load_rows(path), ("the array", "the labels")
        return *stored_folder.load_rows(path), ("x_test", "y_test")
    with reading(path), open(path, "rb") as file:
        start = file.read(2)
    if start == b"PK":
        return _read_npz(path)
    if start == b"\x93N":
        return npz.read_one(path), None, ("the array", "")
    if start in (b"\0\0", idx.GZIP_MAGIC):
        return idx.read(path), None, ("the array", "")
    raise DataError(f"{path}: of no known kind; {ROWS}")


def _is_idx(path: Path, arrays: list[str], names: tuple[str, ...]) -> bool:
    """Whether a folder is one of IDX files; it is none where it holds one of the arrays, or only .npy files."""
    if stored_folder.files(path).keys() & set(arrays):
        return False
    if folder.locate(path):
        return True
    if any(path.glob("*.npy")):
        return False
    raise DataError(
        f"{path}: holds neither .npy files ({', '.join(f'{name}.npy' for name in arrays)}) "
        f"nor IDX files under MNIST's names ({', '.join(names)}, plain or with .gz)"
    )


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, str]]:
    held = npz.names(path)
    x, y = ("x", "y") if "x" in held and "x_test" not in held else ("x_test", "y_test")
    arrays = npz.read(path, [x, y] if y in held else [x])
    return arrays[0], arrays[1] if len(arrays) == 2 else None, (x, y)


def _existing(source: str | os.PathLike[str], possible: str) -> Path:
    path = os.path.expanduser(source)
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file or folder; {possible}")
    return Path(path)

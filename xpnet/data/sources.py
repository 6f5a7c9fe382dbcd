"""Data sources: data sets by name or path, as a command's `--data` takes them."""

import os
from pathlib import Path

import numpy as np

from xpnet.data import idx, idx_folder, mnist, npy_folder, npz
from xpnet.data.checks import check_features
from xpnet.data.dataset import Data, as_rows, as_targets, assemble, check_rows, task
from xpnet.data.files import reading
from xpnet.errors import DataError

DIGITS = Path(__file__).with_name("digits.npz")
DIGITS_WHITE = 16.0
DIGITS_TEST_EVERY = 5

TRAIN, TEST = ["x_train", "y_train"], ["x_test", "y_test"]

SOURCES = (
    "data are digits, mnist, an .npz file with the arrays x_train, y_train and, for a test set, x_test, y_test, "
    "a folder of .npy files of these names, or one of IDX files under MNIST's names"
)
ROWS = (
    "rows are an .npz file with the array x_test or x, an .npy file, an IDX file of images "
    "or a folder of such files: x_test.npy, or IDX files under the names of MNIST's test set"
)


def load_digits() -> Data:
    """Digits: 1 797 images of 8-by-8 handwritten digits, pixels 0 … 16, inside the package.

    Every fifth image, from the first on, is a test image (360), the others are for training (1 437).

    Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49, licensed under CC BY 4.0
    (https://creativecommons.org/licenses/by/4.0/). These are the rows of its test partition in the order of
    scikit-learn's `load_digits`; the values are unchanged, stored as bytes.
    """
    x, y = npz.read_npz(DIGITS, ["x", "y"])
    test = np.arange(len(x)) % DIGITS_TEST_EVERY == 0
    return assemble(x[~test], y[~test], x[test], y[test], origin=DIGITS, name="digits", input_scale=DIGITS_WHITE)


NAMED = {"digits": load_digits, "mnist": mnist.load_mnist}
"""Data sets by name."""


def load(source: str | os.PathLike[str]) -> Data:
    """Read and check a data set.

    Args:
        source: "digits", "mnist", an .npz file with `x_train`, `y_train` and, for a test set, `x_test`, `y_test`, a
            folder of .npy files of these names, whose rows are read when they are needed, or a folder of IDX files
            under MNIST's names, each plain or with .gz. Images become rows.

    Raises:
        DataError: There is no such data set, or it cannot be trained on; the message says what is wrong with it.
    """
    if source in NAMED:
        return NAMED[str(source)]()
    path = _existing(source, SOURCES)
    if path.is_dir():
        if _is_idx(path, TRAIN + TEST, idx_folder.TRAIN + idx_folder.TEST):
            return idx_folder.load_idx_folder(path)
        return npy_folder.load_npy_folder(path)
    if path.suffix != ".npz":
        raise DataError(f"{path}: neither an .npz file nor a folder; {SOURCES}")
    names = npz.npz_names(path)
    wanted = TRAIN + [name for name in TEST if name in names]
    arrays = dict(zip(wanted, npz.read_npz(path, wanted), strict=True))
    x_test, y_test = arrays.get("x_test"), arrays.get("y_test")
    return assemble(arrays["x_train"], arrays["y_train"], x_test, y_test, origin=path, name=path.stem)


def load_rows(source: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Read rows to predict on into memory, with their labels or targets where the source has them.

    Args:
        source: A name or a folder that `load` takes, for its test rows; an .npz file with `x_test` and perhaps
            `y_test`, else with `x` and perhaps `y`; an .npy file; or an IDX file of images, plain or with .gz.

    Raises:
        DataError: There are no such rows, or nothing can be predicted from them.
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
    """Rows, targets or None, and their names in messages; all are read into memory, .npy files in a folder too."""
    if path.is_dir():
        if _is_idx(path, TEST[:1], idx_folder.TEST[:1]):
            return *idx_folder.load_idx_rows(path), ("the array", "the labels")
        return *npy_folder.load_npy_rows(path), ("x_test", "y_test")
    with reading(path), open(path, "rb") as file:
        start = file.read(2)
    if start == b"PK":
        return _read_npz(path)
    if start == b"\x93N":
        return npz.read_npy(path), None, ("the array", "")
    if start in (b"\0\0", idx.GZIP_MAGIC):
        return idx.read_idx(path), None, ("the array", "")
    raise DataError(f"{path}: of no known format; {ROWS}")


def _is_idx(path: Path, arrays: list[str], names: tuple[str, ...]) -> bool:
    """Whether a folder is one of IDX files; it is not where it holds one of the arrays, or only .npy files."""
    if npy_folder.npy_files(path).keys() & set(arrays):
        return False
    if idx_folder.idx_files(path):
        return True
    if any(path.glob("*.npy")):
        return False
    raise DataError(
        f"{path}: holds neither .npy files ({', '.join(f'{name}.npy' for name in arrays)}) "
        f"nor IDX files under MNIST's names ({', '.join(names)}, plain or with .gz)"
    )


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, str]]:
    names = npz.npz_names(path)
    x, y = ("x", "y") if "x" in names and "x_test" not in names else ("x_test", "y_test")
    arrays = npz.read_npz(path, [x, y] if y in names else [x])
    return arrays[0], arrays[1] if len(arrays) == 2 else None, (x, y)


def _existing(source: str | os.PathLike[str], possible: str) -> Path:
    path = os.path.expanduser(source)
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file or folder; {possible}")
    return Path(path)

"""Data sources: data sets by name or path, as a command's `--data` takes them."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xpnet._support.warn import warn_user
from xpnet.data import idx, idx_folder, kinds, mnist, npy_folder, npz
from xpnet.data.checks import check_features
from xpnet.data.columns import Columns, Layout
from xpnet.data.dataset import TEST, TRAIN, VALIDATION, Data, as_rows, as_targets, assemble, check_rows, task, unread
from xpnet.data.files import reading
from xpnet.data.folders import data_folder
from xpnet.data.stored import Stored
from xpnet.data.tables import Table, is_table, read_table
from xpnet.data.tables.data_set import load_table
from xpnet.data.tables.formats import SUFFIXES
from xpnet.data.tables.reader import MEMORY
from xpnet.data.tables.split import Split
from xpnet.errors import DataError, DataWarning, InputError

DIGITS = "digits.npz"
DIGITS_WHITE = 16.0
DIGITS_TEST_EVERY = 5

ALL_INPUTS = Columns()
"""Columns of a table of which none has been named; of any other data the only ones."""

SOURCES = (
    "data are digits, mnist, an .npz file with the arrays x_train, y_train and, for a test set, x_test, y_test, "
    "a folder of .npy files of these names, one of IDX files under MNIST's names, or a table: .csv, .parquet, .feather"
)
ROWS = (
    "rows are a table, an .npz file with the array x_test or x, an .npy file, an IDX file of images "
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
    from importlib.resources import as_file, files

    # Also where the package is in a zip file.
    with as_file(files(__package__) / DIGITS) as path:
        x, y = npz.read_npz(path, ["x", "y"])
    test = np.arange(len(x)) % DIGITS_TEST_EVERY == 0
    return assemble(x[~test], y[~test], x[test], y[test], origin=DIGITS, name="digits", input_scale=DIGITS_WHITE)


NAMED = {"digits": load_digits, "mnist": mnist.load_mnist}
"""Data sets by name."""


def load(
    source: str | os.PathLike[str],
    columns: Columns = ALL_INPUTS,
    *,
    test: str | os.PathLike[str] | None = None,
    test_fraction: float = 0.0,
    seed: int = 0,
    dtype: str = "float32",
    megabytes: float = MEMORY,
) -> Data:
    """Read and check a data set.

    Args:
        source: "digits", "mnist", an .npz file with `x_train`, `y_train` and perhaps `x_test`, `y_test`, to be scored,
            and `x_val`, `y_val`, to be validated on; a folder of .npy files of these names, whose rows are read when
            they are needed; a folder of IDX files under MNIST's names, each plain or with .gz; or a folder around one
            of these. Images become rows. Or a table, as `read_table` takes it.
        columns: What the columns of a table are.
        test: Table with test rows, in the same columns.
        test_fraction: Fraction of the rows to set aside as test rows, in the same proportion from every class.
        seed: What these are drawn from.
        dtype: "float32" or "float64", for inputs of a table that are not bytes.
        megabytes: Size of a table's inputs beyond which they are read from temporary files.

    Raises:
        DataError: There is no such data set, or it cannot be trained on; the message says what is wrong with it.
        InputError: The arguments do not go together.
        MissingExtraError: A table needs pyarrow, which is not installed.
    """
    split = Split(test_fraction, seed) if test_fraction else None
    if split is not None and test is not None:
        raise InputError("test rows come from a file or are set aside, not both; leave out --test or --test-fraction.")
    path = None if source in NAMED else _existing(source, SOURCES)
    if path is not None and is_table(path):
        test_path = None if test is None else _existing(test, ROWS)
        return load_table(path, columns, split, test_path, dtype=dtype, megabytes=megabytes)
    if columns != ALL_INPUTS or test is not None:
        raise DataError(f"{source}: no table; columns and a file of test rows go with {', '.join(SUFFIXES)}")
    data = NAMED[str(source)]() if path is None else _load_arrays(path)
    return data if split is None else with_test_rows(data, split)


def with_test_rows(data: Data, split: Split) -> Data:
    """Data set of which some rows are set aside as test rows."""
    if data.x_test is not None:
        raise DataError(f"{data.name}: has test rows already; leave out --test-fraction")
    if isinstance(data.x_train, Stored) or isinstance(data.y_train, Stored):
        raise DataError(f"{data.name}: its rows are read in their order from disk; store test rows as x_test, y_test")
    labels = data.y_train.tolist() if data.y_train.dtype.kind in "iu" else [None] * len(data.y_train)
    aside = split.aside(labels)
    x, y = data.x_train, data.y_train
    return data._replace(x_train=x[~aside], y_train=y[~aside], x_test=x[aside], y_test=y[aside])


def _load_arrays(path: Path) -> Data:
    """Data set of NumPy's or of IDX files."""
    if path.is_dir():
        folder = data_folder(path, TRAIN + TEST, idx_folder.TRAIN + idx_folder.TEST)
        reader = idx_folder.load_idx_folder if _is_idx(folder, TRAIN + TEST) else npy_folder.load_npy_folder
        return reader(folder)._replace(name=path.resolve().name)
    if not kinds.start_of(path).startswith(kinds.NPZ) and path.suffix.lower() != ".npz":
        raise DataError(f"{path}: {kinds.describe(path) or f'of no known format; {SOURCES}'}")
    names = npz.npz_names(path)
    wanted = [*TRAIN, *(name for name in (*TEST, *VALIDATION) if name in names)]
    arrays = dict(zip(wanted, npz.read_npz(path, wanted), strict=True))
    if other := [name for name in names if name not in wanted]:
        warn_user(f"{path}: {unread(other, (*TRAIN, *TEST, *VALIDATION))}", DataWarning)
    others = (arrays.get(name) for name in (*TEST, *VALIDATION))
    return assemble(*(arrays[name] for name in TRAIN), *others, origin=path, name=path.stem)


def load_table_rows(source: str | os.PathLike[str], layout: Layout | None) -> Table | None:
    """Rows of a table to predict on, in the columns that a model was trained on; None where it is no table."""
    if source in NAMED or not is_table(path := _existing(source, ROWS)):
        return None
    if layout is None:
        raise DataError(f"{path}: a table, but the model was trained on arrays, whose columns have no names")
    return read_table(path, layout=layout, megabytes=math.inf)


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
        folder = data_folder(path, TEST[:1], idx_folder.TEST[:1])
        if _is_idx(folder, TEST[:1]):
            return *idx_folder.load_idx_rows(folder), ("the array", "the labels")
        return *npy_folder.load_npy_rows(folder), TEST
    start = kinds.start_of(path)
    if start.startswith(b"PK"):
        return _read_npz(path)
    if start.startswith(b"\x93N"):
        return npz.read_npy(path), None, ("the array", "")
    if start.startswith((kinds.IDX, kinds.GZIP)):
        return idx.read_idx(path), None, ("the array", "")
    raise DataError(f"{path}: {kinds.named(path) or 'of no known format'}; {ROWS}")


def _is_idx(folder: Path, arrays: Sequence[str]) -> bool:
    """Whether the files of a data folder are IDX files; it is not where it holds one of the arrays."""
    return not npy_folder.npy_files(folder).keys() & set(arrays) and bool(idx_folder.idx_files(folder))


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

"""NPY folders: data sets as .npy files of any size, x_train and y_train, and perhaps x_test, y_test, x_val and y_val.

The rows of an array may be in several numbered files, x_train-0.npy, x_train-1.npy and so on, one after the other;
numbers begin with 0 or 1, and none is left out.
"""

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from math import prod
from pathlib import Path

import numpy as np

from xpnet._support.warn import warn_user
from xpnet.data.checks import check_features, check_same_rows, count
from xpnet.data.dataset import TEST, TRAIN, VALIDATION, Data, check_alike, task, unread
from xpnet.data.files import reading
from xpnet.data.stored import Stored, locating
from xpnet.data.targets import check_targets
from xpnet.errors import DataError, DataWarning, InputError

NAMES = (*TRAIN, *TEST, *VALIDATION)
NUMBERING = "the files of an array are numbered one by one, from 0 or 1 on"
INPUTS = ("x", "image", "data", "feature", "input")
"""Beginnings of names that arrays of inputs have."""

LISTED = 8
"""Files of other names that a message lists at most."""


def npy_files(folder: Path) -> dict[str, list[Path]]:
    """Files of each array that the folder has, in the order of their numbers."""
    numbered_files: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.glob("*.npy"):
        if match := re.fullmatch(rf"({'|'.join(NAMES)})(?:[-_]([0-9]+))?\.npy", path.name):
            numbered_files.setdefault(match[1], []).append((-1 if match[2] is None else int(match[2]), path))
    for numbered in numbered_files.values():
        numbered.sort()
        check_numbering(numbered)
    return {name: [path for _, path in numbered_files[name]] for name in NAMES if name in numbered_files}


def check_numbering(files: list[tuple[int, Path]]) -> None:
    """Refuse files of one array whose numbers, in order, do not follow each other from 0 or 1 on."""
    first, path = files[0]
    if first == -1 and len(files) > 1:
        raise DataError(f"{path}: there are numbered files of that name too; remove it, or the numbered ones")
    if first > 1:
        raise DataError(f"{numbered_path(path, 0)} missing before {path.name}; {NUMBERING}")
    for (number, path), (after, other) in pairwise(files):
        if after == number:
            raise DataError(f"{other}: has the same number as {path.name}; {NUMBERING}")
        if after > number + 1:
            raise DataError(
                f"{numbered_path(path, number + 1)} missing between {path.name} and {other.name}; {NUMBERING}"
            )


def numbered_path(beside: Path, number: int) -> Path:
    """Path of the file of a number beside another file of the same array."""
    stem = beside.stem.rstrip("0123456789")
    digits = beside.stem.removeprefix(stem)
    return beside.with_name(f"{stem}{number:0{len(digits) if digits.startswith('0') else 1}}.npy")


def require_arrays(files: dict[str, list[Path]], needed: Sequence[str], folder: Path) -> None:
    """Refuse a folder that lacks any of these arrays, with a list of what it holds."""
    missing = [f"{name}.npy" for name in needed if name not in files]
    if missing:
        present = spell_files(files, folder)
        raise DataError(
            f"{folder}: {' and '.join(missing)} missing, in one file or numbered ones; it holds {present}"
            f"{'' if files else lines_for(folder)}"
        )


def lines_for(folder: Path) -> str:
    """Lines of Python that make a data set of a folder's arrays of other names; none where there are fewer than two."""
    arrays = sorted(folder.glob("*.npy"), key=lambda path: (not path.stem.lower().startswith(INPUTS), path.name))
    if len(arrays) < 2:
        return ""
    x, y, npz = (str(path) for path in (*arrays[:2], folder.with_name(f"{folder.resolve().name}.npz")))
    return (
        ". Two lines of Python make an .npz file of two of them:\n"
        f"  import numpy as np; x, y = np.load({x!r}), np.load({y!r})  # inputs and labels\n"
        f"  np.savez({npz!r}, x_train=x, y_train=y)"
    )


def other_files(files: dict[str, list[Path]], folder: Path) -> list[str]:
    """Names of a folder's other .npy files."""
    read = {path for paths in files.values() for path in paths}
    return sorted(path.name for path in folder.glob("*.npy") if path not in read)


def spell_files(files: dict[str, list[Path]], folder: Path) -> str:
    """Names of the .npy files in a folder; of an array in many files the first and the last one."""
    names = [[path.name for path in paths] for paths in files.values()]
    others = other_files(files, folder)
    spelled = [", ".join(of) if len(of) < 3 else f"{of[0]} to {of[-1]}" for of in names] + others[:LISTED]
    more = len(others) - LISTED
    return ", ".join(spelled) + (f" and {count(more, 'other')}" if more > 0 else "")


def load_npy_folder(folder: Path) -> Data:
    """Data set of a folder. Targets are all checked at once, in one pass; inputs when they are read."""
    files = npy_files(folder)
    pairs = [pair for pair in (TEST, VALIDATION) if files.keys() & set(pair)]
    require_arrays(files, [*TRAIN, *chain.from_iterable(pairs)], folder)
    arrays = {name: Stored(*paths) for name, paths in files.items()}
    x, y = as_matrix(arrays["x_train"]), as_vector(arrays["y_train"])
    if passed_over := other_files(files, folder):
        warn_user(f"{folder}: {unread(passed_over, NAMES)}", DataWarning)
    check_belong(x, y, names=TRAIN)
    with reading(y):
        loss, outputs = task(y, name="y_train", training=True)
    whole = arrays["x_train"].shape[1:]
    data = Data(x, y, name=folder.resolve().name, row_shape=whole if len(whole) > 1 else None)
    for names in pairs:
        others = as_matrix(arrays[names[0]]), as_vector(arrays[names[1]])
        check_belong(*others, names=names)
        with reading(folder):
            check_alike(x, others[0], name=names[0])
            if (others[1].shape[1:] or (1,)) != (y.shape[1:] or (1,)):
                raise InputError(
                    f"{names[1]} has shape {others[1].shape} but y_train {y.shape}; both need the same columns."
                )
        for start, part in others[1].pieces():
            with locating(others[1], start):
                check_targets(part, name=names[1], loss=loss, outputs=outputs, xp=np)
        if names == TEST:
            data = data._replace(x_test=others[0], y_test=others[1])
        else:
            data = data._replace(x_validation=others[0], y_validation=others[1])
    return data._replace(input_scale=data.scale)


def load_npy_rows(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Test rows and, where the folder has them, their targets, all read into memory."""
    files = npy_files(folder)
    require_arrays(files, TEST[:1], folder)
    x, *y = (np.asarray(Stored(*files[name])) for name in TEST if name in files)
    return x, y[0] if y else None


def as_matrix(x: Stored) -> Stored:
    """Rows of images, or of anything else with more than two axes."""
    return x.with_rows(prod(x.shape[1:])) if x.ndim > 2 else x


def as_vector(y: Stored) -> Stored:
    """Targets, of which labels that are stored as a column become a vector."""
    return y.with_rows() if y.shape[1:] == (1,) and y.dtype.kind in "iu" else y


def check_belong(x: Stored, y: Stored, *, names: tuple[str, ...]) -> None:
    """Refuse inputs that cannot be used, or not with these targets; of their numbers only the first row is checked."""
    with locating(x, 0):
        check_features(x.read(0, 1), name=names[0], shape=x.shape, xp=np)
        check_same_rows(x, y, names=(names[0], names[1]))

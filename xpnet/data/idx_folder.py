"""IDX folders: data sets as IDX files under MNIST's four names and those like them, each plain or with .gz.

Also read are `train-images.idx3-ubyte`, as some programs unpack it, a folder of a file's own name around it, a test set
that is called `test` instead of `t10k`, and a data set's name in front, as EMNIST has it.
"""

import os
import re
from pathlib import Path

import numpy as np

from xpnet.data import idx
from xpnet.data.dataset import Data, assemble
from xpnet.data.files import reading
from xpnet.errors import DataError

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

NAME = re.compile(r"(.*?)[-_]?(train|t10k|test)[-_](images|labels)[-._]idx[1-9]-[a-z]+(\.gz)?", re.IGNORECASE)
"""Name of a file: the data set's own, the part, what the part holds, and whether it is compressed."""


def load_idx_folder(folder: Path) -> Data:
    """Data set of a folder; without the two test files it has no test set."""
    files = idx_files(folder)
    require_files(files, TRAIN + TEST if files.keys() & set(TEST) else TRAIN, folder)
    arrays = [idx.read_idx(path) for path in files.values()]
    return assemble(*arrays, origin=folder, name=folder.resolve().name)


def load_idx_rows(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Test images and, where the folder has them, their labels."""
    files = idx_files(folder)
    require_files(files, TEST[:1], folder)
    images, labels = TEST
    return idx.read_idx(files[images]), idx.read_idx(files[labels]) if labels in files else None


def idx_files(folder: Path) -> dict[str, Path]:
    """Existing ones of the four files, by MNIST's names without .gz, in order.

    Raises:
        DataError: The folder holds several data sets.
    """
    sets: dict[str, dict[str, Path]] = {}
    for path in idx_paths(folder):
        match = NAME.fullmatch(path.name)
        if match is not None:
            train, images = match[2].lower() == "train", match[3].lower() == "images"
            sets.setdefault(match[1].lower(), {}).setdefault((TRAIN if train else TEST)[not images], path)
    if len(sets) > 1 and "" not in sets:
        raise DataError(f"{folder}: holds several data sets, {', '.join(sorted(sets))}; give each a folder of its own")
    files = sets.get("", next(iter(sets.values()), {}))
    return {name: files[name] for name in TRAIN + TEST if name in files}


def idx_paths(folder: Path) -> list[Path]:
    """Paths in a folder that are called like IDX files, plain ones first; of a folder of that name the file in it."""
    if not folder.is_dir():
        return []
    with reading(folder):
        paths = sorted((folder / name for name in os.listdir(folder) if NAME.fullmatch(name)), key=_plain_first)
        inner = [sorted(path.iterdir(), key=_plain_first) if path.is_dir() else [path] for path in paths]
    return [each for several in inner for each in several if NAME.fullmatch(each.name) and not each.is_dir()]


def _plain_first(path: Path) -> tuple[bool, str]:
    return path.suffix.lower() == ".gz", path.name


def require_files(files: dict[str, Path], names: tuple[str, ...], folder: Path) -> None:
    """Refuse a folder without all of these files."""
    missing = [name for name in names if name not in files]
    if missing:
        present = ", ".join(path.name for path in files.values())
        raise DataError(f"{folder}: {', '.join(missing)} missing, plain or with .gz; it holds {present}")

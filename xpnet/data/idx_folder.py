"""IDX folders: data sets as IDX files under MNIST's four names, each plain or with .gz."""

import os
from pathlib import Path

import numpy as np

from xpnet.data import idx
from xpnet.data.dataset import Data, assemble
from xpnet.errors import DataError

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


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
    """Existing ones of the four files, by their names without .gz, in order."""
    paths: dict[str, Path] = {}
    for name in TRAIN + TEST:
        for path in (folder / name, folder / f"{name}.gz"):
            if os.path.lexists(path):
                paths.setdefault(name, path)
    return paths


def require_files(files: dict[str, Path], names: tuple[str, ...], folder: Path) -> None:
    """Refuse a folder without all of these files."""
    missing = [name for name in names if name not in files]
    if missing:
        raise DataError(f"{folder}: {', '.join(missing)} missing, plain or with .gz; it holds {', '.join(files)}")

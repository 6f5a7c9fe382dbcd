"""MNIST from `$XPNET_DATA_DIR/mnist`, else from the cache folder, else downloaded into it.

Mirrors compress with different programs, so it is the uncompressed content that is checked, whatever its origin.
"""

import os
from pathlib import Path

import numpy as np

from xpnet.data import idx
from xpnet.data.dataset import Data, assemble
from xpnet.data.download import fetch_files
from xpnet.data.idx_folder import idx_files, require_files
from xpnet.errors import DataError

VARIABLE = "XPNET_DATA_DIR"

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

SIZES = dict(zip(SHA256, (47_040_016, 60_008, 7_840_016, 10_008), strict=True))
"""Bytes of each file; compressed it has fewer."""

REMEDY = (
    f"set {VARIABLE} to a folder whose subfolder mnist holds the four files {', '.join(SHA256)}, each plain or with .gz"
)


def load_mnist() -> Data:
    """MNIST: 60 000 training and 10 000 test images of handwritten digits, 784 bytes each.

    Raises:
        DataError: A file is missing or has the wrong content, or none of the mirrors can be reached.
    """
    files = files_of_user() or cached_files()
    arrays = [read_mnist(path, name) for name, path in files.items()]
    return assemble(*arrays, origin=next(iter(files.values())).parent, name="mnist")


def files_of_user() -> dict[str, Path]:
    """The four files in the user's folder; no file where it has none of them."""
    root = os.environ.get(VARIABLE)
    if not root:
        return {}
    folder = Path(root, "mnist").expanduser()
    files = idx_files(folder)
    if files:
        require_files(files, tuple(SHA256), folder)
    return files


def cached_files() -> dict[str, Path]:
    """The four files in the cache folder, into which missing ones are downloaded first."""
    from pooch import os_cache

    folder = Path(os_cache("xpnet"), "mnist")
    missing = [name for name in SHA256 if name not in idx_files(folder)]
    try:
        if missing:
            fetch_files({name: SIZES[name] for name in missing}, folder, read_mnist)
    except DataError as error:
        raise DataError(f"MNIST cannot be downloaded ({error}): {REMEDY}") from error
    except OSError as error:
        raise DataError(f"MNIST cannot be stored in {folder} ({error.strerror}): {REMEDY}") from error
    return idx_files(folder)


def read_mnist(path: Path, name: str) -> np.ndarray:
    """Read the array in one of the four files, if its content is the original's."""
    array = idx.read_idx(path)
    if idx.idx_sha256(array) != SHA256[name]:
        raise DataError(f"{path}: not MNIST's {name} (SHA-256 differs); remove it, or replace it by the original")
    return array

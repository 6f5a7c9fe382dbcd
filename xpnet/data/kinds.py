"""Kinds of files that people give as data: recognized by their first bytes, with the lines that make them readable."""

import gzip
import zipfile
import zlib
from codecs import getincrementaldecoder
from pathlib import Path
from typing import NamedTuple

from xpnet._support.regular_file import open_regular
from xpnet.data.files import reading

START = 512
"""Bytes by which a kind is recognized."""

MOST_METADATA = 100_000_000
"""Bytes of a safetensors file's header at most."""

NPZ, NPY, GZIP, IDX = b"PK\x03\x04", b"\x93NUMPY", b"\x1f\x8b", b"\0\0"


class Kind(NamedTuple):
    """Kind of a file.

    Attributes:
        name: What it is, with an article.
        remedy: What to do with it; `{path}` and `{npz}` stand for the file and for an .npz file beside it.
    """

    name: str
    remedy: str


def _lines(*lines: str) -> str:
    return "two lines of Python make an .npz file of it:" + "".join(f"\n  {line}" for line in lines)


PAGE = Kind("a web page, not data", "the download failed; download the file itself again")

KINDS = {
    b"\x93NUMPY": Kind(
        "a .npy array",
        _lines(
            "import numpy as np  # y.npy: the labels or targets of its rows",
            "np.savez({npz!r}, x_train=np.load({path!r}), y_train=np.load('y.npy'))",
        ),
    ),
    b"\x89HDF\r\n": Kind(
        "an HDF5 file",
        _lines(
            "import h5py, numpy as np; file = h5py.File({path!r})  # by the names of its arrays: list(file)",
            "np.savez({npz!r}, x_train=file['x_train'], y_train=file['y_train'])",
        ),
    ),
    b"MATLAB 5": Kind(
        "a MATLAB file",
        _lines(
            "import numpy as np, scipy.io; file = scipy.io.loadmat({path!r})  # by the names of its arrays: list(file)",
            "np.savez({npz!r}, x_train=file['X'], y_train=file['y'].reshape(-1))",
        ),
    ),
    b"\0\0": Kind("a single IDX file", "name the folder that holds the files of images and labels"),
    b"\x89PNG": Kind("a picture", "data are arrays of many; predict takes it as --image"),
    b"\xff\xd8\xff": Kind("a picture", "data are arrays of many; predict takes it as --image"),
    b"GIF8": Kind("a picture", "data are arrays of many; predict takes it as --image"),
    b"PAR1": Kind("a Parquet table", "give it a name that ends in .parquet"),
    b"ARROW1": Kind("a Feather table", "give it a name that ends in .feather"),
}
"""Kinds by the bytes that they start with."""

TENSORS = Kind("a safetensors file, as models are", "data are arrays; predict takes the model first, then the data")

PICKLE = Kind(
    "a pickle, which is never read: it can run any program",
    "if you trust it, "
    + _lines(
        "import gzip, pathlib, pickle, numpy as np; whole = pickle.loads({content}, encoding='latin1')",
        "(x, y), (xv, yv), (xt, yt) = whole; "
        "np.savez({npz!r}, x_train=x, y_train=y, x_val=xv, y_val=yv, x_test=xt, y_test=yt)",
    ),
)
"""Also of the form of Nielsen's and Theano's mnist.pkl.gz: training, validation and test rows."""

TEXT = Kind(
    "a text file",
    "of a table of numbers whose first column is the label, "
    + _lines(
        "import numpy as np; table = np.loadtxt({path!r}, delimiter=',')  # skiprows=1 if the first row has names",
        "np.savez({npz!r}, x_train=table[:, 1:], y_train=table[:, 0].astype(int))",
    ),
)


def start_of(path: Path) -> bytes:
    """First bytes of a file.

    Raises:
        DataError: It cannot be read.
    """
    with reading(path), open_regular(path) as file:
        return file.read(START)


def named(path: Path) -> str:
    """Name of a file's kind, with an article; empty where it is unknown.

    Raises:
        DataError: It cannot be read.
    """
    start = start_of(path)
    if start.startswith(NPZ):
        try:
            with zipfile.ZipFile(path) as archive:
                of_arrays = all(name.endswith(".npy") for name in archive.namelist())
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
            return "a damaged zip archive"
        return "an .npz file of data" if of_arrays else "a zip archive, as PyTorch's files are"
    kind = _kind(_unzipped(path) if start.startswith(GZIP) else start)
    return "" if kind is None else kind.name


def describe(path: Path) -> str:
    """Sentence that says what a file is, and how to make it readable; empty where it is unknown."""
    start, name = start_of(path), str(path)
    content = f"pathlib.Path({name!r}).read_bytes()"
    if start.startswith(GZIP):
        start, content = _unzipped(path), f"gzip.decompress({content})"
    kind = _kind(start)
    if kind is None:
        return ""
    npz = str(path.with_name(path.name.partition(".")[0] + ".npz"))
    return f"{kind.name}; {kind.remedy.format(path=name, npz=npz, content=content)}"


def is_page(start: bytes) -> bool:
    """Whether a file that starts so is a web page, as failed downloads are."""
    return start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _kind(start: bytes) -> Kind | None:
    """Kind of a file that starts so."""
    if is_page(start):
        return PAGE
    for signature, kind in KINDS.items():
        if start.startswith(signature):
            return kind
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < MOST_METADATA:
        return TENSORS
    return TEXT if _is_text(start) else None


def _is_text(start: bytes) -> bool:
    """Whether a file that starts so is text; its last letter may be cut off."""
    try:
        text = getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def _unzipped(path: Path) -> bytes:
    """First bytes of a gzip stream, as far as it is whole."""
    try:
        with gzip.open(path) as stream:
            return stream.read(START)
    except (OSError, EOFError, zlib.error):
        return b""

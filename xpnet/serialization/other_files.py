"""Files that are no models: what they are instead, by how they begin."""

import os
from zipfile import BadZipFile, ZipFile

BEGINNINGS = {
    b"\x93NUMPY": "a .npy array",
    b"\x1f\x8b\x08": "compressed by gzip, as IDX data are",
    b"\x00\x00\x08": "an IDX file of data",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x02\x8a": "a pickle, which is not read",
    b"\x80\x04\x95": "a pickle, which is not read",
    b"\x80\x05\x95": "a pickle, which is not read",
    b"PAR1": "a Parquet file of data",
}
"""What a file is, by its first bytes, with which no model begins: the length of its metadata would be megabytes."""

TEXT = 512
"""Bytes from which text is recognized."""


def other_kind(path: str | os.PathLike[str]) -> str:
    """What a file is that cannot be read as a model: `a .npz file of data`; empty where that is not known."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(TEXT)
        if beginning.startswith(b"PK\x03\x04"):
            with ZipFile(path) as archive:
                of_arrays = all(name.endswith(".npy") for name in archive.namelist())
            return "an .npz file of data" if of_arrays else "a zip archive, as PyTorch's files are"
    except (OSError, BadZipFile, ValueError, NotImplementedError):
        return ""
    for bytes_, kind in BEGINNINGS.items():
        if beginning.startswith(bytes_):
            return kind
    try:
        text = beginning.decode()
    except UnicodeDecodeError:
        return ""
    return "text, as tables and logs are" if text and all(map(_is_of_text, text)) else ""


def _is_of_text(letter: str) -> bool:
    """Whether a letter stands in text."""
    return letter.isprintable() or letter.isspace()

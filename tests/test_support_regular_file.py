"""Only regular files are opened, and nothing is waited for."""

import os

import pytest

from xpnet._support.regular_file import open_regular
from xpnet.data import Stored, load, load_picture, load_rows
from xpnet.errors import InputError


def test_regular_files_are_opened(tmp_path):
    """A file gives its bytes; a link is followed."""
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


def test_folders_and_missing_files_are_the_systems_errors(tmp_path):
    """These have the system's own words."""
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nowhere")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
@pytest.mark.parametrize(
    "reader",
    [open_regular, load_rows, load, Stored, lambda path: load_picture(path, 64, 16.0)],
    ids=["open", "rows", "data", "stored", "picture"],
)
def test_fifos_are_refused_by_every_reader(tmp_path, reader):
    """A FIFO into which nobody writes is refused at once."""
    if reader not in (open_regular, load_rows, load, Stored):
        pytest.importorskip("PIL")
    path = tmp_path / "x.npy"
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"it is a FIFO; copy what it gives into a file first"):
        reader(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no such device")
def test_devices_are_refused():
    """A device never ends."""
    with pytest.raises(InputError, match="it is a device"):
        open_regular("/dev/zero")

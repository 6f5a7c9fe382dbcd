"""A file is written whole, or the one that was there stays."""

import os

import pytest

from xpnet._support.atomic_write import check_writable, write_whole
from xpnet.errors import InputError


def test_content_takes_the_place_of_what_was_there(tmp_path):
    """A file is made anew and replaced, and nothing else is left in its folder."""
    path = tmp_path / "file"
    for content in (b"one", b"another"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    """When the disk fails in the middle of writing, the file that was there still is."""
    path = tmp_path / "file"
    write_whole(path, b"old")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(InputError, match=r"cannot write .*file: No space left on device"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_paths_that_cannot_be_written_are_found_out_early(tmp_path):
    """A folder, and a place in no folder, are refused before there is anything to write."""
    with pytest.raises(InputError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        check_writable(tmp_path / "none" / "m")
    check_writable(tmp_path / "m")

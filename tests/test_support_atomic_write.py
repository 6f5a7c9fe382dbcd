"""A file is written whole, or the one that was there stays."""

import os
import stat

import pytest

from xpnet._support.atomic_write import check_distinct, check_writable, write_whole
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


def test_each_writer_has_a_temporary_file_of_its_own(tmp_path, monkeypatch):
    """While one waits for the disk another may write the same path; both are whole, and the last one wins."""
    path, fsync, inner = tmp_path / "file", os.fsync, []

    def slow(descriptor):
        fsync(descriptor)
        if not inner:
            inner.append(True)
            write_whole(path, b"another's")
            assert path.read_bytes() == b"another's"

    monkeypatch.setattr(os, "fsync", slow)
    write_whole(path, b"mine")
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_keeps_its_mode(tmp_path):
    """A file that only its owner may read stays so."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_whole(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link(exists, tmp_path):
    """The file that it names is written, whether it exists or not."""
    target, link = tmp_path / "target", tmp_path / "link"
    if exists:
        target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("planted", [".file.tmp", "file.tmp"])
def test_a_link_under_a_temporary_name_is_not_followed(planted, tmp_path):
    """Nobody else chooses what is overwritten."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / planted).symlink_to(victim)
    write_whole(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"precious"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_fifo_is_not_replaced(tmp_path):
    """Neither early nor late, and it stays what it is."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    for write in (check_writable, lambda path: write_whole(path, b"new")):
        with pytest.raises(InputError, match="it is a FIFO, which a file would take the place of"):
            write(path)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_the_longest_names_can_be_written(tmp_path):
    """A temporary name is not longer than the file's own can be; one that is too long is a sentence."""
    write_whole(tmp_path / ("x" * 255), b"new")
    with pytest.raises(InputError, match="File name too long"):
        write_whole(tmp_path / ("x" * 256), b"new")


def test_one_path_for_two_purposes_is_refused(tmp_path):
    """By any way to write it, and by a hard link; different files are not."""
    (tmp_path / "a").touch()
    os.link(tmp_path / "a", tmp_path / "b")
    check_distinct(save=tmp_path / "a", log=tmp_path / "c", data=None)
    for other in (tmp_path / "a", tmp_path / "b", tmp_path / "." / "x" / ".." / "a"):
        with pytest.raises(InputError, match=r"--save and --log both name .*; give each a file of its own"):
            check_distinct(save=tmp_path / "a", log=other)
    with pytest.raises(InputError, match="--resume and --log-file both name"):
        check_distinct(resume=tmp_path / "new", log_file=tmp_path / "new")

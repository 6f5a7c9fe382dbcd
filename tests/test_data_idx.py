"""IDX files: what is read and what is refused."""

import gzip
import hashlib
import tracemalloc

import numpy as np
import pytest

from xpnet.data import idx
from xpnet.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + IMAGES.tobytes()


def compressed(content):
    """The same bytes every second: the names of the tests below hold them, and all workers must collect the same."""
    return gzip.compress(content, mtime=0)


def written(folder, content):
    """The path of a file with this content."""
    path = folder / "images"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("compress", [bytes, compressed], ids=["plain", "gzip"])
def test_plain_and_compressed_files_are_told_by_content(tmp_path, compress):
    """The file's name does not matter."""
    array = idx.read_idx(written(tmp_path, compress(CONTENT)))
    np.testing.assert_array_equal(array, IMAGES, strict=True)


def test_files_longer_than_a_chunk_are_read(tmp_path, monkeypatch):
    """Elements are read a chunk at a time."""
    monkeypatch.setattr(idx, "CHUNK", 7)
    np.testing.assert_array_equal(idx.read_idx(str(written(tmp_path, gzip.compress(CONTENT)))), IMAGES)


def test_the_digest_is_that_of_the_uncompressed_file():
    """An array and its shape determine the file."""
    assert idx.idx_sha256(IMAGES) == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"not an IDX file, it starts with the bytes \(none\)"),
        (b"\0\0", "not an IDX file, it starts with the bytes 00 00"),
        (b"<html>", "a web page, not data; the download failed; download the file itself again"),
        (b"\n<!DOCTYPE HTML>", "a web page, not data"),
        (compressed(b"<html>"), "a web page, not data"),
        (b"<h", "not an IDX file, it starts with the bytes 3c 68"),
        (b"\0\0\x08\0", "not an IDX file"),
        (b"\0\0\x08\xff", "not an IDX file"),
        (b"\0\0\x0a" + CONTENT[3:], "damaged, it announces elements of a type that IDX lacks, 0x0a"),
        (b"\0\0\x0d" + CONTENT[3:], "truncated, its header announces 96 bytes, more than the file can hold"),
        (CONTENT[:9], "truncated within its header"),
        (CONTENT[:-1], "truncated, its header announces 24 bytes but 23 follow"),
        (CONTENT + b"x", "bytes are left over after the 24"),
        (CONTENT[:4] + b"\xff" * 12, "truncated, its header announces 79228162458924105385300197375 bytes, more than"),
        (compressed(CONTENT)[:-9], "truncated, its gzip stream ends early"),
        (compressed(CONTENT)[:5], "truncated, its gzip stream ends early"),
        (compressed(CONTENT)[:-8] + b"\0" * 8, "damaged, CRC check failed"),
        (compressed(CONTENT)[:10] + b"\xff" * 20, "damaged, Error -3"),
        (compressed(CONTENT[:-1]), "truncated, its header announces 24 bytes but 23 follow"),
        (compressed(CONTENT + b"x"), "bytes are left over after the 24"),
    ],
)
def test_what_is_not_a_whole_file_of_bytes_is_refused(tmp_path, content, sentence):
    """The message names the file and what is wrong with it."""
    with pytest.raises(DataError, match=f"images: {sentence}"):
        idx.read_idx(written(tmp_path, content))


@pytest.mark.parametrize(
    ("number", "dtype"), [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
def test_all_six_types_are_read(tmp_path, number, dtype):
    """Each of the format's types of elements is read, most significant byte first."""
    array = np.asarray([[-1, 2, 300], [4, 5, 6]]).astype(dtype)
    path = written(tmp_path, bytes([0, 0, number, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + array.tobytes())
    np.testing.assert_array_equal(idx.read_idx(path), array)


def test_an_announced_length_is_not_believed(tmp_path, monkeypatch):
    """Memory is taken as bytes come, and where it ends there is a sentence."""
    content = bytes([0, 0, 8, 1]) + (2**32 - 1).to_bytes(4, "big") + bytes(5_000_000)
    path = written(tmp_path, compressed(content))
    with pytest.raises(DataError, match=r"images: .*more than the file can hold"):
        idx.read_idx(path)
    monkeypatch.setattr(idx, "MOST_EXPANSION", 10**9)
    tracemalloc.start()
    with pytest.raises(DataError, match="announces 4294967295 bytes but 5000000 follow"):
        idx.read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_paths_that_cannot_be_opened_are_refused(tmp_path):
    """Missing files, folders and paths through a file become sentences."""
    with pytest.raises(DataError, match="nowhere: no such file"):
        idx.read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r": is a directory|: permission denied"):
        idx.read_idx(tmp_path)
    with pytest.raises(DataError, match=r": (not a directory|no such file)"):
        idx.read_idx(written(tmp_path, CONTENT) / "below")

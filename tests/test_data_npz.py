"""NumPy's own files: what is read and what is refused, never unpickled."""

import io
import zipfile

import numpy as np
import pytest

from xpnet.data import npz
from xpnet.errors import DataError


@pytest.fixture
def path(tmp_path):
    """Where a test's file lies."""
    return tmp_path / "set.npz"


def test_only_the_wanted_arrays_are_read(path):
    """Arrays come in the order they are asked for, whatever else the file holds."""
    np.savez_compressed(path, x=[1, 2], other=np.array([{}]), y=[3])
    assert npz.npz_names(path) == ["x", "other", "y"]
    assert [array.tolist() for array in npz.read_npz(path, ["y", "x"])] == [[3], [1, 2]]


def test_missing_arrays_are_listed(path):
    """The message says what is missing and what is there."""
    np.savez(path, x_test=[1], features=[2])
    with pytest.raises(DataError, match=r"set.npz: x_train and y_train missing; it holds x_test, features"):
        npz.read_npz(path, ["x_train", "y_train", "x_test"])
    np.savez(path)
    with pytest.raises(DataError, match="x missing; it holds no arrays"):
        npz.read_npz(path, ["x"])


def test_objects_are_never_unpickled(path):
    """An array of Python objects is refused in both kinds of file."""
    np.savez(path, x=np.array([{}]))
    with pytest.raises(DataError, match=r"set.npz: x holds Python objects, which are never unpickled"):
        npz.read_npz(path, ["x"])
    np.save(path.with_suffix(".npy"), np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"set.npy holds Python objects, which are never unpickled"):
        npz.read_npy(path.with_suffix(".npy"))


@pytest.mark.parametrize("content", [b"", b"1,2,3\n", b"PK\x03\x04"])
def test_files_that_are_no_archive_are_refused(path, content):
    """Empty files, text and the first bytes of an archive get a sentence."""
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set.npz: not an .npz file(, or truncated| but a text file)"):
        npz.npz_names(path)


def test_damaged_archives_are_refused(path):
    """Wherever an archive is cut or a byte of it is changed, it is read all the same or refused with a sentence."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.arange(50), y=np.arange(3))
    content = buffer.getvalue()
    refused = 0
    for place in range(len(content)):
        for damaged in (content[:place], content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]):
            path.write_bytes(damaged)
            try:
                npz.read_npz(path, ["x", "y"])
            except DataError:
                refused += 1
    assert refused > len(content)


def test_members_that_are_no_arrays_are_refused(path):
    """A zip archive of something else is not taken for arrays."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "1,2,3")
    with pytest.raises(DataError, match=r"set.npz: x is a file of another kind, not a NumPy array"):
        npz.read_npz(path, ["x"])


def test_single_arrays_are_read(tmp_path):
    """An .npy file holds one array; a part of one is refused."""
    path = tmp_path / "x.npy"
    np.save(path, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(npz.read_npy(path), [[0, 1, 2], [3, 4, 5]])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"x.npy: is shorter than its header says, 175 bytes of 176; copy or save"):
        npz.read_npy(path)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_headers_of_every_version(tmp_path, version):
    """All that NumPy writes are read, and tell where the array begins."""
    path, array = tmp_path / "x.npy", np.arange(6.0).reshape(2, 3)
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    assert npz.npy_header(path) == (array.shape, array.dtype, path.stat().st_size - array.nbytes, False)
    np.testing.assert_array_equal(npz.read_npy(path), array)


def test_a_header_that_ends_early(tmp_path):
    """Wherever a file is cut it is refused: for its header, for what follows it, or for being none at all."""
    path = tmp_path / "x.npy"
    np.save(path, np.arange(6.0))
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        words = "not an .npy file" if size == 0 else f"ends within its header, after {size} byte"
        if size >= len(content) - 48:
            words = f"is shorter than its header says, {size} bytes of {len(content)}"
        for read in (npz.npy_header, npz.read_npy):
            with pytest.raises(DataError, match=f"x.npy: {words}"):
                read(path)


def test_a_shape_that_numpy_does_not_have(tmp_path):
    """More axes than an array can have are refused where the header is read, not where rows are; as many are taken."""
    path = tmp_path / "x.npy"
    for axes in (64, 70):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(2, *(1,) * (axes - 1))}, }}".ljust(501) + "\n"
        path.write_bytes(np.lib.format.magic(1, 0) + len(header).to_bytes(2, "little") + header.encode() + bytes(16))
        if axes == 64:
            assert npz.npy_header(path).shape == npz.read_npy(path).shape
            continue
        for read in (npz.npy_header, npz.read_npy):
            with pytest.raises(DataError, match=r"x\.npy: cannot be read, .*dimension"):
                read(path)


def test_paths_that_cannot_be_opened_are_refused(tmp_path):
    """Missing files and folders become sentences."""
    for read in (npz.npz_names, npz.read_npy):
        with pytest.raises(DataError, match="nowhere: no such file"):
            read(tmp_path / "nowhere")
        with pytest.raises(DataError, match=r": is a directory|: permission denied"):
            read(tmp_path)

"""Files of other kinds: each refusal says what it is, and the two lines in it make it readable."""

import gzip
import pickle
import re

import numpy as np
import pytest

from xpnet.data import load, load_rows
from xpnet.errors import DataError

X, Y = np.arange(24.0).reshape(6, 4), np.arange(6) % 3


def refusal(path):
    """Sentence that refuses a file or folder as a data set."""
    with pytest.raises(DataError) as error:
        load(path)
    return str(error.value)


def follow(sentence, folder, monkeypatch):
    """Do what the sentence's two lines say."""
    monkeypatch.chdir(folder)
    lines = re.findall(r"\n  (.*)", sentence)
    assert len(lines) == 2
    exec("\n".join(lines), {})


def check(path):
    """Check that the arrays are the data set of an .npz file."""
    data = load(path)
    np.testing.assert_array_equal(data.x_train, X)
    np.testing.assert_array_equal(data.y_train, Y)
    return data


def test_a_single_array(tmp_path, monkeypatch):
    """An .npy file alone is joined with that of its labels."""
    np.save(tmp_path / "rows.npy", X)
    np.save(tmp_path / "y.npy", Y)
    sentence = refusal(tmp_path / "rows.npy")
    assert "rows.npy: a .npy array; two lines of Python make an .npz file of it" in sentence
    follow(sentence, tmp_path, monkeypatch)
    check(tmp_path / "rows.npz")


@pytest.mark.parametrize("name", ["mnist.pkl", "mnist.pkl.gz"])
def test_a_pickle(tmp_path, monkeypatch, name):
    """A pickle of three pairs, plain or compressed, as MNIST once came, becomes training, validation, test rows."""
    content = pickle.dumps(((X, Y), (X[:4], Y[:4]), (X[:3], Y[:3])), protocol=2)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    sentence = refusal(tmp_path / name)
    assert f"{name}: a pickle, which is never read: it can run any program; if you trust it, two lines" in sentence
    follow(sentence, tmp_path, monkeypatch)
    data = check(tmp_path / "mnist.npz")
    assert (len(data.x_test), len(data.x_validation)) == (3, 4)


def test_a_text_file(tmp_path, monkeypatch):
    """A table of numbers with the label first becomes rows and labels."""
    np.savetxt(tmp_path / "table.txt", np.column_stack([Y, X]), delimiter=",")
    sentence = refusal(tmp_path / "table.txt")
    assert "table.txt: a text file; of a table of numbers whose first column is the label, two lines" in sentence
    follow(sentence, tmp_path, monkeypatch)
    check(tmp_path / "table.npz")


def test_a_matlab_file(tmp_path, monkeypatch):
    """MATLAB's arrays are read by SciPy."""
    io = pytest.importorskip("scipy.io")
    io.savemat(tmp_path / "set.mat", {"X": X, "y": Y[:, None]})
    sentence = refusal(tmp_path / "set.mat")
    assert "set.mat: a MATLAB file; two lines" in sentence
    follow(sentence, tmp_path, monkeypatch)
    check(tmp_path / "set.npz")


def test_an_hdf5_file(tmp_path, monkeypatch):
    """An HDF5 file is read by h5py."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["x_train"], file["y_train"] = X, Y
    sentence = refusal(tmp_path / "set.h5")
    assert "set.h5: an HDF5 file; two lines" in sentence
    follow(sentence, tmp_path, monkeypatch)
    check(tmp_path / "set.npz")


def test_a_folder_of_arrays_of_other_names(tmp_path, monkeypatch):
    """Its arrays are listed, and two of them made a data set."""
    folder = tmp_path / "set"
    folder.mkdir()
    for name, array in {"labels": Y, "images": X}.items():
        np.save(folder / f"{name}.npy", array)
    sentence = refusal(folder)
    assert "x_train.npy and y_train.npy missing, in one file or numbered ones; it holds images.npy, labels" in sentence
    follow(sentence, tmp_path, monkeypatch)
    check(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\n<!DOCTYPE html><html>", "a web page, not data; the download failed; download the file itself again"),
        (gzip.compress(b"<html><head>", mtime=0), "a web page, not data; the download failed"),
        (b"\0\0\x08\x01\0\0\0\x01\x05", "a single IDX file; name the folder that holds the files of images and labels"),
        (b"\x89PNG\r\n\x1a\n", "a picture; data are arrays of many; predict takes it as --image"),
        (b"\x10\0\0\0\0\0\0\0{}", "a safetensors file, as models are; data are arrays; predict takes the model first"),
        (b"PAR1", "a Parquet table; give it a name that ends in .parquet"),
        (b"\x01\x02\x03", "of no known format; data are digits, mnist, an .npz file"),
        (b"", "of no known format"),
        (gzip.compress(b"<html>", mtime=0)[:-12], "of no known format"),
    ],
)
def test_other_files(tmp_path, content, words):
    """Whatever else comes is named by its content, with what to do."""
    (tmp_path / "file.bin").write_bytes(content)
    assert f"file.bin: {words}" in refusal(tmp_path / "file.bin")


def test_an_npz_file_is_one_by_its_content(tmp_path):
    """An .npz file may be called anything."""
    np.savez(tmp_path / "set.npz", x_train=X, y_train=Y)
    for name in ("set.NPZ", "set", "set.data"):
        (tmp_path / "set.npz").rename(tmp_path / name)
        check(tmp_path / name)
        (tmp_path / name).rename(tmp_path / "set.npz")


def test_rows_that_are_no_data_are_named(tmp_path):
    """What is to be predicted is named by its content too."""
    (tmp_path / "rows.html").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"rows.html: a web page, not data; rows are a table, an .npz file"):
        load_rows(tmp_path / "rows.html")

"""Data by name or path."""

import gzip

import numpy as np
import pytest

import xpnet
from xpnet.data import load, load_rows
from xpnet.errors import DataError, DataWarning

X = np.arange(24, dtype=np.float32).reshape(4, 6)
Y = np.array([0, 1, 1, 0])


def test_an_npz_file_in_the_layout_of_keras_is_loaded(tmp_path):
    """Images become rows; the file's name becomes the set's."""
    np.savez(tmp_path / "set.npz", x_train=X.reshape(4, 2, 3), y_train=Y, x_test=X[:2].reshape(2, 2, 3), y_test=Y[:2])
    data = load(tmp_path / "set.npz")
    np.testing.assert_array_equal(data.x_train, X, strict=True)
    np.testing.assert_array_equal(data.y_test, Y[:2])
    assert (data.name, data.input_scale) == ("set", 1.0)


def test_the_test_set_of_an_npz_file_is_optional(tmp_path):
    """Both test arrays may be missing, one of them may not."""
    np.savez(tmp_path / "set.npz", x_train=X, y_train=Y)
    assert load(str(tmp_path / "set.npz")).x_test is None
    np.savez(tmp_path / "set.npz", x_train=X, y_train=Y, y_test=Y)
    with pytest.raises(DataError, match=r"set.npz: y_test comes without x_test"):
        load(tmp_path / "set.npz")


def test_unknown_data_are_told_what_is_possible(tmp_path):
    """Names and paths that lead nowhere list every kind of data."""
    for source in ("minst", tmp_path / "nowhere.npz", "\0"):
        with pytest.raises(
            DataError, match=r"no such file or folder; data are digits, mnist, an .npz file .* a folder"
        ):
            load(source)
    with pytest.raises(DataError, match=r"no such file or folder; rows are a table, an .npz file with"):
        load_rows("minst")
    (tmp_path / "set.dat").write_text("1,2,3")
    with pytest.raises(DataError, match=r"set.dat: a text file; .*two lines of Python make an .npz file of it"):
        load(tmp_path / "set.dat")
    with pytest.raises(DataError, match=r"set.dat: a text file; rows are a table, an .npz file"):
        load_rows(tmp_path / "set.dat")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    """A path that the shell did not expand is expanded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    np.savez(tmp_path / "set.npz", x_train=X, y_train=Y)
    assert load("~/set.npz").x_train.shape == (4, 6)


def test_rows_come_from_an_npz_file(tmp_path):
    """The test set is preferred to x and y, and targets are optional."""
    path = tmp_path / "rows.npz"
    np.savez(path, x=X[:3].reshape(3, 2, 3))
    x, y = load_rows(path)
    np.testing.assert_array_equal(x, X[:3], strict=True)
    assert y is None
    np.savez(path, x=X[:3], y=Y[:3].reshape(3, 1))
    assert load_rows(path)[1].tolist() == [0, 1, 1]
    np.savez(path, x=X[:3], y=Y[:3], x_test=X)
    assert [load_rows(path)[0].shape, load_rows(path)[1]] == [(4, 6), None]
    np.savez(path, x_test=X, y_test=Y + 0.5)
    assert load_rows(path)[1].dtype == np.float64
    np.savez(path, x_train=X)
    with pytest.raises(DataError, match=r"rows.npz: x_test missing; it holds x_train"):
        load_rows(path)


def test_rows_come_from_single_arrays(tmp_path):
    """An .npy file and an IDX file of images are told by their content."""
    np.save(tmp_path / "x.npy", X)
    np.testing.assert_array_equal(load_rows(str(tmp_path / "x.npy"))[0], X, strict=True)
    idx = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))
    (tmp_path / "plain").write_bytes(idx)
    (tmp_path / "compressed").write_bytes(gzip.compress(idx))
    for name in ("plain", "compressed"):
        x, y = load_rows(tmp_path / name)
        assert (x.tolist(), y) == ([[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]], None)


def test_rows_are_checked(tmp_path):
    """The checks of training data hold for rows to predict as well."""
    path = tmp_path / "rows.npz"
    for arrays, sentence in (
        ({"x": X * np.nan}, "x holds NaN in row 0, column 0"),
        ({"x": X[0]}, r"x has shape \(6,\) but needs two axes"),
        ({"x_test": X, "y_test": Y[:2]}, "y_test has 2 rows but x_test has 4"),
        ({"x_test": X, "y_test": -Y}, "y_test holds the label -1; labels start at 0"),
        ({"x": np.array([["a"]])}, "x holds <U1 but needs"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=f"rows.npz: {sentence}"):
            load_rows(path)
    (tmp_path / "labels").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
    with pytest.raises(DataError, match=r"labels: the array has shape \(2,\)"):
        load_rows(tmp_path / "labels")


def test_a_folder_is_loaded_and_predicted_from(tmp_path):
    """A folder that holds nothing of use is told both kinds of files, those of the rows that are wanted."""
    (tmp_path / "x_test.txt").write_text("1,2,3")
    for read, npy, idx in (
        (load, "x_train.npy, y_train.npy, x_test.npy, y_test.npy", "train-images-idx3-ubyte, train-labels"),
        (load_rows, "x_test.npy", "t10k-images-idx3-ubyte, plain"),
    ):
        with pytest.raises(DataError, match=rf"holds neither \.npy files \({npy}\) nor IDX files .*names \({idx}"):
            read(tmp_path)


def test_a_folder_with_npy_files_is_one_of_these(tmp_path):
    """Nothing is said of IDX files where any .npy file is; where there are IDX files, others are beside the point."""
    np.save(tmp_path / "x.npy", X)
    for read, missing in ((load, r"x_train\.npy and y_train\.npy"), (load_rows, r"x_test\.npy")):
        with pytest.raises(DataError, match=f": {missing} missing, in one file or numbered ones; it holds x.npy$"):
            read(tmp_path)
    np.save(tmp_path / "x_train.npy", X)
    with pytest.raises(DataError, match=r": x_test\.npy missing, .*; it holds x_train\.npy, x\.npy$"):
        load_rows(tmp_path)
    idx = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx)
    assert load_rows(tmp_path)[0].shape == (2, 6)


def test_rows_of_named_data_are_its_test_set():
    """A name stands for its test rows."""
    x, y = load_rows("digits")
    assert (x.shape, y.shape) == ((360, 64), (360,))


@pytest.mark.parametrize("stored", ["npz", "npy"])
def test_validation_rows_in_files_are_validated_on(tmp_path, stored):
    """x_val and y_val become the validation rows, checked as the test rows are."""
    arrays = dict(x_train=X, y_train=np.arange(len(X)) % 2, x_val=X[:2], y_val=np.asarray([0, 1]))

    def path(**changes):
        if stored == "npz":
            np.savez(tmp_path / "set.npz", **arrays | changes)
            return tmp_path / "set.npz"
        for name, array in (arrays | changes).items():
            np.save(tmp_path / f"{name}.npy", array)
        return tmp_path

    data = load(path())
    np.testing.assert_array_equal(data.x_validation, X[:2])
    np.testing.assert_array_equal(data.y_validation, [0, 1])
    network = xpnet.Network([X.shape[1], 2])
    epoch = next(xpnet.epochs(network, data, xpnet.adam(), batch_size=2, epochs=1))
    assert epoch.validation_accuracy is not None
    for changes, words in (
        (dict(x_val=X[:2, :1]), "x_val has 1 column but x_train has"),
        (dict(y_val=np.asarray([0, 2])), "y_val holds the label 2"),
        (dict(y_val=np.asarray([0])), "y_val has 1 row but x_val has 2"),
    ):
        with pytest.raises(DataError, match=words):
            load(path(**changes))


def test_arrays_that_are_not_read_are_named(tmp_path):
    """Arrays under other names are not passed over without a word."""
    np.savez(tmp_path / "set.npz", x_train=X, y_train=np.arange(len(X)) % 2, x_valid=X, ids=X)
    with pytest.warns(DataWarning, match=r"set.npz: x_valid, ids are not read, only x_train, y_train, .* y_val"):
        load(tmp_path / "set.npz")
    for name, array in dict(x_train=X, y_train=np.arange(len(X)) % 2, x_valid=X).items():
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.warns(DataWarning, match=r"x_valid.npy is not read, only x_train, y_train, .* y_val"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["set.npz", "set/x_train.npy"])
def test_a_page_under_a_data_files_name_is_named(tmp_path, name):
    """A failed download is said as such, whatever its name promises."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"<!DOCTYPE html><title>404</title>")
    if name != "set.npz":
        np.save(tmp_path / "set" / "y_train.npy", Y)
    with pytest.raises(DataError, match=r"a web page, not data; the download failed; download the file itself again"):
        load(tmp_path / name.partition("/")[0])

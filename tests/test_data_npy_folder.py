"""A folder of .npy files as `--data` takes it: what is found, in which order, and what is refused."""

import numpy as np
import pytest

from xpnet.data import Stored, load, load_rows, stored, task
from xpnet.errors import DataError, DataWarning


def arrays(n=30, test=6):
    """A data set of three classes."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 4)).astype("float32"), np.arange(n) % 3
    return dict(x_train=x, y_train=y, x_test=x[:test], y_test=y[:test])


def folder(path, **changes):
    """A folder with the files, some of them changed or, if None, left out."""
    for name, array in (arrays() | changes).items():
        if array is not None:
            np.save(path / f"{name}.npy", array)
    return path


def test_a_folder_is_a_data_set(tmp_path):
    """Arrays stay on disk; the name is the folder's."""
    data, wanted = load(folder(tmp_path)), arrays()
    assert data.name == tmp_path.name
    assert data.scale == 1
    for name, array in wanted.items():
        held = getattr(data, name)
        assert isinstance(held, Stored)
        assert np.array_equal(np.asarray(held), array)


def test_a_test_set_is_not_needed(tmp_path):
    """A folder may hold training rows only."""
    data = load(folder(tmp_path, x_test=None, y_test=None))
    assert (data.x_test, data.y_test) == (None, None)


def test_numbered_files_are_in_the_order_of_their_numbers(tmp_path):
    """2 comes before 10, with - or _ before the number; each array is cut as it likes."""
    wanted = arrays()
    folder(tmp_path, x_train=None, y_train=None)
    for number, part in enumerate(np.split(wanted["x_train"], [5, 8, 9, 11, 13, 14, 16, 20, 22, 29])):
        np.save(tmp_path / f"x_train-{number}.npy", part)
    for number, part in zip((1, 2), np.split(wanted["y_train"], [20]), strict=True):
        np.save(tmp_path / f"y_train_{number:03}.npy", part)
    np.save(tmp_path / "other.npy", np.ones(3))
    with pytest.warns(DataWarning, match=r"other.npy is not read"):
        data = load(tmp_path)
    assert np.array_equal(np.asarray(data.x_train), wanted["x_train"])
    assert np.array_equal(np.asarray(data.y_train), wanted["y_train"])


def test_images_and_columns_of_labels(tmp_path):
    """Images are rows, bytes are divided by 255, a column of labels is a vector."""
    images = np.random.default_rng(0).integers(0, 256, (30, 2, 3), dtype=np.uint8)
    changes = dict(x_train=images, x_test=images[:6], y_train=arrays()["y_train"][:, None])
    data = load(folder(tmp_path, **changes))
    assert (data.x_train.shape, data.y_train.shape, data.input_scale) == ((30, 6), (30,), 255)


def test_a_fingerprint_tells_changes(tmp_path):
    """The same files have the same; other numbers in rows that are looked at, or another test set, have another."""
    found = {load(folder(tmp_path)).fingerprint() for _ in range(2)}
    assert len(found) == 1
    changes = (dict(x_train=arrays()["x_train"] + 1), dict(y_train=np.arange(30) % 4), dict(x_test=None, y_test=None))
    for change in changes:
        for path in tmp_path.glob("*.npy"):
            path.unlink()
        found.add(load(folder(tmp_path, **change)).fingerprint())
    assert len(found) == 4


WITH_NAN = np.where(np.arange(30) == 17, np.nan, 1.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(y_train=None), r"y_train\.npy missing, in one file or numbered ones; it holds x_train\.npy, x_test\.npy"),
        (
            dict(x_train=None, y_train=None),
            r"x_train\.npy and y_train\.npy missing, .*; it holds x_test\.npy, y_test\.npy$",
        ),
        (dict(x_train=None), r"x_train\.npy missing"),
        (dict(y_test=None), r"y_test\.npy missing"),
        (dict(x_test=None), r"x_test\.npy missing"),
        (dict(y_train=np.arange(29) % 3), r"x_train\.npy: y_train has 29 rows but x_train has 30"),
        (dict(x_train=np.ones(30)), r"x_train\.npy: x_train has shape \(30,\) but needs two axes.*reshape\(-1, 1\)"),
        (dict(x_train=np.ones((30, 4), complex)), r"x_train\.npy: x_train holds complex128 but needs"),
        (dict(y_train=np.arange(30) % 3 * 2), r"y_train\.npy: label 1 never occurs in y_train, whose largest is 4"),
        (dict(y_train=np.zeros(30, int)), r"y_train\.npy: y_train holds only the label 0"),
        (dict(y_train=np.arange(30) % 17 - (np.arange(30) == 17)), r"y_train\.npy, row 17 \(from 0\): .* the label -1"),
        (dict(y_train=WITH_NAN, y_test=WITH_NAN[:6]), r"y_train\.npy: y_train holds NaN in row 17 \(counted"),
        (dict(y_train=np.full((30, 2), 3)), r"y_train\.npy.*: y_train holds int64 of shape \(30, 2\), which fits no"),
        (dict(y_test=np.arange(6)), r"y_test\.npy, row 5 \(from 0\): y_test holds the label 5; labels of 3 classes"),
        (dict(y_test=np.arange(6.0)), r"y_test\.npy: y_test holds float64 but needs integers"),
        (dict(y_test=np.eye(6)), r"y_test has shape \(6, 6\) but y_train \(30,\); both need the same columns"),
        (dict(x_test=np.ones((6, 5))), "x_test has 5 columns but x_train has 4"),
        (dict(x_test=np.ones((6, 4), np.uint8)), "x_test holds uint8 but x_train float32"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, monkeypatch, changes, words):
    """The sentence begins with the folder, or with the file that is wrong; shapes and rows are those of the whole."""
    monkeypatch.setattr(stored, "PIECE", 64)
    with pytest.raises(DataError, match=rf"^{tmp_path}.*{words}"):
        load(folder(tmp_path, **changes))


def test_one_file_or_numbered_ones(tmp_path):
    """Both of one name would be a guess."""
    folder(tmp_path)
    np.save(tmp_path / "x_train-1.npy", np.ones((2, 4)))
    with pytest.raises(DataError, match=r"x_train\.npy: there are numbered files of that name too; remove it, or the"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["-1", "_01"], r"x_train_01\.npy: has the same number as x_train-1\.npy; the files of an array are numbered"),
        (["-0", "-7"], r"x_train-1\.npy missing between x_train-0\.npy and x_train-7\.npy; the files of"),
        (["-1", "-2", "-10"], r"x_train-3\.npy missing between x_train-2\.npy and x_train-10\.npy"),
        ([f"-{i:02}" for i in range(9)] + ["-10"], r"x_train-09\.npy missing between x_train-08\.npy and x_train-10"),
        (["_099", "_100"], r"x_train_000\.npy missing before x_train_099\.npy"),
        (["-10"], r"x_train-0\.npy missing before x_train-10\.npy; .* are numbered one by one, from 0 or 1 on$"),
    ],
)
def test_numbers_follow_each_other(tmp_path, names, words):
    """A number that is there twice or left out is told with the file's name, before rows go astray."""
    folder(tmp_path, x_train=None)
    for name in names:
        np.save(tmp_path / f"x_train{name}.npy", np.ones((15, 4)))
    for read in (load, load_rows):
        with pytest.raises(DataError, match=words):
            read(tmp_path)


def test_files_are_listed_as_they_are_called(tmp_path):
    """Of many files the first and the last one are, and of other names eight."""
    for number in range(2):
        np.save(tmp_path / f"x_train-{number}.npy", np.ones((2, 4)))
    with pytest.raises(DataError, match=r": y_train\.npy missing, .*; it holds x_train-0\.npy, x_train-1\.npy$"):
        load(tmp_path)
    for number in range(2, 11):
        np.save(tmp_path / f"x_train-{number}.npy", np.ones((2, 4)))
        np.save(tmp_path / f"other{number:02}.npy", np.ones((2, 4)))
    with pytest.raises(DataError, match=r"x_train-0\.npy to x_train-10\.npy, other02\.npy, .*09\.npy and 1 other$"):
        load(tmp_path)


def test_training_targets_are_read_once(tmp_path, monkeypatch):
    """Their kind, their labels and their numbers are looked at together."""
    found, original = [], Stored.read

    def read(self, start, stop):
        found.append((self.paths[0].name, start, stop))
        return original(self, start, stop)

    monkeypatch.setattr(Stored, "read", read)
    load(folder(tmp_path))
    assert sorted(found) == [("x_test.npy", 0, 1), ("x_train.npy", 0, 1), ("y_test.npy", 0, 6), ("y_train.npy", 0, 30)]


@pytest.mark.parametrize(
    ("y", "loss", "outputs"),
    [
        (np.arange(30) % 3, "cross_entropy", 3),
        (np.eye(30, 2, dtype=int), "binary_cross_entropy", 2),
        (np.eye(30, 2), "binary_cross_entropy", 2),
        (np.where(np.arange(30) < 25, 0.0, 0.5), "squared_error", 1),
        (np.where(np.arange(60).reshape(30, 2) < 50, 1.0, 0.5), "squared_error", 2),
    ],
    ids=["labels", "yes or no", "yes or no in floats", "numbers", "numbers that begin as 1"],
)
def test_targets_choose_the_loss(tmp_path, monkeypatch, y, loss, outputs):
    """However few of them are looked at together."""
    monkeypatch.setattr(stored, "PIECE", 64)
    data = load(folder(tmp_path, y_train=y, x_test=None, y_test=None))
    assert task(data.y_train, name="y_train") == task(y, name="y") == (loss, outputs)


def test_rows_to_predict(tmp_path):
    """The test rows, with their labels if there are any."""
    wanted = arrays()
    x, y = load_rows(folder(tmp_path))
    assert np.array_equal(x, wanted["x_test"])
    assert np.array_equal(y, wanted["y_test"])
    (tmp_path / "y_test.npy").unlink()
    assert load_rows(tmp_path)[1] is None

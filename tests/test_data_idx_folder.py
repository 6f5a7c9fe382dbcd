"""Folders of IDX files."""

import gzip

import numpy as np
import pytest

from xpnet.data import idx_folder, load, load_rows
from xpnet.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([0, 1, 2, 1], np.uint8)


def content(array):
    """The IDX file that holds an array."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def files(tmp_path):
    """A folder with all four files, two of them compressed."""
    for name in idx_folder.TRAIN:
        (tmp_path / name).write_bytes(content(IMAGES if "images" in name else LABELS))
    for name in idx_folder.TEST:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content(IMAGES[:2] if "images" in name else LABELS[:2])))
    return tmp_path


def test_plain_and_compressed_files_make_a_data_set(files):
    """Images become rows of bytes, divided by 255."""
    data = load(files)
    np.testing.assert_array_equal(data.x_train, IMAGES.reshape(4, 6), strict=True)
    np.testing.assert_array_equal(data.y_test, LABELS[:2], strict=True)
    assert (data.input_scale, data.name) == (255.0, files.name)


def test_the_test_files_are_optional(files):
    """A folder of training files alone has no test set."""
    for name in idx_folder.TEST:
        (files / f"{name}.gz").unlink()
    assert load(str(files)).x_test is None
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte missing, .* it holds train-images"):
        load_rows(files)


def test_half_a_pair_is_refused(files):
    """Whatever comes without its partner is told, and what is missing."""
    (files / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte missing, plain or with .gz; it holds train-images"):
        load(files)
    (files / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="train-labels-idx1-ubyte, t10k-labels-idx1-ubyte missing"):
        load(files)


def test_an_empty_folder_is_refused(tmp_path):
    """A folder without any of the names is told which they are."""
    with pytest.raises(DataError, match=r"nor IDX files under MNIST's names \(train-images-idx3-ubyte, .* with \.gz\)"):
        load(tmp_path)


def test_files_that_disagree_are_refused(files):
    """As many labels as images are needed."""
    (files / "train-labels-idx1-ubyte").write_bytes(content(LABELS[:3]))
    with pytest.raises(DataError, match=f"{files.name}: y_train has 3 rows but x_train has 4"):
        load(files)


def test_a_broken_link_is_not_skipped(files):
    """A name that leads nowhere is refused instead of another file being taken."""
    (files / "t10k-images-idx3-ubyte").symlink_to(files / "gone")
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte: no such file"):
        load(files)


def test_rows_to_predict_come_from_the_test_files(files):
    """The labels are handed on where they are there."""
    x, y = load_rows(files)
    assert (x.shape, y.tolist()) == ((2, 6), [0, 1])
    (files / "t10k-labels-idx1-ubyte.gz").unlink()
    assert load_rows(files)[1] is None

"""Folders of IDX files."""

import gzip
import shutil

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


@pytest.mark.parametrize(
    "renamed",
    [
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("t10k", "test"),
        lambda name: f"emnist-letters-{name.replace('t10k', 'test')}",
        lambda name: f"{name}/{name}",
        lambda name: f"{name.replace('-idx', '.idx')}/{name}",
    ],
)
def test_other_names_in_use_are_read(files, renamed):
    """A dot for a dash, another test set's name, a data set's name in front, a folder around a file: all are read."""
    reference = load(files)
    for path in [path for path in files.iterdir() if path.is_file()]:
        target = files / renamed(path.name.removesuffix(".gz"))
        path.rename(files / "moved")
        target.parent.mkdir(exist_ok=True)
        (files / "moved").rename(target.with_name(target.name + path.suffix * (path.suffix == ".gz")))
    for data, wanted in zip(load(files)[:4], reference[:4], strict=True):
        np.testing.assert_array_equal(data, wanted)
    np.testing.assert_array_equal(load_rows(files)[0], reference.x_test)


def test_several_data_sets_in_a_folder_are_refused(files):
    """EMNIST's archive holds six; they are named. MNIST's own names win over them."""
    for path in list(files.iterdir()):
        for name in ("letters", "digits"):
            (files / f"emnist-{name}-{path.name}").write_bytes(path.read_bytes())
    assert load(files).x_train.shape == (4, 6)
    for path in files.glob("t*"):
        path.unlink()
    with pytest.raises(DataError, match="holds several data sets, emnist-digits, emnist-letters; give each a folder"):
        load(files)


@pytest.mark.parametrize("below", ["raw", "MNIST/raw", "MNIST"])
def test_folders_around_a_data_set(files, tmp_path_factory, below):
    """A folder around the files, or torchvision's MNIST/raw, is looked into; two of them are refused by name."""
    root = tmp_path_factory.mktemp("data")
    (root / below).parent.mkdir(exist_ok=True)
    files.rename(root / below)
    data = load(root)
    assert (data.x_train.shape, data.name) == ((4, 6), root.name)
    np.testing.assert_array_equal(load_rows(root)[1], LABELS[:2])
    shutil.copytree(root / below.partition("/")[0], root / "Other")
    with pytest.raises(DataError, match=rf"holds several data sets, in .*{below}.*; name one of these folders"):
        load(root)

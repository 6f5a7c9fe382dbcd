"""MNIST's origins, their order, and the check of its content."""

import gzip
import os
from pathlib import Path

import numpy as np
import pooch
import pytest

from xpnet.data import download, idx, load, load_rows, mnist
from xpnet.errors import DataError

ARRAYS = dict(
    zip(
        mnist.SHA256,
        (
            np.arange(40, dtype=np.uint8).reshape(10, 2, 2),
            np.arange(10, dtype=np.uint8),
            np.arange(8, dtype=np.uint8).reshape(2, 2, 2),
            np.array([3, 7], np.uint8),
        ),
        strict=True,
    )
)
ROOT = os.environ.get(mnist.VARIABLE, "")
real = [
    pytest.mark.mnist,
    pytest.mark.skipif(
        not ROOT or not mnist.idx_files(Path(ROOT, "mnist")), reason=f"{mnist.VARIABLE} names no folder with MNIST"
    ),
]


def write(folder, names=tuple(ARRAYS), compress=gzip.compress):
    """Write small files under MNIST's names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        array = ARRAYS[name]
        lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
        suffix = "" if compress is bytes else ".gz"
        (folder / (name + suffix)).write_bytes(compress(bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()))
    return folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The user's folder and the cache folder, both still to be made; small files count as MNIST, no mirror is there."""
    monkeypatch.setattr(mnist, "SHA256", {name: idx.idx_sha256(array) for name, array in ARRAYS.items()})
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(mnist.VARIABLE, str(tmp_path / "own"))
    return tmp_path / "own" / "mnist", tmp_path / "cache" / "xpnet" / "mnist"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("place", [0, 1])
def test_files_are_read_from_either_folder(places, place, compress):
    """The user's folder and the cache serve, plain or compressed."""
    write(places[place], compress=compress)
    data = load("mnist")
    np.testing.assert_array_equal(data.x_train, np.arange(40, dtype=np.uint8).reshape(10, 4), strict=True)
    assert (data.y_test.tolist(), data.input_scale, data.name) == ([3, 7], 255.0, "mnist")
    assert load_rows("mnist")[0].shape == (2, 4)


def test_the_users_folder_comes_first(places):
    """The cache is not looked at where the user's folder has the files."""
    write(places[0])
    places[1].mkdir(parents=True)
    (places[1] / "train-images-idx3-ubyte").write_bytes(b"damaged")
    assert load("mnist").x_train.shape == (10, 4)


def test_without_the_variable_the_cache_serves(places, monkeypatch):
    """The variable need not be set."""
    monkeypatch.delenv(mnist.VARIABLE)
    write(places[1])
    assert load("mnist").x_train.shape == (10, 4)


def test_an_incomplete_folder_of_the_user_is_refused(places):
    """It is not skipped for the cache, even where the cache is complete."""
    write(places[0], ["train-images-idx3-ubyte"])
    write(places[1])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte, t10k-.* missing, .* it holds train-images-idx3"):
        load("mnist")


@pytest.mark.parametrize("place", [0, 1])
def test_other_content_is_refused(places, place, monkeypatch):
    """Files that are not MNIST's are not taken for it, whichever folder holds them."""
    write(places[place])
    monkeypatch.setitem(mnist.SHA256, "t10k-labels-idx1-ubyte", "0" * 64)
    with pytest.raises(
        DataError, match=r"t10k-labels-idx1-ubyte.gz: not MNIST's .* remove it, or replace it by the original"
    ):
        load("mnist")


def test_without_a_network_one_line_says_what_to_do(places, capfd):
    """The message tells the variable and the files; nothing else is printed and no part of a file is left."""
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert str(caught.value).startswith(
        "MNIST cannot be downloaded (127.0.0.1: ConnectionError): set XPNET_DATA_DIR to"
    )
    assert "whose subfolder mnist holds the four files train-images-idx3-ubyte, " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert list(places[1].iterdir()) == []


def test_only_missing_files_are_downloaded(places, monkeypatch):
    """What an earlier download left in the cache is kept."""
    write(places[1], ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
    asked = []

    def fetch(names, folder, check):
        asked.extend(names)
        write(folder, names)

    monkeypatch.setattr(mnist, "fetch_files", fetch)
    assert load("mnist").x_test.shape == (2, 4)
    assert asked == ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"]


def test_a_cache_that_cannot_be_made_is_told(places):
    """Where the cache folder cannot be written, the message says what else to do."""
    places[1].parent.parent.write_text("a file, not a folder")
    with pytest.raises(DataError, match=r"MNIST cannot be stored in .*mnist \(.*\): set XPNET_DATA_DIR"):
        load("mnist")


class TestReal:
    """The real files, where XPNET_DATA_DIR leads to them."""

    pytestmark = real

    def test_mnist_has_its_published_size(self):
        """60 000 and 10 000 images of 784 bytes, in ten classes."""
        data = load("mnist")
        assert [array.shape for array in data[:4]] == [(60000, 784), (60000,), (10000, 784), (10000,)]
        assert {array.dtype.name for array in data[:4]} == {"uint8"}
        assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]

    def test_loading_keeps_to_the_size_of_the_images(self):
        """No copy of the training images is made on the way."""
        import tracemalloc

        tracemalloc.start()
        data = load("mnist")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.2 * sum(array.nbytes for array in data[:4])

"""Warnings of data that are probably not meant as they are understood, and silence about all others."""

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

import xpnet
from xpnet.data import load
from xpnet.data.doubts import doubt_inputs, doubt_targets
from xpnet.errors import DataWarning

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, 500)
PIXELS = RNG.integers(0, 256, (300, 64)) * (RNG.random(64) < 0.8)
TABLE = RNG.normal(size=(300, 5)) * [1, 1, 500, 0.1, 1]


@pytest.fixture(autouse=True)
def quiet():
    """Warnings are errors, unless a test expects them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (
            LABELS.astype(float),
            "y holds 10 different numbers, all whole, as float64: understood as the targets of a reg",
        ),
        (LABELS.astype("f4")[:, None], "y holds 10 different numbers, all whole, as float32: .* y.astype"),
        (np.eye(10)[LABELS], r"y has a single 1 in each row of 10: understood as that many yes-or-no targets"),
        (np.eye(2, dtype=bool)[LABELS % 2], r"y has a single 1 in each row of 2: .* y.argmax\(axis=1\)"),
    ],
)
def test_classes_that_are_stored_otherwise(y, sentence):
    """Labels as floats and one-hot labels are named as what they are understood as, with what makes labels of them."""
    with pytest.warns(DataWarning, match=sentence) as warned:
        doubt_targets(y, name="y")
    advice = re.search(r"y\.(astype\(int\)|argmax\(axis=1\))", str(warned[0].message))[0]
    labels = eval(advice, {"y": y}).reshape(-1)
    assert labels.tolist() in (LABELS.tolist(), (LABELS % 2).tolist())


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS + 0.5,
        np.arange(500.0),
        np.zeros(500),
        RNG.integers(0, 2, (500, 10)),
        RNG.normal(size=(500, 10)),
        np.asarray([1.0, 2.0, 3.0]),
    ],
)
def test_other_targets_are_not_doubted(y):
    """Labels, numbers with fractions or of many values, and rows of several labels are taken without a word."""
    doubt_targets(y, name="y")


@pytest.mark.parametrize("dtype", ["int64", "float32", "uint16"])
def test_pixels_that_are_no_bytes(dtype):
    """Whole numbers 0 … 255 of another type are named, and the bytes that the sentence makes of them are not."""
    x = PIXELS.astype(dtype)
    with pytest.warns(
        DataWarning, match=rf"x holds whole numbers 0 … 255 as {dtype}: understood as they are"
    ) as warned:
        doubt_inputs(x, name="x")
    doubt_inputs(eval(re.search(r"x\.astype\('uint8'\)", str(warned[0].message))[0]), name="x")


def test_columns_of_different_scale():
    """The columns that differ most are named, and those that the sentence makes of them are not."""
    with pytest.warns(DataWarning, match=r"the columns of x differ in scale by a factor of .*: column 2 .* column 3"):
        doubt_inputs(TABLE, name="x")
    x = TABLE
    doubt_inputs((x - x.mean(axis=0)) / x.std(axis=0), name="x")


@pytest.mark.parametrize(
    "x",
    [
        PIXELS.astype("uint8"),
        PIXELS / 255 * RNG.random((300, 64)) ** np.linspace(1, 40, 64),
        PIXELS * 1.01,
        PIXELS - 120.5,
        PIXELS * 257,
        TABLE[:, [0, 1, 4]],
        TABLE[:, :3] * [1, 1, 0],
        np.eye(300),
        RNG.integers(0, 100, (300, 20)),
        np.zeros((3, 4)),
        np.empty((1, 0)),
        RNG.random((300, 5)) > 0.5,
    ],
)
def test_other_inputs_are_not_doubted(x):
    """Bytes, images of any scale, standardized columns, indicators, small counts and constants pass without a word."""
    doubt_inputs(x, name="x")


@pytest.mark.parametrize("kind", [np.asarray, list, "torch", "jax.numpy"])
def test_a_training_says_it_once_at_its_start(kind):
    """A new training on arrays of any library warns at the caller's line; one that goes on does not."""
    if isinstance(kind, str):
        kind = pytest.importorskip(kind).asarray
    x, y, network = kind(TABLE.astype("float32")), kind(np.arange(300) % 3), xpnet.Network([5, 3])
    with pytest.warns(DataWarning, match="the columns of x differ") as warned:
        training = xpnet.epochs(network, (x, y), xpnet.adam(), batch_size=100, epochs=1)
    assert warned[0].filename == __file__
    done = next(training)
    xpnet.epochs(network, (x, y), xpnet.adam(), batch_size=100, epochs=2, resume=done.checkpoint)
    xpnet.epochs(network, (x, y), xpnet.adam(), batch_size=100, epochs=2, params=done.params)


def test_data_on_disk_are_doubted_too(tmp_path):
    """Of files some rows are looked at, inputs and targets alike."""
    np.save(tmp_path / "x_train.npy", TABLE)
    np.save(tmp_path / "y_train.npy", LABELS[:300].astype(float))
    with pytest.warns(DataWarning, match="y_train holds 10 different numbers"):
        data = load(tmp_path)
    network = xpnet.Network([5, 1], loss="squared_error")
    with pytest.warns(DataWarning, match="the columns of x_train differ"):
        xpnet.epochs(network, data, xpnet.adam(), batch_size=100, epochs=1)


def test_sparse_inputs_are_not_doubted():
    """Sparse inputs are counts, or scaled already."""
    sparse = pytest.importorskip("scipy.sparse")
    xpnet.epochs(
        xpnet.Network([5, 3]), (sparse.csr_array(TABLE), np.arange(300) % 3), xpnet.adam(), batch_size=9, epochs=1
    )


def test_the_command_says_it_in_a_line(tmp_path):
    """The command trains, and prints each doubt as a line on stderr."""
    np.savez(tmp_path / "d.npz", x_train=PIXELS, y_train=(np.arange(300) % 3).astype(float))
    command = [sys.executable, "-m", "xpnet.train", "--data", str(tmp_path / "d.npz"), "--epochs", "1", "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    assert [line.partition(" holds")[0] for line in run.stderr.splitlines()] == ["xpnet: y_train", "xpnet: x_train"]

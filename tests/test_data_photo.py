"""Digits on paper, as a phone's camera sees them, are answered as those of the data set are."""

import numpy as np
import pytest

import xpnet
from xpnet.data import load, load_picture
from xpnet.data.mnist import VARIABLE, files_of_user

image = pytest.importorskip("PIL.Image", reason="needs Pillow")
pytest.importorskip("scipy", reason="needs SciPy")

from xpnet.data.photo import ink  # noqa: E402 - after the check that SciPy is installed

HEIGHT, WIDTH, LARGE = 400, 600, 280
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH] / WIDTH


def grain(rng, deviation):
    """Noise of a sheet."""
    return rng.normal(0, deviation, (HEIGHT, WIDTH))


SHEETS = {
    "black on white": lambda ink, rng: 1 - ink,
    "white on black": lambda ink, rng: ink,
    "pencil": lambda ink, rng: 1 - 0.45 * ink,
    **{
        f"paper of {light} %": lambda ink, rng, light=light: light / 100 * (1 - 0.8 * ink) for light in (50, 70, 80, 90)
    },
    "grain of 2 %": lambda ink, rng: 0.8 - 0.65 * ink + grain(rng, 0.02),
    "grain of 5 %": lambda ink, rng: 0.8 - 0.65 * ink + grain(rng, 0.05),
    "pencil and grain": lambda ink, rng: 0.8 - 0.35 * ink + grain(rng, 0.05),
    "uneven light": lambda ink, rng: (0.9 - 0.5 * COLUMNS) * (1 - 0.8 * ink) + grain(rng, 0.02),
    "a lamp": lambda ink, rng: (0.4 + np.exp(-8 * ((COLUMNS - 0.2) ** 2 + ROWS**2)) / 2) * (1 - 0.8 * ink),
    "a shadow": lambda ink, rng: (0.9 - 0.3 * (ROWS + COLUMNS > 0.8)) * (1 - 0.8 * ink) + grain(rng, 0.02),
    "a table's edge": lambda ink, rng: np.where((ROWS < 0.02) | (COLUMNS < 0.02), 0.3, 0.9 * (1 - 0.8 * ink)),
    "dust": lambda ink, rng: np.where(rng.random(ink.shape) < 0.001, 0, 0.9 - 0.75 * ink),
}
"""Pictures of ink, from 0 to 1, on a sheet."""


def placed(digit, rng):
    """A digit in large anywhere on a sheet."""
    large = np.asarray(image.fromarray(digit).resize((LARGE, LARGE), image.Resampling.BILINEAR), float) / 255
    top, left = rng.integers(0, HEIGHT - LARGE), rng.integers(0, WIDTH - LARGE)
    return np.pad(large, ((top, HEIGHT - LARGE - top), (left, WIDTH - LARGE - left)))


def right(network, params, data, pictures, folder):
    """Fraction of the first test digits that are answered rightly after `pictures` has made a picture of each."""
    side, rng, hits = round(network.sizes[0] ** 0.5), np.random.default_rng(0), 0
    for row, label in zip(data.x_test[:100], data.y_test[:100], strict=True):
        digit = np.rint(row.reshape(side, side) * (255 / data.scale)).astype(np.uint8)
        light = np.clip(pictures(digit, rng), 0, 1)
        image.fromarray(np.rint(light * 255).astype(np.uint8)).save(folder / "photo.png")
        x = load_picture(folder / "photo.png", network.sizes[0], data.scale, data.name)
        hits += int(network.classify(params, x)[0]) == label
    return hits / 100


def trained(name, hidden, epochs):
    """A data set, and a network that has learned it."""
    data = load(name)
    network = xpnet.Network([data.x_train.shape[1], hidden, 10], input_scale=data.scale)
    history = xpnet.epochs(network, data, xpnet.adam(), batch_size=64, epochs=epochs, seed=0).history()
    return network, history.last.params, data


@pytest.fixture(scope="module")
def mnist():
    """MNIST, where its files are."""
    if not files_of_user():
        pytest.skip(f"{VARIABLE} names no folder with MNIST")
    return trained("mnist", 128, 3)


def seven():
    """Ink of a 7, with a stroke through it."""
    strokes = np.zeros((HEIGHT, WIDTH))
    strokes[100:124, 200:330] = 1
    for row in range(124, 320):
        column = 320 - (row - 110) // 2
        strokes[row, column - 14 : column + 14] = 1
    strokes[190:210, 240:330] = 1
    return strokes


@pytest.mark.parametrize("sheet", SHEETS)
def test_ink_is_what_is_written(sheet):
    """Of all that is ink or is taken for it, nine tenths are both, whatever the sheet."""
    truth = seven()
    light = np.clip(SHEETS[sheet](truth, np.random.default_rng(0)), 0, 1)
    written = ink(light) > 0.5
    assert (written & (truth > 0.5)).sum() / (written | (truth > 0.5)).sum() > 0.9


def test_an_empty_sheet_has_no_ink():
    """Grain alone, or nothing at all, is not written."""
    rng = np.random.default_rng(0)
    for light in (np.full((HEIGHT, WIDTH), 0.7), 0.7 + grain(rng, 0.02), 0.9 - 0.5 * COLUMNS + grain(rng, 0.02)):
        assert (ink(light) > 0).mean() < 0.01


@pytest.mark.mnist
@pytest.mark.parametrize("sheet", SHEETS)
def test_mnist_on_paper(mnist, sheet, tmp_path):
    """Of the first 100 test digits at least 93 are right on every sheet."""
    assert right(*mnist, lambda digit, rng: SHEETS[sheet](placed(digit, rng), rng), tmp_path) >= 0.93


@pytest.mark.mnist
@pytest.mark.parametrize("pixels", [2, 4, 8])
@pytest.mark.parametrize("paper", [0.0, 0.8])
def test_mnist_moved(mnist, paper, pixels, tmp_path):
    """Pictures of MNIST's own scale are centred first, whatever side the digit has been moved to."""

    def moved(digit, rng):
        by = rng.choice([-pixels, pixels], 2)
        return np.abs(paper - np.roll(np.pad(digit, 8), by, (0, 1)) / 255 * (0.75 if paper else 1))

    assert right(*mnist, moved, tmp_path) >= 0.93


@pytest.mark.mnist
def test_mnist_as_it_is(mnist, tmp_path):
    """A picture of the data set itself loses nothing."""
    network, params, data = mnist
    accuracy = np.mean(network.classify(params, data.x_test[:100]) == data.y_test[:100])
    assert right(network, params, data, lambda digit, rng: digit / 255, tmp_path) >= accuracy - 0.01

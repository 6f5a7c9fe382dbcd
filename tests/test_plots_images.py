"""Rows as images: which rows are some, and how they look in colour."""

import numpy as np
import pytest

from xpnet.errors import MissingExtraError

images = pytest.importorskip("xpnet.plots.images", reason="needs matplotlib", exc_type=MissingExtraError)

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("shape", "image"),
    [
        (None, None),
        ((28, 28), (28, 28)),
        ((28, 20, 1), (28, 20)),
        ((1, 28, 20), (28, 20)),
        ((32, 32, 3), (32, 32, 3)),
        ((3, 32, 32), (3, 32, 32)),
        ((32, 32, 5), None),
        ((4, 5, 6, 7), None),
    ],
)
def test_rows_that_were_stored_as_images(shape, image):
    """Grey images lose their single channel, those in colour keep three, and anything else is none."""
    assert images.stored_image(shape) == image


def test_rows_in_colour_are_drawn_as_they_were():
    """Bytes are shown as they are, with the channels last wherever they were; other numbers from low to high."""
    np.testing.assert_allclose(images.pixels(COLOURS.reshape(-1), (6, 5, 3)), COLOURS / 255)
    first = np.moveaxis(COLOURS, 2, 0)
    np.testing.assert_allclose(images.pixels(first.reshape(-1), (3, 6, 5)), COLOURS / 255)
    floats = COLOURS / 2.0 - 3
    shown = images.pixels(floats.reshape(-1), (6, 5, 3))
    np.testing.assert_allclose((shown.min(), shown.max()), (0, 1))
    np.testing.assert_allclose(images.pixels(floats.reshape(-1), (6, 5, 3), -1000, 1000)[0, 0], 0.5, atol=0.1)
    assert np.isfinite(images.pixels(np.zeros(90), (6, 5, 3))).all()


def test_grey_rows_keep_their_numbers():
    """The colour map decides on grey ones."""
    row = np.arange(6.0)
    np.testing.assert_array_equal(images.pixels(row, (2, 3), -9, 9), row.reshape(2, 3))

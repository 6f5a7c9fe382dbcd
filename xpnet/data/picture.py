"""Pictures from files as rows of inputs, in the form of a data set's own pictures."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from xpnet._support.optional import needed
from xpnet._support.regular_file import open_regular
from xpnet.data.files import reading
from xpnet.errors import DataError, InputError

INK = 0.1
"""Threshold between 0, black, and 1, white, above which a pixel belongs to a digit."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""Formats of pictures that are read, by Pillow's names; it decodes them by itself."""

MOST_PIXELS = 40_000_000
"""Pixels of the largest picture that is decoded: more than cameras take, and half a gigabyte while it is read."""

BOXES = {"digits": 1.0, "mnist": 20 / 28}
"""Fraction of a picture's side that a digit's longer side fills, in data sets whose digits are framed alike.

For any other data the whole picture is used.

Source: Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), for MNIST, where a digit's
centre of mass is in the middle.
"""


def load_picture(path: Path | str, inputs: int, scale: float, data: str = "") -> np.ndarray:
    """Read a picture as a row of a data set: grey, light on dark, and of the right size.

    A picture that already has the size is not resized; a light background becomes dark.

    Args:
        path: A file of one of `FORMATS`.
        inputs: The number of pixels, those of a square.
        scale: The value of white; where it is 255, the row is of bytes.
        data: The data set's name.

    Raises:
        DataError: The file is not a picture, or a damaged one.
        InputError: The number of inputs is not that of a square's pixels.
        MissingExtraError: Pillow is not installed.
    """
    side = math.isqrt(inputs)
    if side * side != inputs:
        raise InputError(f"the model takes {inputs} inputs, which make no square picture; give it rows of numbers.")
    grey = _grey(path)
    if _background(grey) > 0.5:
        grey = 1 - grey
    if grey.shape != (side, side):
        grey = _framed(grey, side, BOXES[data]) if data in BOXES else _resized(grey, side, side)
    row = grey.reshape(1, inputs) * scale
    return np.rint(row).astype(np.uint8) if scale == 255 else row.astype(np.float32)


def _grey(path: Path | str) -> np.ndarray:
    """Picture from 0, black, to 1, white; transparent parts are as far from the rest as can be."""
    with needed("reading a picture", "PIL"):
        from PIL import Image, ImageOps, UnidentifiedImageError
    with reading(path), open_regular(path) as file, _undamaged(path):
        try:
            # Named formats only: Pillow hands others, such as EPS, to programs.
            opened = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:
            raise DataError(f"{path}: not a picture; those of {', '.join(FORMATS)} are read") from None
        with opened:
            if math.prod(opened.size) > MOST_PIXELS:
                width, height = opened.size
                raise DataError(f"{path}: has {width} × {height} pixels, more than {MOST_PIXELS:,}; make it smaller")
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):
                return np.asarray(image, np.float64) / 65535
            if not image.has_transparency_data:
                return np.asarray(image.convert("L"), np.float64) / 255
            light, opaque = (np.asarray(band, np.float64) / 255 for band in image.convert("LA").split())
            seen = np.average(light, weights=opaque) if opaque.any() else 0.0
            return opaque * light + (1 - opaque) * (seen < 0.5)


@contextmanager
def _undamaged(path: Path | str) -> Iterator[None]:
    try:
        yield
    except (DataError, MemoryError, OSError):
        raise
    except Exception as error:
        # Pillow's readers report damage in many types of exception, SyntaxError among them.
        raise DataError(f"{path}: cannot be read, {error}") from error


def _background(grey: np.ndarray) -> float:
    """Lightness of the border."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _framed(grey: np.ndarray, side: int, box: float) -> np.ndarray:
    """Digit alone, as large and as bright as the data set's digits, with its centre of mass in the middle."""
    framed = np.zeros((side, side))
    ink = grey > INK
    if not ink.any():
        return framed
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    digit = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    digit = _resized(digit, *(max(1, round(length * box * side / max(digit.shape))) for length in digit.shape))
    centre = [np.average(np.arange(n) + 0.5, weights=digit.sum(axis=1 - i)) for i, n in enumerate(digit.shape)]
    top, left = (
        int(np.clip(round(side / 2 - middle), 0, side - length))
        for middle, length in zip(centre, digit.shape, strict=True)
    )
    framed[top : top + digit.shape[0], left : left + digit.shape[1]] = digit / digit.max()
    return framed


def _resized(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """Picture in another size, each pixel the mean of the area that it covers."""
    from PIL import Image

    image = Image.fromarray(grey.astype(np.float32))
    return np.array(image.resize((width, height), Image.Resampling.BOX), np.float64)

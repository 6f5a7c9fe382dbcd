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
"""Pixels of the largest picture that is decoded: half a gigabyte while it is read. Of a JPEG file, a fraction is."""

ALIKE = 0.15
"""Difference in size, as a fraction, up to which a digit of a data set's size is one that was only moved."""

LARGEST = 400
"""Pixels of a photo's longer side; a larger one is made smaller first, which takes grain away too."""

BOXES = {"digits": 1.0, "mnist": 20 / 28}
"""Fraction of a picture's side that a digit's longer side fills, in data sets whose digits are framed alike.

For any other data the whole picture is used.

Source: Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), for MNIST, where a digit's
centre of mass is in the middle.
"""


def load_picture(path: Path | str, inputs: int, scale: float, data: str = "") -> np.ndarray:
    """Read a picture as a row of a data set: grey, light on dark, and of the right size.

    The digits of a data set in `BOXES` are looked for on their sheet, and framed as that data set's are; of any other
    data the whole picture is taken. A picture that has the size already, and its digit in the middle, stays as it is; a
    light background becomes dark.

    Args:
        path: A file of one of `FORMATS`.
        inputs: The number of pixels, those of a square.
        scale: The value of white; where it is 255, the row is of bytes.
        data: The data set's name.

    Raises:
        DataError: The file is not a picture, or a damaged one.
        InputError: The number of inputs is not that of a square's pixels.
        MissingExtraError: Pillow is not installed, or SciPy where a digit has to be found.
    """
    side = math.isqrt(inputs)
    if side * side != inputs:
        raise InputError(f"the model takes {inputs} inputs, which make no square picture; give it rows of numbers.")
    grey = _grey(path)
    dark = 1 - grey if _background(grey) > 0.5 else grey
    if data in BOXES and not (dark.shape == (side, side) and is_framed(dark)):
        from xpnet.data.photo import ink

        dark = framed(ink(shrunk(grey)), side, BOXES[data])
    elif dark.shape != (side, side):
        dark = _resized(dark, side, side)
    row = dark.reshape(1, inputs) * scale
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
            # A JPEG file, as a phone's camera writes it, can be decoded to a fraction of its size.
            opened.draft("L", (LARGEST, LARGEST))
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


def is_framed(dark: np.ndarray) -> bool:
    """Whether a picture has a black border, and its centre of mass within a pixel of the middle."""
    if _background(dark) > INK or not dark.any():
        return False
    return all(abs(middle - length / 2) <= 1 for middle, length in zip(centre(dark), dark.shape, strict=True))


def framed(digit: np.ndarray, side: int, box: float) -> np.ndarray:
    """Digit as large and as bright as the data set's digits, with its centre of mass in the middle.

    One that has the right size already is only moved, by whole pixels.
    """
    frame = np.zeros((side, side))
    if not digit.any():
        return frame
    rows, columns = (np.flatnonzero((digit > INK).any(axis=axis)) for axis in (1, 0))
    digit = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest, wanted = max(digit.shape), box * side
    if abs(longest - wanted) > ALIKE * wanted:
        digit = _resized(digit, *(max(1, round(length * wanted / longest)) for length in digit.shape))
    top, left = (
        int(np.clip(round(side / 2 - middle), 0, side - length))
        for middle, length in zip(centre(digit), digit.shape, strict=True)
    )
    frame[top : top + digit.shape[0], left : left + digit.shape[1]] = digit / digit.max()
    return frame


def centre(digit: np.ndarray) -> list[float]:
    """Centre of mass, in pixels from the upper left corner."""
    return [float(np.average(np.arange(n) + 0.5, weights=digit.sum(axis=1 - i))) for i, n in enumerate(digit.shape)]


def shrunk(grey: np.ndarray) -> np.ndarray:
    """Picture of at most `LARGEST` pixels in height and width."""
    factor = LARGEST / max(grey.shape)
    return grey if factor >= 1 else _resized(grey, *(max(1, round(length * factor)) for length in grey.shape))


def _resized(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """Picture in another size, each pixel the mean of the area that it covers."""
    from PIL import Image

    image = Image.fromarray(grey.astype(np.float32))
    return np.array(image.resize((width, height), Image.Resampling.BOX), np.float64)

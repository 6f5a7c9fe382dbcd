"""Rows of numbers, drawn as small images where they are images, and otherwise as outlines."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from xpnet import backends
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array
from xpnet.errors import InputError
from xpnet.plots.style import BLUE

SMALLEST = 5
"""Side length from which on a square number of inputs is taken for an image."""


def as_numpy(tree: Any) -> Any:
    """Copy arrays of any library to NumPy."""
    return map_arrays(lambda array: backends.of(array).to_host(backends.of(array).asarray(array)), tree)


def first_rows(rows: Array, most: int) -> Array:
    """The first rows, at most this many."""
    return rows[: min(most, rows.shape[0]), ...]


COLOURS = 3
"""Channels of an image in colour: red, green, blue."""


def image_shape(inputs: int, shape: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
    """Shape of rows that are images: the one asked for, or of a square; None if the rows are no images.

    It is height and width, with three channels in colour, before or after them.
    """
    if shape is not None:
        if math.prod(shape) != inputs:
            raise InputError(f"shape is {shape}, which is {math.prod(shape)} pixels, but a row has {inputs} numbers.")
        return shape
    side = math.isqrt(inputs)
    return (side, side) if side >= SMALLEST and side * side == inputs else None


def stored_image(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Shape of images, as `image_shape` has it, of the shape in which rows were stored; None of any other rows."""
    if shape is not None and len(shape) == 3 and 1 in (shape[0], shape[2]):
        shape = shape[1:] if shape[0] == 1 else shape[:2]
    if shape is None or len(shape) not in (2, 3) or (len(shape) == 3 and COLOURS not in (shape[0], shape[2])):
        return None
    return shape


def pixels(row: np.ndarray, shape: tuple[int, ...], low: float | None = None, high: float | None = None) -> np.ndarray:
    """Image of a row: as it is in grey; in colour with the channels last, from 0 at `low` to 1 at `high`.

    None takes 0 … 255 for bytes, else the row's smallest and largest number.
    """
    image = row.reshape(shape)
    if len(shape) == 2:
        return image
    if shape[2] != COLOURS:
        image = np.moveaxis(image, 0, 2)
    whole = (0, 255) if row.dtype == np.uint8 else (float(row.min()), float(row.max()))
    low, high = whole[0] if low is None else low, whole[1] if high is None else high
    return np.clip((image.astype(float) - low) / ((high - low) or 1), 0, 1)


def draw_row(tile: Axes, row: np.ndarray, shape: tuple[int, ...] | None, **colours: Any) -> None:
    """Draw a row as an image, or as the outline of its values from left to right."""
    if shape is not None:
        image = pixels(row, shape, colours.get("vmin"), colours.get("vmax"))
        tile.imshow(image, interpolation="none", **({} if len(shape) == 3 else colours))
    else:
        tile.stairs(row, baseline=0, fill=True, color=BLUE)

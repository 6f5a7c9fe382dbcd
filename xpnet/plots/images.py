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


def image_shape(inputs: int, shape: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Height and width of rows that are images: those asked for, or of a square; None if the rows are no images."""
    if shape is not None:
        if math.prod(shape) != inputs:
            raise InputError(f"shape is {shape}, which is {math.prod(shape)} pixels, but a row has {inputs} numbers.")
        return shape
    side = math.isqrt(inputs)
    return (side, side) if side >= SMALLEST and side * side == inputs else None


def draw_row(tile: Axes, row: np.ndarray, shape: tuple[int, int] | None, **colours: Any) -> None:
    """Draw a row as an image, or as the outline of its values from left to right."""
    if shape is not None:
        tile.imshow(row.reshape(shape), interpolation="none", **colours)
    else:
        tile.stairs(row, baseline=0, fill=True, color=BLUE)

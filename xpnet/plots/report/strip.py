"""Whole vectors as small images, one pixel a number."""

from base64 import b64encode
from html import escape
from io import BytesIO

import numpy as np
from matplotlib.image import imsave

from xpnet.plots.report.mathml import number
from xpnet.plots.style import DIVERGING

COLUMNS = 64
"""Numbers side by side."""

CELL = 12
"""Pixels of the page that a number takes at most."""


def strip(values: np.ndarray, what: str) -> str:
    """A vector in the colours of weights, with its range below it.

    Args:
        values: The numbers.
        what: What they are, in words.
    """
    limit = float(np.abs(values).max()) or 1.0
    columns = min(len(values), COLUMNS)
    filled = np.full((-(-len(values) // columns), columns), np.nan)
    filled.flat[: len(values)] = values
    shown = image(filled, f"{what}, {len(values)} numbers", columns * CELL, DIVERGING, -limit, limit)
    low, high = (f"<math>{number(value)}</math>" for value in (values.min(), values.max()))
    return f'<div class="strip">{shown}<p>{escape(what)}: {len(values):,} numbers from {low} to {high}</p></div>'


def image(
    values: np.ndarray, what: str, width: int, colours: str, low: float | None = None, high: float | None = None
) -> str:
    """A matrix as an image of so many pixels at most; `what` is read to those who cannot see it."""
    file = BytesIO()
    imsave(file, np.ma.masked_invalid(values), cmap=colours, vmin=low, vmax=high, format="png")
    data = b64encode(file.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(what)}" style="width:min(100%,{width}px)">'

"""Images of whole vectors and matrices, one pixel per number."""

from base64 import b64encode
from html import escape
from io import BytesIO

import numpy as np
from matplotlib.image import imsave

from xpnet.plots.report.mathml import numeral
from xpnet.plots.style import DIVERGING

COLUMNS = 64
"""Most numbers side by side."""

CELL = 12
"""Most pixels of the page that a number takes."""


def strip(values: np.ndarray, name: str) -> str:
    """Strip of a vector in the colours of weights, with its range below it.

    Args:
        values: Numbers of the vector.
        name: Name of the vector, in words.
    """
    limit = float(np.abs(values).max()) or 1.0
    columns = min(len(values), COLUMNS)
    filled = np.full((-(-len(values) // columns), columns), np.nan)
    filled.flat[: len(values)] = values
    shown = image_element(filled, f"{name}, {len(values)} numbers", columns * CELL, DIVERGING, -limit, limit)
    low, high = (f"<math>{numeral(value)}</math>" for value in (values.min(), values.max()))
    return f'<div class="strip">{shown}<p>{escape(name)}: {len(values):,} numbers from {low} to {high}</p></div>'


def image_element(
    values: np.ndarray, alternative: str, width: int, colours: str, low: float | None = None, high: float | None = None
) -> str:
    """Image of a matrix.

    Args:
        values: Numbers, one per pixel of the image.
        alternative: Text for readers who cannot see it.
        width: Most pixels of the page that it takes.
        colours: Name of the colour map.
        low: Number at the lower end of the colours; None takes the smallest.
        high: Number at the upper end of the colours; None takes the largest.
    """
    file = BytesIO()
    imsave(file, np.ma.masked_invalid(values), cmap=colours, vmin=low, vmax=high, format="png")
    data = b64encode(file.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alternative)}" style="width:min(100%,{width}px)">'

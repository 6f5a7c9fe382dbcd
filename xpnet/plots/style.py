"""How all pictures look: readable in print, to the colour-blind, and drawn without a screen."""

import re
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any, ParamSpec

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

P = ParamSpec("P")

WIDTH = 3.9
"""Inches of a picture, those of a column of a page; a telephone shows so much at its full size."""

INK = "#1b1e23"
"""Of text and lines, which a web page sets in its own colour."""

BLUE, ORANGE, PURPLE, GREY, PALE = "#0072b2", "#d55e00", "#cc79a7", "#8a8f98", "#b3d4ea"
"""Of Okabe and Ito, told apart by the colour-blind; whatever has one has a mark or a place of its own too."""

DIVERGING = "PuOr_r"
"""From violet over white to orange: below 0, 0, above 0."""

STYLE: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 3.5,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """The function, drawing in this style whatever the caller's own settings are."""

    @wraps(draw)
    def drawing(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawing


def panels(n: int, height: float, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """A figure of n panels, one below the other, each so many inches high."""
    figure = Figure((width, n * height), layout="constrained")
    return figure, list(np.ravel(figure.subplots(n, 1)))


def grid(n: int, columns: int, height: float, around: float) -> tuple[Figure, list[Axes]]:
    """A figure of n tiles without axes, row by row, each so many inches high; `around` is for what else there is."""
    columns = min(n, columns)
    rows = -(-n // columns)
    figure = Figure((WIDTH, rows * height + around), layout="constrained")
    tiles = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for tile in tiles:
        tile.set_axis_off()
    return figure, tiles[:n]


def png(figure: Figure) -> bytes:
    """The figure as a PNG file on white, fine enough for print."""
    with rc_context(STYLE):
        file = BytesIO()
        figure.savefig(file, format="png", dpi=200, facecolor="white")
        return file.getvalue()


def svg(figure: Figure, name: str) -> str:
    """The figure as an element of a web page, in the page's own colours of text and background.

    Args:
        figure: What to draw.
        name: One on the page, which its parts' names begin with.
    """
    with rc_context({**STYLE, "svg.hashsalt": f"xpnet {name}"}):
        file = BytesIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = file.getvalue().decode()
    drawn = drawn[drawn.index("<svg") :].replace(INK, "currentColor")
    # Where two pictures have a part of the same name, a page shows the first one's in both.
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", drawn)

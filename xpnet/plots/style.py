"""Style of all pictures: readable in print and by the colour-blind, and drawn without a screen."""

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
"""Width of a picture in inches, that of a column of print; a phone shows it at full size."""

INK = "#1b1e23"
"""Colour of text and lines; a web page replaces it by its own."""

BLUE, ORANGE, PURPLE, GREY, PALE = "#0072b2", "#d55e00", "#cc79a7", "#8a8f98", "#b3d4ea"
"""Okabe and Ito's colours, which the colour-blind can distinguish; no picture relies on colour alone."""

DIVERGING = "PuOr_r"
"""Colour map from violet through white to orange: below 0, 0, above 0."""

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


class NotebookFigure(Figure):
    """Figure that a notebook shows: without pyplot, Matplotlib tells IPython nothing about its own figures."""

    def _repr_png_(self) -> bytes:
        return png(self, dpi=120)


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a drawing function so that it draws in this style, whatever the caller's settings are."""

    @wraps(draw)
    def drawing(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawing


def panels(n: int, height: float, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """Make a figure of n panels, one below the other; `height` is each panel's, in inches."""
    figure = NotebookFigure((width, n * height), layout="constrained")
    return figure, list(np.ravel(figure.subplots(n, 1)))


def grid(n: int, columns: int, height: float, around: float) -> tuple[Figure, list[Axes]]:
    """Make a figure of n tiles without axes, row by row.

    Args:
        n: Number of tiles.
        columns: Most tiles in a row.
        height: Height of a tile, in inches.
        around: Height of everything else, in inches.
    """
    columns = min(n, columns)
    rows = -(-n // columns)
    figure = NotebookFigure((WIDTH, rows * height + around), layout="constrained")
    tiles = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for tile in tiles:
        tile.set_axis_off()
    return figure, tiles[:n]


def png(figure: Figure, *, dpi: int = 200) -> bytes:
    """Render a figure as a PNG file on white; the default resolution is fine enough for print."""
    with rc_context(STYLE):
        file = BytesIO()
        figure.savefig(file, format="png", dpi=dpi, facecolor="white")
        return file.getvalue()


def svg(figure: Figure, name: str) -> str:
    """Render a figure as an element of a web page, with the page's own colours of text and background.

    Args:
        figure: What to draw.
        name: Prefix of the ids within the element, unique on the page.
    """
    with rc_context({**STYLE, "svg.hashsalt": f"xpnet {name}"}):
        file = BytesIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue().decode()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # If two pictures on a page share an id, both show the first one's part.
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)

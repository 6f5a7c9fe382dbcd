"""Overview of a training: the network with its shapes, and its cost and accuracy epoch by epoch."""

from collections.abc import Iterable, Mapping
from itertools import pairwise, product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from xpnet.plots.style import BLUE, GREY, INK, ORANGE, PURPLE, WIDTH, panels, styled
from xpnet.training.checkpoint import Epoch
from xpnet.training.network import Network
from xpnet.training.running import LAST

MOST_NEURONS = 10
"""Number of neurons up to which a layer is drawn in full; of a larger one the middle is left out."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

LINES = {"train": (BLUE, "o", "-"), "validation": (PURPLE, "s", "--"), "test": (ORANGE, "^", "-.")}
"""Colour, marker and line style of each set of rows."""

MOST_POINTS = 3000
"""About how many points of the running numbers are drawn of a long training."""


@styled
def network_diagram(network: Network) -> Figure:
    """Diagram of the layers as columns of neurons, with the shapes of the weights and biases between them."""
    sizes = network.sizes
    figure, (axes,) = panels(1, 2.9, max(WIDTH, 1.2 * len(sizes)))
    axes.set_axis_off()
    names = ["input", *network.activation, network.model.loss.activation.__name__]
    colours = [GREY, *(BLUE for _ in network.activation), ORANGE]
    columns = [_heights(size) for size in sizes]
    for layer, (heights, name, colour, size) in enumerate(zip(columns, names, colours, sizes, strict=True)):
        axes.scatter(np.full(len(heights), layer), heights, s=70, color=colour, zorder=2)
        if size > MOST_NEURONS:
            axes.scatter(np.full(3, layer), [-0.6, 0, 0.6], s=3, color=INK)
        axes.text(layer, -5.4, f"{size:,}", ha="center", va="top", size=10, weight="bold")
        axes.text(layer, -6.4, name, ha="center", va="top", size=8.5)
    for layer, (left, right) in enumerate(pairwise(columns)):
        lines = [[(layer, start), (layer + 1, end)] for start, end in product(left, right)]
        axes.add_collection(LineCollection(lines, colors=INK, alpha=0.18, linewidths=0.5, zorder=1))
        number = str(layer + 1).translate(SUPERSCRIPTS)
        shapes = f"w{number}  {sizes[layer + 1]:,} × {sizes[layer]:,}\nb{number}  {sizes[layer + 1]:,}"
        axes.text(layer + 0.5, 5.3, shapes, ha="center", va="bottom", size=8.5)
    axes.set(xlim=(-0.6, len(sizes) - 0.4), ylim=(-7.3, 7))
    title = f"{network.parameter_count:,} parameters, {network.loss.replace('_', ' ')}"
    figure.suptitle(title, x=0.01, ha="left", size=9.5)
    return figure


@styled
def learning_curves(records: Iterable[Epoch | Mapping[str, Any]], *, regression: bool = False) -> Figure:
    """Curves of the cost and the accuracy, epoch by epoch, over a fine line of the running ones within each.

    Args:
        records: What `epochs` yields, or the lines of a log.
        regression: Whether the accuracy is R².
    """
    epochs = [record.record() if isinstance(record, Epoch) else record for record in records]
    figure, (cost, accuracy) = panels(2, 2.1)
    _draw(cost, epochs, {"train": "cost", "validation": "validation_cost", "test": "test_cost"}, running="cost")
    cost.set(ylabel="cost", title="cost per sample, mean over the epoch")
    _draw(accuracy, epochs, {name: f"{name}_accuracy" for name in LINES}, running="accuracy")
    if regression:
        accuracy.set(ylabel="R²", title="R², at best 1")
    else:
        accuracy.set(ylabel="accuracy", title="samples classified correctly")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _heights(size: int) -> np.ndarray:
    """Heights at which the neurons of a layer are drawn, symmetric about 0."""
    drawn = min(size, MOST_NEURONS)
    heights = np.arange(drawn) - (drawn - 1) / 2
    return heights if size == drawn else heights[np.abs(heights) > 1]


def _draw(axes: Axes, epochs: list[Mapping[str, Any]], names: dict[str, str], running: str) -> None:
    """Draw a line for each set of rows that the records have numbers of, over the running number of that name."""
    first, last = epochs[0]["epoch"] - 0.5, epochs[-1]["epoch"] + 0.5
    for rows, name in names.items():
        points = [(epoch["epoch"], epoch[name]) for epoch in epochs if epoch.get(name) is not None]
        if points:
            colour, marker, style = LINES[rows]
            # A few markers tell the lines apart; one at each of many epochs would hide them.
            every = max(1, len(points) // 10)
            axes.plot(*zip(*points, strict=True), color=colour, marker=marker, markevery=every, ls=style, label=rows)
    within, values = _running(epochs, running)
    if len(within):
        axes.plot(within, values, color=LINES["train"][0], lw=0.7, alpha=0.55, zorder=1, label="train, last rows")
        # A single epoch's own line begins at 0.
        first = min(first, epochs[0]["epoch"] - 1)
    axes.set(xlabel="epoch", xlim=(first, last))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.legend()


def _running(epochs: list[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Running numbers of all epochs that have them, and where on the axis of epochs they stand; of many some."""
    points = [
        (epoch["epoch"] - 1 + rows / epoch["running"]["rows"][-1], value)
        for epoch in epochs
        if epoch.get("running")
        for rows, last, value in zip(*(epoch["running"][column] for column in ("rows", "last", name)), strict=True)
        # An epoch begins with few rows to look back on; but for the first, that is noise.
        if epoch is epochs[0] or last >= min(LAST, epoch["running"]["rows"][-1])
    ]
    within, values = np.array(points).reshape(-1, 2).T
    every = -(-len(values) // MOST_POINTS) or 1
    return within[::every], values[::every]

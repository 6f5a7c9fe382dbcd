"""A network drawn with its shapes."""

from itertools import pairwise, product

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from xpnet.plots.style import BLUE, GREY, INK, ORANGE, WIDTH, panels, styled
from xpnet.training.network import Network

MOST_NEURONS = 10
"""Neurons of a layer that are drawn; of a larger one the middle is left out."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@styled
def network_diagram(network: Network) -> Figure:
    """The layers as columns of neurons, with the shapes of what is between them."""
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
    for layer, (ours, theirs) in enumerate(pairwise(columns)):
        lines = [[(layer, start), (layer + 1, end)] for start, end in product(ours, theirs)]
        axes.add_collection(LineCollection(lines, colors=INK, alpha=0.18, linewidths=0.5, zorder=1))
        number = str(layer + 1).translate(SUPERSCRIPTS)
        shapes = f"w{number}  {sizes[layer + 1]:,} × {sizes[layer]:,}\nb{number}  {sizes[layer + 1]:,}"
        axes.text(layer + 0.5, 5.3, shapes, ha="center", va="bottom", size=8.5)
    axes.set(xlim=(-0.6, len(sizes) - 0.4), ylim=(-7.3, 7))
    title = f"{network.parameter_count:,} parameters, {network.loss.replace('_', ' ')}"
    figure.suptitle(title, x=0.01, ha="left", size=9.5)
    return figure


def _heights(size: int) -> np.ndarray:
    """Where a layer's neurons are drawn, from the middle 0 up and down."""
    drawn = min(size, MOST_NEURONS)
    heights = np.arange(drawn) - (drawn - 1) / 2
    return heights if size == drawn else heights[np.abs(heights) > 1]

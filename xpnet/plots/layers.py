"""Pictures of what is in the layers: weights, activations and gradients."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from xpnet._support.typing import Array, Params
from xpnet.equations import step
from xpnet.plots.images import as_numpy, draw_row, first_rows, image_shape
from xpnet.plots.style import BLUE, DIVERGING, ORANGE, PURPLE, grid, panels, styled
from xpnet.training.network import Network

MOST_NEURONS = 30
"""Most neurons whose weights are shown."""

MOST_ROWS = 1000
"""Most rows whose activations and gradients are counted."""

BINS = 50


@styled
def weight_images(params: Params, *, shape: tuple[int, ...] | None = None) -> Figure:
    """Images of the first layer's weights, one per neuron, or one matrix if the inputs are no images.

    Args:
        params: Parameters, arrays of any library.
        shape: Height and width of an input, with three channels if it is in colour; None takes a square number of
            inputs for an image.
    """
    w = as_numpy(params)[0].w
    image = image_shape(w.shape[1], shape)
    # A few outliers would turn all other weights pale.
    limit = float(np.quantile(np.abs(w), 0.995)) or 1.0
    colours = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    if image is None:
        figure, (axes,) = panels(1, 3.2)
        drawn = axes.imshow(w, aspect="auto", interpolation="none", **colours)
        axes.grid(False)
        axes.set(xlabel="input", ylabel="neuron", title=f"weights of the first layer, {_shape(w)}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        figure.colorbar(drawn, ax=axes, label="weight")
        return figure
    shown = w[:MOST_NEURONS]
    figure, tiles = grid(len(shown), 6, 0.78, around=0.75)
    for number, (tile, row) in enumerate(zip(tiles, shown, strict=True)):
        draw_row(tile, row, image, **colours)
        tile.set_title(str(number), size=8, loc="center", pad=2)
    about = f"all {len(w)} neurons" if len(shown) == len(w) else f"the first {len(shown)} of {len(w)} neurons"
    figure.suptitle(f"weights into {about} of the first layer", x=0.01, ha="left", size=9.5)
    if len(image) == 2:
        figure.colorbar(tiles[0].images[0], ax=tiles, label="weight", orientation="horizontal", shrink=0.6, aspect=30)
    return figure


@styled
def weight_histograms(params: Params) -> Figure:
    """Histograms of the weights, layer by layer."""
    layers = [w for w, _ in as_numpy(params)]
    figure, axes = panels(len(layers), 1.55)
    for number, (panel, w) in enumerate(zip(axes, layers, strict=True), 1):
        _histogram(panel, w, BLUE)
        about = f"mean {_number(np.mean(w))}, standard deviation {_number(np.std(w))}"
        panel.set(xlabel=f"weight, {about}", ylabel="count", title=f"layer {number}, {_shape(w)}")
    return figure


@styled
def activation_histograms(network: Network, params: Params, x: Array) -> Figure:
    """Histograms of the activations, layer by layer, over at most a thousand rows."""
    x, params = as_numpy((first_rows(x, MOST_ROWS), params))
    a, _ = step.forward(network.model, params, x, xp=np)
    figure, axes = panels(len(params), 1.55)
    names = [*network.activation, network.model.loss.activation.__name__]
    for number, (panel, name, values) in enumerate(zip(axes, names, a[1:], strict=True), 1):
        _histogram(panel, values, PURPLE)
        panel.set_yscale("log")
        panel.set_ylim(bottom=0.5)
        panel.yaxis.set_minor_formatter(NullFormatter())
        about = f"{np.mean(values == 0):.0%} are 0" if name == "relu" else f"mean {_number(np.mean(values))}"
        panel.set(xlabel="activation", ylabel="count", title=f"layer {number}, {values.shape[1]:,} {name}: {about}")
    return figure


@styled
def gradient_norm_histograms(network: Network, params: Params, x: Array, y: Array) -> Figure:
    """Histograms of the norms of each sample's own ∂C/∂w, layer by layer, over at most a thousand rows."""
    x, y, params = as_numpy((first_rows(x, MOST_ROWS), first_rows(y, MOST_ROWS), params))
    norms_by_layer = [norm for norm, _ in network.per_sample_gradient_norms(params, x, y)]
    figure, axes = panels(len(norms_by_layer), 1.55)
    for number, (panel, norms) in enumerate(zip(axes, norms_by_layer, strict=True), 1):
        positive = norms[norms > 0]
        if len(positive):
            edges = np.geomspace(positive.min() / 1.01, positive.max() * 1.01, BINS)
            panel.stairs(*np.histogram(positive, edges), fill=True, color=ORANGE)
            panel.set_xscale("log")
            # Only whole powers of ten are labelled, so the axis begins and ends at one.
            panel.set_xlim(10 ** np.floor(np.log10(edges[0])), 10 ** np.ceil(np.log10(edges[-1])))
            panel.xaxis.set_minor_formatter(NullFormatter())
        about = f"median {np.median(norms):.2g}"
        if len(positive) < len(norms):
            about += f", {len(norms) - len(positive):,} are 0"
        panel.set(xlabel="norm of one sample's ∂C/∂w", ylabel="samples", title=f"layer {number}: {about}")
    return figure


def _histogram(panel: Axes, values: np.ndarray, colour: str) -> None:
    """Draw a histogram of all values."""
    counts, edges = np.histogram(values, BINS)
    panel.stairs(counts, edges, fill=True, color=colour)


def _shape(w: np.ndarray) -> str:
    """Spell a shape: `128 × 64`."""
    return " × ".join(map(str, w.shape))


def _number(value: float) -> str:
    """Spell a number with three decimals and a true minus sign."""
    return f"{value:.3f}".replace("-", "−")

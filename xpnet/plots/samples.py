"""Pictures of which samples teach: those with the largest and smallest gradients, and their norms epoch by epoch."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xpnet._support.typing import Array, Params
from xpnet.errors import InputError
from xpnet.plots.images import as_numpy, draw_row, first_rows, image_shape
from xpnet.plots.style import BLUE, ORANGE, grid, panels, styled
from xpnet.training.network import Network

MOST_ROWS = 10_000
"""Most rows of which the extreme ones are looked for."""

SHOWN = 4
"""Samples that are shown of each kind."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of the samples whose norms are below the lines of a picture, and the edges of its bands."""


def gradient_norms(network: Network, params: Params, x: Array, y: Array) -> np.ndarray:
    """Norm of each sample's own gradient, over all weights and biases, as `epochs(..., clip_norm=...)` clips it.

    Args:
        network: Network.
        params: Its parameters, arrays of any library.
        x: Inputs (n, d_in).
        y: Targets, as `Network.score` takes them.

    Returns:
        Norms (n,).
    """
    x, y, params = as_numpy((x, y, params))
    parts = [norms for layer in network.per_sample_gradient_norms(params, x, y) for norms in layer]
    # Squares of small norms would be 0 in float32.
    norms: np.ndarray = np.linalg.norm(np.asarray(parts, np.float64), axis=0)
    return norms


@styled
def telling_samples(
    network: Network, params: Params, x: Array, y: Array, *, shape: tuple[int, ...] | None = None
) -> Figure:
    """Samples with the largest gradients and, below, with the smallest: which teach the network, and which it knows.

    Args:
        network: Network.
        params: Its parameters, arrays of any library.
        x: Inputs (n, d_in), of which the first 10,000 are looked at.
        y: Targets, as `Network.score` takes them.
        shape: Height and width of a row that is an image, with three channels if it is in colour; None takes a square
            number of inputs for one.
    """
    x, y = as_numpy((first_rows(x, MOST_ROWS), first_rows(y, MOST_ROWS)))
    norms = gradient_norms(network, params, x, y)
    order = np.argsort(-norms, kind="stable")
    shown = min(SHOWN, max(1, len(order) // 2))
    chosen = [*order[:shown], *order[::-1][: min(shown, len(order) - shown)]]
    figure, tiles = grid(len(chosen), shown, 1.45, around=0.3)
    for tile, row in zip(tiles, chosen, strict=True):
        draw_row(tile, x[row], image_shape(x.shape[1], shape), cmap="gray_r")
        tile.set_title(f"{_target(network, y[row])}norm {norms[row]:.2g}", size=8, loc="center")
    title = f"largest and, below, smallest gradients of {len(norms):,} samples"
    figure.suptitle(title, x=0.01, ha="left", size=9.5)
    return figure


@styled
def gradient_norm_curves(records: Iterable[Mapping[str, Any]], *, clip_norm: float | None = None) -> Figure:
    """Curves of the samples' gradient norms, epoch by epoch: half of them are within the dark band, 90 % in the pale.

    Args:
        records: Records of epochs; those with `gradient_norms`, at `QUANTILES`, are drawn.
        clip_norm: Norm that longer gradients are clipped to, drawn as a line; None draws none.

    Raises:
        InputError: No record has norms.
    """
    having = [record for record in records if record.get("gradient_norms")]
    if not having:
        raise InputError("no record has gradient_norms; train with --plot, or add them to the records.")
    epochs = [record["epoch"] for record in having]
    # A logarithmic axis has no 0.
    low, q1, median, q3, high = np.maximum([record["gradient_norms"] for record in having], np.finfo("f4").tiny).T
    figure, (axes,) = panels(1, 2.9)
    axes.fill_between(epochs, low, high, color=BLUE, alpha=0.18, lw=0, label="90 % of them")
    axes.fill_between(epochs, q1, q3, color=BLUE, alpha=0.35, lw=0, label="half")
    every = max(1, len(epochs) // 10)
    axes.plot(epochs, median, color=BLUE, marker="o", markevery=every, label="median")
    if clip_norm is not None:
        axes.axhline(clip_norm, color=ORANGE, ls="--", label=f"clipped to {clip_norm:g}")
    axes.set(xlabel="epoch", ylabel="norm", yscale="log", title="norm of each sample's own gradient")
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    figure.legend(loc="outside lower center", ncols=4, handlelength=1.4, columnspacing=1.2)
    return figure


def _target(network: Network, y: np.ndarray) -> str:
    """Line of a title with a sample's label; none of what is no label."""
    if y.size != 1 or network.model.loss.regression:
        return ""
    label = int(np.ravel(y)[0])
    return f"label {label if network.classes is None else str(network.classes[label])[:12]}\n"

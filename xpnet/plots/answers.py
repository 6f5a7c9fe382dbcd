"""Pictures of what a network answers, beside what is right."""

from collections.abc import Iterable, Sequence
from typing import Any, Never

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from xpnet._support.typing import Array
from xpnet.data.checks import count
from xpnet.errors import InputError
from xpnet.plots.images import as_numpy, draw_row, image_shape
from xpnet.plots.style import BLUE, GREY, ORANGE, PALE, PURPLE, grid, panels, styled
from xpnet.training import evaluation
from xpnet.training.network import Network

MOST_NUMBERS = 12
"""Number of classes up to which the cells of a confusion matrix have numbers."""

MOST_MISTAKES = 12
"""Most mistakes that are shown."""

LONGEST = 15
"""Most letters shown of a label."""

LETTERS = 60
"""Letters of the tiles' titles that fit side by side in a picture."""

SERIES = ((BLUE, "o"), (ORANGE, "^"), (PURPLE, "s"))
"""Colour and marker of each output that is shown of a regression."""

CASES = {"true positives": (BLUE, ""), "false negatives": (ORANGE, "//"), "false positives": (PALE, "..")}
"""Colour and hatch of each kind of answer about a label."""


@styled
def confusion_matrix(y: Array, guess: Array, *surplus: Never, classes: Sequence[Any] | None = None) -> Figure:
    """Confusion matrix: how often each label was predicted as each label.

    Args:
        y: Labels (n,), an array of any library.
        guess: Predicted labels (n,).
        surplus: Nothing; refused with what to give, as for (network, params, x, y).
        classes: Names of the labels; None shows their numbers.

    Raises:
        InputError: A network is among the arguments, or there are more than two arrays.
    """
    if surplus or isinstance(y, Network):
        raise InputError(
            "confusion_matrix takes labels and predicted labels; "
            "give confusion_matrix(y, network.classify(params, x)), and names as classes=."
        )
    y, guess = as_numpy((y, guess))
    matrix = evaluation.confusion_counts(y, guess, None if classes is None else len(classes))
    k, right = len(matrix), int(np.trace(matrix))
    diagonal = np.eye(k, dtype=bool)
    most = max(1, int(matrix[~diagonal].max(initial=0)))
    figure, (axes,) = panels(1, 3.7)
    axes.grid(False)
    axes.imshow(diagonal[:, :, None] * np.asarray(to_rgba(PALE)), interpolation="none")
    mistakes = np.where(diagonal, np.nan, matrix)
    drawn = axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=most, interpolation="none")
    if k <= MOST_NUMBERS:
        for (label, other), n in np.ndenumerate(matrix):
            dark = label != other and n > 0.6 * most
            axes.text(other, label, n or "", ha="center", va="center", size=8, color="white" if dark else "black")
        names = _spelled(range(k) if classes is None else classes)
        axes.set_xticks(range(k), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(k), names)
    figure.colorbar(drawn, ax=axes, label="mistakes", shrink=0.8, ticks=MaxNLocator(5, integer=True))
    axes.set(xlabel="predicted", ylabel="label", title=f"{right:,} of {len(y):,} correct, {right / len(y):.2%}")
    return figure


@styled
def worst_mistakes(
    x: Array, y: Array, a: Array, *, classes: Sequence[Any] | None = None, shape: tuple[int, ...] | None = None
) -> Figure:
    """Rows that were misclassified with the greatest confidence.

    Args:
        x: Rows (n, d_in), an array of any library.
        y: Their labels (n,).
        a: The probability of each label (n, k).
        classes: Names of the labels; None shows their numbers.
        shape: Height and width of a row that is an image, with three channels if it is in colour; None takes a square
            number of inputs for one.
    """
    x, y, a = as_numpy((x, y, a))
    guess, confidence = a.argmax(axis=1), a.max(axis=1)
    wrong = np.flatnonzero(guess != y)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    if not len(worst):
        figure, (axes,) = panels(1, 1)
        axes.set_axis_off()
        axes.text(0.5, 0.5, f"No mistake in {count(len(y), 'row')}.", ha="center", va="center")
        return figure
    names = _spelled(range(a.shape[1]) if classes is None else classes)
    percent = [f"{confidence[row]:.1%}".replace("100.0", "100") for row in worst]
    titles = [f"label {names[y[i]]}\nguess {names[guess[i]]}, {share}" for i, share in zip(worst, percent, strict=True)]
    longest = max(len(line) for title in titles for line in title.split("\n"))
    figure, tiles = grid(len(worst), min(4, LETTERS // longest), 1.35, around=0.3)
    for tile, row, title in zip(tiles, worst, titles, strict=True):
        draw_row(tile, x[row], image_shape(x.shape[1], shape), cmap="gray_r")
        tile.set_title(title, size=8, loc="center")
    about = f"the {len(worst)} most confident of " if len(worst) < len(wrong) else ""
    figure.suptitle(f"{about}{count(len(wrong), 'mistake')} in {count(len(y), 'row')}", x=0.01, ha="left", size=9.5)
    return figure


@styled
def label_cases(y: Array, guess: Array, *, classes: Sequence[Any] | None = None) -> Figure:
    """True positives, false negatives and false positives of each of several labels.

    Args:
        y: Each label as 0 or 1 (n, k), an array of any library.
        guess: Predicted labels as 0 or 1 (n, k).
        classes: Names of the labels; None shows their numbers.
    """
    y, guess = as_numpy((y, guess))
    numbers = evaluation.outcome_counts(y.reshape(guess.shape), guess).values()
    k = guess.shape[1]
    figure, (axes,) = panels(1, 1.2 + 0.24 * k)
    left = np.zeros(k)
    # True negatives, which come last, have no bar.
    for (name, (colour, hatch)), lengths in zip(CASES.items(), numbers, strict=False):
        axes.barh(range(k), lengths, left=left, color=colour, hatch=hatch, edgecolor="white", lw=0, label=name)
        left += lengths
    axes.invert_yaxis()
    if classes is None:
        axes.yaxis.set_major_locator(FixedLocator(range(k)) if k <= MOST_NUMBERS else MaxNLocator(integer=True))
    else:
        axes.set_yticks(range(k), _spelled(classes))
    axes.set(xlabel="rows", ylabel="label")
    figure.legend(loc="outside upper left", ncols=3, handlelength=1.4, columnspacing=1.2)
    return figure


@styled
def predictions(y: Array, a: Array) -> Figure:
    """Scatter plot of the numbers that a regression predicts against the true ones.

    Args:
        y: True numbers (n,) or (n, k), an array of any library.
        a: Predicted numbers, likewise.
    """
    y, a = as_numpy((y, a))
    a = a.reshape(len(a), -1)
    y = y.reshape(a.shape)
    figure, (axes,) = panels(1, 3.4)
    k, shown = a.shape[1], min(a.shape[1], len(SERIES))
    for output, (colour, marker) in enumerate(SERIES[:shown]):
        name = f"output {output}" if k > 1 else None
        axes.scatter(y[:, output], a[:, output], s=9, color=colour, marker=marker, alpha=0.6, lw=0, label=name)
    limits = [min(y.min(), a.min()), max(y.max(), a.max())]
    axes.plot(limits, limits, color=GREY, ls="--", label="correct")
    outputs = f"{shown} of {k} outputs on " if shown < k else ""
    axes.set(xlabel="true", ylabel="predicted", title=f"{outputs}{len(y):,} rows")
    axes.legend()
    return figure


def _spelled(classes: Iterable[Any]) -> list[str]:
    """Spell labels, long ones cut short."""
    names = [str(name) for name in classes]
    return [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]

"""What a network answers, beside what is right."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from xpnet._support.typing import Array
from xpnet.data.checks import count
from xpnet.plots.images import draw_row, host, image_shape
from xpnet.plots.style import BLUE, GREY, ORANGE, PALE, PURPLE, grid, panels, styled
from xpnet.training import evaluation

MOST_NUMBERS = 12
"""Classes up to which the cells of a confusion matrix have numbers."""

MOST_MISTAKES = 12

LONGEST = 15
"""Letters of a label that are shown."""

LETTERS = 60
"""Of a tile's title that fit in a picture's width."""

SERIES = ((BLUE, "o"), (ORANGE, "^"), (PURPLE, "s"))
"""The colour and the mark of each output that is shown of a regression."""


@styled
def confusion_matrix(y: Array, guess: Array, *, classes: Sequence[Any] | None = None) -> Figure:
    """How often each label was taken for each other.

    Args:
        y: Labels (n,), of any library.
        guess: What they were taken for (n,).
        classes: What the labels are called; None leaves them numbers.
    """
    y, guess = host((y, guess))
    found = evaluation.confusion_counts(y, guess, None if classes is None else len(classes))
    k, right = len(found), int(np.trace(found))
    diagonal = np.eye(k, dtype=bool)
    most = max(1, int(found[~diagonal].max(initial=0)))
    figure, (axes,) = panels(1, 3.7)
    axes.grid(False)
    axes.imshow(diagonal[:, :, None] * np.asarray(to_rgba(PALE)), interpolation="none")
    mistakes = np.where(diagonal, np.nan, found)
    drawn = axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=most, interpolation="none")
    if k <= MOST_NUMBERS:
        for (label, other), n in np.ndenumerate(found):
            dark = label != other and n > 0.6 * most
            axes.text(other, label, n or "", ha="center", va="center", size=8, color="white" if dark else "black")
        names = _spelled(range(k) if classes is None else classes)
        axes.set_xticks(range(k), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(k), names)
    figure.colorbar(drawn, ax=axes, label="mistakes", shrink=0.8, ticks=MaxNLocator(5, integer=True))
    axes.set(xlabel="taken for", ylabel="label", title=f"{right:,} of {len(y):,} are right, {right / len(y):.2%}")
    return figure


@styled
def worst_mistakes(
    x: Array, y: Array, a: Array, *, classes: Sequence[Any] | None = None, shape: tuple[int, int] | None = None
) -> Figure:
    """The rows that were taken for something else with the greatest confidence.

    Args:
        x: Rows (n, d_in), of any library.
        y: Their labels (n,).
        a: The probability of each label (n, k).
        classes: What the labels are called; None leaves them numbers.
        shape: Height and width of a row that is an image; None takes a square number of inputs for one.
    """
    x, y, a = host((x, y, a))
    guess, sure = a.argmax(axis=1), a.max(axis=1)
    wrong = np.flatnonzero(guess != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST_MISTAKES]
    if not len(worst):
        figure, (axes,) = panels(1, 1)
        axes.set_axis_off()
        axes.text(0.5, 0.5, f"There is no mistake among {count(len(y), 'row')}.", ha="center", va="center")
        return figure
    names = _spelled(range(a.shape[1]) if classes is None else classes)
    percent = [f"{sure[row]:.1%}".replace("100.0", "100") for row in worst]
    told = [f"label {names[y[i]]}\nguess {names[guess[i]]}, {share}" for i, share in zip(worst, percent, strict=True)]
    longest = max(len(line) for text in told for line in text.split("\n"))
    figure, tiles = grid(len(worst), min(4, LETTERS // longest), 1.35, around=0.3)
    for tile, row, text in zip(tiles, worst, told, strict=True):
        draw_row(tile, x[row], image_shape(x.shape[1], shape), cmap="gray_r")
        tile.set_title(text, size=8, loc="center")
    about = f"the {len(worst)} surest of " if len(worst) < len(wrong) else ""
    figure.suptitle(f"{about}{count(len(wrong), 'mistake')} among {len(y):,} rows", x=0.01, ha="left", size=9.5)
    return figure


@styled
def label_cases(y: Array, guess: Array) -> Figure:
    """True positives, false negatives and false positives of each of several labels.

    Args:
        y: Each label as 0 or 1 (n, k), of any library.
        guess: What was said of it (n, k).
    """
    y, guess = host((y, guess))
    found = evaluation.outcome_counts(y.reshape(guess.shape), guess)
    k = guess.shape[1]
    figure, (axes,) = panels(1, 1.2 + 0.24 * k)
    left = np.zeros(k)
    looks = {"true positives": (BLUE, ""), "false negatives": (ORANGE, "//"), "false positives": (PALE, "..")}
    for name, (colour, hatch) in looks.items():
        axes.barh(range(k), found[name], left=left, color=colour, hatch=hatch, edgecolor="white", lw=0, label=name)
        left += found[name]
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(FixedLocator(range(k)) if k <= MOST_NUMBERS else MaxNLocator(integer=True))
    axes.set(xlabel="rows", ylabel="label")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


@styled
def predictions(y: Array, a: Array) -> Figure:
    """The numbers that a regression predicts, against the true ones.

    Args:
        y: Numbers (n,) or (n, k), of any library.
        a: What was predicted, likewise.
    """
    y, a = host((y, a))
    a = a.reshape(len(a), -1)
    y = y.reshape(a.shape)
    figure, (axes,) = panels(1, 3.4)
    k, shown = a.shape[1], min(a.shape[1], len(SERIES))
    for output, (colour, mark) in enumerate(SERIES[:shown]):
        told = f"output {output}" if k > 1 else None
        axes.scatter(y[:, output], a[:, output], s=9, color=colour, marker=mark, alpha=0.6, lw=0, label=told)
    limits = [min(y.min(), a.min()), max(y.max(), a.max())]
    axes.plot(limits, limits, color=GREY, ls="--", label="right")
    outputs = f"{shown} of {k} outputs on " if shown < k else ""
    axes.set(xlabel="true", ylabel="predicted", title=f"{outputs}{len(y):,} rows")
    axes.legend()
    return figure


def _spelled(classes: Iterable[Any]) -> list[str]:
    """Labels as text, those that are long cut short."""
    names = [str(name) for name in classes]
    return [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]

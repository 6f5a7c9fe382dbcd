"""Predictions as text: rows, bars for a picture, and tables of how often they are right."""

import sys

import numpy as np

from xpnet.errors import InputError
from xpnet.training import evaluation
from xpnet.training.network import Network

WIDTH = 40
"""Characters of the bar of a probability of 1."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
"""A character of a bar, by how many eighths of it are full."""


def check_scale(network: Network, x: np.ndarray, source: str) -> None:
    """Refuse inputs that the model's scaling would not bring to what it was trained on."""
    if network.input_scale == 255 and x.dtype.kind == "f":
        raise InputError(
            f"{source} holds {x.dtype}, but the model was trained on bytes and divides by 255; give bytes (uint8)."
        )
    if network.input_scale == 1 and x.dtype == np.uint8:
        raise InputError(
            f"{source} holds bytes (uint8), but the model was trained on other numbers, taken as they were; give those."
        )


def row_lines(network: Network, a: np.ndarray) -> list[str]:
    """Predictions as text, one line per row: the class, the labels as 0 and 1, or the numbers."""
    if network.loss == "cross_entropy":
        return [str(label) for label in a.argmax(axis=1)]
    if network.loss == "binary_cross_entropy":
        return [" ".join(str(int(label)) for label in row) for row in a > 0.5]
    return [" ".join(f"{value:.6g}" for value in row) for row in a]


def picture_lines(source: str, network: Network, a: np.ndarray) -> list[str]:
    """Prediction for a picture as text, with a bar for the probability of each label; numbers of a regression."""
    (guess,) = row_lines(network, a[None])
    if network.model.loss.regression:
        return [guess]
    width = len(str(len(a) - 1))
    lines = [f"{label:>{width}}  {bar(p):<{WIDTH}}  {p:6.1%}" for label, p in enumerate(a)]
    return [f"{source}: {guess}", "", *lines]


def bar(p: float) -> str:
    """Bar as long as a probability, of characters that the terminal has."""
    full, eighth = divmod(round(p * WIDTH * 8), 8)
    try:
        EIGHTHS.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return "#" * round(p * WIDTH)
    return EIGHTHS[-1] * full + EIGHTHS[eighth] * (eighth > 0)


def score_lines(network: Network, y: np.ndarray, a: np.ndarray, score: float) -> list[str]:
    """Score of labelled rows as text, with a table of right and wrong predictions unless it is a regression."""
    if network.model.loss.regression:
        return [f"R² {score:.4f} on {len(a):,} rows"]
    table = confusion_table(y, a.argmax(axis=1)) if network.loss == "cross_entropy" else outcome_table(y, a > 0.5)
    return [f"accuracy {score:.2%} on {len(a):,} rows", "", *table]


def confusion_table(y: np.ndarray, guess: np.ndarray) -> list[str]:
    """Confusion matrix as text: how often a label, one per line, was taken for another, one per column."""
    counts = evaluation.confusion_counts(y, guess)
    k = len(counts)
    width = max(len(str(counts.max())), len(str(k - 1))) + 2
    head = f"{'label':>7} |" + "".join(f"{label:>{width}}" for label in range(k)) + "   taken for"
    lines = [f"{label:>7} |" + "".join(f"{n:>{width}}" for n in row) for label, row in enumerate(counts)]
    return [head, "-" * 8 + "+" + "-" * (width * k), *lines]


def outcome_table(y: np.ndarray, guess: np.ndarray) -> list[str]:
    """True and false positives and negatives of each label, as text."""
    columns = evaluation.outcome_counts(y.reshape(guess.shape), guess)
    head = f"{'label':>7} |" + "".join(f"  {name}" for name in columns)
    lines = [
        f"{label:>7} |" + "".join(f"  {counts[label]:>{len(name)}}" for name, counts in columns.items())
        for label in range(guess.shape[1])
    ]
    return [head, "-" * 8 + "+" + "-" * (len(head) - 9), *lines]

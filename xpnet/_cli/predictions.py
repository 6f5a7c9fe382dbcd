"""Predictions as text: rows, bars for a picture, and tables of how often they are right."""

import sys

import numpy as np

from xpnet.serialization.metadata import plain
from xpnet.training import evaluation
from xpnet.training.checkpoint import r_squared_text
from xpnet.training.network import Network

WIDTH = 40
"""Characters of the bar of a probability of 1."""

LONGEST = 15
"""Most letters of a class's name beside a bar or in a table."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
"""A character of a bar, by how many eighths of it are full."""


def row_lines(network: Network, a: np.ndarray) -> list[str]:
    """Predictions as text, one line per row: the class by its name, several labels as 0 and 1, or the numbers."""
    if network.model.loss.regression:
        return [" ".join(f"{value:.6g}" for value in row) for row in a]
    if is_of_labels(network):
        return [" ".join(str(int(label)) for label in row) for row in a > 0.5]
    names = shown_names(network)
    return [names[number] for number in class_numbers(a)]


def is_of_labels(network: Network) -> bool:
    """Whether a network predicts several labels for a row, not one class."""
    return network.loss == "binary_cross_entropy" and network.sizes[-1] > 1


def class_numbers(a: np.ndarray) -> np.ndarray:
    """Number of the class of each row; one output is the probability of the second."""
    numbers: np.ndarray = a.argmax(axis=1) if a.shape[1] > 1 else (a[:, 0] > 0.5).astype(np.int64)
    return numbers


def shown_names(network: Network, longest: int | None = None) -> list[str]:
    """Names of the classes as a terminal shows them, at most so many letters of each."""
    names = [plain(name) for name in network.class_names]
    return [name if longest is None or len(name) <= longest else f"{name[: longest - 1]}…" for name in names]


def picture_lines(source: str, network: Network, a: np.ndarray) -> list[str]:
    """Prediction for a picture as text, with a bar for the probability of each class; numbers of a regression."""
    (guess,) = row_lines(network, a[None])
    if network.model.loss.regression:
        return [guess]
    shares = a if len(a) > 1 else np.concatenate([1 - a, a])
    names = shown_names(network, LONGEST)
    width = max(map(len, names))
    lines = [f"{name:>{width}}  {bar(p):<{WIDTH}}  {p:6.1%}" for name, p in zip(names, shares, strict=True)]
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
        return [f"{r_squared_text(score)} on {len(a):,} rows"]
    names = shown_names(network, LONGEST)
    if is_of_labels(network):
        table = outcome_table(y, a > 0.5, names)
    else:
        table = confusion_table(y.reshape(-1).astype(np.int64), class_numbers(a), names)
    return [f"accuracy {score:.2%} on {len(a):,} rows", "", *table]


def confusion_table(y: np.ndarray, guess: np.ndarray, names: list[str]) -> list[str]:
    """Confusion matrix as text: how often a class, one per line, was taken for another, one per column."""
    counts = evaluation.confusion_counts(y, guess)
    # Of many classes those up to the last one that occurs.
    names = names[: len(counts)]
    width = max(len(str(counts.max())), *map(len, names)) + 2
    beside = max(7, *map(len, names))
    head = f"{'label':>{beside}} |" + "".join(f"{name:>{width}}" for name in names) + "   taken for"
    lines = [
        f"{name:>{beside}} |" + "".join(f"{n:>{width}}" for n in row) for name, row in zip(names, counts, strict=True)
    ]
    table = [head, "-" * (beside + 1) + "+" + "-" * (width * len(names)), *lines]
    return [*table, "", *class_table(counts, names)]


def class_table(counts: np.ndarray, names: list[str]) -> list[str]:
    """Precision and recall of each class, as text; - where a class was never predicted, or never occurs."""
    beside = max(7, *map(len, names))
    rights, guesses, rows = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    lines = [
        f"{name:>{beside}} |{fraction_text(right, guessed):>11}{fraction_text(right, of):>9}{of:>8}"
        for name, right, guessed, of in zip(names, rights, guesses, rows, strict=True)
    ]
    return [f"{'label':>{beside}} |  precision   recall    rows", "-" * (beside + 1) + "+" + "-" * 28, *lines]


def fraction_text(part: int, whole: int) -> str:
    """Fraction in percent."""
    return f"{part / whole:.1%}" if whole else "-"


def outcome_table(y: np.ndarray, guess: np.ndarray, names: list[str]) -> list[str]:
    """True and false positives and negatives of each label, as text."""
    columns = evaluation.outcome_counts(y.reshape(guess.shape), guess)
    beside = max(7, *map(len, names))
    head = f"{'label':>{beside}} |" + "".join(f"  {column}" for column in columns)
    lines = [
        f"{name:>{beside}} |" + "".join(f"  {counts[label]:>{len(column)}}" for column, counts in columns.items())
        for label, name in enumerate(names)
    ]
    return [head, "-" * (beside + 1) + "+" + "-" * (len(head) - beside - 2), *lines]

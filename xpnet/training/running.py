"""Running numbers of an epoch: cost and accuracy of the last rows, again and again while it goes on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xpnet.equations.losses import accuracy

LAST = 1000
"""Rows that a running number looks back on."""

POINTS = 60
"""Most points of an epoch; where more than `LAST` rows lie between two, a point looks back on all of these."""


class Running(NamedTuple):
    """Running cost and accuracy at one point of an epoch, of rows each judged just before it was trained on.

    Attributes:
        rows: Rows that the epoch has trained on.
        last: How many of them, the last ones, the numbers are of: a thousand, or all where they are fewer.
        cost: Mean of the objective over them.
        accuracy: Fraction of them that was right, or R² of a regression.
    """

    rows: int
    last: int
    cost: float
    accuracy: float


def running_numbers(
    blocks: Sequence[tuple[int, np.ndarray, np.ndarray]], n: int, total_error: float
) -> tuple[Running, ...]:
    """Points of an epoch, from the batch size, costs and errors of the steps of each block.

    Args:
        blocks: Batch size, and of each step the batch's mean cost and its error.
        n: Rows of the epoch.
        total_error: Error of an accuracy of 0 on all of them.
    """
    sizes = np.concatenate([np.full(len(costs), size) for size, costs, _ in blocks])
    costs, errors = (np.concatenate([block[i] for block in blocks]).astype(np.float64) for i in (1, 2))
    rows = _sums(sizes)
    sums = _sums(costs * sizes), _sums(errors)
    points = min(POINTS, len(sizes))
    ends = np.searchsorted(rows, np.ceil(np.arange(1, points + 1) * n / points))
    starts = np.searchsorted(rows, rows[ends] - max(LAST, n / points), side="right") - 1
    starts = np.maximum(starts, 0)
    last = rows[ends] - rows[starts]
    cost, error = (total[ends] - total[starts] for total in sums)
    return tuple(
        Running(int(rows[end]), int(size), float(c / size), float(accuracy(e * n / size, total_error)))
        for end, size, c, e in zip(ends, last, cost, error, strict=True)
    )


def _sums(values: np.ndarray) -> np.ndarray:
    """Sum of the first i values, for each i from 0 on."""
    return np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])

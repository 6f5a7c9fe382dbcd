"""Losses as scikit-learn reports them, where xpnet's cost differs by what changes no gradient.

Its squared error is the mean over the outputs, and its Poisson deviance holds Σ y ln y − y.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from xpnet.backends import Backend
from xpnet.estimators.inputs import Rows


class Reported(NamedTuple):
    """What makes a loss of a cost.

    Attributes:
        factor: What the cost is multiplied by.
        constant: What is added for each row, (n,), or None.
        weight: The rows' weights (n,), or None.
    """

    factor: float
    constant: np.ndarray | None
    weight: np.ndarray | None

    def loss(self, cost: float, penalty: float = 0.0) -> float:
        """The loss of all rows at once: for a cost that holds so much L2."""
        return self.epoch(cost, penalty, np.arange(0 if self.constant is None else len(self.constant)), None)

    def epoch(self, cost: float, penalty: float, order: np.ndarray, batch_size: int | None) -> float:
        """The mean loss of batches in that order, each counted by its rows."""
        loss = cost if self.factor == 1 else (cost - penalty) * self.factor + penalty
        if self.constant is None:
            return loss
        starts = np.arange(0, len(order), batch_size or len(order))
        sizes = np.diff(starts, append=len(order))
        weight = np.ones(len(order)) if self.weight is None else self.weight[order]
        sums = np.add.reduceat(weight * self.constant[order], starts) / np.add.reduceat(weight, starts)
        return loss + float(sizes @ sums) / len(order)


def reported(loss: str, rows: Rows, backend: Backend) -> Reported:
    """How the loss of those rows is reported."""
    if loss == "squared_error":
        return Reported(1 / (1 if rows.given.ndim == 1 else rows.given.shape[1]), None, None)
    if loss != "poisson":
        return Reported(1.0, None, None)
    y = rows.given.astype(np.float64).reshape(len(rows.given), -1)
    return Reported(1.0, np.sum(xlogy(y, y) - y, axis=1), None if rows.weight is None else backend.to_host(rows.weight))

"""Losses as scikit-learn reports them, which differ from xpnet's costs by terms without a gradient and by factors.

scikit-learn's squared error is the mean over the outputs, and so are the losses of a regression that it lacks; its
Poisson deviance includes Σ y ln y − y.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from xpnet._support.sklearn_names import OWN_LOSSES, is_own
from xpnet.backends import Backend
from xpnet.estimators.inputs import Samples


class LossConversion(NamedTuple):
    """Conversion of a cost into scikit-learn's loss.

    Attributes:
        factor: Factor of the cost.
        constant: Number added for each row, (n,), or None.
        weight: Weights of the rows, (n,), or None.
    """

    factor: float
    constant: np.ndarray | None
    weight: np.ndarray | None

    def loss(self, cost: float, penalty: float = 0.0) -> float:
        """Loss of all rows at once, from a cost that includes this L2 penalty."""
        return self.epoch(cost, penalty, np.arange(0 if self.constant is None else len(self.constant)), None)

    def epoch(self, cost: float, penalty: float, order: np.ndarray, batch_size: int | None) -> float:
        """Mean loss of the batches of an epoch in that order, weighted by their numbers of rows."""
        loss = cost if self.factor == 1 else (cost - penalty) * self.factor + penalty
        if self.constant is None:
            return loss
        starts = np.arange(0, len(order), batch_size or len(order))
        sizes = np.diff(starts, append=len(order))
        weight = np.ones(len(order)) if self.weight is None else self.weight[order]
        sums = np.add.reduceat(weight * self.constant[order], starts) / np.add.reduceat(weight, starts)
        return loss + float(sizes @ sums) / len(order)


def loss_conversion(loss: str, samples: Samples, backend: Backend) -> LossConversion:
    """Conversion for a loss, on those samples."""
    if loss == "squared_error" or is_own(loss, OWN_LOSSES):
        return LossConversion(1 / (1 if samples.targets.ndim == 1 else samples.targets.shape[1]), None, None)
    if loss != "poisson":
        return LossConversion(1.0, None, None)
    y = samples.targets.astype(np.float64).reshape(len(samples.targets), -1)
    return LossConversion(
        1.0, np.sum(xlogy(y, y) - y, axis=1), None if samples.weight is None else backend.to_host(samples.weight)
    )

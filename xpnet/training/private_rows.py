"""Rows of a private training, and what makes it private: settings, noise, and what a step spends."""

from typing import NamedTuple

import numpy as np

from xpnet._support.typing import Batch
from xpnet.equations.losses import Loss
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.private_step import PrivateStep, private_step
from xpnet.errors import InputError
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.memory_rows import PlacedRows
from xpnet.training.network import Network
from xpnet.training.privacy import Privacy, Spent
from xpnet.training.rows import Order, Rows


class Private(NamedTuple):
    """All that makes a training private.

    Attributes:
        settings: As the caller gave them.
        step: The step's parts, with its σ.
        per_step: What one step spends.
    """

    settings: Privacy
    step: PrivateStep
    per_step: Spent


class PrivateRows(PlacedRows):
    """Rows of a private training, of which each epoch has the nearest whole number of batches, in no order.

    After the last row comes one that fills batches up.
    """

    def __init__(self, rows: PlacedRows, batch_size: int, dtype: str) -> None:
        backend, (x, y, _) = rows.backend, rows.batch
        n, xp = x.shape[0], backend.xp
        x, y = (xp.concat([array, xp.zeros_like(array[:1, ...])]) for array in (x, y))
        weight = backend.asarray((np.arange(n + 1) < n).astype(dtype))
        super().__init__(backend, Batch(x, y, weight), np.arange(n))
        self.batch_size, self.loaded = batch_size, rows

    def __len__(self) -> int:
        """Rows that are expected in an epoch's batches."""
        return max(1, round(len(self.chosen) / self.batch_size)) * self.batch_size

    def total_error(self, loss: Loss) -> float:
        """Error of an accuracy of 0, of as many rows as are expected."""
        return self.loaded.total_error(loss) * len(self) / len(self.chosen)

    def ordered(self, state: object, shuffle: bool, orders: object) -> Order:
        """No order: which rows are in a batch is drawn in each step, and nobody can draw it again."""
        return Order(np.zeros(len(self), np.intp), {})


def private_rows(rows: Rows, batch_size: int, dtype: str) -> PrivateRows:
    """Rows to draw batches from."""
    if type(rows) is not PlacedRows:
        raise InputError(
            "rows on disk and sparse inputs do not go with privacy: each batch is drawn from all rows, which are to be "
            "dense and in memory; load them whole."
        )
    if batch_size > len(rows):
        raise InputError(
            f"batch_size is {batch_size}, but each of {len(rows)} rows is in a batch with probability batch_size / n; "
            "use a smaller one."
        )
    return PrivateRows(rows, batch_size, dtype)


def private_training(
    network: Network,
    optimizer: Optimizer,
    privacy: Privacy,
    rows: PrivateRows,
    l2_of: str,
    epochs: int,
    resume: Checkpoint | None,
) -> Private:
    """What makes a training private, with the noise for the steps that are still to come."""
    spent = [] if resume is None else [Spent(*each) for each in resume.privacy]
    if resume is not None and resume.steps and not spent:
        raise InputError(
            "resume is a checkpoint of a training that was not private, and what it learned stays known; start anew "
            "with params=checkpoint.params if those came from public rows."
        )
    q = rows.batch_size / len(rows.chosen)
    steps = len(rows) // rows.batch_size * max(0, epochs - (0 if resume is None else resume.epoch))
    sigma = privacy.multiplier(q, steps, spent)
    step = private_step(network.model, optimizer, float(privacy.clip_norm), sigma, rows.batch_size, l2_of)
    # Noise that can be drawn again protects nobody.
    return Private(privacy, step, Spent(q, sigma if privacy.insecure_seed is None else 0.0, 0))

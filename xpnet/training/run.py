"""One training on one backend: all that stays the same from epoch to epoch, checked and placed."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from xpnet._support.arguments import check_number
from xpnet._support.philox import Key
from xpnet._support.typing import Array, Params
from xpnet.backends import Backend, Step
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.partial_step import PartialStep
from xpnet.equations.step import State
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.data_parallel import DataParallel, SharedMemoryLink
from xpnet.training.evaluation import evaluate
from xpnet.training.network import Network
from xpnet.training.private_rows import Private
from xpnet.training.rows import Order, Rows

BLOCK_STEPS = 500
"""Most steps per block: the slowest library takes half a millisecond for a step of the smallest network."""


class Training(NamedTuple):
    """Training: all that stays the same from epoch to epoch.

    Attributes:
        step: Step of the network and the optimizer; one object, so that it is compiled once.
        backend: Backend of the arrays that go in and out, with the engine.
        computing: Backend that runs it, whose arrays all others are: NumPy's, where the backend shares its memory.
        train: Rows to train on.
        validation: Rows to validate on, or None.
        total_error: Error of an accuracy of 0 on the rows to train on.
        l2: λ, a 0-d array, or None.
        order: Iterator over the orders of `train` in place of the seed's, or None.
        epochs: Number of the last epoch.
        patience: Epochs without a lower cost after which it stops, or None.
        data_parallel: Link to the other processes that train the same, or None.
        partial_step: The step in two parts, between which sums are added up.
        noise: Key of the steps' random numbers, or None.
        private: What makes the training private, or None.
    """

    network: Network
    optimizer: Optimizer
    step: Step
    backend: Backend
    computing: Backend
    dtype: str
    train: Rows
    total_error: float
    validation: Rows | None
    test: Rows | None
    l2: Array | None
    batch_size: int
    shuffle: bool
    order: Iterator[np.ndarray] | None
    epochs: int
    patience: int | None
    progress: bool
    data_parallel: DataParallel | None
    partial_step: PartialStep
    noise: Key | None
    private: Private | None

    def by(self, backend: Backend) -> Self:
        """The same training, run by a backend's engine on the same memory."""
        computing = backend.computing
        if computing is backend:
            return self._replace(backend=backend, computing=backend)
        train, *others = (
            None if rows is None else rows.seen_by(backend) for rows in (self.train, self.validation, self.test)
        )
        assert train is not None
        return self._replace(
            backend=backend,
            computing=computing,
            train=train,
            total_error=train.total_error(self.network.model.loss),
            validation=others[0],
            test=others[1],
            l2=backend.views(self.l2),
            noise=backend.views(self.noise),
            data_parallel=self.data_parallel and SharedMemoryLink(self.data_parallel, backend),
        )

    def at(self, size: int) -> Backend:
        """Backend for batches of `size` rows: the short last one is run as what is rare."""
        return self.computing if size == self.batch_sizes[0] else self.computing.rarely

    def finished(self, done: Checkpoint) -> bool:
        """Whether all epochs are done, or patience has run out."""
        return done.epoch >= self.epochs or self.impatient(done)

    def impatient(self, done: Checkpoint) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and done.waited >= self.patience

    def carry(self, done: Checkpoint) -> tuple[Params, State]:
        """Parameters and state for the next step; a copy, since a block of steps may overwrite them."""
        params, slots = self.backend.views((done.params, done.slots))
        params, slots, l2, noise = self.computing.copy((params, slots, self.l2, self.noise))
        return params, State(slots, self.on_device(done.steps, "int32"), self.on_device(0.0), l2, noise)

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return math.ceil(len(self.train) / self.batch_size)

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Rows per step: of whole batches, and of the short last one."""
        whole, short = divmod(len(self.train), self.batch_size)
        return (self.batch_size,) * bool(whole) + (short,) * bool(short)

    @property
    def block_steps(self) -> int:
        """Steps per block: from the work and the device's kind alone, so that a schedule sees the same in every run."""
        work = 6 * self.network.parameter_count * self.batch_size
        return max(1, min(BLOCK_STEPS, int(self.backend.block_work / work)))

    def ordered(self, state: Mapping[str, Any]) -> Order:
        """Order of the next epoch."""
        return self.train.ordered(state, self.shuffle, self.order)

    def learning_rate(self, progress: float) -> float:
        """Learning rate after `progress` epochs."""
        rate = self.optimizer.learning_rate
        if callable(rate):
            return check_number(f"the schedule's learning rate after {progress:g} epochs", rate(progress))
        return rate

    def evaluated(self, params: Params, rows: Rows | None) -> tuple[float | None, float | None]:
        """Mean cost, without L2, and accuracy on rows that are not trained on."""
        return (
            (None, None)
            if rows is None
            else evaluate(self.computing.rarely, self.network, params, rows, self.data_parallel)
        )

    def on_device(self, number: float, dtype: str | None = None) -> Array:
        """Number as a 0-d array on the training's device."""
        return self.computing.asarray(np.asarray(number, dtype or self.dtype))

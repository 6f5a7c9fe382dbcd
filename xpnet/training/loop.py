"""Epochs of a training, one by one: their steps are handed to the device, and then they are scored."""

import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from xpnet._support.typing import Array, Batch
from xpnet.backends import Carry
from xpnet.data import digest
from xpnet.training.checkpoint import Checkpoint, Epoch
from xpnet.training.data_parallel import SharedBatches, WholeBatches
from xpnet.training.history import History
from xpnet.training.outcome import Begun, finish
from xpnet.training.private_batches import PrivateBatches
from xpnet.training.progress import Bar, Pace, compile_notice
from xpnet.training.rows import Order
from xpnet.training.run import Training

RunBlock = Callable[[Carry, Batch, np.ndarray], tuple[Carry, tuple[Array, ...]]]
"""Runs a block of steps on the data, one for each line of row indices."""


class Epochs(Iterator[Epoch]):
    """Epochs of a training, each trained when it is asked for.

    Attributes:
        training: All that stays the same from epoch to epoch.
    """

    def __init__(self, training: Training, start: Checkpoint) -> None:
        self.training = training
        self._done, self._run = start, run(training, start)

    def __next__(self) -> Epoch:
        epoch = next(self._run)
        self._done = epoch.checkpoint
        return epoch

    def __len__(self) -> int:
        """Number of epochs still to come, if none of them is the last for want of patience."""
        return 0 if self.training.finished(self._done) else self.training.epochs - self._done.epoch

    @property
    def stopped(self) -> str | None:
        """Why it has stopped early, and which epoch's parameters are `best_params`; None unless it has."""
        if not self.training.impatient(self._done):
            return None
        waited, best = self._done.waited, self._done.best_epoch
        cost = "cost" if self.training.validation is None else "validation cost"
        return f"{waited} epoch{'s' * (waited != 1)} without a lower {cost}; epoch {best} is kept"

    def history(self) -> History:
        """Train all epochs that are still to come, and keep their numbers, and the parameters of the last one.

        Example:
            >>> x, y = np.eye(4), [0, 1, 0, 1]
            >>> network = xpnet.Network([4, 2])
            >>> history = xpnet.epochs(network, (x, y), xpnet.sgd(0.1), batch_size=2, epochs=3, seed=0).history()
            >>> history["epoch"]
            [1, 2, 3]
            >>> network.classify(history.last.params, x).shape
            (4,)
        """
        return History(self, regression=self.training.network.model.loss.regression)


def run(training: Training, done: Checkpoint) -> Iterator[Epoch]:
    """Train the epochs after `done`, one by one."""
    if training.finished(done):
        return
    with (
        training.backend.current(),
        compile_notice(training.progress and training.backend.engine in ("compiled", "jit")),
    ):
        run_block = _prepared(training, done)
    pace = Pace((training.epochs - done.epoch) * len(training.train))
    following = None
    while not training.finished(done):
        with training.backend.current():
            order = following or training.ordered(done.order)
            if training.data_parallel is not None:
                training.data_parallel.agree(
                    {f"the order of epoch {done.epoch + 1}": f"{digest([order.rows])} {order.within}"}
                )
            begun = _begin(training, done, order, run_block, pace)
            # While the device works; an order of the caller's own is asked for when it is needed.
            following = training.ordered(order.state) if training.order is None else None
            epoch = finish(training, done, order, begun)
        yield epoch
        done = epoch.checkpoint


def _prepared(training: Training, done: Checkpoint) -> RunBlock:
    """Function that runs a block of steps, with what it needs once already done."""
    carry, sample = training.carry(done), training.train.sample
    steps: WholeBatches | SharedBatches | PrivateBatches = WholeBatches(training.at, training.step)
    if training.data_parallel is not None:
        steps = SharedBatches(training.at, training.computing, training.partial_step, training.data_parallel, carry[0])
    if training.private is not None:
        steps = PrivateBatches(training.computing, training.private, carry[0], training.data_parallel)
    for size in training.batch_sizes:
        steps.prepare(carry, sample, size)
    return steps.run_block


def _begin(training: Training, done: Checkpoint, order: Order, run_block: RunBlock, pace: Pace) -> Begun:
    """Hand the steps of an epoch to the device, block by block; only a bar that is shown waits for them."""
    number, n = done.epoch + 1, len(training.train)
    params, state = training.carry(done)
    steps, rate = 0, math.nan
    block_metrics: list[tuple[int, tuple[Array, ...]]] = []

    began = time.perf_counter()
    judged = not training.network.model.loss.regression
    with Bar(training.progress, f"epoch {number}/{training.epochs}", n, judged, pace) as bar:
        for data, batches, middle in training.train.pieces(order, training.batch_size, training.block_steps):
            # The rate of the middle of a block stands for the whole of it.
            before, rate = rate, training.learning_rate(done.epoch + middle / n)
            if rate != before:
                state = state._replace(learning_rate=training.on_device(rate))
            (params, state), metrics = run_block((params, state), data, batches)
            block_metrics.append((batches.shape[1], metrics))
            if bar.shown:
                bar.update(batches.shape[1], *map(training.computing.to_host, metrics[:2]))
            steps += len(batches)
    return Begun(began, params, state.slots, done.steps + steps, rate, block_metrics)

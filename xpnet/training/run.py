"""One training on one backend, epoch by epoch, with everything already checked and placed."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from xpnet._support.arguments import check_number
from xpnet._support.philox import Key
from xpnet._support.typing import Array, Batch, Params, Slots
from xpnet.backends import Backend, Carry, Step
from xpnet.data import digest
from xpnet.equations.losses import accuracy
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.partial_step import PartialStep
from xpnet.equations.step import State
from xpnet.errors import DivergenceError
from xpnet.training.checkpoint import Checkpoint, Epoch
from xpnet.training.data_parallel import DataParallel, SharedBatches, SharedMemoryLink, WholeBatches
from xpnet.training.evaluation import evaluate
from xpnet.training.history import History
from xpnet.training.network import Network
from xpnet.training.privacy import Spent, epsilon, with_steps
from xpnet.training.private_batches import Private, PrivateBatches
from xpnet.training.progress import Bar, Pace, compile_notice
from xpnet.training.rows import Order, Rows, digest_of
from xpnet.training.running import Running, running_numbers

BLOCK_STEPS = 500
"""Most steps per block: the slowest library takes half a millisecond for a step of the smallest network."""


RunBlock = Callable[[Carry, Batch, np.ndarray], tuple[Carry, tuple[Array, ...]]]
"""Runs a block of steps on the data, one for each line of row indices."""


Fetched = tuple[int, tuple[np.ndarray, ...]]
"""Batch size and metrics of a block, on the host."""


class Begun(NamedTuple):
    """Epoch whose steps the device may still be computing.

    Attributes:
        time: Time of its beginning, on `time.perf_counter`'s clock.
        params: Parameters at its end.
        slots: Optimizer state at its end.
        steps: Steps done at its end, those of earlier epochs counted.
        learning_rate: Learning rate of its last block.
        metrics: Batch size and metrics of each block, on the device.
    """

    time: float
    params: Params
    slots: Slots
    steps: int
    learning_rate: float
    metrics: list[tuple[int, tuple[Array, ...]]]


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

    def run(self, done: Checkpoint) -> Iterator[Epoch]:
        """Train the epochs after `done`, one by one."""
        if self.finished(done):
            return
        with self.backend.current(), compile_notice(self.progress and self.backend.engine in ("compiled", "jit")):
            run_block = self.prepared(done)
        pace = Pace((self.epochs - done.epoch) * len(self.train))
        following = None
        while not self.finished(done):
            with self.backend.current():
                order = following or self.ordered(done.order)
                if self.data_parallel is not None:
                    self.data_parallel.agree(
                        {f"the order of epoch {done.epoch + 1}": f"{digest([order.rows])} {order.within}"}
                    )
                begun = self.begin(done, order, run_block, pace)
                # While the device works; an order of the caller's own is asked for when it is needed.
                following = self.ordered(order.state) if self.order is None else None
                epoch = self.finish(done, order, begun)
            yield epoch
            done = epoch.checkpoint

    def prepared(self, done: Checkpoint) -> RunBlock:
        """Function that runs a block of steps, with what it needs once already done."""
        carry, sample = self.carry(done), self.train.sample
        steps: WholeBatches | SharedBatches | PrivateBatches = WholeBatches(self.at, self.step)
        if self.data_parallel is not None:
            steps = SharedBatches(self.at, self.computing, self.partial_step, self.data_parallel, carry[0])
        if self.private is not None:
            steps = PrivateBatches(self.computing, self.private, carry[0], self.data_parallel)
        for size in self.batch_sizes:
            steps.prepare(carry, sample, size)
        return steps.run_block

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

    def begin(self, done: Checkpoint, order: Order, run_block: RunBlock, pace: Pace) -> Begun:
        """Hand the steps of an epoch to the device, block by block; only a bar that is shown waits for them."""
        number, n = done.epoch + 1, len(self.train)
        params, state = self.carry(done)
        steps, rate = 0, math.nan
        block_metrics: list[tuple[int, tuple[Array, ...]]] = []

        began = time.perf_counter()
        judged = not self.network.model.loss.regression
        with Bar(self.progress, f"epoch {number}/{self.epochs}", n, judged, pace) as bar:
            for data, batches, middle in self.train.pieces(order, self.batch_size, self.block_steps):
                # The rate of the middle of a block stands for the whole of it.
                before, rate = rate, self.learning_rate(done.epoch + middle / n)
                if rate != before:
                    state = state._replace(learning_rate=self.on_device(rate))
                (params, state), metrics = run_block((params, state), data, batches)
                block_metrics.append((batches.shape[1], metrics))
                if bar.shown:
                    bar.update(batches.shape[1], *map(self.computing.to_host, metrics[:2]))
                steps += len(batches)
        return Begun(began, params, state.slots, done.steps + steps, rate, block_metrics)

    def finish(self, done: Checkpoint, order: Order, begun: Begun) -> Epoch:
        """Wait for the device, then evaluate the parameters."""
        self.computing.synchronize()
        seconds = time.perf_counter() - begun.time
        blocks = [(size, tuple(map(self.computing.to_host, metrics))) for size, metrics in begun.metrics]
        number, n, params, rate = done.epoch + 1, len(self.train), begun.params, begun.learning_rate
        cost = _mean(blocks, 0, n)
        error = sum(_total(metrics[1]) for _, metrics in blocks)
        _check_cost("cost", cost, number, rate)
        if self.data_parallel is not None:
            self.data_parallel.agree({f"the outcome of epoch {number}": digest_of(self.computing, params)})
        validation_cost, validation_accuracy = self.evaluated(params, self.validation)
        monitored = cost if validation_cost is None else validation_cost
        _check_cost("validation cost", monitored, number, rate)
        test_cost, test_accuracy = self.evaluated(params, self.test)
        _check_cost("test cost", 0.0 if test_cost is None else test_cost, number, rate)
        # Without rows to validate on the cost is that of the private ones, which no checkpoint holds.
        best_cost = math.inf if self.private and validation_cost is None else min(monitored, done.best_cost)
        best = self.patience is None or monitored < done.best_cost
        own_params, own_slots = self.backend.from_views((params, begun.slots))
        return Epoch(
            number=number,
            cost=cost,
            penalty=0.0 if self.l2 is None else _mean(blocks, 2, n),
            train_accuracy=accuracy(error, self.total_error),
            test_accuracy=test_accuracy,
            validation_cost=validation_cost,
            validation_accuracy=validation_accuracy,
            learning_rate=rate,
            seconds=seconds,
            samples_per_second=n / seconds,
            regression=self.network.model.loss.regression,
            test_cost=test_cost,
            running=self.running(blocks),
            checkpoint=Checkpoint(
                epoch=number,
                params=own_params,
                slots=own_slots,
                steps=begun.steps,
                order=order.state,
                best_params=own_params if best else done.best_params,
                best_cost=best_cost,
                waited=0 if best else done.waited + 1,
                engine=self.backend.engine,
                optimizer=self.optimizer.settings,
                **self.spent(done, begun.steps - done.steps),
            ),
        )

    def running(self, blocks: list[Fetched]) -> tuple[Running, ...]:
        """Running numbers of an epoch; none of private rows, of which nobody knows how many were in a batch."""
        if self.private is not None:
            return ()
        costs_and_errors = [(size, cost, error) for size, (cost, error, *_) in blocks]
        return running_numbers(costs_and_errors, len(self.train), self.total_error)

    def spent(self, done: Checkpoint, steps: int) -> dict[str, Any]:
        """Fields of the checkpoint about what has been spent after so many steps more; none unless it is private."""
        if self.private is None:
            return {}
        before = [Spent(*each) for each in done.privacy]
        settings = self.private.settings
        spent = with_steps(before, self.private.per_step._replace(steps=steps))
        reported = epsilon(spent, settings.delta) if settings.insecure_seed is None else None
        return {"privacy": tuple(map(tuple, spent)), "epsilon": reported, "delta": settings.delta}

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


def _mean(blocks: list[Fetched], metric: int, n: int) -> float:
    """Mean of a metric over an epoch's batches, each counted by its rows."""
    return sum(size * _total(metrics[metric]) for size, metrics in blocks) / n


def _total(metric: np.ndarray) -> float:
    """Sum of a metric over a block."""
    return float(metric.sum(dtype=np.float64))


class Epochs(Iterator[Epoch]):
    """Epochs of a training, each trained when it is asked for.

    Attributes:
        training: All that stays the same from epoch to epoch.
    """

    def __init__(self, training: Training, start: Checkpoint) -> None:
        self.training = training
        self._done, self._run = start, training.run(start)

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


def _check_cost(name: str, cost: float, number: int, rate: float) -> None:
    """Refuse to go on from a cost that is not finite."""
    if not math.isfinite(cost):
        raise DivergenceError(
            f"the {name} is no longer finite in epoch {number}, at learning rate {rate:g}; use a lower one, "
            "or scale the inputs to about 1."
        )

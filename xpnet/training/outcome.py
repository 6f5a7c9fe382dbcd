"""Outcome of an epoch: its parameters are scored, and become a record with a checkpoint."""

import math
import time
from typing import Any, NamedTuple

import numpy as np

from xpnet._support.typing import Array, Params, Slots
from xpnet.equations.losses import accuracy
from xpnet.errors import DivergenceError
from xpnet.training.checkpoint import Checkpoint, Epoch
from xpnet.training.privacy import Spent, epsilon, with_steps
from xpnet.training.rows import Order, digest_of
from xpnet.training.run import Training
from xpnet.training.running import Running, running_numbers

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


def finish(training: Training, done: Checkpoint, order: Order, begun: Begun) -> Epoch:
    """Wait for the device, then evaluate the parameters."""
    training.computing.synchronize()
    seconds = time.perf_counter() - begun.time
    blocks = [(size, tuple(map(training.computing.to_host, metrics))) for size, metrics in begun.metrics]
    number, n, params, rate = done.epoch + 1, len(training.train), begun.params, begun.learning_rate
    cost = _mean(blocks, 0, n)
    error = sum(_total(metrics[1]) for _, metrics in blocks)
    _check_cost("cost", cost, number, rate)
    if training.data_parallel is not None:
        training.data_parallel.agree({f"the outcome of epoch {number}": digest_of(training.computing, params)})
    validation_cost, validation_accuracy = training.evaluated(params, training.validation)
    monitored = cost if validation_cost is None else validation_cost
    _check_cost("validation cost", monitored, number, rate)
    test_cost, test_accuracy = training.evaluated(params, training.test)
    _check_cost("test cost", 0.0 if test_cost is None else test_cost, number, rate)
    # Without rows to validate on the cost is that of the private ones, which no checkpoint holds.
    best_cost = math.inf if training.private and validation_cost is None else min(monitored, done.best_cost)
    best = training.patience is None or monitored < done.best_cost
    own_params, own_slots = training.backend.from_views((params, begun.slots))
    return Epoch(
        number=number,
        cost=cost,
        penalty=0.0 if training.l2 is None else _mean(blocks, 2, n),
        train_accuracy=accuracy(error, training.total_error),
        test_accuracy=test_accuracy,
        validation_cost=validation_cost,
        validation_accuracy=validation_accuracy,
        learning_rate=rate,
        seconds=seconds,
        samples_per_second=n / seconds,
        regression=training.network.model.loss.regression,
        test_cost=test_cost,
        running=_running(training, blocks),
        checkpoint=Checkpoint(
            epoch=number,
            params=own_params,
            slots=own_slots,
            steps=begun.steps,
            order=order.state,
            best_params=own_params if best else done.best_params,
            best_cost=best_cost,
            waited=0 if best else done.waited + 1,
            engine=training.backend.engine,
            optimizer=training.optimizer.settings,
            **_spent(training, done, begun.steps - done.steps),
        ),
    )


def _running(training: Training, blocks: list[Fetched]) -> tuple[Running, ...]:
    """Running numbers of an epoch; none of private rows, of which nobody knows how many were in a batch."""
    if training.private is not None:
        return ()
    costs_and_errors = [(size, cost, error) for size, (cost, error, *_) in blocks]
    return running_numbers(costs_and_errors, len(training.train), training.total_error)


def _spent(training: Training, done: Checkpoint, steps: int) -> dict[str, Any]:
    """Fields of the checkpoint about what has been spent after so many steps more; none unless it is private."""
    if training.private is None:
        return {}
    before = [Spent(*each) for each in done.privacy]
    settings = training.private.settings
    spent = with_steps(before, training.private.per_step._replace(steps=steps))
    reported = epsilon(spent, settings.delta) if settings.insecure_seed is None else None
    return {"privacy": tuple(map(tuple, spent)), "epsilon": reported, "delta": settings.delta}


def _mean(blocks: list[Fetched], metric: int, n: int) -> float:
    """Mean of a metric over an epoch's batches, each counted by its rows."""
    return sum(size * _total(metrics[metric]) for size, metrics in blocks) / n


def _total(metric: np.ndarray) -> float:
    """Sum of a metric over a block."""
    return float(metric.sum(dtype=np.float64))


def _check_cost(name: str, cost: float, number: int, rate: float) -> None:
    """Refuse to go on from a cost that is not finite."""
    if not math.isfinite(cost):
        raise DivergenceError(
            f"the {name} is no longer finite in epoch {number}, at learning rate {rate:g}; use a lower one, "
            "or scale the inputs to about 1."
        )

"""Checkpoint that a training begins with: before its first epoch, or of an earlier one."""

import math
from collections.abc import Mapping
from typing import Any

from xpnet import backends
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Params
from xpnet.backends import Backend
from xpnet.data.checks import count
from xpnet.equations.optimizers import Optimizer
from xpnet.errors import DeviceError, InputError
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.network import Network
from xpnet.training.placement import checked_params
from xpnet.training.run import Training


def first_checkpoint(
    network: Network, optimizer: Optimizer, backend: Backend, dtype: str, params: Params, order: Mapping[str, Any]
) -> Checkpoint:
    """Checkpoint before the first epoch; its engine is not chosen yet."""
    params = backends.moved(checked_params(network, params), backend)
    params = backend.copy(map_arrays(lambda array: backend.asarray(array, dtype), params))
    return Checkpoint(
        epoch=0,
        params=params,
        slots=optimizer.init(params, xp=backend.xp),
        steps=0,
        order=order,
        best_params=params,
        best_cost=math.inf,
        waited=0,
        engine="auto",
        optimizer=optimizer.settings,
    )


def resumed_checkpoint(network: Network, optimizer: Optimizer, backend: Backend, done: Checkpoint) -> Checkpoint:
    """Checkpoint to go on from, with copies of its arrays on the backend."""
    tensors = backend.copy(backends.moved((done.params, done.slots, done.best_params), backend))
    start = done._replace(**dict(zip(("params", "slots", "best_params"), tensors, strict=True)))
    for params in (start.params, start.best_params, *start.slots):
        checked_params(network, params)
    slots = len(optimizer.init(start.params, xp=backend.xp))
    if done.optimizer not in ("", optimizer.settings) or len(start.slots) != slots:
        before = done.optimizer or f"an optimizer whose state is {count(len(start.slots), 'array')} per parameter array"
        raise InputError(
            f"resume is a checkpoint of {before}, but optimizer is {optimizer.settings}, which cannot go on from that "
            "state; give the same one, or start anew with params=checkpoint.params."
        )
    return start


def with_engine(training: Training, start: Checkpoint, engine: str | None, resume: Checkpoint | None) -> Backend:
    """Backend of the training, with the engine that the call asks for, or else the checkpoint."""
    backend = training.backend
    if engine is None and resume is not None:
        try:
            return backend.with_engine(backend.recorded_engine(resume.engine))
        except (DeviceError, InputError) as error:
            raise type(error)(
                f"the checkpoint was trained with engine {resume.engine}, which is not available: {error} "
                'With engine="auto" it continues with another, whose results are equal to rounding.'
            ) from error
    if engine in (None, "auto"):
        steps = training.steps * (training.epochs - start.epoch)
        carry, sample = training.carry(start), training.train.sample
        return backend.with_engine(backend.choose(training.step, carry, sample, training.batch_size, steps))
    return backend.with_engine(engine)

"""The training loop: epochs one by one, on any backend."""

import math
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from xpnet import backends
from xpnet._support.seeds import generator
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array, Params
from xpnet.backends import ENGINES, Backend, dtype_name
from xpnet.data import Data, Stored
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.partial_step import partial_step
from xpnet.equations.step import L2_OF, training_step
from xpnet.errors import DeviceError, InputError
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.data_parallel import Average
from xpnet.training.memory_rows import in_memory
from xpnet.training.network import Network
from xpnet.training.rows import Rows, digest_of
from xpnet.training.run import Epochs, Training
from xpnet.training.sparse import is_sparse
from xpnet.training.stored_rows import stored_rows

DTYPES = ("float32", "float64")
VALIDATION = ("x_validation", "y_validation", "weight_validation")


def epochs(
    network: Network,
    data: Data | Sequence[Array],
    optimizer: Optimizer,
    *,
    params: Params | None = None,
    batch_size: int,
    epochs: int,
    seed: int = 0,
    backend: str | None = None,
    device: str | None = None,
    engine: str | None = None,
    dtype: str | None = None,
    precision: str = "fp32",
    weight: Array | None = None,
    l2: float = 0.0,
    l2_of: str = "mean",
    shuffle: bool = True,
    order: Iterator[np.ndarray] | None = None,
    validation: Sequence[Array] | None = None,
    validation_fraction: float = 0.0,
    patience: int | None = None,
    resume: Checkpoint | None = None,
    progress: bool = False,
    chunk_size: float = 64.0,
    average: Average | None = None,
) -> Epochs:
    """Train a network, one record an epoch; stop listening and it stops.

    Args:
        network: What to train.
        data: `(x, y)`, or a `Data` with test rows too, which are scored after every epoch. Inputs may be SciPy's
            sparse arrays, which are made dense batch by batch; both may be `xpnet.data.Stored`, which are read from
            disk and shuffled chunk by chunk, as `xpnet.training.stored_rows` tells.
        optimizer: `sgd`, `momentum`, `nesterov`, `adam` or `adamw`, with its learning rate or schedule.
        params: Parameters to start from; None draws them from the seed.
        batch_size: Rows a step; the last batch of an epoch is short where they do not divide.
        epochs: Epochs in all, those of a resumed training counted.
        seed: What initial weights, validation rows and batches are drawn from.
        backend: Where to compute: "numpy", "cupy", "torch", "jax"; None takes the data's own kind.
        device: "cpu", "cuda", "cuda:1"; None takes the data's own place.
        engine: How steps are run: "plain", operation by operation; "replay", from a plan made once; "compiled"; or
            "auto", what suits the training best. None is the resumed checkpoint's, else "auto".
        dtype: "float32" or "float64"; None takes x's, and float32 for integers.
        precision: "fp32", or "tf32" for faster products of float32 matrices on a GPU, to about three digits.
        weight: Sample weights sᵢ (n,) for the training rows.
        l2: λ of the objective C = Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖².
        l2_of: What λ/2 · Σ ‖w‖² is added to: the "mean" of a batch's costs, as above, or their "sum" before it is
            divided by Σ sᵢ, so that λ counts like one sample more, whatever the size of a batch.
        shuffle: Whether each epoch has an order of its own.
        order: What gives these orders in place of the seed, an array of the training rows' indices (n,) each epoch;
            it is not in checkpoints, so who resumes hands in one that goes on.
        validation: `(x, y)` or `(x, y, weight)` to validate on.
        validation_fraction: The part of the training rows that is held back for that instead.
        patience: Stop after so many epochs without a lower cost, validation's if there is any; None never stops early.
        resume: An earlier epoch's checkpoint, to go on from; everything else must be as it was.
        progress: Whether to show a bar, if stderr is a terminal.
        chunk_size: Megabytes of rows on disk to hold at a time; about twice as many are held while others are read.
        average: What makes one training of this one and others in other processes, as `xpnet.distributed.session`
            gives it: each takes its share of every batch, their sums are added up, and all have the same parameters.

    Raises:
        InputError: Arguments or data that do not fit, at once; nor are the same in every process.
        DeviceError: The backend, device or engine cannot serve, at once.
        DivergenceError: The cost is no longer finite, at the end of that epoch.
    """
    _check_arguments(batch_size, epochs, seed, l2, validation_fraction, patience, chunk_size)
    if l2_of not in L2_OF:
        raise InputError(f"l2_of is {l2_of!r}; it can be {' or '.join(L2_OF)}.")
    if validation is not None and validation_fraction:
        raise InputError("validation and validation_fraction are both given; leave out one of them.")
    if validation is not None and len(validation) not in (2, 3):
        raise InputError(f"validation holds {len(validation)} arrays; give (x, y) or (x, y, weight).")
    if engine not in (None, "auto", *ENGINES):
        raise InputError(f"engine is {engine!r}; it can be auto, {', '.join(ENGINES)}.")
    suffixes = ("_train", "_test") if isinstance(data, Data) else ("", "")
    data = data if isinstance(data, Data) else Data(*data)
    arrays = dict(x=data.x_train, y=data.y_train, x_test=data.x_test, y_test=data.y_test, weight=weight)
    arrays |= dict(zip(VALIDATION, (*(validation or (None, None)), None), strict=False))
    # Sparse inputs stay where they are, and so does what is on disk.
    inputs = {name: array for name, array in arrays.items() if is_sparse(array) or isinstance(array, Stored)}
    arrays |= dict.fromkeys(inputs)
    target = backends.of(**arrays) if backend is None and device is None else backends.resolve(backend, device)
    target = target.with_precision(precision)
    with target.current():
        placed = map_arrays(target.asarray, backends.moved(tuple(arrays.values()), target))
        arrays = dict(zip(arrays, placed, strict=True)) | inputs
        x, y, x_test, y_test, weight, x_held, y_held, weight_held = arrays.values()
        dtype = dtype or (dtype_name(x) if dtype_name(x) in DTYPES else "float32")
        if dtype not in DTYPES:
            raise InputError(f"dtype is {dtype!r}; it can be {' or '.join(DTYPES)}.")
        if precision == "tf32" and dtype != "float32":
            raise InputError(f"precision tf32 is for dtype float32, but the dtype is {dtype}; leave one of them out.")
        _check_scale(network.model(x).input_scale, data.input_scale)

        def rows(x: Array, y: Array, weight: Array | None = None, *, of: str) -> Rows:
            if isinstance(x, Stored):
                return stored_rows(network, target, dtype, x, y, weight, of, batch_size, chunk_size)
            y = np.asarray(y) if isinstance(y, Stored) else y
            return in_memory(target, network.batch(target, dtype, x, y, weight, of))

        train, held = rows(x, y, weight, of=suffixes[0]).split(validation_fraction, seed)
        if validation is not None:
            held = rows(x_held, y_held, weight_held, of="_validation")
        training = Training(
            network=network,
            optimizer=optimizer,
            step=training_step(network.model(x), optimizer, l2_of),
            backend=target,
            dtype=dtype,
            train=train,
            total_error=train.total_error(network.output),
            validation=held,
            test=None if x_test is None else rows(x_test, y_test, of=suffixes[1]),
            l2=None if l2 == 0 else target.asarray(np.asarray(l2, dtype)),
            batch_size=batch_size,
            shuffle=shuffle,
            order=order,
            epochs=epochs,
            patience=patience,
            progress=progress,
            average=average,
            partial_step=partial_step(network.model(x), optimizer, l2_of),
        )
        if resume is None:
            params = network.init(seed, dtype=dtype) if params is None else params
            start = _start(network, optimizer, target, dtype, params, generator(seed, "order").bit_generator.state)
        else:
            tensors = target.copy(backends.moved((resume.params, resume.slots, resume.best_params), target))
            start = resume._replace(**dict(zip(("params", "slots", "best_params"), tensors, strict=True)))
            network.checked_params(start.params)
        training = training._replace(backend=_with_engine(training, start, engine, resume))
        if average is not None:
            average.agree({"the seed": str(seed), "l2_of": l2_of, **told(training, start)})
    return Epochs(training, start)


def _with_engine(training: Training, start: Checkpoint, engine: str | None, resume: Checkpoint | None) -> Backend:
    """The training's backend with the engine that is asked for, by the call or else by the checkpoint."""
    backend = training.backend
    if engine is None and resume is not None:
        try:
            return backend.with_engine(resume.engine)
        except (DeviceError, InputError) as error:
            raise type(error)(
                f"the checkpoint was trained with engine {resume.engine}, which cannot be had: {error} "
                'With engine="auto" it goes on with another, equal to rounding.'
            ) from error
    if engine in (None, "auto"):
        return backend.with_engine(
            backend.choose(
                training.step, training.carry(start), training.train.sample, training.batch_size, training.steps
            )
        )
    return backend.with_engine(engine)


def _start(
    network: Network, optimizer: Optimizer, backend: Backend, dtype: str, params: Params, order: Mapping[str, Any]
) -> Checkpoint:
    """Before the first epoch; its engine is not chosen yet."""
    params = backends.moved(network.checked_params(params), backend)
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
    )


def told(training: Training, start: Checkpoint) -> dict[str, str]:
    """All that decides what comes out of a training, by what a message calls it."""
    backend = training.backend
    rows = {"training": training.train, "validation": training.validation, "test": training.test}
    return {
        "the network": repr(training.network),
        "the optimizer": described(training.optimizer),
        "the library": f"{backend.name} {backend.version}",
        "the engine": backend.engine,
        "precision": backend.precision,
        "l2": "none" if training.l2 is None else str(float(training.l2)),
        **{name: str(getattr(training, name)) for name in ("dtype", "batch_size", "shuffle", "epochs", "patience")},
        **{f"the {kind} data": "none" if held is None else held.digest() for kind, held in rows.items()},
        "the start": f"epoch {start.epoch}, {digest_of(backend, (start.params, start.slots))}, {start.order}",
    }


def described(thing: object) -> str:
    """What can be compared with another's: of a function its name and what it was made with."""
    if isinstance(thing, FunctionType):
        held = ", ".join(described(cell.cell_contents) for cell in thing.__closure__ or ())
        return f"{thing.__qualname__}({held})"
    if isinstance(thing, tuple):
        return f"({', '.join(map(described, thing))})"
    return type(thing).__qualname__ if type(thing).__repr__ is object.__repr__ else repr(thing)


def _check_arguments(
    batch_size: int,
    epochs: int,
    seed: int,
    l2: float,
    validation_fraction: float,
    patience: int | None,
    chunk_size: float,
) -> None:
    """Refuse numbers outside their range."""
    for name, value, least in (("batch_size", batch_size, 1), ("epochs", epochs, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name} is {value}; it must be {least} or more.")
    if patience is not None and patience < 1:
        raise InputError(f"patience is {patience}; it must be 1 or more, or None to never stop early.")
    if not 0 <= l2 < math.inf:
        raise InputError(f"l2 is {l2}; it must be 0 or more.")
    if not 0 < chunk_size < math.inf:
        raise InputError(f"chunk_size is {chunk_size}; it must be above 0, in megabytes.")
    if not 0 <= validation_fraction < 1:
        raise InputError(f"validation_fraction is {validation_fraction}; it must be at least 0 and below 1.")


def _check_scale(network: float, data: float | None) -> None:
    """Refuse data that say how they are to be scaled to a network that scales otherwise."""
    if data not in (None, network):
        raise InputError(
            f"the data's inputs are to be divided by {data:g}, but the network divides them by {network:g}; "
            f"use Network(..., input_scale={data:g})."
        )

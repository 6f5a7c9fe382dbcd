"""The training loop: epochs one by one, on any backend."""

import math
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from xpnet import backends
from xpnet._support.philox import Key
from xpnet._support.seeds import generator
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Params
from xpnet.backends import Backend, dtype_name
from xpnet.data import Data, Stored, doubt_inputs, scaled_weights, spread
from xpnet.data.checks import count
from xpnet.data.doubts import SAMPLED
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.partial_step import partial_step
from xpnet.equations.private_step import private_step
from xpnet.equations.step import training_step
from xpnet.errors import DeviceError, InputError
from xpnet.training import arguments
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.data_parallel import DataParallel
from xpnet.training.data_shapes import as_data
from xpnet.training.memory_rows import PlacedRows
from xpnet.training.network import Network
from xpnet.training.placement import DTYPES, checked_params, host_numbers, placed_rows, spelled_device, spelled_dtype
from xpnet.training.privacy import Privacy, Spent
from xpnet.training.private_batches import Private, PrivateRows
from xpnet.training.rows import Rows, digest_of
from xpnet.training.run import Epochs, Training
from xpnet.training.sparse import is_sparse
from xpnet.training.standardization import Standardization

VALIDATION = ("x_validation", "y_validation", "weight_validation")


def epochs(
    network: Network,
    data: Data | Sequence[Any] | Any,
    optimizer: Optimizer,
    *,
    batch_size: int,
    epochs: int,
    weight: Array | None = None,
    params: Params | None = None,
    seed: int = 0,
    shuffle: bool = True,
    order: Iterator[np.ndarray] | None = None,
    backend: str | None = None,
    device: Any = None,
    dtype: Any = None,
    precision: str = "fp32",
    engine: str | None = None,
    l2: float = 0.0,
    l2_of: str = "mean",
    clip_norm: float | None = None,
    privacy: Privacy | None = None,
    validation: Sequence[Array] | None = None,
    validation_fraction: float = 0.0,
    patience: int | None = None,
    resume: Checkpoint | None = None,
    progress: bool = False,
    chunk_size: float = 64.0,
    average: DataParallel | None = None,
) -> Epochs:
    """Train a network epoch by epoch: iterate over the records, and stop iterating to stop the training.

    Everything is checked before the first epoch is asked for.

    Args:
        network: What to train.
        data: `(x, y)`, or a `Data` or `(x, y, x_test, y_test)` with test rows too, which are scored after every epoch;
            also what Keras' `load_data()` returns, or PyTorch's `TensorDataset`. Inputs may be SciPy's sparse arrays,
            which are made dense batch by batch; both may be `xpnet.data.Stored`, which are read from disk and shuffled
            chunk by chunk, as `xpnet.training.stored_rows` describes.
        optimizer: `sgd`, `momentum`, `nesterov`, `adam` or `adamw`, with its learning rate or schedule.
        batch_size: Rows per step; the last batch of an epoch is short where they do not divide.
        epochs: Epochs in all, those of a resumed training counted.
        weight: Sample weights sᵢ (n,) for the training rows.

        params: Parameters to start from; None draws them from the seed.
        seed: What initial weights, validation rows, batches and dropout's masks are drawn from.
        shuffle: Whether each epoch has an order of its own.
        order: Iterator over these orders in place of the seed's, an array of the training rows' indices (n,) for each
            epoch; it is not in checkpoints, so that to resume takes one that goes on.

        backend: Library to compute with: "numpy", "cupy", "torch", "jax"; None takes the data's own kind.
        device: "cpu", "cuda", "cuda:1", or a library's own device; None takes the data's own place.
        dtype: "float32" or "float64", or a library's own of that name; None takes x's, and float32 for integers.
        precision: "fp32", or "tf32" for faster products of float32 matrices on a GPU, to about three digits.
        engine: How steps are run: "plain", operation by operation; "replay", from a plan made once; "compiled"; "jit",
            by JAX's own compiler; or "auto", what suits the training best. None is the resumed checkpoint's, else
            "auto". "replay" and "compiled" run on PyTorch's and JAX's CPU arrays in NumPy's memory.

        l2: λ of the objective C = Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖².
        l2_of: What λ/2 · Σ ‖w‖² is added to: the "mean" of a batch's costs, as above, or their "sum" before it is
            divided by Σ sᵢ, so that λ counts like one sample more, whatever the size of a batch.
        clip_norm: Largest norm of one sample's gradient over all parameters, without its weight and L2; a longer one is
            scaled down to it. None clips nothing.
        privacy: Settings of a private training (DP-SGD): each row is in a batch with probability `batch_size / n` by
            itself, gradients are clipped and get noise, and every epoch has its `epsilon`. What the epochs tell of the
            training rows, cost and accuracy, is not private. None trains as ever.

        validation: `(x, y)` or `(x, y, weight)` to validate on.
        validation_fraction: Fraction of the training rows that is held out for validation instead.
        patience: Epochs without a lower cost, validation's if there is any, after which it stops; None never stops it.
            The iterator's `stopped` then says so, and which epoch `best_params` are from.

        resume: Checkpoint of an earlier epoch, to go on from; everything else must be as it was. Another optimizer is
            refused, but for its learning rate.
        progress: Whether to show a bar.

        chunk_size: Megabytes of rows on disk per chunk; about twice as many are in memory while the next is read.
        average: Link to the other processes of a data-parallel training, as `xpnet.distributed.session` gives it: each
            takes its share of every batch, their sums are added up, and all have the same parameters.

    Returns:
        An iterator over the records of the epochs, each trained when it is asked for; its length is how many are left.

    Raises:
        InputError: Arguments or data do not fit, or differ between the processes of a data-parallel training.
        DeviceError: The backend, device or engine cannot serve.
        DivergenceError: The cost is no longer finite; raised at the end of that epoch.

    Example:
        >>> x, y = np.eye(4), np.array([0, 1, 2, 0])
        >>> for epoch in epochs(Network([4, 3]), (x, y), sgd(1.0), batch_size=2, epochs=2):
        ...     print(epoch.number, epoch.checkpoint.steps)
        1 2
        2 4
    """
    arguments.check_ranges(
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        l2=l2,
        validation_fraction=validation_fraction,
        patience=patience,
        chunk_size=chunk_size,
        clip_norm=clip_norm,
    )
    arguments.check_choices(engine=engine, l2_of=l2_of)
    arguments.check_flags(shuffle=shuffle, progress=progress)
    arguments.check_objects(network, optimizer, resume, weight, order, average)
    arguments.check_validation(validation, validation_fraction)
    arguments.check_privacy(
        privacy,
        weight=weight is not None,
        order=order is not None,
        validation_fraction=validation_fraction,
        patience=patience is not None and validation is None and getattr(data, "x_validation", None) is None,
        clip_norm=clip_norm is not None,
        dropout=bool(network.dropout),
    )
    clip_norm = clip_norm if privacy is None else privacy.clip_norm
    suffix = "_train" if isinstance(data, Data) else ""
    data = as_data(data)
    validation = _validation(data, validation, validation_fraction)
    arrays = dict(x=data.x_train, y=data.y_train, x_test=data.x_test, y_test=data.y_test, weight=weight)
    arrays |= dict(zip(VALIDATION, (*(validation or (None, None)), None), strict=False))
    device = spelled_device(device)
    # Sparse inputs stay where they are, and so does what is on disk.
    unmoved = {name: array for name, array in arrays.items() if is_sparse(array) or isinstance(array, Stored)}
    arrays |= dict.fromkeys(unmoved)
    target = backends.of(**arrays) if backend is None and device is None else backends.resolve(backend, device)
    target = target.with_precision(precision).with_engine("plain")
    labels = ("y", "y_test", "y_validation") if network.loss == "cross_entropy" else ()
    classes = {name: network.sizes[-1] if name in labels else None for name in arrays}
    spelled = {"x": f"x{suffix}", "y": f"y{suffix}"}
    arrays = {
        name: host_numbers(array, target, name=spelled.get(name, name), classes=classes[name])
        for name, array in arrays.items()
    }
    x = unmoved.get("x", arrays["x"])
    dtype = (dtype_name(x) if dtype_name(x) in DTYPES else "float32") if dtype is None else spelled_dtype(dtype)
    if clip_norm is not None:
        # Beyond the dtype's numbers a norm clips nothing, or everything, as the last of these does.
        numbers = np.finfo(dtype)
        clip_norm = float(np.clip(float(clip_norm), numbers.smallest_normal, numbers.max))
    arrays["weight"], factor = _scaled(arrays["weight"], dtype)
    arrays["weight_validation"], _ = _scaled(arrays["weight_validation"], dtype)
    # λ of a sum counts beside Σ s, and so changes its scale with it.
    l2 = l2 * factor if l2_of == "sum" else l2
    resumed = () if resume is None else (resume.params, resume.slots)
    target = target.with_dtypes(dtype, *map(dtype_name, arrays_in((*arrays.values(), *resumed))))
    with target.current():
        moved = target.detached(map_arrays(target.asarray, backends.moved(tuple(arrays.values()), target)))
        arrays = dict(zip(arrays, moved, strict=True)) | unmoved
        x, y, x_test, y_test, weight, x_validation, y_validation, weight_validation = arrays.values()
        if precision == "tf32" and dtype != "float32":
            raise InputError(f"precision tf32 is for dtype float32, but the dtype is {dtype}; leave one of them out.")
        if not isinstance(network.input_scale, Standardization):
            _check_scale(data._replace(x_train=x, input_scale=network.input_scale).scale, data.input_scale)

        def rows(x: Array, y: Array, weight: Array | None = None, *, of: str) -> Rows:
            return placed_rows(network, target, dtype, x, y, weight, of=of, batch_size=batch_size, megabytes=chunk_size)

        train, held_out = rows(x, y, weight, of=suffix).split(validation_fraction, seed)
        if params is None and resume is None and network.input_scale in (None, 1):
            doubt_inputs(_some_rows(target, x), name=f"x{suffix}")
        if validation is not None:
            held_out = rows(x_validation, y_validation, weight_validation, of="_validation")
        private = None
        if privacy is not None:
            train = _private_rows(train, batch_size, dtype)
            private = _private(network, optimizer, privacy, train, l2_of, epochs, resume)
        elif resume is not None and resume.privacy:
            raise InputError("resume is a checkpoint of a private training; give privacy too, or the rest is not.")
        training = Training(
            network=network,
            optimizer=optimizer,
            step=training_step(network.model, optimizer, l2_of, clip_norm),
            backend=target,
            computing=target,
            dtype=dtype,
            train=train,
            total_error=train.total_error(network.model.loss),
            validation=held_out,
            test=None if x_test is None else rows(x_test, y_test, of="_test"),
            l2=None if l2 == 0 else target.asarray(np.asarray(l2, dtype)),
            batch_size=batch_size,
            shuffle=shuffle,
            order=order,
            epochs=epochs,
            patience=patience,
            progress=progress,
            data_parallel=average,
            partial_step=partial_step(network.model, optimizer, l2_of, clip_norm),
            noise=_key(target, seed) if network.dropout else None,
            private=private,
        )
        if resume is None:
            params = network.init(seed, dtype=dtype) if params is None else params
            order_state = {} if private is not None else generator(seed, "order").bit_generator.state
            start = _start(network, optimizer, target, dtype, params, order_state)
        else:
            start = _resumed(network, optimizer, target, resume)
        training = training.by(_with_engine(training, start, engine, resume))
        if average is not None:
            average.agree(
                {
                    "the seed": str(seed),
                    "l2_of": l2_of,
                    "clip_norm": str(clip_norm),
                    "privacy": str(privacy),
                    **_fingerprint(training, start),
                }
            )
    return Epochs(training, start)


def _private_rows(rows: Rows, batch_size: int, dtype: str) -> PrivateRows:
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


def _private(
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


def _validation(data: Data, validation: Sequence[Array] | None, fraction: float) -> Sequence[Array] | None:
    """Rows to validate on: those that are asked for, or the data's own."""
    if data.x_validation is None:
        return validation
    if validation is not None or fraction:
        other = "validation_fraction" if validation is None else "validation"
        raise InputError(f"{other} is given, but the data have validation rows of their own; leave it out.")
    return data.x_validation, data.y_validation


def _some_rows(backend: Backend, x: Array) -> np.ndarray:
    """Some of the inputs, on the host; none of sparse ones, which are counts or have been scaled."""
    if is_sparse(x):
        return np.empty((1, 0))
    return x.spread_rows(SAMPLED) if isinstance(x, Stored) else backend.to_host(spread(x))


def _scaled(weight: Any, dtype: str) -> tuple[Any, float]:
    """Sample weights scaled where they are, before they are anywhere that cannot hold them, and their factor."""
    if weight is None:
        return None, 1.0
    source = backends.of(weight)
    with source.current():
        scaled, factor = scaled_weights(weight, xp=source.xp)
        return source.asarray(scaled, dtype) if dtype_name(scaled) in DTYPES else scaled, factor


def _key(backend: Backend, seed: int) -> Key:
    """Key of a training's random numbers within its steps; they are drawn for whole batches, from the first row on."""
    words = generator(seed, "dropout").integers(2**32, size=2, dtype=np.uint32).view(np.int32)
    return Key(*(backend.asarray(np.asarray(word, np.int32)) for word in (*words, 0)))


def _with_engine(training: Training, start: Checkpoint, engine: str | None, resume: Checkpoint | None) -> Backend:
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


def _start(
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


def _resumed(network: Network, optimizer: Optimizer, backend: Backend, done: Checkpoint) -> Checkpoint:
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


def _fingerprint(training: Training, start: Checkpoint) -> dict[str, str]:
    """All that decides the outcome of a training, by what a message calls it, to be compared between processes."""
    backend = training.backend
    rows = {"training": training.train, "validation": training.validation, "test": training.test}
    return {
        "the network": repr(training.network),
        "the optimizer": definition(training.optimizer),
        "the library": f"{backend.name} {backend.version}",
        "the engine": backend.engine,
        "precision": backend.precision,
        "l2": "none" if training.l2 is None else str(float(training.l2)),
        **{name: str(getattr(training, name)) for name in ("dtype", "batch_size", "shuffle", "epochs", "patience")},
        **{f"the {kind} data": "none" if part is None else part.digest() for kind, part in rows.items()},
        "the start": f"epoch {start.epoch}, {digest_of(backend, (start.params, start.slots))}, {start.order}",
    }


def definition(thing: object) -> str:
    """Definition of an object that another process's can be compared with: of a function its name and its numbers."""
    if isinstance(thing, FunctionType):
        numbers = ", ".join(definition(cell.cell_contents) for cell in thing.__closure__ or ())
        return f"{thing.__qualname__}({numbers})"
    if isinstance(thing, tuple):
        return f"({', '.join(map(definition, thing))})"
    return type(thing).__qualname__ if type(thing).__repr__ is object.__repr__ else repr(thing)


def _check_scale(network: float, data: float | None) -> None:
    """Refuse data with a scale of their own for a network that divides by another."""
    if data not in (None, network):
        raise InputError(
            f"the data's inputs are to be divided by {data:g}, but the network divides them by {network:g}; "
            f"use Network(..., input_scale={data:g})."
        )

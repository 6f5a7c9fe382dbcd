"""The training loop: epochs one by one, on any backend."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from xpnet import backends
from xpnet._support.philox import Key
from xpnet._support.seeds import generator
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Params
from xpnet.backends import Backend, dtype_name
from xpnet.data import Data, Stored, doubt_inputs, scaled_weights, spread
from xpnet.data.doubts import SAMPLED
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.partial_step import partial_step
from xpnet.equations.step import training_step
from xpnet.errors import InputError
from xpnet.training import arguments
from xpnet.training.agreement import fingerprint
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.data_parallel import DataParallel
from xpnet.training.data_shapes import as_data
from xpnet.training.loop import Epochs
from xpnet.training.network import Network
from xpnet.training.placement import DTYPES, host_numbers, placed_rows, spelled_device, spelled_dtype
from xpnet.training.privacy import Privacy
from xpnet.training.private_rows import private_rows, private_training
from xpnet.training.rows import Rows
from xpnet.training.run import Training
from xpnet.training.sparse import is_sparse
from xpnet.training.standardization import Standardization
from xpnet.training.starting import first_checkpoint, resumed_checkpoint, with_engine

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
            train = private_rows(train, batch_size, dtype)
            private = private_training(network, optimizer, privacy, train, l2_of, epochs, resume)
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
            start = first_checkpoint(network, optimizer, target, dtype, params, order_state)
        else:
            start = resumed_checkpoint(network, optimizer, target, resume)
        training = training.by(with_engine(training, start, engine, resume))
        if average is not None:
            average.agree(
                {
                    "the seed": str(seed),
                    "l2_of": l2_of,
                    "clip_norm": str(clip_norm),
                    "privacy": str(privacy),
                    **fingerprint(training, start),
                }
            )
    return Epochs(training, start)


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


def _check_scale(network: float, data: float | None) -> None:
    """Refuse data with a scale of their own for a network that divides by another."""
    if data not in (None, network):
        raise InputError(
            f"the data's inputs are to be divided by {data:g}, but the network divides them by {network:g}; "
            f"use Network(..., input_scale={data:g})."
        )

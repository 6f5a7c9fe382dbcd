"""Placement: parameters and rows are checked against a network, encoded, and moved to the device that computes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from numbers import Integral
from typing import Any, Protocol

import numpy as np

from xpnet import backends
from xpnet._support.traced import is_traced
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.data import (
    Stored,
    check_features,
    check_labels,
    check_numbers,
    check_same_rows,
    check_targets,
    check_weights,
    encode_targets,
    portable,
    readable,
    refuse_words,
    scaled_weights,
)
from xpnet.equations.step import Model
from xpnet.errors import InputError
from xpnet.training import sparse
from xpnet.training.memory_rows import in_memory
from xpnet.training.rows import Rows
from xpnet.training.standardization import Standardization
from xpnet.training.stored_rows import Source, StoredRows

CHUNK = 2**20
"""Most activations of a layer per chunk of mapped rows: 4 MB in float32."""

DTYPES = ("float32", "float64")


class Shape(Protocol):
    """Sizes, loss and standardization of a network, which parameters and rows are checked against."""

    @property
    def sizes(self) -> Sequence[int]:
        """Neurons per layer."""

    @property
    def loss(self) -> str:
        """Name of the loss."""

    @property
    def input_scale(self) -> float | Standardization | None:
        """What becomes of the inputs first."""

    @property
    def target_scale(self) -> Standardization | None:
        """What becomes of the targets."""


class Plannable(Shape, Protocol):
    """Network, as what can be planned for it asks."""

    @property
    def model(self) -> Model:
        """Its functions."""


def chunk_rows(network: Shape) -> int:
    """Rows per chunk, where a function is mapped over rows."""
    return max(1, CHUNK // max(network.sizes))


@contextmanager
def placed(
    network: Shape, params: Params, x: Any, y: Any = None, weight: Any = None, *, rowwise: bool = False
) -> Iterator[tuple[Backend, Params, Batch]]:
    """Context with x's backend, the parameters copied to it, and the encoded rows, which may be sparse if rowwise."""
    check_weights_are_rows(weight)
    backend = backends.of(x=np.empty(0) if rowwise and sparse.is_sparse(x) else x, y=y, weight=weight)
    params = checked_params(network, params)
    if backend.name == "numpy" and any(map(is_traced, arrays_in(params))):
        # What a function of the parameters that is being transformed reads besides.
        backend = backends.of(*arrays_in(params))
    dtype = dtype_name(params[0].w)
    backend = backend.with_dtypes(dtype)
    with backend.current():
        yield backend, backends.moved(params, backend), encoded(network, backend, dtype, x, y, weight)


def checked_params(network: Shape, params: Any) -> Params:
    """Parameters as layers, if their shapes are the network's; given as layers or as pairs of arrays (w, b)."""
    needed, needed_biases = _shapes(tuple(network.sizes))
    try:
        layers = tuple([Layer(w, b) for w, b in params])
        weights, biases = [tuple(w.shape) for w, _ in layers], [tuple(b.shape) for _, b in layers]
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            f"params is a {type(params).__name__}; give what init or epoch.params holds, or a pair of arrays (w, b) "
            "for each layer."
        ) from None
    if weights != needed:
        raise InputError(f"params have weights of shapes {weights}, but the network {network} needs {needed}.")
    if biases != needed_biases:
        raise InputError(f"params have biases of shapes {biases}, but the network {network} needs {needed_biases}.")
    checked: Params = map_arrays(portable, layers)
    for array in arrays_in(checked):
        if "float" not in dtype_name(array):
            raise InputError(f"params hold {dtype_name(array)} but need real floating-point numbers.")
    return checked


@lru_cache
def _shapes(sizes: tuple[int, ...]) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Shapes of the weights and of the biases."""
    return list(zip(sizes[1:], sizes[:-1], strict=True)), [(d_out,) for d_out in sizes[1:]]


def encoded(
    network: Shape, backend: Backend, dtype: str, x: Any, y: Any = None, weight: Any = None, of: str = ""
) -> Batch:
    """Rows as the mathematics takes them, checked: inputs in their own dtype, targets one-hot or as numbers.

    Those of a standardized network are standardized.

    Args:
        network: Network that they are for.
        backend: Backend that computes with them.
        dtype: Dtype of the parameters, for targets and weights.
        x: Inputs.
        y: Targets, or None.
        weight: Sample weights, or None.
        of: Suffix of x and y in messages: "_train", "_test".
    """
    if sparse.is_sparse(x):
        x = sparse.checked(x, name=f"x{of}")
    else:
        refuse_words(x, name=f"x{of}")
        x = portable(backend.asarray(readable(x, name=f"x{of}")))
        if x.ndim > 2 and math.prod(x.shape[1:]) == network.sizes[0]:
            # Images become rows.
            x = backend.xp.reshape(x, (x.shape[0], -1))
        check_features(x, name=f"x{of}", xp=backend.xp)
    if x.shape[1] != network.sizes[0]:
        raise InputError(f"x{of} has {x.shape[1]} columns, but the network {network} takes {network.sizes[0]} inputs.")
    if isinstance(network.input_scale, Standardization):
        x = network.input_scale.applied(x, backend, dtype, name=f"x{of}")
    if y is not None:
        y = portable(backend.asarray(readable(y, name=f"y{of}")))
        check_same_rows(x, y, names=(f"x{of}", f"y{of}"))
        if network.loss == "cross_entropy":
            # A column of labels, as Keras has CIFAR's.
            y = backend.xp.reshape(y, (-1,)) if y.ndim == 2 and y.shape[1] == 1 else y
        check_targets(y, name=f"y{of}", loss=network.loss, outputs=network.sizes[-1], xp=backend.xp)
        y = encode_targets(
            y,
            loss=network.loss,
            outputs=network.sizes[-1],
            dtype=backend.dtype(dtype),
            device=backend.device,
            xp=backend.xp,
        )
        if network.target_scale is not None:
            y = network.target_scale.applied(y, backend, dtype, name=f"y{of}")
    if weight is not None:
        weight = encoded_weight(backend, dtype, x, weight, of)
    return Batch(x, y, weight)


def encoded_weight(backend: Backend, dtype: str, x: Any, weight: Any, of: str = "") -> Array:
    """Sample weights of x's rows as the mathematics takes them, checked and scaled; arguments as for `encoded`."""
    weight = portable(backend.asarray(readable(weight, name="weight")))
    if is_traced(weight) or backend.xp.isdtype(weight.dtype, "integral"):
        # While JAX traces a function, float64 may be switched off; PyTorch 2.13 does not compare uint64.
        weight = backend.asarray(weight, dtype)
    check_weights(weight, xp=backend.xp)
    check_same_rows(x, weight, names=(f"x{of}", "weight"), each="weight")
    return backend.asarray(scaled_weights(weight, xp=backend.xp)[0], dtype)


def host_numbers(array: Any, backend: Backend, *, name: str, classes: int | None = None) -> Any:
    """Array that can be moved to a backend: what is NumPy's, lists and data frames too, in portable dtypes.

    Args:
        array: Array of any library, or None.
        backend: Backend that it is to be moved to.
        name: Name in messages.
        classes: Number of classes, where they are labels.

    Raises:
        InputError: They are no numbers, are masked, or are labels that the backend's integers cannot hold.
    """
    if array is None or (source := backends.of(array)).name != "numpy":
        return array
    if name.startswith("x"):
        refuse_words(array, name=name)
    array = portable(source.asarray(readable(array, name=name)))
    if backend.name != "numpy":
        if classes is not None:
            column = array.ndim == 2 and array.shape[1] == 1
            check_labels(array.reshape(-1) if column else array, name=name, classes=classes, xp=np)
        else:
            check_numbers(array, ("bool", "integral", "real floating"), name=name, xp=np)
    return array


def placed_rows(
    network: Shape,
    backend: Backend,
    dtype: str,
    x: Any,
    y: Any,
    weight: Any = None,
    *,
    of: str,
    batch_size: int,
    megabytes: float,
) -> Rows:
    """Rows to train on or to evaluate: dense or sparse in memory, or on disk.

    Args:
        network: Network that they are for.
        backend: Backend that computes with them.
        dtype: Dtype of the parameters.
        x: Inputs: an array of the backend's, one of SciPy's sparse ones, or `Stored`.
        y: Targets: an array of the backend's, or `Stored`.
        weight: Sample weights, or None.
        of: Suffix of x and y in messages.
        batch_size: Rows per step.
        megabytes: Size of a chunk of rows on disk.
    """
    if not isinstance(x, Stored):
        y = np.asarray(y) if isinstance(y, Stored) else y
        return in_memory(backend, encoded(network, backend, dtype, x, y, weight, of))
    host = backends.resolve("numpy")
    if weight is not None:
        weight = encoded_weight(host, dtype, x, backend.to_host(weight), of)
    if not isinstance(y, Stored):
        y = backend.to_host(y)
    check_same_rows(x, y, names=(f"x{of}", f"y{of}"))
    source = Source(x, y, weight, lambda x, y: encoded(network, host, dtype, x, y, of=of))
    row = sum(array.nbytes for array in arrays_in(source.read(0, 1)))
    return StoredRows(backend, source, batch_size, max(1, min(len(x), int(megabytes * 2**20 / row))))


def check_whole(name: str, value: Any, least: int, remedy: str = "") -> None:
    """Refuse anything but a whole number that is large enough."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; it must be a whole number, {least} or more{remedy}.")
    if value < least:
        raise InputError(f"{name} is {value}; it must be {least} or more{remedy}.")


def check_weights_are_rows(weight: Any) -> None:
    """Refuse class weights, which other libraries take."""
    if isinstance(weight, Mapping):
        raise InputError(
            f"weight is a {type(weight).__name__}; give a weight for each row instead: [weight[label] for label in y]."
        )


def spelled_dtype(dtype: Any) -> str:
    """Name of a dtype that parameters can have, from the name or from any library's own object.

    Raises:
        InputError: Parameters cannot have it.
    """
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype)).rpartition(".")[2]
    if name not in DTYPES:
        raise InputError(f"dtype is {dtype!r}; it can be {' or '.join(DTYPES)}.")
    return name


def spelled_device(device: Any) -> str | None:
    """Name of a device, as `backends.resolve` takes it, from the name or from a library's own object."""
    return None if device is None else str(device)

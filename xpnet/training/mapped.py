"""Mapped: what functions of rows give for the rows that a network is asked about, on the device that these are on.

NumPy's arrays take a shortcut where arrays of their shapes and dtypes were checked and planned before. Of the arrays
nothing else is remembered: they may be others, or hold other numbers, with each call.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import numpy as np

from xpnet._support.quiet import quiet
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Batch, Layer, Params
from xpnet.backends import Backend, Rowwise
from xpnet.backends.numpy import CHUNK, NumpyBackend
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.row_replay import RowReplay
from xpnet.data import check_finite, check_targets, encode_targets
from xpnet.data.checks import is_surely_finite
from xpnet.equations.step import Model
from xpnet.training import sparse
from xpnet.training.placement import Plannable, chunk_rows, placed
from xpnet.training.standardization import is_standardized

Result = TypeVar("Result")
Of: TypeAlias = Callable[[Model], Rowwise]
"""Function of rows for a model: `answers`, `costs`, `errors` or `derivatives` of `xpnet.equations.step`."""

NUMPY = NumpyBackend()

UNSIGNED = {np.dtype(f"i{size}"): np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
"""Dtypes of the same bits without a sign, by those of integers."""


def mapped(
    network: Plannable,
    of: Of,
    params: Params,
    x: Any,
    y: Any = None,
    weight: Any = None,
    *,
    then: Callable[[Backend, Params, Batch, Any], Result],
    may_be_sparse: bool = False,
) -> Result:
    """What `then` makes of a function's results for some rows.

    Args:
        network: Network whose model the function is of.
        of: The function, for a model.
        params: Parameters.
        x: Inputs.
        y: Targets, or None for a function of inputs alone.
        weight: Sample weights, or None.
        then: Called where the library computes on x's device: with x's backend, the parameters and the rows as it
            computes with them, and the function's results.
        may_be_sparse: Whether x may be.

    Raises:
        InputError: Something does not fit the network or the rest.
    """
    if weight is None and (found := shortcut(network, of, params, x, y)) is not None:
        arrays, encoded, results = found
        layers = tuple([Layer(w, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)])
        return quiet(then, NUMPY, layers, Batch(x, encoded), results)
    with placed(network, params, x, y, weight, rowwise=may_be_sparse) as (backend, layers, data):
        rows = data.x if y is None else (data.x, data.y)
        results = sparse.map_rows(backend, of(network.model), layers, rows, chunk_rows(network))
        return then(backend, layers, data, results)


def shortcut(
    network: Plannable, of: Of, params: Params, x: Any, y: Any = None, *, name: str = "x"
) -> tuple[list[np.ndarray], np.ndarray | None, Any] | None:
    """As `mapped`, for NumPy's arrays, x so named in messages: the parameters' arrays, encoded targets, and results.

    Returns:
        None where arrays take the long way, on which something is done about them or said.

    Raises:
        InputError: As for `mapped`.
    """
    if type(x) is not np.ndarray or x.ndim != 2 or not len(x) or not x.flags.c_contiguous or is_standardized(network):
        return None
    key: list[Any] = [of, len(x) == 1, x.shape[1], x.dtype]
    if y is not None:
        if type(y) is not np.ndarray or not y.ndim or len(y) != len(x):
            return None
        if network.loss == "cross_entropy" and y.ndim != 1:
            # Such as a column of labels.
            return None
        key += (y.shape[1:], y.dtype)
    arrays: list[np.ndarray] = []
    try:
        for w, b in params:
            if not (type(w) is type(b) is np.ndarray and w.flags.c_contiguous and b.flags.c_contiguous):
                return None
            arrays += (w, b)
            key += (w.shape, w.dtype, b.shape, b.dtype)
    except (TypeError, ValueError):
        return None

    def make() -> RowReplay | None:
        with placed(network, params, x, y, rowwise=True) as (_, layers, data):
            if [array.dtype for array in (x, *arrays)] != [array.dtype for array in arrays_in((data.x, layers))]:
                # What is converted first takes the long way.
                return None
            rows, size = (data.x if y is None else (data.x, data.y)), min(chunk_rows(network), CHUNK)
            return programs.new_row_replay(of(network.model), layers, rows, size)

    if x.dtype.kind == "f" and not is_surely_finite(x):
        check_finite(x, name=name, xp=np)
    planned = programs.cached(network, tuple(key), make)
    if planned is None:
        return None
    encoded = None if y is None else _targets(network, y, arrays[0].dtype)
    results = planned(arrays, [x] if encoded is None else [x, encoded])
    return arrays, encoded, tuple(results) if isinstance(planned.plan.result, tuple) else results[0]


def _targets(network: Plannable, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Targets as the mathematics takes them, checked; labels in fewer calls of NumPy's than by the standard's."""
    outputs = network.sizes[-1]
    # As unsigned integers those below 0 are larger than all others.
    unsigned = UNSIGNED.get(y.dtype)
    if network.loss == "cross_entropy" and unsigned is not None and np.maximum.reduce(y.view(unsigned)) < outputs:
        return _one_hot(outputs, dtype).take(y, axis=0)
    check_targets(y, loss=network.loss, outputs=outputs, xp=np)
    encoded: np.ndarray = encode_targets(y, loss=network.loss, outputs=outputs, dtype=dtype, device=None, xp=np)
    return encoded


@lru_cache(maxsize=16)
def _one_hot(classes: int, dtype: np.dtype) -> np.ndarray:
    """A row for each class."""
    return np.eye(classes, dtype=dtype)

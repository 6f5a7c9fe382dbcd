"""Ready arrays: NumPy's, of shapes and dtypes that need no conversion, recognized by these alone.

What the arrays hold is not remembered, and is checked with each call.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from xpnet._support.typing import Batch, Layer, Params
from xpnet.data import check_finite, check_targets, encode_targets
from xpnet.training.standardization import is_standardized

Form: TypeAlias = tuple[type, tuple[int, ...], np.dtype]
"""Class, shape and dtype of an array; rows are counted apart."""


def ready(network: Any, params: Any, x: Any, y: Any) -> tuple[Params, Batch] | None:
    """Parameters and rows as the mathematics takes them, checked; None where something has to be looked at or said.

    Raises:
        InputError: A number of x or y is none that the network takes.
    """
    if not (type(x) is np.ndarray and x.ndim and (y is None or (type(y) is np.ndarray and y.ndim))):
        return None
    try:
        layers = tuple([Layer(w, b) for w, b in params])
        forms = tuple([(type(array), array.shape, array.dtype) for layer in layers for array in layer])
    except (AttributeError, TypeError, ValueError):
        return None
    of_x, of_y = (None if rows is None else (type(rows), rows.shape[1:], rows.dtype) for rows in (x, y))
    if len(x) == 0 or (y is not None and len(y) != len(x)) or is_standardized(network):
        return None
    if not _are_ready(network.sizes, network.loss, of_x, of_y, forms):
        return None
    check_finite(x, name="x", xp=np)
    if y is not None:
        terms: dict[str, Any] = {"loss": network.loss, "outputs": network.sizes[-1], "xp": np}
        check_targets(y, name="y", **terms)
        y = encode_targets(y, dtype=layers[0].w.dtype, device=None, **terms)
    return layers, Batch(x, y)


@lru_cache(maxsize=256)
def _are_ready(sizes: tuple[int, ...], loss: str, x: Form, y: Form | None, params: tuple[Form, ...]) -> bool:
    """Whether arrays of these forms fit a network, and are taken as they are."""
    pairs = zip(sizes[1:], sizes[:-1], strict=True)
    shapes = [shape for d_out, d_in in pairs for shape in ((d_out, d_in), (d_out,))]
    labels = () if loss == "cross_entropy" else sizes[-1:]
    return (
        [(kind, shape) for kind, shape, _ in params] == [(np.ndarray, shape) for shape in shapes]
        and all(dtype.isnative and dtype.char in "fd" for *_, dtype in params)
        and x[1] == (sizes[0],)
        and _is_portable(x[2])
        and (y is None or (y[1] == labels and _is_portable(y[2])))
    )


def _is_portable(dtype: np.dtype) -> bool:
    """Whether every library has the dtype."""
    return dtype.isnative and dtype.kind in "biuf" and dtype.char not in "eg"

"""SciPy's sparse inputs, which stay on the host and are made dense a few rows at a time."""

from typing import Any

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Batch
from xpnet.backends import Backend, Rowwise, join
from xpnet.data import PlacedError, check_features
from xpnet.errors import InputError


def is_sparse(array: Any) -> bool:
    """Whether an array is one of SciPy's sparse matrices or arrays; does not import SciPy."""
    return type(array).__module__.startswith("scipy.sparse")


def checked(x: Any, *, name: str) -> Any:
    """Inputs as CSR, if all their numbers are finite and real."""
    if len(x.shape) != 2 or 0 in x.shape:
        raise InputError(f"{name} has shape {x.shape} but needs rows and columns, one row for each sample.")
    x = x.tocsr()
    bad = np.flatnonzero(~np.isfinite(x.data))
    # The check of that row alone names the place of the number, or what is wrong with the dtype.
    row = int(np.searchsorted(x.indptr, bad[0], side="right")) - 1 if len(bad) else 0
    try:
        check_features(x[[row]].toarray(), name=name, xp=np)
    except PlacedError as error:
        raise error.moved(row) from None
    return x


def take(backend: Backend, data: Batch, rows: np.ndarray) -> Batch:
    """Rows of a batch by index, made dense."""
    x = backend.asarray(data.x[rows].toarray()) if is_sparse(data.x) else backend.take(data.x, backend.asarray(rows))
    return Batch(x, *backend.take((data.y, data.weight), backend.asarray(rows)))


def map_rows(backend: Backend, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
    """Map a function over rows as a backend does, for data that may be sparse."""
    arrays = arrays_in(data)
    if not any(map(is_sparse, arrays)):
        return backend.map_rows(function, params, data, chunk)
    n = arrays[0].shape[0]

    def part(start: int) -> Any:
        rows = slice(start, min(start + chunk, n))
        return map_arrays(lambda a: backend.asarray(a[rows].toarray()) if is_sparse(a) else a[rows, ...], data)

    return join([backend.map_rows(function, params, part(start), chunk) for start in range(0, n, chunk)], backend.xp)

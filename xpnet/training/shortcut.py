"""Shortcut: predictions for NumPy's rows where arrays of these shapes and dtypes were checked and planned before.

Of the arrays nothing else is remembered: they may be others, or hold other numbers, with each call.
"""

from typing import Any

import numpy as np

from xpnet._support.trees import arrays_in
from xpnet.backends.numpy import CHUNK
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.row_replay import RowReplay
from xpnet.data import check_finite
from xpnet.equations import step
from xpnet.training.placement import Plannable, chunk_rows, placed
from xpnet.training.standardization import is_standardized


def predictions(network: Plannable, params: Any, x: np.ndarray, name: str = "x") -> np.ndarray | None:
    """Output activations for rows, called by that name; None where it takes the long way, which says what is wrong.

    Raises:
        InputError: x or params do not fit the network, or x is not finite.
    """
    if x.ndim != 2 or not x.flags.c_contiguous or not len(x) or is_standardized(network):
        return None
    arrays: list[np.ndarray] = []
    key: list[Any] = [len(x) == 1, x.shape[1], x.dtype]
    try:
        for w, b in params:
            if not (type(w) is type(b) is np.ndarray and w.flags.c_contiguous and b.flags.c_contiguous):
                return None
            arrays += (w, b)
            key += (w.shape, w.dtype, b.shape, b.dtype)
    except (TypeError, ValueError):
        return None

    def make() -> RowReplay | None:
        with placed(network, params, x, rowwise=True) as (_, layers, data):
            if [array.dtype for array in (x, *arrays)] != [array.dtype for array in arrays_in((data.x, layers))]:
                # What is converted first takes the long way.
                return None
            rows = min(chunk_rows(network), CHUNK)
            return programs.new_row_replay(step.answers(network.model), layers, data.x, rows)

    check_finite(x, name=name, xp=np)
    planned = programs.cached(network, tuple(key), make)
    if planned is None:
        return None
    (a,) = planned(arrays, [x])
    return a

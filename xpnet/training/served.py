"""Functions that serve predictions to NumPy's rows by parameters of their own, with the costs of a call kept low.

Each takes rows (n, d_in) in C order, at least one, in the parameters' dtype, and returns the output activations, or
None where a number is not finite. Several threads can call them at once.
"""

import threading
from collections.abc import Callable

import numpy as np

from xpnet._support.trees import arrays_in
from xpnet._support.typing import Array, Layer, Namespace, Params
from xpnet.backends.numpy import CHUNK
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.cpu.bound_rows import BoundRows
from xpnet.capture.engines.row_replay import RowReplay
from xpnet.capture.engines.thread_count import EACH, team_for
from xpnet.capture.engines.thread_pool import together
from xpnet.data.checks import is_surely_finite
from xpnet.equations import step
from xpnet.errors import CaptureError

Served = Callable[[np.ndarray], np.ndarray | None]

SMALL = 2**20
"""Bytes of parameters up to which a CPU's caches hold them, so that few rows at a time are as fast as many."""

ROWS, ROWS_OF_LARGE = 16, 64
"""Rows at a time that compiled code takes; one row has code of its own."""

SINGLE = 4
"""Number of rows by which those at a time are divided: up to so many, each is computed alone."""

PIECE = 2 * 10**6
"""Floating-point operations that a thread takes at a time."""


class Replayed(threading.local):
    """Predictions replayed with NumPy; each thread has buffers of its own, made when it first asks."""

    def __init__(self, model: step.Model, params: Params, chunk: int) -> None:
        self._arrays = arrays_in(params)
        d_in, dtype = params[0].w.shape[1], params[0].w.dtype
        self._one, self._many = (_planned(model, params, np.empty((n, d_in), dtype), min(chunk, CHUNK)) for n in (1, 2))

    def __call__(self, x: np.ndarray) -> np.ndarray | None:
        """Predict rows."""
        if not is_surely_finite(x):
            return None
        (a,) = (self._one if len(x) == 1 else self._many)(self._arrays, [x])
        return a


def _planned(model: step.Model, params: Params, x: np.ndarray, rows: int) -> RowReplay:
    planned = programs.new_row_replay(step.answers(model), params, x, rows)
    if planned is None:
        raise CaptureError("These parameters have no plan.")
    return planned


class Compiled:
    """Predictions by machine code.

    Raises:
        CaptureError: It cannot be compiled.
    """

    def __init__(self, model: step.Model, params: Params) -> None:
        answer, is_small = step.answers(model), sum(array.nbytes for array in arrays_in(params)) <= SMALL
        # Tiles read the weights along their rows; large ones are turned piece by piece anyway.
        held = tuple(Layer(np.ascontiguousarray(w.T), b) for w, b in params) if is_small else params

        def function(params: Params, x: Array, *, xp: Namespace) -> tuple[Array, Array]:
            layers = tuple(Layer(w.T, b) for w, b in params) if is_small else params
            # 0 times a number that is not finite is NaN.
            return answer(layers, x, xp=xp), xp.sum(x * 0)

        x = np.empty((1, params[0].w.shape[1]), params[0].w.dtype)
        self._one, self._many = (
            programs.bound_rows(function, held, x, rows) for rows in (1, ROWS if is_small else ROWS_OF_LARGE)
        )
        self._form = params[-1].b.shape, params[-1].b.dtype

    def __call__(self, x: np.ndarray) -> np.ndarray | None:
        """Predict rows."""
        n, rows = len(x), self._many.rows
        if n == 1:
            return self._one.few(x)
        if n <= rows and n * SINGLE > rows:
            return self._many.few(x)
        a = np.empty((n, *self._form[0]), self._form[1])
        program = self._many if n > rows else self._one
        return a if self._shared(program, x, a) else None

    def _shared(self, program: BoundRows, x: np.ndarray, a: np.ndarray) -> bool:
        """Predict on several threads if that is worth it; whether all numbers are finite."""
        n, work = len(x), program.work
        if n * work < 2 * EACH or (threads := team_for(n * work)) == 1:
            return program.many(x, a)
        size = max(1, PIECE // (work * program.rows)) * program.rows
        # Each thread takes the next piece when it is done with one: none waits for a thread that is put to sleep.
        starts = iter(range(0, n, size))
        finite: list[bool] = []

        def share(thread: int, threads: int) -> None:
            for start in starts:
                at = min(start, n - program.rows)
                finite.append(program.many(x[at : at + size], a[at : at + size]))

        together(share, threads)
        return all(finite)

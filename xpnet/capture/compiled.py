"""Runs a plan as machine code: fused, written as source, compiled by numba, with BLAS for the products."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from xpnet.capture.blas import blas
from xpnet.capture.cache import load
from xpnet.capture.plan import Plan
from xpnet.capture.program_text import text

LETTERS = np.frombuffer(b"NT", np.uint8)
"""How BLAS is told to take a matrix as it lies, or its transpose."""


def can_compile() -> bool:
    """Whether numba and SciPy are installed."""
    return find_spec("numba") is not None and find_spec("scipy") is not None


class Compiled:
    """A plan with its buffers and its machine code; for one thread at a time."""

    def __init__(self, plan: Plan, *, gathered: bool) -> None:
        self.plan = plan
        self._text = text(plan, gathered=gathered)
        self._function = load(self._text.source).block
        self._scratch = self._text.memory.scratch()
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        self._sizes = np.zeros(6, blas().integers)
        self._factors = (np.zeros(2, np.float32), np.zeros(2, np.float64))

    def gathered(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        """As `Replay.gathered`."""
        self._run(carry, data, np.ascontiguousarray(rows, np.int64), results)

    def sliced(self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
        """As `Replay.sliced`."""
        self._run(carry, data, np.empty((len(results[0]), 0), np.int64), results)

    def _run(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        arrays = self._text.memory.arrays(self._text.graph, [*carry, *self._fed], self._scratch)
        carried = [carry[i] for i in self._text.carried]
        values = [arrays[value] for value in self._text.values]
        self._function(len(rows), rows, *data, *results, *carried, *values, LETTERS, self._sizes, *self._factors)

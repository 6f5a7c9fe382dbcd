"""Runs a plan as machine code: fused, written as source, compiled by numba, and run by one thread or several.

The numbers do not depend on how many threads there are.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from xpnet.capture.engines.cpu.cache import load
from xpnet.capture.engines.cpu.products import room
from xpnet.capture.engines.cpu.program_text import text
from xpnet.capture.engines.cpu.thread_pool import together
from xpnet.capture.engines.thread_count import team
from xpnet.capture.planning.memory import ALIGNMENT, aligned
from xpnet.capture.planning.plan import Plan


def can_compile() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


class Compiled:
    """A plan with its buffers and its machine code; for one caller at a time."""

    def __init__(self, plan: Plan, *, gathered: bool) -> None:
        self.plan = plan
        self._text = text(plan, gathered=gathered)
        self._function = load(self._text.source).block
        self._scratch = self._text.memory.scratch()
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        # How many threads have come, and in a cache line of its own, how often all have.
        self._place = aligned(2 * ALIGNMENT).view(np.int64)
        self._rooms = aligned(room()).reshape(1, -1)

    def gathered(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        """As `Replay.gathered`."""
        with self.bound(carry, data) as run:
            run(rows, results)

    def sliced(self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
        """As `Replay.sliced`."""
        self.gathered(carry, data, np.empty((len(results[0]), 0), np.int64), results)

    @contextmanager
    def bound(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray]
    ) -> Iterator[Callable[[np.ndarray, Sequence[np.ndarray]], None]]:
        """As `Replay.bound`."""
        threads = team(self.plan)
        if len(self._rooms) < threads:
            self._rooms = aligned(threads * room()).reshape(threads, -1)
        arrays = self._text.memory.arrays(self._text.graph, [*carry, *self._fed], self._scratch)
        given = [carry[i] for i in self._text.carried] + [arrays[value] for value in self._text.values]

        def run(rows: np.ndarray, results: Sequence[np.ndarray]) -> None:
            rows = np.ascontiguousarray(rows, np.int64)
            arguments = (self._place, self._rooms, len(rows), rows, *data, *results, *given)
            together(lambda thread, threads: self._function(thread, threads, *arguments), threads)

        yield run

"""Functions of rows as machine code bound to their parameters: a call costs little beside its arithmetic."""

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from xpnet.capture.engines.cpu.cache import Code
from xpnet.capture.engines.cpu.compiled import WORD
from xpnet.capture.engines.cpu.driver import APART, FIELDS, PLACES, driver_module
from xpnet.capture.engines.cpu.products import room
from xpnet.capture.engines.cpu.program import program
from xpnet.capture.engines.cpu.text import NAME, exported, name_of
from xpnet.capture.graph import Value
from xpnet.capture.planning.memory import ALIGNMENT, Memory, aligned
from xpnet.capture.planning.plan import Plan

ENTRY = """define void {name}(ptr %words) {{
entry:
  %driver = load ptr, ptr %words
  %plan.at = getelementptr i64, ptr %words, i64 1
  %plan = load ptr, ptr %plan.at
  %steps.at = getelementptr i64, ptr %words, i64 2
  %steps = load i64, ptr %steps.at
  %table.at = getelementptr i64, ptr %words, i64 3
  %table = load ptr, ptr %table.at
  %own.at = getelementptr i64, ptr %words, i64 4
  %own = load ptr, ptr %own.at
  call void %driver(ptr %plan, i64 0, i64 1, i64 %steps, ptr %table, ptr %own)
  ret void
}}
"""
"""Function of one argument, since each that Python passes takes as long as some arithmetic."""


class BoundRows:
    """Function of `(params, x)` to results and a number that is not 0 where x is not finite, for some rows at a time.

    Args:
        plan: Plan of it, fed with x alone; its last result is that number.
        params: Arrays that it is bound to, in C order; they are read where they are.

    Attributes:
        rows: Rows at a time.
        shape: Shape of the results without the rows.

    Raises:
        CaptureError: The plan cannot be compiled.
    """

    def __init__(self, plan: Plan, params: Sequence[np.ndarray]) -> None:
        written = program(plan, gathered=False)
        entry = ENTRY.format(name=NAME)
        entry = entry.replace(NAME, f"@{name_of(entry)}")
        self._code = Code([*written.texts, entry])
        self._params, self._plan, self._memory = params, plan, written.memory
        self._pointers = [pointer for part in written.parts for pointer in part.pointers]
        self._parts = np.zeros((len(written.parts), FIELDS), np.int64)
        at = 0
        for words, part in zip(self._parts, written.parts, strict=True):
            words[:4] = self._code.address(exported(part.text)), at, part.total, part.chunk
            at += len(part.pointers)
        self._driver = self._code.address(exported(driver_module()))
        self._enter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._code.address(exported(entry)))
        self.rows, self.shape = plan.fed[0].shape[0], plan.results[0].shape[1:]
        self._local = threading.local()

    @property
    def work(self) -> int:
        """Floating-point operations of the products for each of the rows."""
        return self._plan.products // self.rows

    def few(self, x: np.ndarray) -> np.ndarray | None:
        """Results for at most as many rows as there are at a time; None where a number is not finite."""
        lane = getattr(self._local, "lane", None) or self._lane()
        n = len(x)
        if n == self.rows:
            lane.x[...] = x
            self._enter(lane.own_words)
            result = lane.a.copy()
        else:
            lane.x[:n] = x
            self._enter(lane.own_words)
            result = lane.a[:n].copy()
        if lane.flag[0]:
            # What is left in the buffer is read again with fewer rows.
            lane.x[...] = 0
            return None
        return result

    def many(self, x: np.ndarray, results: np.ndarray) -> bool:
        """Compute the results for at least as many rows, where they are; whether all numbers are finite.

        Args:
            x: Rows in C order, of the plan's dtype.
            results: Array for the results, in C order.
        """
        lane = getattr(self._local, "lane", None) or self._lane()
        lane.aim(x, results)
        self._enter(lane.moving_words)
        return not np.count_nonzero(lane.flags)

    def _lane(self) -> "_Lane":
        """Buffers of this thread."""
        lane = self._local.lane = _Lane(
            self._plan, self._params, self._memory, self._pointers, self._parts, self._driver
        )
        return lane


class _Lane:
    """Buffers and tables of a thread.

    Attributes:
        x: Buffer for rows.
        a: Buffer for their results.
        flag: The number that is not 0 where x is not finite.
        flags: Such numbers, one for each step of a call for other arrays.
        own_words: Address of the words of a call for these buffers.
        moving_words: Address of those of a call for other arrays.
    """

    def __init__(
        self,
        plan: Plan,
        params: Sequence[np.ndarray],
        memory: Memory,
        pointers: Sequence[Any],
        parts: np.ndarray,
        driver: int,
    ) -> None:
        (fed,), results = plan.fed, plan.results
        self._buffers = [np.zeros(value.shape, value.dtype) for value in (fed, *results)]
        self.x, self.a, flag = self._buffers
        self.flag, self.flags = flag.reshape(1).data, flag.reshape(1)
        scratch = memory.scratch()
        places = {("data", 0): 0, ("result", 0): 1, ("result", 1): 2}

        def address(pointer: Any) -> int:
            if not isinstance(pointer, Value):
                return self._buffers[places[pointer]].ctypes.data
            home = memory.homes[pointer]
            return (params[home.number] if home.is_input else scratch[pointer]).ctypes.data

        table = np.asarray([address(pointer) for pointer in pointers], np.int64)
        moving = [(at, places[pointer]) for at, pointer in enumerate(pointers) if not isinstance(pointer, Value)]
        self._which = [which for _, which in moving]
        self._moves = np.zeros((len(moving), PLACES), np.int64)
        self._moves[:, 0] = [at for at, _ in moving]
        # Rows and results move by rows, the number by steps.
        self._moves[:, 2] = [self._buffers[which].nbytes // (1, len(self.x))[which < 2] for which in self._which]
        self._aimed = 0
        rooms, own = aligned(room()), np.zeros(ALIGNMENT // WORD, np.int64)
        own[0] = rooms.ctypes.data
        counts = np.zeros((2 * len(parts) + 1) * (APART // WORD), np.int64)
        self._words = []
        for moves in (self._moves[:0], self._moves):
            own_table = table.copy()
            header = np.asarray([len(parts), len(moves), parts.ctypes.data, self._moves.ctypes.data, counts.ctypes.data,
                                 counts.ctypes.data, counts.ctypes.data], np.int64)  # fmt: skip
            words = np.asarray([driver, header.ctypes.data, 1, own_table.ctypes.data, own.ctypes.data], np.int64)
            self._words.append((words, header, own_table))
        self._kept = scratch, rooms, own, counts, parts, params
        self.own_words, self.moving_words = (words.ctypes.data for words, *_ in self._words)

    def aim(self, x: np.ndarray, results: np.ndarray) -> None:
        """Aim the moving call at rows and their results; the last step does some again where they do not divide."""
        n, rows = len(x), len(self.x)
        if self._aimed != n:
            self._aimed = n
            self._starts = np.minimum(np.arange(0, n, rows), n - rows)
            self.flags = np.zeros(len(self._starts), self.flags.dtype)
            self._words[1][0][2] = len(self._starts)
            self._moves[:, 3] = [self._starts.ctypes.data * (which < 2) for which in self._which]
        addresses = _address(x), _address(results), _address(self.flags)
        self._moves[:, 1] = [addresses[which] for which in self._which]


def _address(array: np.ndarray) -> int:
    """Address of an array in C order, by the shortest way that there is."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    except (TypeError, ValueError):
        # Read-only, or without elements.
        return int(array.ctypes.data)

"""Runs a plan as machine code, by one thread or several; the numbers do not depend on how many there are."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from xpnet.capture.engines.cpu.cache import Code
from xpnet.capture.engines.cpu.driver import APART, FIELDS, PLACES, driver
from xpnet.capture.engines.cpu.products import room
from xpnet.capture.engines.cpu.program import program
from xpnet.capture.engines.cpu.text import exported
from xpnet.capture.engines.thread_count import team
from xpnet.capture.engines.thread_pool import together
from xpnet.capture.graph import Value
from xpnet.capture.planning.memory import ALIGNMENT, aligned
from xpnet.capture.planning.plan import Plan

WORD = 8
SPARE = 2**20
"""Bytes for what would be read or written out of bounds."""


def can_compile() -> bool:
    """Whether llvmlite is installed."""
    return find_spec("llvmlite") is not None


class Compiled:
    """A plan with its buffers and its machine code; for one caller at a time.

    Args:
        plan: What is run.
        gathered: Whether a step's rows are chosen by index; if not, they are the next ones.
        checked: Whether nothing is read or written without a look whether it is within an array.
    """

    def __init__(self, plan: Plan, *, gathered: bool, checked: bool = False) -> None:
        self.plan = plan
        self._gathered = gathered
        self._bounds = np.zeros(SPARE, np.int64) if checked else None
        self._program = program(plan, gathered=gathered, checks=0 if self._bounds is None else self._bounds.ctypes.data)
        self._code = Code(self._program.texts, is_kept=not checked)
        kinds = [ctypes.c_void_p, *[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 2]
        self._run = ctypes.CFUNCTYPE(None, *kinds)(self._code.address(exported(driver())))
        self._scratch = self._program.memory.scratch()
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        self._pointers = [pointer for part in self._program.parts for pointer in part.pointers]
        self._parts = self._described()
        self._rooms = aligned(room()).reshape(1, -1)

    def __str__(self) -> str:
        return f"{len(self._program.parts)} parts, {len(self._program.texts)} functions of {self._program.lines} lines"

    def _described(self) -> np.ndarray:
        """The parts as the driver knows them."""
        words, at = np.zeros((len(self._program.parts), FIELDS), np.int64), 0
        for i, (part, wait) in enumerate(zip(self._program.parts, self._program.waits, strict=True)):
            words[i, :7] = (self._code.address(exported(part.text)), at, part.total, part.chunk, *wait)
            at += len(part.pointers)
        return words

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
        inputs = [*carry, *self._fed]
        moving = [at for at, pointer in enumerate(self._pointers) if self._moves(pointer)]
        table = np.asarray([
            0 if self._moves(pointer) else self._address(pointer, inputs, data) for pointer in self._pointers
        ], np.int64)  # fmt: skip
        tables = np.tile(table, (threads, 1))
        own = np.zeros((threads, ALIGNMENT // WORD), np.int64)
        own[:, 0] = [row.ctypes.data for row in self._rooms[:threads]]
        counts = np.zeros((len(self._parts) * (threads + 1) + 1) * (APART // WORD), np.int64)
        dones = counts.ctypes.data + len(self._parts) * threads * APART

        def run(rows: np.ndarray, results: Sequence[np.ndarray]) -> None:
            rows = np.ascontiguousarray(rows, np.int64)
            moves = np.asarray([
                (at, *self._move(self._pointers[at], data, rows, results)) for at in moving
            ], np.int64).reshape(-1, PLACES)  # fmt: skip
            counts[:] = 0
            plan = np.asarray([
                len(self._parts), len(moves), self._parts.ctypes.data, moves.ctypes.data, counts.ctypes.data, dones,
                dones + len(self._parts) * APART,
            ], np.int64)  # fmt: skip
            if self._bounds is not None:
                self._bind([*inputs, *self._scratch.values(), *results, self._rooms], [*data, rows])

            def share(thread: int, threads: int) -> None:
                self._run(plan.ctypes.data, thread, threads, len(rows), tables[thread].ctypes.data,
                          own[thread].ctypes.data)  # fmt: skip

            together(share, threads)
            if self._bounds is not None and self._bounds[1]:
                raise IndexError("Compiled code would read or write beyond an array.")

        yield run

    def _moves(self, pointer: object) -> bool:
        """Whether something is elsewhere in each step."""
        return isinstance(pointer, tuple) and (pointer[0] != "data" or self._program.sliced)

    def _address(self, pointer: object, inputs: Sequence[np.ndarray], data: Sequence[np.ndarray]) -> int:
        """Where something is in all steps."""
        if isinstance(pointer, Value):
            home = self._program.memory.homes[pointer]
            return (inputs[home.number] if home.is_input else self._scratch[pointer]).ctypes.data
        assert isinstance(pointer, tuple)
        return data[pointer[1]].ctypes.data

    def _move(
        self, pointer: object, data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> tuple[int, int, int]:
        """Where something begins, how many bytes it goes on each time, and where it is said how often, or 0."""
        assert isinstance(pointer, tuple)
        what, i = pointer
        if what == "result":
            return results[i].ctypes.data, self.plan.results[i].nbytes, 0
        if what == "rows":
            return rows.ctypes.data, rows.shape[1] * WORD, 0
        size = self.plan.fed[i].nbytes
        return data[i].ctypes.data, size, rows.ctypes.data if self._gathered else 0

    def _bind(self, written: Sequence[np.ndarray], read: Sequence[np.ndarray]) -> None:
        """Note the bounds of all arrays."""
        assert self._bounds is not None
        places = [
            (a.ctypes.data, a.ctypes.data + a.nbytes, i) for i, arrays in enumerate((read, written)) for a in arrays
        ]
        self._bounds[:2] = len(places), 0
        self._bounds[2 : 2 + 3 * len(places)] = np.asarray(places, np.int64).ravel()

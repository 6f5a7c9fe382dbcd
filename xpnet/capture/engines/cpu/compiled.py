"""Compiled plans: machine code and its buffers, run by one thread or several with the same results."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter

import numpy as np

from xpnet.capture.engines.cpu.cache import Code
from xpnet.capture.engines.cpu.driver import APART, FIELDS, PLACES, driver_module
from xpnet.capture.engines.cpu.products import room
from xpnet.capture.engines.cpu.program import Program, program
from xpnet.capture.engines.cpu.text import exported
from xpnet.capture.engines.thread_count import team
from xpnet.capture.engines.thread_pool import together
from xpnet.capture.graph import Value
from xpnet.capture.planning.memory import ALIGNMENT, aligned
from xpnet.capture.planning.plan import Plan

WORD = 8
SPARE = 2**20
"""Bytes of memory that accesses out of bounds are redirected to."""


def can_compile() -> bool:
    """Whether llvmlite is installed."""
    return find_spec("llvmlite") is not None


class Compiled:
    """Plan with its buffers and its machine code, for one caller at a time; `str` says how much there is.

    Args:
        plan: Plan to be run.
        gathered: Whether a step's rows are chosen by index; if not, they are the next ones.
        checked: Whether every access is checked against the bounds of the arrays, which raises IndexError.
    """

    def __init__(self, plan: Plan, *, gathered: bool, checked: bool = False) -> None:
        self.plan = plan
        self._gathered = gathered
        self._bounds = np.zeros(SPARE, np.int64) if checked else None
        start = perf_counter()
        written = program(plan, gathered=gathered, checks=0 if self._bounds is None else self._bounds.ctypes.data)
        emitted = perf_counter()
        self._code = Code(written.texts, on_disk=not checked)
        self._summary = (
            f"{len(written.parts)} parts, {len(written.texts)} functions, {written.lines:,} lines of LLVM IR; "
            f"emitted in {emitted - start:.3f} s, compiled in {perf_counter() - emitted:.3f} s, "
            f"{self._code.loaded} functions from disk"
        )
        kinds = [ctypes.c_void_p, *[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 2]
        self._run = ctypes.CFUNCTYPE(None, *kinds)(self._code.address(exported(driver_module())))
        # The text is as large as all the rest, and of no more use.
        self._memory, self._sliced = written.memory, written.sliced
        self._scratch = self._memory.scratch()
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        self._pointers = [pointer for part in written.parts for pointer in part.pointers]
        self._parts = self._described(written)
        self._rooms = aligned(room()).reshape(1, -1)

    def __str__(self) -> str:
        return self._summary

    @property
    def nbytes(self) -> int:
        """Bytes of its buffers, its machine code, and the objects around them."""
        buffers = sum(self._memory.sizes) + self._rooms.nbytes + sum(array.nbytes for array in self._fed)
        return buffers + self._code.nbytes + self.plan.nbytes

    def _described(self, written: Program) -> np.ndarray:
        """Table of the parts, as the driver reads it."""
        words, at = np.zeros((len(written.parts), FIELDS), np.int64), 0
        for i, (part, wait) in enumerate(zip(written.parts, written.waits, strict=True)):
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
        """Run a step for each stretch of rows, in order, one per result; the data are not copied."""
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
        """Whether an address changes from step to step."""
        return isinstance(pointer, tuple) and (pointer[0] != "data" or self._sliced)

    def _address(self, pointer: object, inputs: Sequence[np.ndarray], data: Sequence[np.ndarray]) -> int:
        """Address that is the same in all steps."""
        if isinstance(pointer, Value):
            home = self._memory.homes[pointer]
            return (inputs[home.number] if home.is_input else self._scratch[pointer]).ctypes.data
        assert isinstance(pointer, tuple)
        return data[pointer[1]].ctypes.data

    def _move(
        self, pointer: object, data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> tuple[int, int, int]:
        """First address, bytes per number, and the address of each step's number, or 0 where that is the step's own."""
        assert isinstance(pointer, tuple)
        what, i = pointer
        if what == "result":
            return results[i].ctypes.data, self.plan.results[i].nbytes, 0
        if what == "rows":
            return rows.ctypes.data, rows.shape[1] * WORD, 0
        size = self.plan.fed[i].nbytes
        return data[i].ctypes.data, size, rows.ctypes.data if self._gathered else 0

    def _bind(self, written: Sequence[np.ndarray], read: Sequence[np.ndarray]) -> None:
        """Write down the bounds of all arrays for the checks."""
        assert self._bounds is not None
        places = [
            (a.ctypes.data, a.ctypes.data + a.nbytes, i) for i, arrays in enumerate((read, written)) for a in arrays
        ]
        self._bounds[:2] = len(places), 0
        self._bounds[2 : 2 + 3 * len(places)] = np.asarray(places, np.int64).ravel()

"""Programs of captured functions, one for each set of shapes: the latest used, up to a number of bytes per process.

A program goes with its function and with its thread. One that a caller still runs lives on until the caller is done.
"""

import threading
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol, TypeAlias, TypeVar
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture.engines.cpu.bound_rows import BoundRows
from xpnet.capture.engines.cpu.compiled import Compiled, can_compile
from xpnet.capture.engines.cpu.program import program
from xpnet.capture.engines.replay import Replay
from xpnet.capture.engines.row_replay import RowReplay
from xpnet.capture.graph import VIEWS, flops
from xpnet.capture.planning.plan import Plan, plan
from xpnet.capture.tracing.trace import Like
from xpnet.errors import CaptureError

Function: TypeAlias = Callable[..., Any]
Program: TypeAlias = Replay | Compiled


class Sized(Protocol):
    """Object that says how many bytes it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""


Item = TypeVar("Item", bound=Sized | None)

BYTES = 32 * 2**20
"""Memory of all plans, buffers and code that the process may hold on to."""

LATEST = 8
"""Objects that each thread keeps whatever their size: the plans and programs of one training with its evaluations."""

SAVED_PER_CALL, SAVED_PER_NUMBER = 0.4e-6, 0.2e-9
"""Seconds that compiled code saves beside replay: per operation, and per number that is not a matrix product's."""

COMPILER_STARTS, SECONDS_PER_LINE = 0.1, 70e-6
"""Seconds that a compiler takes to start, and per line of LLVM's language; measured once and for all."""


class _Entry:
    """A cached object, when it was last used, and the shelf it stands on, which it does not keep alive."""

    def __init__(self, value: Any, shelf: "_Shelf", key: Any) -> None:
        self.value, self.key = value, key
        self.nbytes = 0 if value is None else value.nbytes
        self.shelf, self.thread, self.used = ref(shelf), threading.get_ident(), next(_clock)


class _Shelf(dict[Any, _Entry]):
    """The entries of a function in a thread."""


class _Local(threading.local):
    """The shelves of a thread: buffers are for one thread at a time."""

    def __init__(self) -> None:
        self.shelves: WeakKeyDictionary[Any, _Shelf] = WeakKeyDictionary()


_local = _Local()
_clock = count()
_entries: WeakSet[_Entry] = WeakSet()
_lock = threading.RLock()


def block(step: Function, carry: Any, data: Any, rows: int, *, compiled: bool) -> Program:
    """A step `step(carry, batch, xp=xp)` as a program that is fed with that many rows of the data, chosen by index."""

    def make() -> Program:
        ready = planned(step, carry, data, rows)
        return Compiled(ready, gathered=True) if compiled else Replay(ready)

    return cached(step, ("block", compiled, *shapes(carry, data, rows)), make)


def stretch(function: Function, params: Any, data: Any, rows: int) -> Compiled:
    """A function `function(params, rows, xp=xp)` compiled for so many rows at a time, in order."""
    key = ("compiled", *shapes(params, data, rows))
    return cached(function, key, lambda: Compiled(_planned(function, params, data, rows), gathered=False))


def row_replay(function: Function, params: Any, data: Any, rows: int) -> RowReplay | None:
    """The same function as `new_row_replay` returns it, cached for these shapes."""
    size = 1 if len(arrays_in(data)[0]) == 1 else rows
    key = ("rows", *shapes(params, data, size))
    return cached(function, key, lambda: new_row_replay(function, params, data, rows))


def new_row_replay(function: Function, params: Any, data: Any, rows: int) -> RowReplay | None:
    """The same function replayed for so many rows at a time, or for one if the data have one; None without a plan."""
    try:
        return RowReplay(_planned(function, params, data, 1 if len(arrays_in(data)[0]) == 1 else rows))
    except CaptureError:
        return None


def bound_rows(function: Function, params: Any, data: Any, rows: int) -> BoundRows:
    """A function of rows and a number, see `BoundRows`, compiled for so many rows at a time and these very parameters.

    It is not cached: whoever binds parameters keeps it.
    """
    return BoundRows(_planned(function, params, data, rows), arrays_in(params))


def _planned(function: Function, params: Any, data: Any, rows: int) -> Plan:
    """The plan of a function of rows as a step whose carry, the parameters, stays as it is."""

    def step(params: Any, fed: Any, *, xp: Any) -> tuple[Any, Any]:
        return params, function(params, fed, xp=xp)

    return plan(step, map_arrays(_like, params), _rows(data, rows))


def is_worth_compiling(step: Function, carry: Any, data: Any, rows: int, steps: int) -> bool:
    """Whether a training of so many steps wins back what its compilation takes, and all of it can be compiled.

    It is estimated from the plan alone: neither a clock nor the cache is looked at.
    """
    candidate = planned(step, carry, data, rows)
    operations = [operation for operation in candidate.graph.operations if operation.name not in VIEWS]
    numbers = sum(flops(operation) for operation in operations) - candidate.products
    saved = steps * (SAVED_PER_CALL * len(operations) + SAVED_PER_NUMBER * numbers)
    # Packages are looked for last, which takes as long as a small step.
    if saved < COMPILER_STARTS or not can_compile():
        return False
    try:
        return saved > COMPILER_STARTS + SECONDS_PER_LINE * program(candidate, gathered=True).lines
    except CaptureError:
        return False


def cached(owner: Any, key: Any, make: Callable[[], Item]) -> Item:
    """Object of this thread for its owner and a key, made where there is none; the least recently used make room."""
    shelf = _local.shelves.get(owner)
    if shelf is None:
        shelf = _local.shelves[owner] = _Shelf()
    entry = shelf.get(key)
    if entry is None:
        entry = _Entry(make(), shelf, key)
        with _lock:
            shelf[key] = entry
            _entries.add(entry)
            _evict()
    entry.used = next(_clock)
    value: Item = entry.value
    return value


def total_bytes() -> int:
    """Memory of all cached plans, buffers and code."""
    with _lock:
        return sum(entry.nbytes for entry in _entries)


def _evict() -> None:
    """Drop the least recently used entries beyond `BYTES`, except the `LATEST` of each thread."""
    total, per_thread = 0, Counter[int]()
    for entry in sorted(_entries, key=lambda entry: entry.used, reverse=True):
        total += entry.nbytes
        per_thread[entry.thread] += 1
        shelf = entry.shelf()
        if total > BYTES and per_thread[entry.thread] > LATEST and shelf is not None:
            shelf.pop(entry.key, None)


def planned(step: Function, carry: Any, data: Any, rows: int) -> Plan:
    """The plan of a step that is fed with so many rows of the data; to judge it and to run it is to make it once."""
    key = ("plan", *shapes(carry, data, rows))
    return cached(step, key, lambda: plan(step, map_arrays(_like, carry), _rows(data, rows)))


def shapes(carry: Any, data: Any, rows: int) -> tuple[Any, ...]:
    """What tells two plans of a function apart."""
    fed = [(array.shape[1:], array.dtype) for array in arrays_in(data)]
    return (rows, *[(array.shape, array.dtype) for array in arrays_in(carry)], None, *fed)


def _like(array: np.ndarray) -> Like:
    return Like(array.shape, array.dtype)


def _rows(data: Any, rows: int) -> Any:
    """What stands for so many rows of the data."""
    return map_arrays(lambda array: Like((rows, *array.shape[1:]), array.dtype), data)

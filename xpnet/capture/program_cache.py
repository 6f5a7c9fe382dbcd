"""Captured functions, each planned once for the shapes it meets, and kept as long as the function is."""

import threading
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture.engines.cpu.compiled import Compiled, can_compile
from xpnet.capture.engines.cpu.program import program
from xpnet.capture.engines.replay import Replay
from xpnet.capture.graph import VIEWS, flops
from xpnet.capture.planning.plan import Plan, plan
from xpnet.capture.tracing.trace import Like
from xpnet.errors import CaptureError

Function: TypeAlias = Callable[..., Any]
Program: TypeAlias = Replay | Compiled
Kept = TypeVar("Kept")

SAVED_PER_CALL, SAVED_PER_NUMBER = 0.4e-6, 0.2e-9
"""Seconds that compiled code saves beside replay: per operation, and per number that is not a matrix product's."""

COMPILER_STARTS, SECONDS_PER_LINE = 0.1, 70e-6
"""Seconds that a compiler takes to start, and per line of LLVM's language; measured once and for all."""


class _Local(threading.local):
    """The programs of a thread: their buffers are for one thread at a time."""

    def __init__(self) -> None:
        self.programs: WeakKeyDictionary[Function, dict[Any, Any]] = WeakKeyDictionary()


_local = _Local()


def block(step: Function, carry: Any, data: Any, rows: int, *, compiled: bool) -> Program:
    """A step `step(carry, batch, xp=xp)` as a program that is fed with that many rows of the data, chosen by index."""
    return _program(step, step, carry, data, rows, compiled, gathered=True)


def stretch(function: Function, params: Any, data: Any, rows: int, *, compiled: bool) -> Program:
    """A function `function(params, rows, xp=xp)` as a program that is fed with so many rows at a time, in order."""

    def step(params: Any, fed: Any, *, xp: Any) -> tuple[Any, Any]:
        return params, function(params, fed, xp=xp)

    return _program(function, step, params, data, rows, compiled, gathered=False)


def is_worth_compiling(step: Function, carry: Any, data: Any, rows: int, steps: int) -> bool:
    """Whether a training of so many steps wins back what its compilation takes, and all of it can be compiled.

    It is estimated from the plan alone: neither a clock nor the cache is looked at.
    """
    made = planned(step, carry, data, rows)
    operations = [operation for operation in made.graph.operations if operation.name not in VIEWS]
    numbers = sum(flops(operation) for operation in operations) - made.products
    saved = steps * (SAVED_PER_CALL * len(operations) + SAVED_PER_NUMBER * numbers)
    # Packages are looked for last, which takes as long as a small step.
    if saved < COMPILER_STARTS or not can_compile():
        return False
    try:
        return saved > COMPILER_STARTS + SECONDS_PER_LINE * program(made, gathered=True).lines
    except CaptureError:
        return False


def kept(owner: Function, key: Any, make: Callable[[], Kept]) -> Kept:
    """What this thread has made for a function under a key; made now if there is none yet."""
    known = _local.programs.setdefault(owner, {})
    if key not in known:
        known[key] = make()
    found: Kept = known[key]
    return found


def planned(step: Function, carry: Any, data: Any, rows: int, *, owner: Function | None = None) -> Plan:
    """The plan of a step that is fed with so many rows of the data; to judge it and to run it is to make it once."""
    return kept(
        owner or step,
        ("plan", owner in (None, step), *shapes(carry, data, rows)),
        lambda: plan(step, map_arrays(_like, carry), _rows(data, rows)),
    )


def shapes(carry: Any, data: Any, rows: int) -> tuple[Any, ...]:
    """What tells two plans of a function apart."""
    fed = ((array.shape[1:], array.dtype) for array in arrays_in(data))
    return (rows, *((array.shape, array.dtype) for array in arrays_in(carry)), None, *fed)


def _program(
    owner: Function, step: Function, carry: Any, data: Any, rows: int, compiled: bool, *, gathered: bool
) -> Program:
    """The program for these shapes."""

    def make() -> Program:
        made = planned(step, carry, data, rows, owner=owner)
        return Compiled(made, gathered=gathered) if compiled else Replay(made)

    return kept(owner, (compiled, gathered, *shapes(carry, data, rows)), make)


def _like(array: np.ndarray) -> Like:
    return Like(array.shape, array.dtype)


def _rows(data: Any, rows: int) -> Any:
    """What stands for so many rows of the data."""
    return map_arrays(lambda array: Like((rows, *array.shape[1:]), array.dtype), data)

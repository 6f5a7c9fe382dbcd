"""The source of a compiled plan: a function that runs a thread's part of a block of steps."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xpnet.capture.engines.cpu.loops import LoopWriter, indented
from xpnet.capture.engines.cpu.names import Names
from xpnet.capture.engines.cpu.products import ProductWriter
from xpnet.capture.graph import Graph, Value
from xpnet.capture.planning.fusion import fuse
from xpnet.capture.planning.kernels import Columns, Fused, Kernel
from xpnet.capture.planning.memory import Home, Memory, Stage, lay_out
from xpnet.capture.planning.plan import Plan
from xpnet.capture.planning.rewrites import with_accumulated_products

HEAD = """import numpy as np
from numba import njit

from xpnet.capture.engines.cpu.primitives import FAST, exp_float32, exp_float64, fetch, tanh_float32, tanh_float64
from xpnet.capture.engines.cpu.barrier import meet, share
from xpnet.capture.engines.cpu.tiles import line, tile, turned
"""

MEET = "meet(place, threads)"


class Text(NamedTuple):
    """A source, and what its function takes.

    Attributes:
        source: A module with a function `block(thread, threads, place, room, steps, rows, data…, results…, carried…,
            values…)`.
        carried: The indices of the inputs that outputs are copied to.
        values: What it takes the arrays of.
        graph: What it computes; some of the plan's operations are merged.
        memory: Where the values live.
    """

    source: str
    carried: list[int]
    values: list[Value]
    graph: Graph
    memory: Memory


def fused(plan: Plan, fetched: Iterable[Value]) -> Fused:
    """A plan's operations as loops and products.

    Raises:
        CaptureError: It cannot be compiled.
    """
    return fuse(with_accumulated_products(plan.graph, plan.donated), plan.donated, fetched, by_element=False)


def text(plan: Plan, *, gathered: bool) -> Text:
    """Write a plan's source.

    Args:
        plan: What is to be done.
        gathered: Whether a step's rows are chosen by index; if not, they are the next ones.
    """
    n = plan.fed[0].shape[0] if plan.fed else 0
    # A stretch of rows is a slice of the data, and so is a single row; others are fetched.
    sliced = plan.fed if n == 1 or not gathered else ()
    made = fused(plan, () if sliced else plan.fed)
    stages = made.stages()
    memory = lay_out(made.graph, stages, plan.donated, plan.fed)
    names = Names(made.graph, memory, sliced)
    loops, products = LoopWriter(made, names), ProductWriter(made.graph, names)

    body: list[str] = []
    for part, must_meet in zip(made.parts, meetings(stages, memory.homes), strict=True):
        body += [MEET] * must_meet
        if isinstance(part, Kernel):
            body += loops.rows(part)
        elif isinstance(part, Columns):
            body += loops.columns(part)
        else:
            body += products.lines(part.operation)
    results = [line for i, v in enumerate(plan.results) for line in _copy(v, f"o{i}", "step", names.array(v))]
    copies = [line for value, i in memory.copies for line in _copy(value, f"k{i}", "", names.array(value))]
    begin = "rows[step, 0]" if gathered else f"step * {n}"
    slices = [f"x{i} = d{i}[{begin} : {begin} + {n}]" for i in range(len(sliced))]
    carried = list(dict.fromkeys(i for _, i in memory.copies))
    end = ["if thread == 0:", *indented([*results, *copies])] if results or copies else []
    arguments = [
        *("thread", "threads", "place", "rooms", "steps", "rows"),
        *(f"d{i}" for i in range(len(plan.fed))),
        *(f"o{i}" for i in range(len(plan.results))),
        *(f"k{i}" for i in carried),
        *names.arguments,
    ]
    lines = [
        *(f"{name} = {made_by}" for made_by, name in (*names.numbers.items(), *products.functions.items())),
        "",
        "",
        '@njit(cache=True, fastmath=FAST, error_model="numpy", nogil=True)',
        f"def block({', '.join(arguments)}):",
        *indented([f"first{n}, end{n} = share({n}, thread, threads)" for n in sorted(names.shares)]),
        "    room = rooms[thread].ctypes.data",
        "    for step in range(steps):",
        *indented(indented([*slices, *names.views, *body, MEET, *end, MEET])),
        "",
    ]
    return Text("\n".join([HEAD, *lines]), carried, list(names.arguments.values()), made.graph, memory)


def meetings(stages: Iterable[Stage], homes: Mapping[Value, Home]) -> list[bool]:
    """Before which stages the threads must wait for each other: those whose memory another has had since they met."""
    found = []
    read: set[Home] = set()
    written: set[Home] = set()
    for stage in stages:
        reads, writes = ({homes[value] for value in values} for values in (stage.reads, stage.writes))
        must_meet = bool((reads | writes) & written or writes & read)
        if must_meet:
            read, written = set(), set()
        read |= reads
        written |= writes
        found.append(must_meet)
    return found


def _copy(value: Value, target: str, at: str, source: str) -> list[str]:
    """Loops that copy an array, element by element, into another or into a part of it."""
    axes = [f"i{axis}" for axis in range(len(value.shape))]
    heads = [f"{' ' * 4 * i}for {axis} in range({value.shape[i]}):" for i, axis in enumerate(axes)]
    to = ", ".join([*([at] if at else []), *axes]) or "()"
    return [*heads, f"{' ' * 4 * len(axes)}{target}[{to}] = {source}[{', '.join(axes) or '()'}]"]

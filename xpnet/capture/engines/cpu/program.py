"""A plan as functions in machine code's language: in what order, on which memory, and where threads wait."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xpnet.capture.engines.cpu.driver import driver
from xpnet.capture.engines.cpu.loops import LoopWriter
from xpnet.capture.engines.cpu.parts import Part, Pointer
from xpnet.capture.engines.cpu.products import ProductWriter
from xpnet.capture.graph import Graph, Value
from xpnet.capture.planning.fusion import arranged
from xpnet.capture.planning.kernels import Columns, Kernel
from xpnet.capture.planning.memory import Home, Memory
from xpnet.capture.planning.plan import Plan


class Program(NamedTuple):
    """What a step does.

    Attributes:
        parts: In order.
        waits: For each part the first and the one after the last of the parts that it waits for, and how many steps
            ago these were; none are as many as from 0 to 0.
        sliced: Whether a step's rows are where the data are; if not, they are fetched.
        graph: What is computed; some of the plan's operations are merged.
        memory: Where the values live.
    """

    parts: tuple[Part, ...]
    waits: tuple[tuple[int, int, int], ...]
    sliced: bool
    graph: Graph
    memory: Memory

    @property
    def texts(self) -> list[str]:
        """The modules, equal ones once, and the one that runs them."""
        return list(dict.fromkeys([*(part.text for part in self.parts), driver()]))

    @property
    def lines(self) -> int:
        """How much there is to compile."""
        return sum(text.count("\n") for text in self.texts)


def program(plan: Plan, *, gathered: bool, checks: int = 0) -> Program:
    """Write a plan's functions.

    Args:
        plan: What is to be done.
        gathered: Whether a step's rows are chosen by index; if not, they are the next ones.
        checks: The address of bounds that are looked at before anything is read or written, or 0.

    Raises:
        CaptureError: It cannot be compiled; the one check there is.
    """
    n = plan.fed[0].shape[0] if plan.fed else 0
    # A stretch of rows is a slice of the data, and so is a single row; others are fetched.
    sliced = n == 1 or not gathered
    fused, memory = arranged(plan.graph, plan.donated, () if sliced else plan.fed, plan.fed, by_element=False)
    roots = fused.graph.roots()
    data: Mapping[Value, Pointer] = {value: ("data", i) for i, value in enumerate(plan.fed)} if sliced else {}

    def place(value: Value) -> Pointer:
        return data.get(value, value)

    loops, products = LoopWriter(fused, place, checks), ProductWriter(fused.graph, place, checks)
    parts: list[Part] = []
    used: list[tuple[int, set[Home], set[Home]]] = []

    def add(made: Iterable[Part], reads: Iterable[Value], writes: Iterable[Home]) -> None:
        first = len(parts)
        parts.extend(made)
        used.append((first, {memory.homes[roots[value]] for value in reads}, set(writes)))

    for part, stage in zip(fused.parts, fused.stages(), strict=True):
        if isinstance(part, Kernel):
            made = [loops.kernel(piece) for piece in part.pieces(roots)]
        elif isinstance(part, Columns):
            made = [loops.total(node) if node.extent[1] == 1 else loops.down(node) for node in part.nodes]
        else:
            made = [products.part(part.operation)]
        add(made, stage.reads, (memory.homes[value] for value in stage.writes))
    add((loops.copy(value, ("result", i), None) for i, value in enumerate(plan.results)), plan.results, ())
    for value, i in memory.copies:
        add([loops.copy(value, plan.graph.inputs[i], plan.graph.inputs[i])], [value], [Home(True, i)])
    met = dict(zip((first for first, _, _ in used), meetings(used_[1:] for used_ in used), strict=False))
    return Program(tuple(parts), tuple(_waits(len(parts), {at for at, must in met.items() if must})), sliced,
                   fused.graph, memory)  # fmt: skip


def meetings(used: Iterable[tuple[set[Home], set[Home]]]) -> list[bool]:
    """Before which stages, as what they read and write, all must be done that was begun: where memory is shared."""
    found = []
    read: set[Home] = set()
    written: set[Home] = set()
    for reads, writes in used:
        must_meet = bool((reads | writes) & written or writes & read)
        if must_meet:
            read, written = set(), set()
        read |= reads
        written |= writes
        found.append(must_meet)
    return found


def _waits(count: int, met: set[int]) -> Iterable[tuple[int, int, int]]:
    """What each of so many parts waits for; the first one for the last step's end."""
    starts = sorted({0, *(at for at in met if at < count)})
    for part in range(count):
        if part not in starts:
            yield 0, 0, 0
        elif part == 0:
            yield starts[-1], count, 1
        else:
            yield starts[starts.index(part) - 1], part, 0

"""Programs: a plan's functions in LLVM IR, their order and memory, and where threads wait."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from xpnet.capture.engines.cpu.driver import driver_module
from xpnet.capture.engines.cpu.loops import LoopWriter
from xpnet.capture.engines.cpu.parts import Part, Pointer
from xpnet.capture.engines.cpu.products import ProductWriter
from xpnet.capture.graph import Value
from xpnet.capture.planning.fusion import arranged
from xpnet.capture.planning.kernels import Columns, Kernel
from xpnet.capture.planning.memory import Home, Memory
from xpnet.capture.planning.plan import Plan


class Program(NamedTuple):
    """Step in LLVM IR.

    Attributes:
        parts: In order.
        waits: For each part the first and the one after the last of the parts that it waits for, and how many steps
            ago these were; none are as many as from 0 to 0.
        sliced: Whether a step's rows are where the data are; if not, they are fetched.
        memory: Where the values live.
    """

    parts: tuple[Part, ...]
    waits: tuple[tuple[int, int, int], ...]
    sliced: bool
    memory: Memory

    @property
    def texts(self) -> list[str]:
        """Modules, equal ones once, with the driver's."""
        return list(dict.fromkeys([*(part.text for part in self.parts), driver_module()]))

    @property
    def lines(self) -> int:
        """Lines of LLVM IR to compile."""
        return sum(text.count("\n") for text in self.texts)


def program(plan: Plan, *, gathered: bool, checks: int = 0) -> Program:
    """Write a plan's functions.

    Args:
        plan: Plan to be compiled.
        gathered: Whether a step's rows are chosen by index; if not, they are the next ones.
        checks: The address of bounds that are looked at before anything is read or written, or 0.

    Raises:
        CaptureError: The plan cannot be compiled. There is no other check.
    """
    n = plan.fed[0].shape[0] if plan.fed else 0
    # A stretch of rows is a slice of the data, and so is a single row; others are fetched.
    sliced = n == 1 or not gathered
    fused, memory = arranged(plan.graph, plan.donated, () if sliced else plan.fed, plan.fed)
    roots = fused.graph.roots()
    data: Mapping[Value, Pointer] = {value: ("data", i) for i, value in enumerate(plan.fed)} if sliced else {}

    def place(value: Value) -> Pointer:
        return data.get(value, value)

    loops, products = LoopWriter(fused, place, checks), ProductWriter(fused.graph, place, checks)
    parts: list[Part] = []
    used: list[tuple[int, set[Home], set[Home]]] = []

    def add(functions: Iterable[Part], reads: Iterable[Value], writes: Iterable[Home]) -> None:
        first = len(parts)
        parts.extend(functions)
        used.append((first, {memory.homes[roots[value]] for value in reads}, set(writes)))

    for part, stage in zip(fused.parts, fused.stages(), strict=True):
        if isinstance(part, Kernel):
            functions = [loops.kernel(piece) for piece in part.pieces(roots)]
        elif isinstance(part, Columns):
            functions = [loops.total(node) if node.extent[1] == 1 else loops.down(node) for node in part.nodes]
        else:
            functions = [products.part(part.operation)]
        add(functions, stage.reads, (memory.homes[value] for value in stage.writes))
    add((loops.copy(value, ("result", i), None) for i, value in enumerate(plan.results)), plan.results, ())
    for value, i in memory.copies:
        add([loops.copy(value, plan.graph.inputs[i], plan.graph.inputs[i])], [value], [Home(True, i)])
    must_wait = meetings(stage[1:] for stage in used)
    waits = _waits(len(parts), {first for (first, _, _), waiting in zip(used, must_wait, strict=True) if waiting})
    return Program(tuple(parts), tuple(waits), sliced, memory)


def meetings(used: Iterable[tuple[set[Home], set[Home]]]) -> list[bool]:
    """Whether each stage, by what it reads and writes, must wait for all before it: where memory is shared."""
    must_wait = []
    read: set[Home] = set()
    written: set[Home] = set()
    for reads, writes in used:
        must_meet = bool((reads | writes) & written or writes & read)
        if must_meet:
            read, written = set(), set()
        read |= reads
        written |= writes
        must_wait.append(must_meet)
    return must_wait


def _waits(count: int, met: set[int]) -> Iterable[tuple[int, int, int]]:
    """Range of parts that each part waits for; the first one waits for the end of the last step."""
    starts = sorted({0, *(at for at in met if at < count)})
    for part in range(count):
        if part not in starts:
            yield 0, 0, 0
        elif part == 0:
            yield starts[-1], count, 1
        else:
            yield starts[starts.index(part) - 1], part, 0

"""Writes kernels as loops over rows and columns, and sums down columns, as Python source for numba to compile."""

from collections.abc import Callable, Iterator, Mapping

from xpnet.capture.engines.cpu.expressions import COLLECTED, SEARCHED, cast, expression
from xpnet.capture.engines.cpu.names import Names
from xpnet.capture.engines.cpu.tiling import registers
from xpnet.capture.graph import Operation, Value
from xpnet.capture.planning.kernels import FED, Columns, Fused, Kernel, Loop, Node, Read, computed
from xpnet.capture.tracing.operations import REDUCTIONS, SEARCHES, start

NARROW = 4
"""Vectors of a row up to which it pays to do a part of one as a whole."""

MASKED = 32
"""Bytes of a vector from which CPUs can read and write a part of one."""

AHEAD = 2
"""How many rows ahead the data are read."""


class LoopWriter:
    """The loops of one plan."""

    def __init__(self, fused: Fused, names: Names) -> None:
        self._stored, self._roots, self._names = fused.stored, fused.graph.roots(), names
        self._ids = {operation.output: i for i, operation in enumerate(fused.graph.operations)}

    def rows(self, kernel: Kernel) -> list[str]:
        """A thread's rows of a kernel; a single row is the first thread's, with numbers that are read once."""
        made = {node.operation.output for node in kernel.nodes}
        once: dict[str, str] = {}
        for node in kernel.nodes:
            for read in node.reads:
                if self._roots[read.value] not in made and read.extent == (1, 1):
                    once.setdefault(self._names.element(read.value, (1, 1)), f"h{len(once)}")
        first, end = self._names.share(kernel.rows) if kernel.rows > 1 else ("0", "1")
        lines = self._fetched([node.operation for node in kernel.nodes if node.operation.name == FED], end)
        for loop in kernel.loops:
            lines += self._row(loop, made, once)
        read_once = [f"{name} = {element}" for element, name in once.items()]
        if kernel.rows == 1:
            return ["if thread == 0:", *indented([*read_once, *lines])]
        return [*read_once, f"for i in range({first}, {end}):", *indented(lines)]

    def _fetched(self, feeds: list[Operation], end: str) -> list[str]:
        """Which row of the data comes next; one further on is read ahead, since chosen rows follow no order."""
        if not feeds:
            return []
        lines = ["row = rows[step, i]", f"following = rows[step, min(i + {AHEAD}, {end} - 1)]"]
        for feed in feeds:
            size = feed.output.nbytes // feed.output.shape[0]
            lines.append(f"fetch(d{feed.options[0]}.ctypes.data + following * {size}, {size})")
        return lines

    def columns(self, columns: Columns) -> list[str]:
        """A thread's columns of what goes down them; a single one is the first thread's."""
        return [line for node in columns.nodes for line in self._down(node)]

    def _down(self, node: Node) -> list[str]:
        """What one reduction makes of each column, row by row."""
        (rows, width), (read,) = node.extent, node.reads
        name, output = node.operation.name, node.operation.output
        begun = self._names.number(start(name, output.dtype), output.dtype)
        kept, element = self._names.element(output, node.made), self._names.element(read.value, read.extent)
        target = kept if width > 1 else "t"
        collected = f"{target} = {cast(COLLECTED[name].format(target, element), output.dtype)}"
        down = f"for i in range({rows}):"
        if width == 1:
            return ["if thread == 0:", *indented([f"t = {begun}", down, f"    {collected}", f"{kept} = t"])]
        across = f"for j in {self._names.columns(width)}:"
        return [across, f"    {kept} = {begun}", down, f"    {across}", f"        {collected}"]

    def _row(self, loop: Loop, made: set[Value], once: Mapping[str, str]) -> list[str]:
        """The columns of a row: reads first, writes last, so that what is written may lie where something was read."""
        reductions = [node for node in loop.nodes if node.is_reduction]
        own = {node.operation.output for node in loop.nodes}
        before: dict[str, str] = {}
        body: list[str] = []
        after: list[str] = []

        def operand(read: Read) -> str:
            root = self._roots[read.value]
            if root in own or (root in made and read.extent[1] == 1):
                return f"t{self._ids[root]}"
            element = self._names.element(read.value, read.extent)
            return once[element] if element in once else before.setdefault(element, f"r{len(before)}")

        for node in loop.nodes:
            body += self._statements(node, list(self._operands(node, operand)))
            output = node.operation.output
            if output in self._stored and not node.is_reduction:
                after.append(f"{self._names.element(output, node.made)} = t{self._ids[output]}")
        inside = [*(f"{name} = {element}" for element, name in before.items()), *body, *after]
        lines = [line for node in reductions for line in self._begun(node)]
        lines += across(loop, inside) if loop.width > 1 else inside
        for node in reductions:
            if (output := node.operation.output) in self._stored:
                lines.append(f"{self._names.element(output, node.made)} = t{self._ids[output]}")
        return lines

    def _operands(self, node: Node, operand: Callable[[Read], str]) -> Iterator[str]:
        """What an operation is done with, in the dtype in which it is done."""
        reads, dtype = iter(node.reads), computed(node.operation)
        for at, value in enumerate(node.operation.inputs):
            if not isinstance(value, Value):
                yield self._names.number(value, dtype)
                continue
            text, name = operand(next(reads)), node.operation.name
            keep = value.dtype == dtype or node.is_reduction or name == "astype" or (name == "where" and at == 0)
            yield text if keep else cast(text, dtype)

    def _statements(self, node: Node, operands: list[str]) -> list[str]:
        """What is done at (i, j)."""
        operation, output = node.operation, node.operation.output
        id_ = self._ids[output]
        if operation.name in SEARCHES:
            (x,) = operands
            found = "j" if node.extent[1] > 1 else "0"
            better = SEARCHED[operation.name].format(f"b{id_}", x)
            # Chosen without a branch, which could not be foretold.
            return [
                f"is_better = {better}",
                f"b{id_} = {x} if is_better else b{id_}",
                f"t{id_} = {found} if is_better else t{id_}",
            ]
        if operation.name in REDUCTIONS:
            return [f"t{id_} = {cast(COLLECTED[operation.name].format(f't{id_}', *operands), output.dtype)}"]
        if operation.name == FED:
            column = {1: "", 2: ", j" if node.extent[1] > 1 else ", 0"}[len(output.shape)]
            return [f"t{id_} = d{operation.options[0]}[row{column}]"]
        if operation.name == "full":
            return [f"t{id_} = {self._names.number(operation.options[2], output.dtype)}"]
        return [f"t{id_} = {expression(operation, operands)}"]

    def _begun(self, node: Node) -> list[str]:
        """What a row's reduction or search begins with."""
        name, output = node.operation.name, node.operation.output
        id_ = self._ids[output]
        if name in REDUCTIONS:
            return [f"t{id_} = {self._names.number(start(name, output.dtype), output.dtype)}"]
        dtype = node.reads[0].value.dtype
        best = self._names.number(start(name, dtype), dtype)
        return [f"t{id_} = {self._names.number(0, output.dtype)}", f"b{id_} = {best}"]


def across(loop: Loop, lines: list[str]) -> list[str]:
    """Lines that are done for each column; of a narrow loop as one vector, of which not all lanes count."""
    lanes = registers().size // max(node.operation.output.dtype.itemsize for node in loop.nodes)
    rest = loop.width % lanes
    is_searched = any(node.operation.name in SEARCHES for node in loop.nodes)
    if not rest or is_searched or loop.width > NARROW * lanes or registers().size < MASKED:
        return [f"for j in range({loop.width}):", *indented(lines)]
    # Otherwise the columns that do not make a vector would be done one by one.
    whole = loop.width - rest + lanes
    return [f"for j in range({whole}):", f"    if j < {loop.width}:", *indented(indented(lines))]


def indented(lines: list[str]) -> list[str]:
    """Lines one level deeper."""
    return [f"    {line}" for line in lines]

"""Rows of a kernel: loops over their columns, vector by vector, with reductions and searches."""

from collections.abc import Callable, Sequence

import numpy as np

from xpnet.capture.engines.cpu.operations import apply, operand
from xpnet.capture.engines.cpu.parts import Body, Pointer
from xpnet.capture.engines.cpu.random import random_bits, random_normal
from xpnet.capture.engines.cpu.reductions import begun, collect, collected, result, searched
from xpnet.capture.engines.cpu.text import Word, kind
from xpnet.capture.engines.cpu.tiles import registers
from xpnet.capture.engines.cpu.vectors import INT32, TRUTH, Vectors
from xpnet.capture.graph import NORMAL, RANDOM, Operation, Value
from xpnet.capture.planning.kernels import FED, Extent, Fused, Kernel, Loop, Node, Read
from xpnet.capture.tracing.operations import REDUCTIONS, SEARCHES

AHEAD = 2
"""Rows by which the data are prefetched."""

LINE = 64
"""Bytes of a cache line."""

WIDER = 4
"""Times as many lanes in a loop that draws random numbers, four of which are of one counter."""


class Places:
    """Where a plan's values lie: their memory, and their strides as those of matrices.

    Attributes:
        stored: Values that are written to memory.
        roots: For each value the one whose memory it is in.
    """

    def __init__(self, fused: Fused, place: Callable[[Value], Pointer]) -> None:
        self.stored, self.roots = fused.stored, fused.graph.roots()
        self._place = place

    def strides(self, value: Value, extent: Extent) -> tuple[int, int]:
        """Strides of a value seen as a matrix, in numbers: from a row to the next, from a column to the next."""
        strides = value.strides
        if len(strides) < 2 or (1 in extent and max(extent) == value.size):
            # One line of numbers, whichever way it is turned.
            strides = (max(strides, default=0),) * 2
        return (strides[0] if extent[0] > 1 else 0, strides[1] if extent[1] > 1 else 0)

    def pointer(self, f: Body, value: Value) -> str:
        """Address of a value's memory."""
        return f.pointer(self._place(self.roots[value]))


class Rows:
    """Rows of a kernel, in the function being written."""

    def __init__(self, places: Places, f: Body, kernel: Kernel, *, is_flat: bool = False) -> None:
        self._places, self._f, self._kernel, self._flat = places, f, kernel, is_flat
        self._roots, self._stored = places.roots, places.stored
        self._computed = {node.operation.output for node in kernel.nodes}
        self._once: dict[Value, str] = {}
        self._singles: dict[Value, str] = {}
        self._live: dict[tuple[Value, int], str] = {}
        self._inverted: dict[Value, tuple[str, str]] = {}
        self._read_once()

    def _read_once(self) -> None:
        """Read scalars before the loop; a divisor is inverted, if that loses no digits."""
        f, of = self._f, Vectors(self._f, 1)
        for node in self._kernel.nodes:
            for read in node.reads:
                if (
                    self._roots[read.value] not in self._computed
                    and read.extent == (1, 1)
                    and read.value not in self._once
                ):
                    self._once[read.value] = of.load(read.value.dtype, self._places.pointer(f, read.value), 0)
            if node.operation.name != "divide":
                continue
            divisor, dtype = node.operation.inputs[1], node.operation.output.dtype
            if divisor in self._once and divisor.dtype == dtype:
                inverse = of.do("fdiv", dtype, of.number(1, dtype), self._once[divisor])
                size, info = of.intrinsic("fabs", dtype, inverse), np.finfo(dtype)
                ends = (of.do("fcmp oge", dtype, size, of.number(info.smallest_normal, dtype)),
                        of.do("fcmp ole", dtype, size, of.number(info.max, dtype)))  # fmt: skip
                self._inverted[divisor] = inverse, of.do("and", TRUTH, *ends)

    def write(self, row: Word) -> None:
        """Write all loops of a row."""
        f = self._f
        self._singles, self._live, f._addresses = {}, {}, {}
        feeds = [node.operation for node in self._kernel.nodes if node.operation.name == FED]
        self._data = self._fetched(feeds, row) if feeds else {}
        for loop in self._kernel.loops:
            self._loop(loop, row)

    def _fetched(self, feeds: list[Operation], row: Word) -> dict[Value, str]:
        """Addresses of a row's data; a later row is prefetched, since gathered rows follow no order."""
        f, word = self._f, np.dtype(np.int64)
        of, rows = Vectors(f, 1), f.pointer(("rows", 0))
        chosen = of.load(word, rows, row)
        ahead = of.load(word, rows, f.least(f.add(row, AHEAD), f.add("%end", -1)))
        addresses = {}
        for feed in feeds:
            size = feed.output.nbytes // feed.output.shape[0]
            data = f.pointer(("data", feed.options[0]))
            addresses[feed.output] = f.at(data, f.times(chosen, size))
            if size:
                with f.loop(0, size, LINE) as loop:
                    line = f.at(f.at(data, f.times(ahead, size)), loop.index)
                    f.call("void", "llvm.prefetch.p0", ["ptr", "i32", "i32", "i32"], [line, "0", "3", "1"])
        return addresses

    def _loop(self, loop: Loop, row: Word) -> None:
        """Write a loop over the columns of a row, with its reductions and searches."""
        f, reductions = self._f, [node for node in loop.nodes if node.is_reduction]
        lanes = min(lanes_of(loop, registers().size), 1 << (max(loop.width, 1) - 1).bit_length())
        plain = Vectors(f, lanes)
        kinds, starts = [], []
        for node in reductions:
            name, dtype = node.operation.name, collected_in(node)
            kinds.append(plain.kind(dtype))
            starts.append(begun(plain, name, dtype))
            if name in SEARCHES:
                kinds.append(plain.kind(INT32))
                starts.append(plain.number(0, INT32))
        self._totals = starts

        def turn(of: Vectors, column: Word, totals: list[str]) -> list[str]:
            self._totals = list(totals)
            self.columns(loop, of, row, column)
            return self._totals

        totals = across(f, loop.width, lanes, turn, list(zip(kinds, starts, strict=True)))
        at = 0
        for node in reductions:
            name, output, dtype = node.operation.name, node.operation.output, collected_in(node)
            if name in SEARCHES:
                total, at = result(plain, name, dtype, (totals[at], totals[at + 1])), at + 2
            else:
                total, at = collected(plain, name, dtype, totals[at]), at + 1
            self._singles[output] = total
            if output in self._stored:
                self._store(Vectors(f, 1), node, total, row, 0)

    def columns(self, loop: Loop, of: Vectors, row: Word, column: Word) -> None:
        """Write some columns: loads first, stores last, so that a result may overwrite an operand."""
        own: dict[Value, str] = {}
        read: dict[tuple[Value, Extent], str] = {}
        at = 0
        is_alone = loop.width <= of.lanes

        def text(one: Read) -> str:
            root = self._roots[one.value]
            if root in own:
                return own[root]
            if root in self._computed and one.extent[1] == 1:
                return of.spread(root.dtype, self._singles[root])
            if is_alone and (root, of.lanes) in self._live and one.extent[1] > 1 and root in self._computed:
                return self._live[root, of.lanes]
            if (one.value, one.extent) not in read:
                read[one.value, one.extent] = self._read(of, one, row, column)
            return read[one.value, one.extent]

        for node in loop.nodes:
            operation = node.operation
            reads = iter(node.reads)
            texts = [text(next(reads)) if isinstance(value, Value) else None for value in operation.inputs]
            if node.is_reduction:
                assert texts[0] is not None
                at = self._reduce(of, node, texts[0], column, at)
                continue
            if operation.name in RANDOM:
                scalars = [self._once[value] for value in operation.arrays]
                own[operation.output] = _random(of, operation, scalars, row, column)
            else:
                own[operation.output] = self._done(of, node, texts, column)
            if loop.width == 1:
                self._singles[operation.output] = own[operation.output]
            elif is_alone:
                self._live[operation.output, of.lanes] = own[operation.output]
        for node in loop.nodes:
            if not node.is_reduction and node.operation.output in self._stored:
                self._store(of, node, own[node.operation.output], row, column)

    def _read(self, of: Vectors, read: Read, row: Word, column: Word) -> str:
        """Load some columns; a number that is the same for a whole row is loaded once."""
        value, f = read.value, self._f
        if value in self._once and read.extent == (1, 1):
            return of.spread(value.dtype, self._once[value])
        by_row, by_column = self._places.strides(value, read.extent)
        if self._flat:
            by_row, by_column = 0, 1
        address = f.row(self._places.pointer(f, value), row, by_row, _element(value))
        if by_column == 0:
            return of.spread(value.dtype, Vectors(f, 1).load(value.dtype, address, 0))
        return of.load(value.dtype, address, column, by_column)

    def _store(self, of: Vectors, node: Node, value: str, row: Word, column: Word) -> None:
        output, f = node.operation.output, self._f
        by_row, by_column = (0, 1) if self._flat else self._places.strides(output, node.made)
        address = f.row(self._places.pointer(f, output), row, by_row, _element(output))
        of.store(output.dtype, value, address, column, max(by_column, 1))

    def _done(self, of: Vectors, node: Node, texts: list[str | None], column: Word) -> str:
        """Result of an operation for some columns."""
        operation = node.operation
        if operation.name == FED:
            return of.load(operation.output.dtype, self._data[operation.output], column)
        if operation.name == "full":
            return of.number(operation.options[2], operation.output.dtype)
        operands = [
            operand(of, operation, value, text, at)
            for at, (value, text) in enumerate(zip(operation.inputs, texts, strict=True))
        ]
        if operation.name == "divide" and of.lanes > 1 and operation.inputs[1] in self._inverted:
            inverse, is_exact = self._inverted[operation.inputs[1]]
            kind_, (x, y) = of.kind(operation.output.dtype), operands
            factor = of.spread(operation.output.dtype, inverse)
            return self._f.either(is_exact, kind_, f"fmul {kind_} {x}, {factor}", f"fdiv {kind_} {x}, {y}")
        return apply(of, operation, operands)

    def _reduce(self, of: Vectors, node: Node, text: str, column: Word, at: int) -> int:
        """Add some columns to a reduction, whose total is at a place; return the next one's place."""
        name, dtype, operation = node.operation.name, collected_in(node), node.operation
        if name in SEARCHES:
            index = of.steps("i32")
            if column != 0:
                first = str(column) if isinstance(column, int) else self._f.value(f"trunc i64 {column} to i32")
                index = of.do("add", INT32, of.spread(INT32, first), index)
            best = (self._totals[at], self._totals[at + 1])
            self._totals[at : at + 2] = searched(of, name, dtype, best, text, index)
            return at + 2
        more = operand(of, operation, operation.inputs[0], text, 0)
        if of.mask:
            more = of.choose(of.mask, dtype, more, begun(of, name, dtype))
        self._totals[at] = collect(of, name, dtype, self._totals[at], more)
        return at + 1


def across(
    f: Body,
    width: int,
    lanes: int,
    turn: Callable[[Vectors, Word, list[str]], list[str]],
    carried: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Write a loop over columns, vector by vector, the last of which may not be full; return what it carries."""
    totals = [start for _, start in carried]
    whole = width - width % lanes

    if whole == lanes:
        totals = turn(Vectors(f, lanes), 0, totals)
    elif whole:
        with f.loop(0, whole, lanes, carried) as loop:
            loop.following = turn(Vectors(f, lanes), loop.index, loop.carried)
        totals = loop.last
    if whole < width:
        totals = turn(Vectors(f, lanes, width - whole), whole, totals)
    return totals


def lanes_of(loop: Loop, size: int) -> int:
    """Lanes of a loop's vectors, as many as the widest dtype allows; some times as many for random numbers."""
    if loop.width <= 1:
        return 1
    values = [value for node in loop.nodes for value in (*node.operation.arrays, node.operation.output)]
    lanes = max(1, size // max(value.dtype.itemsize for value in values if value.dtype.itemsize))
    return lanes * (WIDER if any(node.operation.name in RANDOM for node in loop.nodes) else 1)


def collected_in(node: Node) -> np.dtype:
    """Dtype in which a reduction accumulates, or a search compares."""
    return node.operation.output.dtype if node.operation.name in REDUCTIONS else node.reads[0].value.dtype


def _random(of: Vectors, operation: Operation, scalars: list[str], row: Word, column: Word) -> str:
    """Random numbers of some columns."""
    if operation.name == NORMAL:
        return random_normal(of, scalars, row, column, operation.options[0], operation.output.dtype)
    return random_bits(of, scalars, row, column, *operation.options)


def _element(value: Value) -> str:
    return "i8" if value.dtype == np.bool_ else kind(value.dtype)

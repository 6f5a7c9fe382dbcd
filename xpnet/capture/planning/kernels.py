"""What a plan's operations are grouped into for compilation: few passes over memory, and matrix products.

A kernel goes through the rows of its arrays once; whatever an operation needs of a row is made in that row, so that
chains of element-wise functions, and sums and maxima along rows, are one pass. Arrays are seen as matrices: a number
is 1×1, a vector one row, but one number a row where it is made from rows.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from xpnet.capture.graph import Graph, Operation, Value
from xpnet.capture.planning.memory import Stage
from xpnet.capture.tracing.operations import REDUCTIONS, SEARCHES
from xpnet.errors import CaptureError

Extent: TypeAlias = tuple[int, int]
"""Rows and columns."""

FED = "feed"
"""The name of the operation that fetches a step's rows of the data."""

ALONE = (*SEARCHES,)
"""Operations that cannot be vectorised, and would keep their neighbours in a loop from it."""


class Read(NamedTuple):
    """A value as an operation reads it.

    Attributes:
        extent: Its rows and columns; one of each stands for all.
        straight: Whether element (i, j) is that of the value whose memory it shares.
    """

    value: Value
    extent: Extent
    straight: bool


@dataclass(eq=False)
class Node:
    """An operation in its place in a kernel.

    Attributes:
        extent: The rows and columns it goes through.
        made: The extent of what it makes.
        reads: Its inputs that are arrays, in order.
    """

    operation: Operation
    extent: Extent
    made: Extent
    reads: tuple[Read, ...]

    @property
    def is_reduction(self) -> bool:
        """Whether its result is there after the whole row only."""
        return self.operation.name in REDUCTIONS or self.operation.name in SEARCHES

    @property
    def is_accumulated(self) -> bool:
        """Whether its result is there after the last row only."""
        if self.operation.name in SEARCHES:
            return self.made == (1, self.extent[1]) and self.extent != (1, 1)
        return self.is_reduction and self.extent[0] != 1 and self.made[0] == 1


@dataclass(eq=False)
class Loop:
    """Operations that go through the columns of a row together."""

    width: int
    nodes: list[Node] = field(default_factory=list)


@dataclass(eq=False)
class Kernel:
    """Loops that are done row by row."""

    rows: int
    loops: list[Loop] = field(default_factory=list)
    _makers: dict[Value, tuple[int, Node]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._makers = {node.operation.output: (i, node) for i, loop in enumerate(self.loops) for node in loop.nodes}

    @property
    def nodes(self) -> list[Node]:
        """All of its operations."""
        return [node for loop in self.loops for node in loop.nodes]

    def position(self, value: Value) -> int | None:
        """The loop that makes a value."""
        return self._makers[value][0] if value in self._makers else None

    def pieces(self, roots: dict[Value, Value]) -> list["Kernel"]:
        """Its operations in kernels of their own, where none needs what another makes, nor reads the same in a loop.

        Equal ones, such as the updates of equal layers, are then one function, compiled once. At most they share a
        number that stands for all elements.
        """
        # Of those with a link in common, one leads to another, and the last one stands for all.
        leads: dict[Any, Any] = {}

        def end(link: Any) -> Any:
            while link in leads:
                link = leads[link]
            return link

        for i, loop in enumerate(self.loops):
            for node in loop.nodes:
                for read in node.reads:
                    root = roots[read.value]
                    if root in self._makers or read.extent != (1, 1):
                        one, other = end(root if root in self._makers else (i, root)), end(node.operation.output)
                        if one != other:
                            leads[one] = other
        pieces: dict[Any, dict[int, Loop]] = {}
        for i, loop in enumerate(self.loops):
            for node in loop.nodes:
                piece = pieces.setdefault(end(node.operation.output), {})
                piece.setdefault(i, Loop(loop.width)).nodes.append(node)
        return [Kernel(self.rows, list(piece.values())) for piece in pieces.values()]

    def add(self, node: Node, roots: dict[Value, Value]) -> None:
        """Put an operation into the first loop that comes after all it needs."""
        first = 0
        for read in node.reads:
            if (place := self._makers.get(roots[read.value])) is not None:
                at, maker = place
                apart = maker.is_reduction or self.loops[at].width != node.extent[1]
                first = max(first, at + apart)
        alone = node.operation.name in ALONE
        for at in range(first, len(self.loops)):
            loop = self.loops[at]
            if loop.width == node.extent[1] and not alone and loop.nodes[0].operation.name not in ALONE:
                loop.nodes.append(node)
                self._makers[node.operation.output] = at, node
                return
        self._makers[node.operation.output] = len(self.loops), node
        self.loops.append(Loop(node.extent[1], [node]))


class Product(NamedTuple):
    """A matrix product: `matmul`, or `accumulate`, which is beta·c − alpha·a·b in the place of c."""

    operation: Operation

    @property
    def nodes(self) -> list[Node]:
        """None; it is no kernel."""
        return []


@dataclass(eq=False)
class Columns:
    """Sums, searches and the like down columns, each for itself."""

    nodes: list[Node] = field(default_factory=list)

    def position(self, value: Value) -> None:
        """None: what it makes is there for later parts only."""


Part: TypeAlias = Kernel | Columns | Product


class Fused(NamedTuple):
    """A function as few parts.

    Attributes:
        graph: What is computed; some operations are merged into others.
        parts: In the order in which they are done.
        stored: The values that need memory, since they are read in another loop than they are made in.
    """

    graph: Graph
    parts: list[Part]
    stored: set[Value]

    def stages(self) -> list[Stage]:
        """What each part reads, writes and may overwrite."""
        roots = self.graph.roots()
        return [_stage(part, roots, self.stored) for part in self.parts]


def matrix(value: Value, column: bool = False) -> Extent:
    """A value as rows and columns; a vector is one row, or one column."""
    shape = value.shape
    if len(shape) > 2:
        raise CaptureError(f"An array of shape {shape} cannot be compiled: two axes are the most; use engine replay.")
    if len(shape) == 1:
        return (shape[0], 1) if column else (1, shape[0])
    return (shape[0], shape[1]) if shape else (1, 1)


def computed(operation: Operation) -> np.dtype:
    """The dtype in which an operation takes its operands."""
    if operation.output.dtype == np.bool_ and operation.inputs and operation.name not in ("where", "astype", "copy"):
        return np.result_type(*(v.dtype if isinstance(v, Value) else v for v in operation.inputs))
    return operation.output.dtype


def _stage(part: Part, roots: dict[Value, Value], stored: set[Value]) -> Stage:
    """A part as memory sees it."""
    if isinstance(part, Product):
        operation = part.operation
        over = frozenset({(operation.output, operation.arrays[0])} if operation.name == "accumulate" else ())
        others = {roots[value] for value in operation.arrays[1:]}
        if over and operation.arrays[0] in others:
            over = frozenset()
        return Stage(frozenset(roots[value] for value in operation.arrays), (operation.output,), over)
    if isinstance(part, Columns):
        reads_ = frozenset(roots[read.value] for node in part.nodes for read in node.reads)
        return Stage(reads_, tuple(node.operation.output for node in part.nodes))
    pieces = [[(i, node) for i, loop in enumerate(p.loops) for node in loop.nodes] for p in part.pieces(roots)]
    outside: dict[Value, list[tuple[int, int, Read]]] = {}
    for piece, places in enumerate(pieces):
        for i, node in places:
            for read in node.reads:
                if part.position(root := roots[read.value]) is None:
                    outside.setdefault(root, []).append((piece, i, read))
    # Pieces are done in any order, and their loops row by row.
    own: list[list[Value]] = [[] for _ in pieces]
    for root, found in outside.items():
        if len(readers := {piece for piece, _, _ in found}) == 1:
            own[readers.pop()].append(root)
    pairs = set()
    for piece, places in enumerate(pieces):
        for i, node in places:
            new = node.operation.output
            if not node.is_reduction and new in stored:
                pairs |= {
                    (new, root)
                    for root in own[piece]
                    if root.is_like(new)
                    and all(at <= i and r.straight and r.extent == node.made for _, at, r in outside[root])
                }
    writes = tuple(node.operation.output for node in part.nodes if node.operation.output in stored)
    return Stage(frozenset(outside), writes, frozenset(pairs))

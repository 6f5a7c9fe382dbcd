"""Groups a plan's operations into few passes over memory, for compilation.

A kernel goes through the rows of its arrays once; whatever an operation needs of a row is made in that row, so that
chains of element-wise functions, and sums and maxima along rows, are one pass. Arrays are seen as matrices: a number
is 1×1, a vector one row, but one number a row where it is made from rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from xpnet.capture.graph import VIEWS, Graph, Operation, Value
from xpnet.capture.memory import Stage
from xpnet.capture.operations import REDUCTIONS, SEARCHES
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
        return self.operation.name in REDUCTIONS and self.extent[0] > 1 and self.made[0] == 1


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

    @property
    def nodes(self) -> list[Node]:
        """All of its operations."""
        return [node for loop in self.loops for node in loop.nodes]

    def position(self, value: Value) -> int | None:
        """The loop that makes a value."""
        return next((i for i, loop in enumerate(self.loops) for n in loop.nodes if n.operation.output is value), None)

    def add(self, node: Node, roots: dict[Value, Value]) -> None:
        """Put an operation into the first loop that comes after all it needs."""
        first = 0
        for read in node.reads:
            at = self.position(roots[read.value])
            if at is not None:
                maker = next(n for n in self.loops[at].nodes if n.operation.output is roots[read.value])
                apart = maker.is_reduction or self.loops[at].width != node.extent[1]
                first = max(first, at + apart)
        alone = node.operation.name in ALONE
        for loop in self.loops[first:]:
            if loop.width == node.extent[1] and not alone and all(n.operation.name not in ALONE for n in loop.nodes):
                loop.nodes.append(node)
                return
        self.loops.append(Loop(node.extent[1], [node]))


class Product(NamedTuple):
    """A matrix product: `matmul`, or `accumulate`, which is beta·c − alpha·a·b in the place of c."""

    operation: Operation

    @property
    def nodes(self) -> list[Node]:
        """None; it is no kernel."""
        return []


Part: TypeAlias = Kernel | Product


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


def fuse(graph: Graph, donated: int, fetched: Iterable[Value]) -> Fused:
    """Group the operations.

    Args:
        graph: What is computed.
        donated: How many of the first inputs are replaced by as many first outputs.
        fetched: The inputs that are fetched row by row, instead of being there.

    Raises:
        CaptureError: For arrays of more than two axes, and for `take`.
    """
    feeds = tuple(Operation(FED, (), value, (i,)) for i, value in enumerate(fetched))
    graph = _with_accumulated_products(graph, donated)
    graph = graph._replace(operations=(*feeds, *graph.operations))
    roots = graph.roots()
    views = {operation.output: operation for operation in graph.operations if operation.name in VIEWS}
    replaces = dict(zip(graph.outputs[:donated], graph.inputs[:donated], strict=True))

    parts: list[Part] = []
    makers: dict[Value, tuple[int, Node]] = {}
    readers: dict[Value, int] = {}
    for operation in graph.operations:
        if operation.name in VIEWS:
            continue
        if operation.name in ("matmul", "accumulate"):
            at = len(parts)
            parts.append(Product(operation))
            makers[operation.output] = (at, _whole(operation))
        else:
            node = _node(operation, roots, views, makers)
            # Not before the last reader of what it will overwrite.
            old = replaces.get(operation.output)
            first = max(_earliest(node, parts, roots, makers), readers.get(old, 0) if old else 0)
            at = _room(node, parts, first)
            kernel = parts[at]
            assert isinstance(kernel, Kernel)
            kernel.add(node, roots)
            makers[operation.output] = (at, node)
        for value in operation.arrays:
            readers[roots[value]] = max(readers.get(roots[value], 0), at)
    return Fused(graph, parts, _stored(graph, parts, roots))


def matrix(value: Value, column: bool = False) -> Extent:
    """A value as rows and columns; a vector is one row, or one column."""
    shape = value.shape
    if len(shape) > 2:
        raise CaptureError(f"An array of shape {shape} cannot be compiled: two axes are the most; use engine replay.")
    if len(shape) == 1:
        return (shape[0], 1) if column else (1, shape[0])
    return (shape[0], shape[1]) if shape else (1, 1)


def _whole(operation: Operation) -> Node:
    """A product as the maker of a matrix."""
    extent = matrix(operation.output)
    return Node(operation, extent, extent, ())


def _node(
    operation: Operation,
    roots: dict[Value, Value],
    views: dict[Value, Operation],
    makers: dict[Value, tuple[int, Node]],
) -> Node:
    """An operation with the extents of what it reads and makes."""
    if operation.name == "take":
        raise CaptureError(f"take at {operation.line} cannot be compiled; use engine replay.")
    made_in_rows = any(
        len(value.shape) == 1 and root in makers and makers[root][1].made == (value.shape[0], 1)
        for value in operation.arrays
        for root in [roots[value]]
    )
    column = made_in_rows or operation.name == FED
    reads = tuple(Read(value, matrix(value, column), _straight(value, views)) for value in operation.arrays)
    if operation.name in REDUCTIONS or operation.name in SEARCHES:
        # Reductions keep their axes, so that a vector's are those of its column or row.
        extent = reads[0].extent
        made = matrix(operation.output, column)
        if operation.name in SEARCHES and made != (extent[0], 1):
            raise CaptureError(
                f"{operation.name} at {operation.line} cannot be compiled along columns; use engine replay."
            )
        return Node(operation, extent, made, reads)
    extent = matrix(operation.output, column)
    return Node(operation, extent, extent, reads)


def _straight(value: Value, views: dict[Value, Operation]) -> bool:
    while value in views:
        if views[value].name == "transpose":
            return False
        value = views[value].arrays[0]
    return True


def _earliest(node: Node, parts: list[Part], roots: dict[Value, Value], makers: dict[Value, tuple[int, Node]]) -> int:
    """The first part in which all that an operation reads can be there."""
    first = 0
    for read in node.reads:
        at, maker = makers.get(roots[read.value], (0, None))
        if maker is None:
            continue
        part = parts[at]
        together = (
            isinstance(part, Kernel)
            and part.rows == node.extent[0]
            and read.straight
            and read.extent == maker.made
            and not maker.is_accumulated
        )
        first = max(first, at if together else at + 1)
    return first


def _room(node: Node, parts: list[Part], first: int) -> int:
    """The first kernel from there on that goes through as many rows; a new one if there is none."""
    for at in range(first, len(parts)):
        part = parts[at]
        if isinstance(part, Kernel) and part.rows == node.extent[0]:
            return at
    parts.append(Kernel(node.extent[0]))
    return len(parts) - 1


def _stored(graph: Graph, parts: list[Part], roots: dict[Value, Value]) -> set[Value]:
    """The values that are read elsewhere than in the loop, or as one number a row in the row, that makes them."""
    stored = {roots[value] for value in graph.outputs}
    for part in parts:
        if isinstance(part, Product):
            stored |= {roots[value] for value in (*part.operation.arrays, part.operation.output)}
            continue
        for i, loop in enumerate(part.loops):
            for node in loop.nodes:
                if node.is_accumulated:
                    stored.add(node.operation.output)
                for read in node.reads:
                    root = roots[read.value]
                    at = part.position(root)
                    if at is None or (at != i and read.extent[1] > 1):
                        stored.add(root)
    return stored


def _stage(part: Part, roots: dict[Value, Value], stored: set[Value]) -> Stage:
    """A part as memory sees it."""
    if isinstance(part, Product):
        operation = part.operation
        over = frozenset({(operation.output, operation.arrays[0])} if operation.name == "accumulate" else ())
        return Stage(frozenset(roots[value] for value in operation.arrays), (operation.output,), over)
    made = {node.operation.output for node in part.nodes}
    reads: dict[Value, list[tuple[int, Read]]] = {}
    for i, loop in enumerate(part.loops):
        for node in loop.nodes:
            for read in node.reads:
                reads.setdefault(roots[read.value], []).append((i, read))
    outside = {root: found for root, found in reads.items() if root not in made}
    pairs = set()
    for i, loop in enumerate(part.loops):
        for node in loop.nodes:
            new = node.operation.output
            if node.is_accumulated or node.is_reduction or new not in stored:
                continue
            for root, found in outside.items():
                alike = (root.shape, root.dtype, root.order) == (new.shape, new.dtype, new.order)
                if alike and all(at <= i and r.straight and r.extent == node.made for at, r in found):
                    pairs.add((new, root))
    writes = tuple(node.operation.output for node in part.nodes if node.operation.output in stored)
    return Stage(frozenset(outside), writes, frozenset(pairs))


def _with_accumulated_products(graph: Graph, donated: int) -> Graph:
    """The same with each `beta·c − alpha·(a @ b)` that takes the place of the input c as one operation."""
    makers = {operation.output: operation for operation in graph.operations}
    replaces = dict(zip(graph.outputs[:donated], graph.inputs[:donated], strict=True))
    uses: dict[Value, int] = {}
    for value in (*(v for operation in graph.operations for v in operation.arrays), *graph.outputs):
        uses[value] = uses.get(value, 0) + 1

    def scaled(value: Value) -> tuple[Value | float | int, Value] | None:
        """A number, or an array of one, and what it multiplies; nothing else uses the product."""
        operation = makers.get(value)
        if operation is None or operation.name != "multiply" or uses[value] != 1:
            return None
        for factor, other in (operation.inputs, operation.inputs[::-1]):
            if isinstance(other, Value) and (not isinstance(factor, Value) or factor.shape == ()):
                return factor, other
        return None

    merged: dict[Value, Operation] = {}
    dropped: set[Value] = set()
    last_read = {value: i for i, operation in enumerate(graph.operations) for value in operation.arrays}
    for i, operation in enumerate(graph.operations):
        old = replaces.get(operation.output)
        if operation.name != "subtract" or old is None or len(operation.arrays) != 2:
            continue
        kept, taken = operation.arrays
        product = scaled(taken)
        beta: Value | float | int = 1
        if kept is not old and (found := scaled(kept)) is not None:
            beta, kept = found
            dropped_kept = operation.arrays[0]
        else:
            dropped_kept = None
        if product is None or kept is not old or last_read.get(old, -1) > i or uses[operation.output] < 1:
            continue
        alpha, matmul = product
        made = makers.get(matmul)
        if made is None or made.name != "matmul" or uses[matmul] != 1 or (isinstance(beta, Value) and beta.shape):
            continue
        merged[operation.output] = Operation(
            "accumulate", (old, beta, alpha, *made.inputs), operation.output, (), operation.line
        )
        dropped |= {taken, matmul} | ({dropped_kept} if dropped_kept else set())
    operations = [merged.get(op.output, op) for op in graph.operations if op.output not in dropped]
    return graph._replace(operations=tuple(operations))

"""What the operations of a step are grouped into for a CUDA device: matrix products, and launches of kernels.

The groups of a launch are done side by side, each in blocks of its own, so that none needs what another makes.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from xpnet.capture.graph import Graph, Value
from xpnet.capture.planning.kernels import Extent, Kernel, Node, Product


@dataclass(eq=False)
class Down:
    """Sums and the like down columns, each column for itself.

    Attributes:
        extent: Rows and columns of the matrix that `body` makes; sums of others have their own rows.
        body: Operations on single elements, done on the way down.
        sums: What is collected.
        tail: Operations on what there is one of in a column.
    """

    extent: Extent
    body: list[Node] = field(default_factory=list)
    sums: list[Node] = field(default_factory=list)
    tail: list[Node] = field(default_factory=list)

    @property
    def nodes(self) -> list[Node]:
        """All of its operations."""
        return [*self.body, *self.sums, *self.tail]


Group: TypeAlias = Kernel | Down


@dataclass(eq=False)
class Together:
    """Groups of one launch."""

    groups: list[Group] = field(default_factory=list)


Part: TypeAlias = Product | Together


class Grouped(NamedTuple):
    """A step as few launches.

    Attributes:
        graph: What is computed.
        parts: In the order in which they are launched.
        stored: The values that need memory, since they are read elsewhere than where they are made.
    """

    graph: Graph
    parts: list[Part]
    stored: frozenset[Value]


def stored(graph: Graph, parts: list[Part], donated: int, elsewhere: frozenset[Value]) -> frozenset[Value]:
    """The values that need memory.

    Args:
        graph: What is computed.
        parts: The launches.
        donated: How many of the outputs are carried on.
        elsewhere: Other outputs that are written to a place of their own as soon as they are made.
    """
    roots = graph.roots()
    others = (value for value in graph.outputs[donated:] if value not in elsewhere)
    found = {roots[value] for value in (*graph.outputs[:donated], *others)}
    for part in parts:
        if isinstance(part, Product):
            found |= {roots[value] for value in (*part.operation.arrays, part.operation.output)}
            continue
        for group in part.groups:
            found |= _of_columns(group, roots) if isinstance(group, Down) else _of_rows(group, roots)
    return frozenset(found)


def _of_columns(group: Down, roots: dict[Value, Value]) -> set[Value]:
    """What is read but not made on the way."""
    made = {node.operation.output for node in group.nodes}
    return {roots[read.value] for node in group.nodes for read in node.reads} - made


def _of_rows(kernel: Kernel, roots: dict[Value, Value]) -> set[Value]:
    """What is read elsewhere than in the loop, or as one number a row in the row, that makes it."""
    found = set()
    for i, loop in enumerate(kernel.loops):
        for node in loop.nodes:
            for read in node.reads:
                at = kernel.position(roots[read.value])
                if at is None or (at != i and read.extent[1] > 1):
                    found.add(roots[read.value])
    return found

"""What the launches of a step read, write and may overwrite; nothing orders the threads of one launch."""

from collections.abc import Iterator

from xpnet.capture.engines.cuda.groups import Down, Grouped, Together
from xpnet.capture.graph import Value
from xpnet.capture.planning.kernels import Extent, Node, Product
from xpnet.capture.planning.memory import Stage

Place = tuple[int, str, int, int]
"""Which threads do an operation, and when: the group, its part, the width of the loop, and the loop's number."""


def stages(grouped: Grouped) -> list[Stage]:
    """A stage for each launch."""
    roots = grouped.graph.roots()
    return [
        _of_product(part, roots) if isinstance(part, Product) else _of_launch(part, roots, grouped.stored)
        for part in grouped.parts
    ]


def _of_product(part: Product, roots: dict[Value, Value]) -> Stage:
    """A product takes the place of what it is added to, but of no factor."""
    operation = part.operation
    reads = [roots[value] for value in operation.arrays]
    over = operation.name == "accumulate" and reads[0] not in reads[1:]
    return Stage(frozenset(reads), (operation.output,), frozenset({(operation.output, reads[0])} if over else ()))


def _of_launch(part: Together, roots: dict[Value, Value], stored: frozenset[Value]) -> Stage:
    """A value takes the place of another if each element of that is read by the thread that writes there, before it."""
    nodes = list(_nodes(part))
    made = {node.operation.output for _, node in nodes}
    reads: dict[Value, list[tuple[Place, bool, Extent]]] = {}
    for place, node in nodes:
        for read in node.reads:
            reads.setdefault(roots[read.value], []).append((place, read.straight, read.extent))
    outside = {root: found for root, found in reads.items() if root not in made}
    pairs = set()
    for place, node in nodes:
        new = node.operation.output
        for old, found in outside.items():
            alike = (old.shape, old.dtype, old.order) == (new.shape, new.dtype, new.order)
            if (
                alike
                and not node.is_reduction
                and all(
                    straight and extent == node.made and _is_before(where, place) for where, straight, extent in found
                )
            ):
                pairs.add((new, old))
    writes = tuple(node.operation.output for _, node in nodes if node.operation.output in stored)
    return Stage(frozenset(outside), writes, frozenset(pair for pair in pairs if pair[0] in stored))


def _is_before(read: Place, write: Place) -> bool:
    """Whether elements are read by the threads that write them, and not after that."""
    (group, where, width, at), (own_group, own, own_width, own_at) = read, write
    # A column's tail is written by one of the block's threads, when all have gone down it.
    same = where == own or own == "tail"
    return group == own_group and same and width == own_width and at <= own_at


def _nodes(part: Together) -> Iterator[tuple[Place, Node]]:
    """The operations of a launch, each with which threads do it.

    Loops of one width give an element to one thread; where a row is done by a warp, its single numbers are written
    by one lane when all have read.
    """
    for number, group in enumerate(part.groups):
        if isinstance(group, Down):
            for node in group.nodes:
                where = "tail" if node in group.tail else "body" if node.extent == group.extent else "other"
                yield (number, where, node.extent[1], 0), node
            continue
        for at, loop in enumerate(group.loops):
            for node in loop.nodes:
                yield (number, "row", loop.width, at), node

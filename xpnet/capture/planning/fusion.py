"""Groups a plan's operations into kernels and products."""

from collections.abc import Iterable

from xpnet.capture.graph import VIEWS, Graph, Operation, Value
from xpnet.capture.planning.kernels import FED, Columns, Fused, Kernel, Node, Part, Product, Read, matrix
from xpnet.capture.planning.memory import Memory, lay_out
from xpnet.capture.planning.rewrites import with_accumulated_products, with_reductions_along_one_axis
from xpnet.capture.tracing.operations import ELEMENTWISE, REDUCTIONS, SEARCHES
from xpnet.errors import CaptureError


def arranged(graph: Graph, donated: int, fetched: Iterable[Value], pinned: Iterable[Value]) -> tuple[Fused, Memory]:
    """Group the operations, and lay out the memory of what they make.

    A product is taken from an old value in its place only where the memory turns out to be the old value's, and no
    factor's.

    Args:
        graph: What is computed.
        donated: As for `fuse`.
        fetched: As for `fuse`.
        pinned: As for `lay_out`.

    Raises:
        CaptureError: As for `fuse`.
    """
    fetched, apart = tuple(fetched), set[Value]()
    while True:
        fused = fuse(with_accumulated_products(graph, donated, apart), donated, fetched)
        memory = lay_out(fused.graph, fused.stages(), donated, pinned)
        wrong = _out_of_place(fused.graph, memory)
        if not wrong:
            return fused, memory
        apart |= wrong


def _out_of_place(graph: Graph, memory: Memory) -> set[Value]:
    """The outputs of products that are taken from what does not lie there, or from one of their factors."""
    roots = graph.roots()
    found = set()
    for operation in graph.operations:
        if operation.name == "accumulate":
            old, *others = (memory.homes[roots[value]] for value in operation.arrays)
            if old != memory.homes[operation.output] or old in others:
                found.add(operation.output)
    return found


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
    graph = with_reductions_along_one_axis(graph)
    graph = graph._replace(operations=(*feeds, *graph.operations))
    roots = graph.roots()
    views = {operation.output: operation for operation in graph.operations if operation.name in VIEWS}
    replaces = dict(zip(graph.outputs[:donated], graph.inputs[:donated], strict=True))

    parts: list[Part] = []
    makers: dict[Value, tuple[int, Node]] = {}
    readers: dict[Value, int] = {}
    deferred, waiting = _deferred(graph), dict[Value, Operation]()
    for operation in graph.operations:
        if operation.name in VIEWS:
            continue
        if operation.output in deferred:
            waiting[operation.output] = operation
            continue
        together = _with_waiting(operation, waiting)
        if operation.name in ("matmul", "accumulate"):
            _check_factors(operation)
            at = len(parts)
            parts.append(Product(operation))
            makers[operation.output] = (at, _whole(operation))
        else:
            first, nodes = 0, []
            for one in together:
                nodes.append(node := _node(one, roots, views, makers))
                # Not before the last reader of what it will overwrite.
                old = replaces.get(one.output)
                first = max(first, _earliest(node, parts, roots, makers), readers.get(old, 0) if old else 0)
            at = _below(parts, first) if nodes[-1].is_accumulated else _room(nodes, parts, first)
            part = parts[at]
            for node in nodes:
                makers[node.operation.output] = (at, node)
                if isinstance(part, Kernel):
                    part.add(node, roots)
                elif isinstance(part, Columns):
                    part.nodes.append(node)
        for value in (value for one in together for value in one.arrays):
            readers[roots[value]] = max(readers.get(roots[value], 0), at)
    return Fused(graph, parts, _stored(graph, parts, roots))


def _deferred(graph: Graph) -> set[Value]:
    """What is made of one matrix, and read by one element-wise operation of that shape: it is made where it is read.

    Then it needs no memory, and the matrix that it is made of is read once, there.
    """
    readers: dict[Value, list[Operation]] = {}
    for operation in graph.operations:
        for value in operation.arrays:
            readers.setdefault(value, []).append(operation)
    found = set()
    for operation in graph.operations:
        output, users = operation.output, readers.get(operation.output, [])
        sources = {value for value in operation.arrays if value.shape != ()}
        if (
            len(output.shape) == 2
            and output not in graph.outputs
            and [value.shape for value in sources] == [output.shape]
            and [user.output.shape for user in users] == [output.shape]
            and all(one.name in ELEMENTWISE for one in (operation, *users))
        ):
            found.add(output)
    return found


def _with_waiting(operation: Operation, waiting: dict[Value, Operation]) -> list[Operation]:
    """An operation after those that wait for it."""
    before = [_with_waiting(waiting.pop(value), waiting) for value in operation.arrays if value in waiting]
    return [*(one for group in before for one in group), operation]


def _check_factors(operation: Operation) -> None:
    """Refuse products of other numbers than BLAS has, and of two kinds."""
    dtypes = {value.dtype.name for value in (*operation.inputs[-2:], operation.output) if isinstance(value, Value)}
    if len(dtypes) > 1 or not dtypes <= {"float32", "float64"}:
        raise CaptureError(
            f"matmul at {operation.line} is not of float32 or float64 alone, and cannot be compiled; "
            "use another engine."
        )


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
    # Beside a matrix a vector is a row, however it was made.
    is_of_vectors = all(len(value.shape) < 2 for value in (*operation.arrays, operation.output))
    column = is_of_vectors and (made_in_rows or operation.name == FED)
    reads = tuple(Read(value, matrix(value, column), _straight(value, views)) for value in operation.arrays)
    if operation.name in REDUCTIONS or operation.name in SEARCHES:
        # Reductions keep their axes, so that a vector's are those of its column or row.
        extent = reads[0].extent
        return Node(operation, extent, matrix(operation.output, column), reads)
    extent = matrix(operation.output, column)
    return Node(operation, extent, extent, reads)


def _straight(value: Value, views: dict[Value, Operation]) -> bool:
    while value in views:
        if views[value].name == "transpose":
            return False
        value = views[value].arrays[0]
    return True


def _earliest(
    node: Node,
    parts: list[Part],
    roots: dict[Value, Value],
    makers: dict[Value, tuple[int, Node]],
) -> int:
    """The first part in which all that an operation reads can be there."""
    first = 0
    for read in node.reads:
        at, maker = makers.get(roots[read.value], (0, None))
        if maker is None:
            continue
        part = parts[at]
        together = (
            isinstance(part, Kernel)
            and not node.is_accumulated
            and part.rows == node.extent[0]
            and read.straight
            and read.extent == maker.made
            # What there is one of in all is made before, so that loops that share it need not be one function.
            and (read.value.shape != () or node.extent == (1, 1))
        )
        first = max(first, at if together else at + 1)
    return first


def _room(nodes: list[Node], parts: list[Part], first: int) -> int:
    """The first kernel from there on that goes through as many rows; a new one if there is none."""
    for at in range(first, len(parts)):
        part = parts[at]
        if isinstance(part, Kernel) and part.rows == nodes[-1].extent[0]:
            return at
    parts.append(Kernel(nodes[-1].extent[0]))
    return len(parts) - 1


def _below(parts: list[Part], first: int) -> int:
    """The first part from there on for sums down columns; a new one if there is none."""
    for at in range(first, len(parts)):
        if isinstance(parts[at], Columns):
            return at
    parts.append(Columns())
    return len(parts) - 1


def _stored(graph: Graph, parts: list[Part], roots: dict[Value, Value]) -> set[Value]:
    """The values that are read elsewhere than in the loop, or as one number a row in the row, that makes them."""
    stored = {roots[value] for value in graph.outputs}
    for part in parts:
        if isinstance(part, Product):
            stored |= {roots[value] for value in (*part.operation.arrays, part.operation.output)}
            continue
        if isinstance(part, Columns):
            stored |= {roots[read.value] for node in part.nodes for read in node.reads}
            stored |= {node.operation.output for node in part.nodes}
            continue
        for i, loop in enumerate(part.loops):
            for node in loop.nodes:
                for read in node.reads:
                    root = roots[read.value]
                    at = part.position(root)
                    if at is None or (at != i and read.extent[1] > 1):
                        stored.add(root)
    return stored

"""Groups a step's operations into as few launches as can be, products included.

An operation goes into the first launch by which all that it reads is there: in blocks of its own, or, where it reads
what the same launch makes, with what makes it, if every element then finds what it needs in its own thread.
"""

from collections.abc import Callable
from typing import TypeAlias

from xpnet.capture.engines.cuda.groups import Down, Group, Grouped, Part, Together, stored
from xpnet.capture.graph import RANDOM, VIEWS, Graph, Operation, Value
from xpnet.capture.planning.kernels import Extent, Kernel, Node, Product, Read, matrix
from xpnet.capture.tracing.operations import ELEMENTWISE, REDUCTIONS, SEARCHES
from xpnet.errors import CaptureError

WARPFUL = 1024
"""Columns up to which one warp is enough for a single row."""

POINTWISE = (*ELEMENTWISE, "where", "astype", "copy", "full", *RANDOM)
"""Operations whose every element stands for itself."""


def grouped(graph: Graph, donated: int, elsewhere: frozenset[Value]) -> Grouped:
    """Group the operations.

    Args:
        graph: What is computed; reductions are along one axis each.
        donated: How many of the first inputs are replaced by as many first outputs.
        elsewhere: As for `stored`.

    Raises:
        CaptureError: For arrays of more than two axes, for `take`, and for searches along columns.
    """
    schedule = _Schedule(graph, donated)
    waiting, deferred = dict[Value, Operation](), _deferred(graph)
    for operation in graph.operations:
        if operation.output in deferred:
            waiting[operation.output] = operation
        elif operation.name in ("matmul", "accumulate"):
            schedule.product(operation)
        elif operation.name not in VIEWS:
            schedule.place([schedule.node(one) for one in _with_waiting(operation, waiting)])
    return Grouped(graph, schedule.parts, stored(graph, schedule.parts, donated, elsewhere))


def _deferred(graph: Graph) -> set[Value]:
    """What one element-wise operation of the same shape reads, and nothing else: it is made where it is read.

    So it needs no memory, and derivatives are made of what the forward pass left where the backward pass uses them.
    """
    readers: dict[Value, list[Operation]] = {}
    for operation in graph.operations:
        for value in operation.arrays:
            readers.setdefault(value, []).append(operation)
    return {
        operation.output
        for operation in graph.operations
        if operation.name in POINTWISE
        and operation.output not in graph.outputs
        and len(users := readers.get(operation.output, [])) == 1
        and users[0].name in POINTWISE
        and users[0].output.shape == operation.output.shape
    }


def _along_rows(graph: Graph, roots: dict[Value, Value]) -> set[Value]:
    """What is summed or searched along rows, at once or after operations on single elements: it is made row by row."""
    found: set[Value] = set()
    for operation in reversed(graph.operations):
        is_along = operation.name in (*REDUCTIONS, *SEARCHES) and operation.options[0] in ((1,), 1)
        if is_along or (operation.name in POINTWISE and operation.output in found):
            found |= {roots[value] for value in operation.arrays if is_along or value.shape == operation.output.shape}
    return found


def _with_waiting(operation: Operation, waiting: dict[Value, Operation]) -> list[Operation]:
    """An operation after those that wait for it."""
    before = [_with_waiting(waiting.pop(value), waiting) for value in operation.arrays if value in waiting]
    return [*(one for group in before for one in group), operation]


Place: TypeAlias = tuple[int, Group | None]
"""The number of a launch, and the group in it; a product has none."""


class _Schedule:
    """The launches so far.

    Attributes:
        parts: They, and the products between them.
    """

    def __init__(self, graph: Graph, donated: int) -> None:
        self.parts: list[Part] = []
        self._roots = graph.roots()
        self._views = {operation.output: operation for operation in graph.operations if operation.name in VIEWS}
        self._replaces = dict(zip(graph.outputs[:donated], graph.inputs[:donated], strict=True))
        self._along_rows = _along_rows(graph, self._roots)
        self._made: dict[Value, Extent] = {}
        self._places: dict[Value, Place] = {}
        self._readers: dict[Value, list[Place]] = {}

    def node(self, operation: Operation) -> Node:
        """An operation with the extents of what it reads and makes; a vector is a row beside a matrix."""
        if operation.name == "take":
            raise CaptureError(f"take at {operation.line} cannot be compiled for CUDA; use engine plain.")
        arrays = operation.arrays
        column = all(len(value.shape) < 2 for value in (*arrays, operation.output)) and any(
            self._is_column(operation, value) for value in arrays
        )
        reads = tuple(Read(value, matrix(value, column), self._is_straight(value)) for value in arrays)
        made = matrix(operation.output, column)
        is_reduction = operation.name in REDUCTIONS or operation.name in SEARCHES
        extent = reads[0].extent if is_reduction else made
        if operation.name in SEARCHES and made != (extent[0], 1):
            raise CaptureError(
                f"{operation.name} at {operation.line} cannot be compiled for CUDA along columns; use engine plain."
            )
        self._made[operation.output] = made
        return Node(operation, extent, made, reads)

    def _is_column(self, operation: Operation, value: Value) -> bool:
        """Whether a vector is read as one number a row: made so, or so long that a block had better sum it up."""
        made = self._made.get(self._roots[value])
        is_long = operation.name in REDUCTIONS and made is None and value.size > WARPFUL
        return len(value.shape) == 1 and (made == (value.shape[0], 1) or is_long)

    def _is_straight(self, value: Value) -> bool:
        """Whether element (i, j) is that of the value whose memory it shares."""
        while value in self._views:
            if self._views[value].name == "transpose":
                return False
            value = self._views[value].arrays[0]
        return True

    def product(self, operation: Operation) -> None:
        """Add a product: at the end, but before a launch that it does not need, where what reads it may join others."""
        old = self._replaces.get(operation.output)
        after = {self._at(self._roots[value]) for value in operation.arrays}
        after |= {slot for slot, _ in self._readers.get(old, [])} if old is not None else set()
        end = len(self.parts)
        at = end - 1 if end and isinstance(self.parts[-1], Together) and end - 1 not in after else end
        self.parts.insert(at, Product(operation))

        def moved(place: Place) -> Place:
            return (place[0] + (place[0] >= at), place[1])

        self._move(moved)
        self._made[operation.output] = matrix(operation.output)
        self._note(operation, at, None)

    def _move(self, moved: Callable[[Place], Place]) -> None:
        """Know what is done elsewhere from now on."""
        self._places = {value: moved(place) for value, place in self._places.items()}
        self._readers = {value: [moved(place) for place in places] for value, places in self._readers.items()}

    def place(self, nodes: list[Node]) -> None:
        """Put operations, each of which is read by the next, into one launch."""
        made = {node.operation.output for node in nodes}
        if not all(self._is_same(read) for node in nodes for read in node.reads if self._roots[read.value] in made):
            for node in nodes:
                self.place([node])
            return
        reads = [read for node in nodes for read in node.reads if self._roots[read.value] not in made]
        places = [self._places[root] for read in reads if (root := self._roots[read.value]) in self._places]
        at = max((slot for slot, _ in places), default=-1)
        makers = {maker for slot, maker in places if slot == at}
        old = self._replaces.get(nodes[-1].operation.output)
        readers = self._readers.get(old, []) if old is not None else []
        group = None
        if len(makers) == 1 and all(slot < at or (slot, reader) == (at, *makers) for slot, reader in readers):
            group = self._joined(at, nodes)
        # Not before the last reader of what is overwritten, nor beside it.
        first = max([at + 1, *(slot + 1 for slot, _ in readers)]) if group is None else at
        at, group = (at, group) if group is not None else self._room(first, nodes)
        for node in nodes:
            _add(group, node, self._roots)
            self._note(node.operation, at, group)

    def _joined(self, at: int, nodes: list[Node]) -> Group | None:
        """The group of a launch that makes what the operations read, if they can be done in the same threads."""
        part = self.parts[at]
        if isinstance(part, Product):
            return None
        inner = {node.operation.output for node in nodes}
        reads = [read for node in nodes for read in node.reads]
        (group,) = {self._places[root][1] for read in reads if self._at(root := self._roots[read.value]) == at}
        near = [read for read in reads if (root := self._roots[read.value]) in inner or self._at(root) == at]
        if group is None or not all(
            read.straight and read.extent == self._made[self._roots[read.value]] for read in near
        ):
            return None
        last, sources = nodes[-1], {self._roots[read.value] for read in near} - inner
        if isinstance(group, Down):
            return group if _goes_down(group, last, sources) else None
        if last.is_accumulated:
            return self._turned(part, group, last)
        return group if group.rows == last.extent[0] and _fits(group, last) else None

    def _is_same(self, read: Read) -> bool:
        """Whether a value is read element by element as it is made."""
        return read.straight and read.extent == self._made[self._roots[read.value]]

    def _at(self, root: Value) -> int:
        """The launch that makes a value; an input is there before all of them."""
        return self._places[root][0] if root in self._places else -1

    def _turned(self, part: Together, kernel: Kernel, node: Node) -> Down | None:
        """A kernel of single elements as one that sums them up on the way."""
        if len(kernel.loops) > 1 or (kernel.rows, kernel.loops[0].width) != node.extent or not _is_pointwise(kernel):
            return None
        if any(each.operation.output in self._along_rows for each in kernel.nodes):
            return None
        down = Down(node.extent, body=kernel.nodes)
        part.groups[part.groups.index(kernel)] = down

        def moved(place: Place) -> Place:
            return (place[0], down) if place[1] is kernel else place

        self._move(moved)
        return down

    def _room(self, first: int, nodes: list[Node]) -> tuple[int, Group]:
        """The first launch from there on, a new one if there is none, and the group in it that has room."""
        launches = ((i, part) for i, part in enumerate(self.parts) if i >= first and isinstance(part, Together))
        at, part = next(launches, (len(self.parts), Together()))
        if at == len(self.parts):
            self.parts.append(part)
        last = nodes[-1]
        group: Group | None
        if last.is_accumulated:
            # Single sums share a block, so that what is made of several of them needs no other launch.
            group = next((g for g in part.groups if isinstance(g, Down) and g.extent[1] == last.extent[1] == 1), None)
            group = group or Down(last.extent)
        else:
            group = next((g for g in part.groups if isinstance(g, Kernel) and _is_alike(g, last)), None)
            group = group or Kernel(last.extent[0])
        if group not in part.groups:
            part.groups.append(group)
        return at, group

    def _note(self, operation: Operation, at: int, group: Group | None) -> None:
        """Remember where an operation is done."""
        self._places[operation.output] = (at, group)
        for value in operation.arrays:
            self._readers.setdefault(self._roots[value], []).append((at, group))


def _is_pointwise(kernel: Kernel) -> bool:
    return not any(node.is_reduction for node in kernel.nodes)


def _is_alike(kernel: Kernel, node: Node) -> bool:
    """Whether an operation and those of a kernel go through the same elements, each for itself."""
    same = all((kernel.rows, loop.width) == node.extent for loop in kernel.loops)
    return same and _is_pointwise(kernel) and not node.is_reduction


def _fits(kernel: Kernel, node: Node) -> bool:
    """Whether a single row is short enough for the one warp that it gets where its elements need each other."""
    widest = max(node.extent[1], *(loop.width for loop in kernel.loops))
    return kernel.rows > 1 or widest <= WARPFUL or _is_alike(kernel, node)


def _goes_down(group: Down, node: Node, sources: set[Value]) -> bool:
    """Whether the thread that would do an operation has what it reads: on the way down, or at the column's end."""
    body = {each.operation.output for each in group.body}
    if node.is_accumulated or (node.extent == group.extent and not node.is_reduction):
        return node.extent == group.extent and sources <= body
    return node.extent == (1, group.extent[1]) and not node.is_reduction and not sources & body


def _add(group: Group, node: Node, roots: dict[Value, Value]) -> None:
    """Put an operation into its group."""
    if isinstance(group, Kernel):
        group.add(node, roots)
    else:
        (group.sums if node.is_accumulated else group.body if node.extent == group.extent else group.tail).append(node)

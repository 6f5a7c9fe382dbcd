"""Joined updates: equal element-wise operations at a step's end, on arrays that lie side by side, as one for all.

What a step does to each of its carried arrays in the end, such as an optimizer's update, is often the same. Only
operations that round correctly are joined: they give each element the same bits wherever it lies.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from xpnet.capture.graph import OUTER, Graph, Operation, Value
from xpnet.capture.planning.plan import Plan

ROUNDED = ("add", "subtract", "multiply", "divide", "negative", "abs", "square", "sqrt")
"""Operations whose result is the exact one, rounded, in every loop that NumPy has for them."""

JOINED = 2**17
"""Bytes up to which arrays are laid side by side: larger ones take longer to go through than a call costs."""


class Joined(NamedTuple):
    """A plan in two parts, done one after the other.

    Attributes:
        body: All but the end; after what it carries, it carries what it hands over to the end, which is written anew.
        end: What is joined; it carries the arrays that it updates.
        lanes: For each input of the end the inputs of the body that lie there, end to end.
    """

    body: Plan
    end: Plan
    lanes: tuple[tuple[int, ...], ...]


class _Chain(NamedTuple):
    """Operations of one shape that need one another's results, or the same arrays.

    Attributes:
        operations: In order.
        form: What equal ones have in common; arrays are numbered.
        arrays: The arrays, as they are numbered.
    """

    operations: list[Operation]
    form: tuple[Any, ...]
    arrays: list[Value]


def joined(plan: Plan) -> Joined | None:
    """The plan with what can be joined at its end; None if that is nothing."""
    chains: dict[tuple[Any, ...], list[_Chain]] = {}
    end = _End(plan)
    for chain in _chains(plan):
        if end.takes(chain):
            chains.setdefault(chain.form, []).append(chain)
    for alike in chains.values():
        for some in _side_by_side(alike):
            end.join(some)
    return end.result() if end.operations else None


def _chains(plan: Plan) -> Iterator[_Chain]:
    """Chains of operations that nothing but the next step's carry depends on."""
    graph, donated = plan.graph, plan.donated
    users: dict[Value, list[Operation]] = {}
    for operation in graph.operations:
        for value in operation.arrays:
            users.setdefault(value, []).append(operation)
    replaces = {new: old for old, new in zip(graph.inputs[:donated], graph.outputs[:donated], strict=True)}
    outputs = list(graph.outputs)
    last: dict[Value, Operation] = {}
    for operation in reversed(graph.operations):
        out = operation.output
        is_carried = out in replaces and outputs.count(out) == 1 and replaces[out].is_like(out)
        if (
            _is_joinable(operation)
            and (out not in outputs or is_carried)
            and all(user.output in last for user in users.get(out, ()))
        ):
            last[out] = operation
    # Operations that share an array, and those arrays.
    owners: dict[Value, tuple[list[Operation], list[Value]]] = {}
    for operation in reversed(last.values()):
        arrays = [value for value in (*operation.arrays, operation.output) if value.shape != ()]
        if operation.output in replaces:
            arrays.append(replaces[operation.output])
        operations, shared = [operation], arrays
        for other in {id(owner): owner for owner in map(owners.get, arrays) if owner is not None}.values():
            operations, shared = operations + other[0], shared + other[1]
        owners |= dict.fromkeys(shared, (operations, shared))
    at = {operation.output: i for i, operation in enumerate(graph.operations)}
    for operations, _ in {id(owner): owner for owner in owners.values()}.values():
        yield _numbered(sorted(operations, key=lambda one: at[one.output]), replaces)


def _is_joinable(operation: Operation) -> bool:
    """Whether an operation takes each element for itself, or with a number, and is small enough."""
    out = operation.output
    return (
        operation.name in ROUNDED
        and OUTER not in operation.options
        and out.shape != ()
        and out.is_contiguous
        and 0 < out.nbytes <= JOINED
        and all(value.shape == () or value.is_like(out) for value in operation.arrays)
        and any(value.shape != () for value in operation.arrays)
    )


def _numbered(operations: list[Operation], replaces: dict[Value, Value]) -> _Chain:
    """A chain of operations."""
    numbers: dict[Value, int] = {}

    def operand(x: Any) -> Any:
        if not isinstance(x, Value):
            # As text: 0 and −0 are equal.
            return type(x), repr(x)
        return x if x.shape == () else numbers.setdefault(x, len(numbers))

    form = []
    for one in operations:
        inputs = tuple(operand(x) for x in one.inputs)
        old = operand(replaces[one.output]) if one.output in replaces else None
        form.append((one.name, one.options, one.output.dtype, inputs, operand(one.output), old))
    return _Chain(operations, tuple(form), list(numbers))


def _side_by_side(chains: Iterable[_Chain]) -> Iterator[list[_Chain]]:
    """Groups of two or more chains, none of whose arrays are too large together."""
    group: list[_Chain] = []
    size = 0
    for chain in chains:
        nbytes = max(value.nbytes for value in chain.arrays)
        if size + nbytes > JOINED:
            if len(group) > 1:
                yield group
            group, size = [], 0
        group.append(chain)
        size += nbytes
    if len(group) > 1:
        yield group


class _End:
    """The end of a plan, as it grows."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._roots = plan, plan.graph.roots()
        graph = plan.graph
        self._carried = {value: i for i, value in enumerate(graph.inputs[: plan.donated])}
        self._makers = {operation.output: operation for operation in graph.operations}
        self._taken: set[Value] = set()
        self._handed: dict[Value, int] = {}
        self._dropped: set[Value] = set()
        self._updated: dict[Value, tuple[Value, tuple[int, ...]]] = {}
        self._read: dict[Value, tuple[int, ...]] = {}
        self._scalars: dict[Value, Value] = {}
        self._outputs: list[Value] = []
        self.operations: list[Operation] = []

    def takes(self, chain: _Chain) -> bool:
        """Whether all that a chain reads is still there at the end, or can be handed over in a place of its own."""
        made = {operation.output for operation in chain.operations}
        numbers = {value for operation in chain.operations for value in operation.arrays if value.shape == ()}
        arrays = [value for value in chain.arrays if value not in made]
        roots = {self._roots[value] for value in arrays}
        if len(roots) < len(arrays) or not roots.isdisjoint(self._taken):
            return False
        self._taken |= roots
        return all(self._stays(value, made) or self._is_made(value) for value in (*arrays, *numbers))

    def _stays(self, value: Value, made: set[Value]) -> bool:
        """Whether the body leaves a carried array as it is."""
        if value not in self._carried:
            return False
        after = self._plan.graph.outputs[self._carried[value]]
        return after is value or after in made

    def _is_made(self, value: Value) -> bool:
        """Whether an operation of the body writes it, end to end."""
        root = self._roots[value]
        maker = self._makers.get(root)
        alike = (root.size, root.dtype) == (value.size, value.dtype) and root.is_contiguous and value.is_contiguous
        return maker is not None and maker.name != "full" and alike

    def join(self, chains: Sequence[_Chain]) -> None:
        """Add equal chains as one."""
        lanes = list(zip(*(chain.arrays for chain in chains), strict=True))
        flat = [Value.contiguous((sum(value.size for value in lane),), lane[0].dtype) for lane in lanes]
        first = chains[0]
        numbers = {value: number for number, value in enumerate(first.arrays)}
        made = {operation.output for operation in first.operations}
        old = {row[-1]: row[-2] for row in first.form if row[-1] is not None}
        for number, lane in enumerate(lanes):
            places = () if first.arrays[number] in made else tuple(map(self._place, lane))
            if number in old:
                self._updated[flat[number]] = flat[old[number]], places
            elif places:
                self._read[flat[number]] = places

        def operand(x: Any) -> Any:
            if not isinstance(x, Value):
                return x
            return self._scalar(x) if x.shape == () else flat[numbers[x]]

        for operation in first.operations:
            inputs = tuple(map(operand, operation.inputs))
            self.operations.append(operation._replace(inputs=inputs, output=operand(operation.output)))
        self._dropped |= {operation.output for chain in chains for operation in chain.operations}

    def _place(self, value: Value) -> int:
        """The input of the body that a value is, or is written to."""
        if value in self._carried:
            return self._carried[value]
        return self._plan.donated + self._handed.setdefault(self._roots[value], len(self._handed))

    def _scalar(self, value: Value) -> Value:
        """A number as an input of the end."""
        if value not in self._scalars:
            self._scalars[value] = Value.contiguous((), value.dtype)
            self._read[self._scalars[value]] = (self._place(value),)
        return self._scalars[value]

    def _spent(self) -> tuple[Value, ...]:
        """Inputs that the body hands over, which it writes anew in each step."""
        read = self._read.items()
        return tuple(value for value, places in read if value.shape and min(places) >= self._plan.donated)

    def result(self) -> Joined:
        """The plan in two parts."""
        graph, donated = self._plan.graph, self._plan.donated
        body = tuple(operation for operation in graph.operations if operation.output not in self._dropped)
        extra = tuple(Value(value.shape, value.dtype, value.order) for value in self._handed)
        carried = tuple(
            old if new in self._dropped else new
            for old, new in zip(graph.inputs[:donated], graph.outputs[:donated], strict=True)
        )
        inputs = (*graph.inputs[:donated], *extra, *self._plan.fed)
        outputs = (*carried, *self._handed, *self._plan.results)
        end = Graph(
            (*self._updated, *self._read), tuple(new for new, _ in self._updated.values()), tuple(self.operations)
        )
        return Joined(
            replace(self._plan, graph=Graph(inputs, outputs, body), donated=donated + len(extra)),
            Plan(end, len(self._updated), None, self._spent()),
            (*(places for _, places in self._updated.values()), *self._read.values()),
        )

"""Plans cut in two: what the next step needs, and what only the results need, which is done for several steps at once.

A step of few rows takes the time of its calls, not of its arithmetic. Where several steps' values lie one behind the
other, a call does for all of them what it would do for each, to the same bits: every operation is one of each step's
own numbers, in the same order.
"""

from dataclasses import replace
from typing import NamedTuple

from xpnet.capture.graph import OUTER, VIEWS, Graph, Number, Operation, Value
from xpnet.capture.planning.plan import Plan
from xpnet.capture.tracing.operations import COMPARISONS, REDUCTIONS, SEARCHES

STEPS = 16
"""Most steps whose results are computed at once."""

ROOM = 2**18
"""Bytes for the values that their results are computed from."""

WORTH = 10**8
"""Floating-point operations of a step's products from which its calls do not count."""

ELEMENT_BY_ELEMENT = (
    *("abs", "add", "divide", "exp", "log", "log1p", "logical_and", "logical_not", "logical_or", "maximum", "minimum"),
    *("multiply", "negative", "positive", "reciprocal", "sqrt", "square", "subtract", "where", "astype", "copy"),
    *COMPARISONS,
)
"""Operations whose numbers are the same in an array of any shape."""


class Cut(NamedTuple):
    """A plan in two parts.

    Attributes:
        step: The step, whose results are what those of the plan are computed from.
        results: From a step's results to the plan's.
        steps: Most steps whose results are computed at once.
    """

    step: Plan
    results: Graph
    steps: int


def cut(plan: Plan) -> Cut | None:
    """Cut a plan; None where that would not pay."""
    if plan.products >= WORTH:
        return None
    two = _cut(plan)
    calls = sum(operation.name not in VIEWS for operation in two.results.operations)
    # What is left for later is stored first, with a call for each value.
    return two if two.steps > 1 and calls > len(two.step.results) else None


def batches(operation: Operation) -> bool:
    """Whether the operation can be done for several steps at once."""
    known = operation.name in (*ELEMENT_BY_ELEMENT, *REDUCTIONS, *SEARCHES, "reshape")
    is_outer = operation.name == "multiply" and OUTER in operation.options
    values = (*operation.arrays, operation.output)
    # Numbers that NumPy converts go through a buffer of its own, which several steps fill otherwise.
    is_converted = operation.name in ("sum", "prod") and values[0].dtype != values[-1].dtype
    # What becomes of a number that no integer is depends on where in an array it is.
    is_cut_off = operation.name == "astype" and values[0].dtype.kind == "f" and values[-1].dtype.kind in "iu"
    is_own = not (is_outer or is_converted or is_cut_off)
    return known and is_own and all(value.is_contiguous for value in values)


def _cut(plan: Plan) -> Cut:
    """Cut a plan so that of what only results need the operations that can be done later are left for later."""
    graph = plan.graph
    roots, makers = graph.roots(), {operation.output: operation for operation in graph.operations}
    # Each step overwrites these, and a constant is written once.
    taken = {roots[value] for value in (*graph.inputs[: plan.donated], *graph.outputs[: plan.donated])}
    taken |= {operation.output for operation in graph.operations if operation.name == "full"}

    def plain(value: Value) -> bool:
        """Whether a value, or all of what it is a view of, is made by an operation that can be done later."""
        return roots[value] is value or (batches(makers[value]) and plain(makers[value].arrays[0]))

    needed = _needed(graph, set(graph.outputs[: plan.donated]))
    for operation in graph.operations:
        if operation.output not in needed and not (
            batches(operation) and all(plain(value) and roots[value] not in taken for value in operation.arrays)
        ):
            needed = _needed(graph, {*needed, operation.output})

    now = [operation for operation in graph.operations if operation.output in needed]
    results: list[Value] = []
    for value in graph.outputs[plan.donated :]:
        if value in needed | set(graph.inputs) and (not plain(value) or roots[value] in taken):
            own = Value.contiguous(value.shape, value.dtype)
            now.append(Operation("copy", (value,), own))
            value = own
        results.append(value)
    after = _with_views(graph, [op for op in graph.operations if op.output not in needed], results, needed)
    made = {operation.output for operation in after}
    seen = dict.fromkeys(value for operation in after for value in operation.arrays if value not in made)
    seen |= dict.fromkeys(value for value in results if value not in made)
    step = Graph(graph.inputs, (*graph.outputs[: plan.donated], *seen), tuple(now))
    size = sum(value.nbytes for value in seen)
    return Cut(
        replace(plan, graph=step, result=tuple(seen)),
        Graph(tuple(seen), tuple(results), tuple(after)),
        min(STEPS, ROOM // max(1, size)),
    )


def _needed(graph: Graph, values: set[Value]) -> set[Value]:
    """Values that these are computed from, and they themselves."""
    for operation in reversed(graph.operations):
        if operation.output in values:
            values.update(operation.arrays)
    return values


def _with_views(graph: Graph, operations: list[Operation], results: list[Value], needed: set[Value]) -> list[Operation]:
    """Operations in the graph's order, with the views that they and the results are of values of the step."""
    wanted = {*results, *(value for operation in operations for value in operation.arrays)}
    for operation in reversed(graph.operations):
        if operation.output in wanted and operation.output in needed and operation.name in VIEWS:
            operations.append(operation)
            wanted.update(operation.arrays)
    at = {operation.output: number for number, operation in enumerate(graph.operations)}
    return sorted(operations, key=lambda operation: at[operation.output])


def of_steps(graph: Graph, count: int) -> Graph:
    """A graph for so many steps: each value has one more axis, the first."""
    values: dict[Value, Value] = {}
    operations: list[Operation] = []

    def several(value: Value) -> Value:
        if value not in values:
            values[value] = Value.contiguous((count, *value.shape), value.dtype)
        return values[value]

    def aligned(x: Value | Number, axes: int) -> Value | Number:
        """An operand with as many axes."""
        if not isinstance(x, Value):
            return x
        value = several(x)
        if len(x.shape) < axes:
            shape = (count, *(1,) * (axes - len(x.shape)), *x.shape)
            spread = Value.contiguous(shape, x.dtype)
            operations.append(Operation("reshape", (value,), spread, (shape,)))
            return spread
        return value

    for operation in graph.operations:
        name, options = operation.name, operation.options
        if name == "reshape":
            options = ((count, *options[0]),)
        elif name in REDUCTIONS:
            options = (tuple(axis + 1 for axis in options[0]),)
        elif name in SEARCHES:
            options = (options[0] + 1,)
        axes = 0 if name == "reshape" else len(operation.output.shape)
        inputs = tuple(aligned(x, axes) for x in operation.inputs)
        operations.append(operation._replace(inputs=inputs, output=several(operation.output), options=options))
    inputs, outputs = (tuple(several(value) for value in ends) for ends in (graph.inputs, graph.outputs))
    return Graph(inputs, outputs, tuple(operations))

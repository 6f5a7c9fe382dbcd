"""Graphs written anew for compilation: the same numbers by fewer, or by simpler, operations."""

from collections import Counter
from collections.abc import Collection

from xpnet.capture.graph import Graph, Operation, Value
from xpnet.capture.tracing.operations import REDUCTIONS


def with_accumulated_products(graph: Graph, donated: int, apart: Collection[Value] = ()) -> Graph:
    """The same with each `beta·c − alpha·(a @ b)` that takes the place of the input c as one operation.

    Args:
        graph: What is computed.
        donated: How many of the first inputs are replaced by as many first outputs.
        apart: Differences that are left as they are.
    """
    makers = {operation.output: operation for operation in graph.operations}
    replaces = dict(zip(graph.outputs[:donated], graph.inputs[:donated], strict=True))
    uses = Counter([*(value for operation in graph.operations for value in operation.arrays), *graph.outputs])

    def scaled(value: Value) -> tuple[Value | float | int, Value] | None:
        """A number, or an array of one, and what it multiplies; nothing else uses the product."""
        operation = makers.get(value)
        if operation is None or operation.name != "multiply" or uses[value] != 1:
            return None
        for factor, other in (operation.inputs, operation.inputs[::-1]):
            is_number = not isinstance(factor, Value) or (factor.shape, factor.dtype) == ((), value.dtype)
            if is_number and isinstance(other, Value) and _alike(other, value):
                return factor, other
        return None

    merged: dict[Value, Operation] = {}
    dropped: set[Value] = set()
    for operation in graph.operations:
        output, old = operation.output, replaces.get(operation.output)
        if operation.name != "subtract" or old is None or len(operation.arrays) != 2 or output in apart:
            continue
        kept, taken = operation.arrays
        scale: Value | float | int = 1
        unused = {taken}
        if kept is not old and (found := scaled(kept)) is not None:
            unused.add(kept)
            scale, kept = found
        product = scaled(taken)
        made = makers.get(product[1]) if product else None
        if kept is not old or product is None or made is None or made.name != "matmul" or uses[made.output] != 1:
            continue
        # Rows that lie end to end, of numbers of one kind, over which something is summed.
        if not _alike(old, output) or not _alike(made.output, output) or not made.arrays[0].shape[1]:
            continue
        merged[output] = Operation("accumulate", (old, scale, product[0], *made.inputs), output, (), operation.line)
        dropped |= {made.output, *unused}
    operations = [merged.get(op.output, op) for op in graph.operations if op.output not in dropped]
    return graph._replace(operations=tuple(operations))


def _alike(one: Value, other: Value) -> bool:
    """Whether two values have the same shape and dtype, and lie row by row both."""
    return one.is_contiguous and other.is_contiguous and (one.shape, one.dtype) == (other.shape, other.dtype)


def with_scalars_negated(graph: Graph) -> Graph:
    """The same with −alpha made by an operation of its own for each accumulated product whose alpha is an array."""
    operations: list[Operation] = []
    negated: dict[Value, Value] = {}
    for operation in graph.operations:
        if operation.name == "accumulate" and isinstance(alpha := operation.inputs[2], Value):
            if alpha not in negated:
                negated[alpha] = Value(alpha.shape, alpha.dtype, alpha.order)
                operations.append(Operation("negative", (alpha,), negated[alpha], (), operation.line))
            inputs = (*operation.inputs[:2], negated[alpha], *operation.inputs[3:])
            operation = operation._replace(inputs=inputs)
        operations.append(operation)
    return graph._replace(operations=tuple(operations))


def with_reductions_along_one_axis(graph: Graph) -> Graph:
    """The same with each reduction of a whole matrix as one along its rows, then one down the column that is left."""
    operations: list[Operation] = []
    for operation in graph.operations:
        shape = operation.arrays[0].shape if operation.arrays else ()
        axes = operation.options[0] if operation.name in REDUCTIONS else ()
        if len(shape) == 2 and 1 not in shape and sorted(axes) == [0, 1]:
            column = Value((shape[0], 1), operation.output.dtype, (0,))
            operations.append(operation._replace(output=column, options=((1,),)))
            operation = operation._replace(inputs=(column,), options=((0,),))
        operations.append(operation)
    return graph._replace(operations=tuple(operations))

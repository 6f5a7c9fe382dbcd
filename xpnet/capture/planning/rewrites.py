"""Graphs written anew for compilation: the same numbers by fewer, or by simpler, operations."""

from xpnet.capture.graph import Graph, Operation, Value
from xpnet.capture.tracing.operations import REDUCTIONS


def with_accumulated_products(graph: Graph, donated: int) -> Graph:
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
        if len(shape) == 2 and min(shape) > 1 and sorted(axes) == [0, 1]:
            column = Value((shape[0], 1), operation.output.dtype, (0,))
            operations.append(operation._replace(output=column, options=((1,),)))
            operation = operation._replace(inputs=(column,), options=((0,),))
        operations.append(operation)
    return graph._replace(operations=tuple(operations))

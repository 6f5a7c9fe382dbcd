"""What a step is given of the data: rows that are fetched for many steps at once, with what is made of each of them."""

from typing import NamedTuple

from xpnet.capture.engines.cuda.grouping import POINTWISE
from xpnet.capture.graph import Graph, Operation, Value


class Gathered(NamedTuple):
    """A step whose rows are there.

    Attributes:
        graph: What is left to compute; its inputs behind the carry are what rows come to.
        fed: Each of the data as it is fed, with the operations on single elements that make an input of it.
    """

    graph: Graph
    fed: tuple[tuple[Value, tuple[Operation, ...]], ...]


def gathered(graph: Graph, donated: int) -> Gathered:
    """Take out of a graph what only turns a row into another of the same shape, such as bytes into scaled numbers."""
    readers: dict[Value, list[Operation]] = {}
    for operation in graph.operations:
        for value in operation.arrays:
            readers.setdefault(value, []).append(operation)
    fed, taken = [], set[Value]()
    for value in graph.inputs[donated:]:
        chain: list[Operation] = []
        last = value
        while (following := _only(readers.get(last, []), last)) and last not in graph.outputs:
            chain.append(following)
            last = following.output
        fed.append((value, tuple(chain)))
        taken |= {operation.output for operation in chain}
    inputs = tuple(chain[-1].output if chain else value for value, chain in fed)
    operations = tuple(operation for operation in graph.operations if operation.output not in taken)
    return Gathered(graph._replace(inputs=(*graph.inputs[:donated], *inputs), operations=operations), tuple(fed))


def _only(readers: list[Operation], value: Value) -> Operation | None:
    """The one operation that reads a value, if it makes another of it alone, element by element."""
    if len(readers) != 1 or readers[0].name not in POINTWISE or set(readers[0].arrays) != {value}:
        return None
    output = readers[0].output
    return readers[0] if (output.shape, output.order) == (value.shape, value.order) and value.is_contiguous else None

"""A recorded function made ready to run again and again: what it does, in order, and where every value lives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xpnet._support.trees import arrays_in
from xpnet.capture.graph import VIEWS, Graph, Operation, Value, flops
from xpnet.capture.planning.memory import Memory, Stage, lay_out
from xpnet.capture.tracing.operations import ELEMENTWISE
from xpnet.capture.tracing.trace import trace

OVERHEAD = 20_000
"""What calling an operation costs, in floating-point operations that could be done in the same time."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A function `(carry, fed) -> (carry, results)`, to be run step by step, each carry in the place of the last.

    Attributes:
        graph: What it computes.
        donated: How many arrays the carry has; they are the first inputs and the first outputs.
        result: The results, with a `Value` at the place of each array.
    """

    graph: Graph
    donated: int
    result: Any

    @cached_property
    def fed(self) -> tuple[Value, ...]:
        """The inputs that are new in every step."""
        return self.graph.inputs[self.donated :]

    @cached_property
    def results(self) -> tuple[Value, ...]:
        """The outputs that are not carried on."""
        return self.graph.outputs[self.donated :]

    @cached_property
    def work(self) -> int:
        """Floating-point operations a step, what calling the operations costs counted as such."""
        return sum(flops(operation) + OVERHEAD for operation in self.graph.operations if operation.name not in VIEWS)

    @cached_property
    def products(self) -> int:
        """Floating-point operations of a step's matrix products."""
        return sum(self._products)

    @cached_property
    def largest_product(self) -> int:
        """Floating-point operations of the largest of them."""
        return max(self._products, default=0)

    @cached_property
    def _products(self) -> list[int]:
        return [flops(operation) for operation in self.graph.operations if operation.name == "matmul"]

    def stages(self) -> list[Stage]:
        """Every operation for itself."""
        roots = self.graph.roots()
        return [_stage(operation, roots) for operation in self.graph.operations if operation.name not in VIEWS]

    def memory(self) -> Memory:
        """Where values live when the operations are run one by one."""
        constants = [operation.output for operation in self.graph.operations if operation.name == "full"]
        return lay_out(self.graph, self.stages(), self.donated, (*self.fed, *constants))

    def __str__(self) -> str:
        """One line an operation: what it gives from what, the shape, where that is kept, and where it was written."""
        memory, graph = self.memory(), self.graph
        names = {value: f"in{i}" for i, value in enumerate(graph.inputs)}
        names |= {operation.output: f"t{i}" for i, operation in enumerate(graph.operations)}

        def name(operand: Any) -> str:
            return names[operand] if isinstance(operand, Value) else repr(operand)

        rows = []
        for operation in graph.operations:
            options = [repr(option) if isinstance(option, tuple) else str(option) for option in operation.options]
            call = f"{operation.name}({', '.join([*map(name, operation.inputs), *options])})"
            home = str(memory.homes[operation.output]) if operation.name not in VIEWS else "the same memory"
            rows.append((f"{name(operation.output)} = {call}", str(operation.output), home, operation.line))
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = ["  ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows]
        fresh = sum(operation.output.nbytes for operation in graph.operations if operation.name not in VIEWS)
        used = sum(memory.sizes)
        summary = (
            f"{sum(operation.name not in VIEWS for operation in graph.operations)} operations in {len(memory.sizes)} "
            f"buffers of {used:,} bytes; fresh arrays for all of them would be {fresh:,}: {fresh - used:,} bytes saved."
        )
        outputs = f"gives {', '.join(map(name, graph.outputs))}"
        return "\n".join([*lines, outputs, summary])


def plan(function: Callable[..., Any], carry: Any, fed: Any) -> Plan:
    """Plan a function.

    Args:
        function: `function(carry, fed, xp=namespace)` gives a carry of the same form, and results.
        carry: A tree of arrays, or of what stands for them.
        fed: Another, new in every step.

    Raises:
        CaptureError: The function cannot be captured; with the operation and its line.
    """
    graph, (_, result) = trace(function, carry, fed)
    donated = len(arrays_in(carry))
    return Plan(_settled(graph, donated), donated, result)


def _settled(graph: Graph, donated: int) -> Graph:
    """With copies of what is carried on without being computed: inputs in another's place, and constants.

    An input could be overwritten before it is read; a constant is written once, and its place is not.
    """
    roots, copies, outputs = graph.roots(), [], list(graph.outputs)
    kept = {*graph.inputs, *(operation.output for operation in graph.operations if operation.name == "full")}
    for i, output in enumerate(outputs[:donated]):
        if output is not graph.inputs[i] and roots[output] in kept:
            copied = Value(output.shape, output.dtype, tuple(a for a, size in enumerate(output.shape) if size > 1))
            copies.append(Operation("copy", (output,), copied))
            outputs[i] = copied
    return graph._replace(operations=(*graph.operations, *copies), outputs=tuple(outputs))


def _stage(operation: Operation, roots: dict[Value, Value]) -> Stage:
    """One operation; an element-wise one can overwrite what it reads, element by element."""
    output = operation.output
    reads = frozenset(roots[value] for value in operation.arrays)
    alike: Sequence[Value] = ()
    if operation.name in ELEMENTWISE:
        alike = [
            value
            for value in operation.arrays
            if roots[value] is value
            and (value.shape, value.dtype, value.order) == (output.shape, output.dtype, output.order)
        ]
        # What is read a second time through a view is not read element by element.
        alike = [
            value for value in alike if all(other is value or roots[other] is not value for other in operation.arrays)
        ]
    return Stage(reads, (output,), frozenset((output, value) for value in alike))

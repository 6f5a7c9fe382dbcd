"""Plans: recorded functions ready to run again and again, with a place in memory for every value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture.graph import OUTER, VIEWS, Graph, Operation, Value, flops
from xpnet.capture.planning.memory import Memory, Stage, lay_out
from xpnet.capture.tracing.operations import ELEMENTWISE
from xpnet.capture.tracing.trace import trace
from xpnet.errors import CaptureError

OVERHEAD = 20_000
"""Cost of calling an operation, in floating-point operations that could be done in the same time."""

OBJECTS = 1000
"""Bytes of Python objects per operation, about: the plan's own, and as many again of what runs it."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A function `(carry, fed) -> (carry, results)`, to be run step by step, each carry in the place of the last.

    Attributes:
        graph: Its operations.
        donated: How many arrays the carry has; they are the first inputs and the first outputs.
        result: The results, with a `Value` at the place of each array.
        spent: Inputs that are written anew before the next step, and can be overwritten.
    """

    graph: Graph
    donated: int
    result: Any
    spent: tuple[Value, ...] = ()

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
        """Floating-point operations per step, the cost of calling the operations counted as such."""
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

    @property
    def nbytes(self) -> int:
        """Bytes of its Python objects, about."""
        return OBJECTS * len(self.graph.operations)

    def stages(self) -> list[Stage]:
        """The operations, each by itself."""
        roots = self.graph.roots()
        return [_stage(operation, roots) for operation in self.graph.operations if operation.name not in VIEWS]

    def memory(self) -> Memory:
        """The memory of values when the operations are run one by one."""
        constants = [operation.output for operation in self.graph.operations if operation.name == "full"]
        pinned = {*self.fed, *constants}.difference(self.spent)
        return lay_out(self.graph, self.stages(), self.donated, pinned, self.spent)

    def __str__(self) -> str:
        """One line per operation: result and operands, shape, memory, and the line that wrote it."""
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
        CaptureError: The function cannot be captured, with the operation and its line; or its carry changes its form.
    """
    graph, results = trace(function, carry, fed)
    if not (isinstance(results, tuple) and len(results) == 2):
        raise CaptureError("The function must give a carry and its results, as a pair.")
    after, result = results
    donated = len(arrays_in(carry))
    _check_carry(graph.inputs[:donated], carry, after)
    return Plan(_settled(graph, donated), donated, result)


def _check_carry(before: Sequence[Value], carry: Any, after: Any) -> None:
    """Refuse a carry that is not the next step's: other arrays, or arrays of another shape or dtype."""
    if map_arrays(lambda _: 0, carry) != map_arrays(lambda _: 0, after):
        raise CaptureError("The carry goes out with other arrays than it came in with; the next step needs the same.")
    for i, (old, new) in enumerate(zip(before, arrays_in(after), strict=True)):
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            raise CaptureError(
                f"Array {i} of the carry comes in as {old} and goes out as {new}; it must stay the same."
            )


def _settled(graph: Graph, donated: int) -> Graph:
    """The graph with copies of what is carried on without being computed: inputs in another's place, and constants.

    An input could be overwritten before it is read; a constant is written once, and its place is not.
    """
    roots, copies, outputs = graph.roots(), [], list(graph.outputs)
    fixed = {*graph.inputs, *(operation.output for operation in graph.operations if operation.name == "full")}
    for i, output in enumerate(outputs[:donated]):
        if output is not graph.inputs[i] and roots[output] in fixed:
            outputs[i] = Value.contiguous(output.shape, output.dtype)
            copies.append(Operation("copy", (output,), outputs[i]))
    return graph._replace(operations=(*graph.operations, *copies), outputs=tuple(outputs))


def _stage(operation: Operation, roots: dict[Value, Value]) -> Stage:
    """One operation; an element-wise one can overwrite what it reads, element by element."""
    output, arrays = operation.output, operation.arrays
    overwritable: Sequence[Value] = ()
    if operation.name in ELEMENTWISE and OUTER not in operation.options:
        # What is read a second time through a view is not read element by element; and a single number that is
        # overwritten is to NumPy one number for all: it takes another way then, which is slower, and has powers of
        # other bits.
        overwritable = [
            value
            for value in arrays
            if roots[value] is value
            and value.is_like(output)
            and value.size > 1
            and all(other is value or roots[other] is not value for other in arrays)
        ]
    return Stage(
        frozenset(roots[value] for value in arrays), (output,), frozenset((output, value) for value in overwritable)
    )

"""What a CUDA kernel does at element (i, j), and the pointers that it is handed for that."""

from typing import TypeAlias

from xpnet.capture.engines.cuda.expressions import COLLECTED, SEARCHED, expression, number, operand
from xpnet.capture.engines.cuda.layout import TYPES, DeviceLayout
from xpnet.capture.graph import Value
from xpnet.capture.planning.kernels import FED, Extent, Fused, Loop, Node, Read, computed
from xpnet.capture.tracing.operations import REDUCTIONS, SEARCHES

Argument: TypeAlias = Value | str
"""What a kernel is handed the address of: a value's array, or "rows", "step", "d0" (data), "o0" (results)."""


class Statements:
    """The statements of one plan's loops; the pointers of the kernel that is being written are collected."""

    def __init__(self, fused: Fused) -> None:
        self._stored, self._roots = fused.stored, fused.graph.roots()
        self._ids = {operation.output: i for i, operation in enumerate(fused.graph.operations)}
        self._layout = DeviceLayout(fused.graph)
        self._pointers: dict[Argument, str] = {}

    def _pointer(self, argument: Argument, type_: str) -> str:
        """The name of a parameter."""
        name = f"v{self._number(argument)}" if isinstance(argument, Value) else argument
        self._pointers.setdefault(argument, f"{type_} *{name}")
        return name

    def _number(self, value: Value) -> int:
        return self._ids.setdefault(value, len(self._ids))

    def _element(self, value: Value, extent: Extent) -> str:
        """Element (i, j) of a value, seen as a matrix of that extent."""
        return f"{self._pointer(self._roots[value], TYPES[value.dtype.name])}[{self._layout.offset(value, extent)}]"

    def _statements(self, loop: Loop, made: set[Value]) -> tuple[list[str], list[str]]:
        """What is done at (i, j), and what is stored afterwards; rows know what they `made` one of."""
        own = {node.operation.output for node in loop.nodes}
        reads: dict[str, str] = {}
        done: list[str] = []
        stored: list[str] = []

        def taken(read: Read) -> str:
            root = self._roots[read.value]
            if root in own or (root in made and read.extent[1] == 1):
                return f"t{self._ids[root]}"
            element = self._element(read.value, read.extent)
            type_ = TYPES[read.value.dtype.name]
            reads.setdefault(element, f"{type_} r{self._ids[loop.nodes[0].operation.output]}_{len(reads)}")
            return reads[element].rpartition(" ")[2]

        for node in loop.nodes:
            operation, id_ = node.operation, self._ids[node.operation.output]
            given = iter(node.reads)
            operands = [
                self._cast(taken(read := next(given)), read, node)
                if isinstance(value, Value)
                else operand(value, operation)
                for value in operation.inputs
            ]
            if operation.name in REDUCTIONS:
                done.append(f"t{id_} = {COLLECTED[operation.name].format(f't{id_}', *operands)};")
            elif operation.name in SEARCHES:
                better = SEARCHED[operation.name].format(f"b{id_}", *operands)
                done.append(
                    f"if ({better}) {{ b{id_} = {operands[0]}; t{id_} = {'j' if node.extent[1] > 1 else '0'}; }}"
                )
            else:
                done.append(f"const {TYPES[operation.output.dtype.name]} t{id_} = {self._value(node, operands)};")
                if operation.output in self._stored:
                    stored.append(f"{self._element(operation.output, node.made)} = t{id_};")
        return [*(f"const {declared} = {element};" for element, declared in reads.items()), *done], stored

    def _value(self, node: Node, operands: list[str]) -> str:
        """What an operation gives at (i, j)."""
        operation, dtype = node.operation, node.operation.output.dtype
        if operation.name == "full":
            return number(operation.options[2], dtype)
        if operation.name != FED:
            return expression(operation, operands)
        data = self._pointer(f"d{operation.options[0]}", TYPES[dtype.name])
        rows, step = self._pointer("rows", "long long"), self._pointer("step", "long long")
        n, width = operation.output.shape[0], operation.output.size // operation.output.shape[0]
        return f"{data}[{rows}[*{step} * {n} + i] * {width} + {'j' if width > 1 else '0'}]"

    def _cast(self, text: str, read: Read, node: Node) -> str:
        """An operand in the type that the operation computes in."""
        dtype, name = computed(node.operation), node.operation.name
        keep = read.value.dtype == dtype or name in ("astype", *REDUCTIONS, *SEARCHES)
        keep = keep or (name == "where" and read is node.reads[0])
        return text if keep else f"({TYPES[dtype.name]})({text})"

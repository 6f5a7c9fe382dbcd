"""What a CUDA kernel does at element (i, j), and the pointers that it is handed for that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from xpnet.capture.engines.cuda.expressions import COLLECTED, SEARCHED, expression, number
from xpnet.capture.engines.cuda.layout import TYPES, DeviceLayout
from xpnet.capture.graph import RANDOM, Graph, Value
from xpnet.capture.planning.kernels import FED, Extent, Node, Read, computed
from xpnet.capture.planning.memory import Home
from xpnet.capture.tracing.operations import REDUCTIONS, SEARCHES

Argument: TypeAlias = Home | str
"""What a kernel is handed the address of: a value's home; or "rows", "step" and "many", the step that a graph begins
with and how many it has; "d0" (data), "g0" (a graph's rows of them), "o0" (the results from a step on)."""


class Statements:
    """The statements of one plan's groups; the pointers of the kernel that is being written are collected."""

    def __init__(
        self,
        graph: Graph,
        homes: Mapping[Value, Home],
        stored: frozenset[Value],
        results: Mapping[Value, Sequence[int]],
    ) -> None:
        self._homes, self._stored, self._results = homes, stored, results
        self._roots, self._layout = graph.roots(), DeviceLayout(graph)
        self._ids = {operation.output: i for i, operation in enumerate(graph.operations)}
        self._pointers: dict[Argument, tuple[str, str]] = {}
        self._changed: set[Argument] = set()

    def _pointer(self, argument: Argument, type_: str, written: bool = False) -> str:
        """The name of a parameter. What shares memory shares it too, so that no two of them point to one place."""
        name = f"{'in' if argument.is_input else 'at'}{argument.number}" if isinstance(argument, Home) else argument
        self._pointers.setdefault(argument, (type_, name))
        if written:
            self._changed.add(argument)
        return name

    def _id(self, value: Value) -> int:
        return self._ids.setdefault(value, len(self._ids))

    def _element(self, value: Value, extent: Extent, written: bool = False) -> tuple[str, str]:
        """The pointer and the number of element (i, j) of a value, seen as a matrix of that extent."""
        pointer = self._pointer(self._homes[self._roots[value]], TYPES[value.dtype.name], written)
        return pointer, self._layout.offset(value, extent)

    def _written(self, node: Node) -> list[tuple[str, str]]:
        """Where what an operation gives is written to: to its home, and among the results."""
        value, type_ = node.operation.output, TYPES[node.operation.output.dtype.name]
        places = [self._element(value, node.made, written=True)] if value in self._stored else []
        for i in self._results.get(value, ()):
            pointer, step = self._pointer(f"o{i}", type_, written=True), self._pointer("step", "long long")
            places.append((pointer, f"*{step} * {value.size} + {self._layout.offset(value, node.made)}"))
        return places

    def _stores(self, node: Node) -> list[str]:
        """What is written of what an operation gives."""
        return [f"{pointer}[{at}] = t{self._id(node.operation.output)};" for pointer, at in self._written(node)]

    def _statements(
        self, nodes: Iterable[Node], known: Callable[[Read, Value], bool], lanes: int = 1, last: Value | None = None
    ) -> tuple[list[str], list[str]]:
        """What is done at (i, j), and what is stored afterwards.

        Args:
            nodes: The operations, in order.
            known: Whether what is read, of that root, is in a variable that was made before.
            lanes: For how many neighbours from j on it is done.
            last: A value whose pack is there afterwards, wherever it is written to.
        """
        nodes = list(nodes)
        own = {node.operation.output for node in nodes}
        reads: dict[tuple[str, str], tuple[str, str]] = {}
        done: list[str] = []
        stored: list[str] = []
        packs: list[str] = []

        def loaded(pointer: str, at: str, dtype: np.dtype, is_single: bool) -> str:
            """The name of what was read; neighbours are read as a pack."""
            name = f"r{self._id(nodes[0].operation.output)}_{len(reads)}"
            is_one = is_single or lanes == 1
            line = f"{TYPES[dtype.name]} {name} = {pointer}[{at}]" if is_one else (
                f"Pack<{TYPES[dtype.name]}, {lanes}> {name} = packed<{lanes}>({pointer}, {at})")  # fmt: skip
            return reads.setdefault((pointer, at), (f"const {line};", name if is_one else f"{name}.of[lane]"))[1]

        def taken(read: Read) -> str:
            root = self._roots.get(read.value, read.value)
            if root in own or known(read, root):
                return f"t{self._id(root)}"
            return loaded(*self._element(read.value, read.extent), read.value.dtype, read.extent[1] == 1)

        for node in nodes:
            operation, id_ = node.operation, self._id(node.operation.output)
            given = iter(node.reads)
            operands = [
                self._cast(taken(read := next(given)), read, node)
                if isinstance(value, Value)
                else number(value, computed(operation))
                for value in operation.inputs
            ]
            if operation.name in REDUCTIONS:
                done.append(f"t{id_} = {COLLECTED[operation.name].format(f't{id_}', *operands)};")
                continue
            if operation.name in SEARCHES:
                better = SEARCHED[operation.name].format(f"b{id_}", *operands)
                done.append(
                    f"if ({better}) {{ b{id_} = {operands[0]}; t{id_} = {'j' if node.extent[1] > 1 else '0'}; }}"
                )
                continue
            type_ = TYPES[operation.output.dtype.name]
            value = self._value(node, operands)
            if operation.name == FED:
                value = loaded(*self._fed(node), operation.output.dtype, node.extent[1] == 1)
            done.append(f"const {type_} t{id_} = {value};")
            if lanes == 1:
                stored += self._stores(node)
            elif (places := self._written(node)) or operation.output is last:
                packs.append(f"Pack<{type_}, {lanes}> s{id_};")
                done.append(f"s{id_}.of[lane] = t{id_};")
                stored += [f"put<{lanes}>({pointer}, {at}, s{id_});" for pointer, at in places]
        before = [line for line, _ in reads.values()]
        if lanes == 1:
            return [*before, *done], stored
        inner = [f"for (int lane = 0; lane < {lanes}; lane++) {{", *(f"    {line}" for line in done), "}"]
        return [*before, *packs, "#pragma unroll", *inner], stored

    def _value(self, node: Node, operands: list[str]) -> str:
        """What an operation gives at (i, j), but for what is fed."""
        operation = node.operation
        if operation.name == "full":
            return number(operation.options[2], operation.output.dtype)
        if operation.name in RANDOM:
            layer, *bits = operation.options
            i, j = (name if size > 1 else "0" for name, size in zip("ij", node.extent, strict=True))
            arguments = f"({', '.join(operands)}, {i}, {j}, {layer})"
            if bits:
                return f"random_word{arguments} >> {32 - bits[0]}"
            return f"random_normal<{TYPES[operation.output.dtype.name]}>{arguments}"
        return "" if operation.name == FED else expression(operation, operands)

    def _fed(self, node: Node) -> tuple[str, str]:
        """The pointer to the data, and the number of what a step is fed at (i, j)."""
        data = self._pointer(f"d{node.operation.options[0]}", TYPES[node.operation.output.dtype.name])
        rows, step = self._pointer("rows", "long long"), self._pointer("step", "long long")
        n, width = node.extent
        return data, f"{rows}[*{step} * {n} + i] * {width} + {'j' if width > 1 else '0'}"

    def _cast(self, text: str, read: Read, node: Node) -> str:
        """An operand in the type that the operation computes in."""
        dtype, name = computed(node.operation), node.operation.name
        keep = read.value.dtype == dtype or name in ("astype", *RANDOM, *REDUCTIONS, *SEARCHES)
        keep = keep or (name == "where" and read is node.reads[0])
        return text if keep else f"({TYPES[dtype.name]})({text})"

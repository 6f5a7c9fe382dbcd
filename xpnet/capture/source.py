"""Writes fused parts as Python source, one function that runs a whole block of steps, for numba to compile."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xpnet.capture.graph import Operation, Value
from xpnet.capture.memory import Memory
from xpnet.capture.operations import ELEMENTWISE, REDUCTIONS
from xpnet.capture.parts import FED, Extent, Fused, Kernel, Loop, Node, Product

INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "equal": "==", "not_equal": "!=", "less": "<",
    "less_equal": "<=", "greater": ">", "greater_equal": ">=", "pow": "**", "bitwise_and": "&", "bitwise_or": "|",
    "bitwise_xor": "^",
}  # fmt: skip
WRITTEN = {
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    # NaN is handed on, as everywhere.
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
    "where": "{1} if {0} else {2}",
    "logical_not": "not {0}",
    "logical_and": "bool({0}) and bool({1})",
    "logical_or": "bool({0}) or bool({1})",
    "logical_xor": "bool({0}) != bool({1})",
    "isnan": "{0} != {0}",
    "exp": "exp_{dtype}({0})",
    "tanh": "tanh_{dtype}({0})",
}
COLLECTED = {
    "sum": "{0} + {1}",
    "prod": "{0} * {1}",
    "max": "{1} if {1} > {0} or {1} != {1} else {0}",
    "min": "{1} if {1} < {0} or {1} != {1} else {0}",
    "any": "{0} or bool({1})",
    "all": "{0} and bool({1})",
}
SEARCHED = {"argmax": ">", "argmin": "<"}


class Writer:
    """The source of one plan.

    Attributes:
        arguments: The values whose arrays the function takes, by the names it calls them.
        numbers: The names of numbers, by how they are made.
        views: Lines that make other views of the rows of a step.
    """

    def __init__(self, fused: Fused, memory: Memory, sliced: Sequence[Value]) -> None:
        self._fused, self._memory = fused, memory
        self._roots = fused.graph.roots()
        self._makers = {operation.output: operation for operation in fused.graph.operations}
        self._ids = {operation.output: i for i, operation in enumerate(fused.graph.operations)}
        self._lines: list[str] = []
        self._names: dict[Any, str] = {}
        self._slices = {value: f"x{i}" for i, value in enumerate(sliced)}
        self.arguments: dict[str, Value] = {}
        self.numbers: dict[str, str] = {}
        self.views: list[str] = []

    def body(self) -> list[str]:
        """The lines of a step."""
        for part in self._fused.parts:
            if isinstance(part, Product):
                self._product(part.operation)
            elif isinstance(part, Kernel):
                self._pass(part)
        return self._lines

    def array(self, value: Value) -> str:
        """The name of a value's array."""
        if value in self._slices:
            return self._slices[value]
        if self._roots[value] in self._slices:
            maker = self._makers[value]
            view = "transpose" if maker.name == "transpose" else "reshape"
            source = self.array(maker.arrays[0])
            self._slices[value] = f"x{len(self._slices)}"
            self.views.append(f"{self._slices[value]} = {source}.{view}({maker.options[0]})")
            return self._slices[value]
        # Arrays that are the same memory have one name, or they would seem to overlap.
        key = (self._memory.homes[self._roots[value]], value.shape, value.dtype, value.order)
        name = self._names.setdefault(key, f"v{len(self._names)}")
        self.arguments.setdefault(name, value)
        return name

    def number(self, number: Any, dtype: np.dtype) -> str:
        """The name of a number in a dtype."""
        if dtype == np.bool_:
            return repr(bool(number))
        digits = f'float("{float(number)!r}")' if dtype.kind == "f" else repr(int(number))
        spelled = f"np.{dtype.name}({digits})"
        return self.numbers.setdefault(spelled, f"c{len(self.numbers)}")

    def _pass(self, kernel: Kernel) -> None:
        """A kernel: what is summed over rows starts at its beginning, numbers are read once."""
        add = self._lines.append
        made = {node.operation.output for node in kernel.nodes}
        hoisted: dict[str, str] = {}
        for node in kernel.nodes:
            if not node.is_accumulated:
                continue
            start = self._start(node)
            if node.made == (1, 1):
                add(f"t{self._ids[node.operation.output]} = {start}")
            else:
                array = self.array(node.operation.output)
                add(f"for j in range({node.made[1]}):")
                add(f"    {array}[{index(node.operation.output, node.made)}] = {start}")
        for node in kernel.nodes:
            for read in node.reads:
                if self._roots[read.value] not in made and read.extent == (1, 1):
                    text = f"{self.array(read.value)}[{index(read.value, (1, 1))}]"
                    hoisted.setdefault(text, f"h{len(hoisted)}")
        for text, name in hoisted.items():
            add(f"{name} = {text}")
        indent = ""
        if kernel.rows > 1:
            add(f"for i in range({kernel.rows}):")
            indent = "    "
        if any(node.operation.name == FED for node in kernel.nodes):
            add(f"{indent}row = rows[step, {'i' if kernel.rows > 1 else '0'}]")
        for loop in kernel.loops:
            self._loop(loop, made, hoisted, indent)
        for node in kernel.nodes:
            if node.is_accumulated and node.made == (1, 1):
                output = node.operation.output
                add(f"{self.array(output)}[{index(output, (1, 1))}] = t{self._ids[output]}")

    def _loop(self, loop: Loop, made: set[Value], hoisted: Mapping[str, str], indent: str) -> None:
        """The columns of a row: reads first, writes last, so that what is written may lie where something was read."""
        add = self._lines.append
        for node in loop.nodes:
            if node.is_reduction and not (node.is_accumulated and node.made[1] > 1):
                id_ = self._ids[node.operation.output]
                name = f"s{id_}" if node.is_accumulated else f"t{id_}"
                add(f"{indent}{name} = {self._start(node)}")
                if node.operation.name in SEARCHED:
                    add(f"{indent}b{id_} = {self._lowest(node)}")
        inner = indent
        if loop.width > 1:
            add(f"{indent}for j in range({loop.width}):")
            inner = indent + "    "
        before: list[str] = []
        after: list[str] = []
        read_already: dict[str, str] = {}
        body: list[str] = []
        local = {node.operation.output for node in loop.nodes}
        for node in loop.nodes:
            operands: list[str] = []
            reads = iter(node.reads)
            for operand in node.operation.inputs:
                if not isinstance(operand, Value):
                    operands.append(self.number(operand, _computed(node.operation)))
                    continue
                read = next(reads)
                root = self._roots[read.value]
                if root in local or (root in made and read.extent[1] == 1):
                    text = f"t{self._ids[root]}"
                else:
                    text = f"{self.array(read.value)}[{index(read.value, read.extent)}]"
                    if text in hoisted:
                        text = hoisted[text]
                    else:
                        if text not in read_already:
                            read_already[text] = f"r{len(read_already)}"
                            before.append(f"{read_already[text]} = {text}")
                        text = read_already[text]
                operands.append(self._cast(text, read.value.dtype, node.operation))
            self._node(node, operands, body, after)
        for line in (*before, *body, *after):
            add(inner + line)
        for node in loop.nodes:
            id_, output = self._ids[node.operation.output], node.operation.output
            if node.is_accumulated and node.made == (1, 1):
                collected = COLLECTED[node.operation.name].format(f"t{id_}", f"s{id_}")
                add(f"{indent}t{id_} = {collected}")
            elif node.is_reduction and not node.is_accumulated and output in self._fused.stored:
                add(f"{indent}{self.array(output)}[{index(output, node.made)}] = t{id_}")

    def _node(self, node: Node, operands: list[str], body: list[str], after: list[str]) -> None:
        """One operation's statement."""
        operation, id_ = node.operation, self._ids[node.operation.output]
        name, output = operation.name, operation.output
        if name in SEARCHED:
            (x,) = operands
            body.append(f"if {x} {SEARCHED[name]} b{id_} or ({x} != {x} and b{id_} == b{id_}):")
            body.append(f"    b{id_} = {x}")
            body.append(f"    t{id_} = {'j' if node.extent[1] > 1 else '0'}")
            return
        if name in REDUCTIONS:
            if node.is_accumulated and node.made[1] > 1:
                target = f"{self.array(output)}[{index(output, node.made)}]"
                after.append(f"{target} = {COLLECTED[name].format(target, operands[0])}")
                return
            target = f"s{id_}" if node.is_accumulated else f"t{id_}"
            body.append(f"{target} = {COLLECTED[name].format(target, operands[0])}")
            return
        body.append(f"t{id_} = {self._expression(operation, operands)}")
        if output in self._fused.stored:
            after.append(f"{self.array(output)}[{index(output, node.made)}] = t{id_}")

    def _expression(self, operation: Operation, operands: list[str]) -> str:
        """What an operation gives, of its operands' names."""
        name, dtype = operation.name, operation.output.dtype
        if name == FED:
            columns = ", j" if len(operation.output.shape) == 2 and operation.output.shape[1] > 1 else ""
            columns = ", 0" if len(operation.output.shape) == 2 and not columns else columns
            return f"d{operation.options[0]}[row{columns}]"
        if name == "full":
            return self.number(operation.options[2], dtype)
        if name in ("astype", "copy"):
            text = operands[0]
        elif name in INFIX:
            text = f" {INFIX[name]} ".join(operands)
        elif name in WRITTEN:
            text = WRITTEN[name].format(*operands, dtype=_computed(operation).name)
        else:
            text = f"np.{ELEMENTWISE[name].__name__}({', '.join(operands)})"
        return text if dtype == np.bool_ else f"{_type(dtype)}({text})"

    def _cast(self, text: str, dtype: np.dtype, operation: Operation) -> str:
        """An operand in the dtype that the operation computes in."""
        computed = _computed(operation)
        keep = dtype == computed or operation.name in ("astype", *REDUCTIONS, *SEARCHED) or operation.name == "where"
        return text if keep else f"{_type(computed)}({text})"

    def _start(self, node: Node) -> str:
        """What a reduction begins with."""
        dtype = node.operation.output.dtype
        name = node.operation.name
        if name in ("max", "min"):
            return self._lowest(node)
        return self.number({"sum": 0, "prod": 1, "any": False, "all": True}.get(name, 0), dtype)

    def _lowest(self, node: Node) -> str:
        """What every number is beyond."""
        dtype = node.reads[0].value.dtype
        sign = 1 if node.operation.name in ("min", "argmin") else -1
        if dtype.kind == "f":
            return self.number(sign * np.inf, dtype)
        if dtype == np.bool_:
            return repr(sign > 0)
        return self.number(np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min, dtype)

    def _product(self, operation: Operation) -> None:
        """A product through BLAS, or as plain loops where one of its factors is a vector."""
        add, out = self._lines.append, operation.output
        accumulated = operation.name == "accumulate"
        a, b = (value for value in operation.inputs[-2:] if isinstance(value, Value))
        (m, k), (_, n) = a.shape, b.shape
        (a_name, a_turned), (b_name, b_turned) = (self._factor(value) for value in (a, b))
        dtype = out.dtype.name
        zero, one = self.number(0, out.dtype), self.number(1, out.dtype)
        c = self.array(out)
        if not accumulated and (m == 1 or n == 1):
            vector, matrix_, turned = (a_name, b_name, not b_turned) if m == 1 else (b_name, a_name, a_turned)
            vector_turned = a_turned if m == 1 else b_turned
            length = n if m == 1 else m
            at = "0, {}" if (m == 1) != vector_turned else "{}, 0"
            to = "0, {}" if m == 1 else "{}, 0"
            if turned:
                add(f"for j in range({length}):")
                add(f"    {c}[{to.format('j')}] = {zero}")
                add(f"for l in range({k}):")
                add(f"    factor = {vector}[{at.format('l')}]")
                add(f"    for j in range({length}):")
                add(f"        {c}[{to.format('j')}] += factor * {matrix_}[l, j]")
            else:
                add(f"for j in range({length}):")
                add(f"    total = {zero}")
                add(f"    for l in range({k}):")
                add(f"        total += {vector}[{at.format('l')}] * {matrix_}[j, l]")
                add(f"    {c}[{to.format('j')}] = total")
            return
        alpha, beta = one, zero
        if accumulated:
            beta, alpha = (self._scalar(factor, out.dtype) for factor in operation.inputs[1:3])
            alpha = f"-{alpha}"
        factors = [f"{name}, {lies(value)}" for name, value in ((a_name, a), (b_name, b))]
        add(f"gemm_{dtype}({', '.join(factors)}, {c}, {m}, {n}, {k}, {alpha}, {beta}, letters, sizes, {dtype}s)")

    def _scalar(self, factor: Any, dtype: np.dtype) -> str:
        """A number, or what an array of one number holds."""
        if isinstance(factor, Value):
            return f"{_type(dtype)}({self.array(factor)}[{index(factor, (1, 1))}])"
        return self.number(factor, dtype)

    def _factor(self, value: Value) -> tuple[str, bool]:
        """A factor's array, or the one that it is the transpose of."""
        maker = self._makers.get(value)
        if maker is not None and maker.name == "transpose":
            return self.array(maker.arrays[0]), True
        return self.array(value), False


def lies(value: Value) -> str:
    """A matrix's layout as BLAS is told it: whether it lies column by column, and the length of a column or row."""
    turned = value.order == (1, 0)
    return f"{int(turned)}, {value.shape[0 if turned else 1]}"


def index(value: Value, extent: Extent) -> str:
    """How element (i, j) of a value is named, seen as a matrix of that extent."""
    i, j = ("i" if extent[0] > 1 else "0"), ("j" if extent[1] > 1 else "0")
    if len(value.shape) == 0:
        return "()"
    if len(value.shape) == 1:
        return j if extent[0] == 1 else i
    return f"{i}, {j}"


def _computed(operation: Operation) -> np.dtype:
    """The dtype that an operation computes in."""
    if operation.name == "where":
        return operation.output.dtype
    if operation.output.dtype == np.bool_ and operation.inputs:
        return np.result_type(*(v.dtype if isinstance(v, Value) else v for v in operation.inputs))
    return operation.output.dtype


def _type(dtype: np.dtype) -> str:
    return "bool" if dtype == np.bool_ else f"np.{dtype.name}"

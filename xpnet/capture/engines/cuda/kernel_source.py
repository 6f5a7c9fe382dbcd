"""Writes fused parts as CUDA kernels, each in one of three ways.

Where every element stands for itself, each has a thread. Where something is summed along rows, each row has a warp,
and what there is one of in a row all its lanes know. Sums down columns have threads side by side for the columns,
and one below the other for stretches of rows, which are added up in a fixed order.
"""

from collections.abc import Iterable
from typing import NamedTuple

from xpnet.capture.engines.cuda.expressions import COLLECTED, SEARCHED, number
from xpnet.capture.engines.cuda.layout import TYPES
from xpnet.capture.engines.cuda.statements import Argument, Statements
from xpnet.capture.graph import Value
from xpnet.capture.planning.kernels import Columns, Fused, Kernel, Loop, Node
from xpnet.capture.tracing.operations import REDUCTIONS, start

WARP = 32
THREADS = 256
TALL = 1024
"""Threads of a block that sums down columns."""

MOST_BLOCKS = 4096
"""Blocks of a launch; every kernel is written so that they go on with what is left."""


class Launch(NamedTuple):
    """A kernel, how it is launched, and what its pointers point to."""

    kernel: str
    blocks: int
    threads: int
    arguments: tuple[Argument, ...]


class Kernels(Statements):
    """The kernels of one plan.

    Attributes:
        texts: Their sources, one function each.
    """

    def __init__(self, fused: Fused) -> None:
        super().__init__(fused)
        self._lines: list[str] = []
        self.texts: list[str] = []

    def launch(self, part: Kernel | Columns) -> Launch:
        """Write a part's kernel."""
        if isinstance(part, Columns):
            return self._made(self._down_columns(part.nodes), TALL)
        made = {node.operation.output for node in part.nodes}
        if self._stand_alone(part, made):
            for loop in part.loops:
                self._element_by_element(loop, part.rows)
            return self._made(-(-part.rows * max(loop.width for loop in part.loops) // THREADS), THREADS)
        self._row_by_row(part, made)
        return self._made(-(-part.rows * WARP // THREADS), THREADS)

    def finish(self, results: Iterable[Value], copies: Iterable[tuple[Value, Value]]) -> Launch:
        """One block that copies results to the step's place and values to others, then counts the step."""
        at_step: list[tuple[Value, Argument, str]] = [
            (value, f"o{i}", f"*step * {value.size} + at") for i, value in enumerate(results)
        ]
        in_place = [(value, target, "at") for value, target in copies]
        self._pointer("step", "long long")
        for value, target, to in (*at_step, *in_place):
            type_ = TYPES[value.dtype.name]
            source = f"{self._pointer(self._roots[value], type_)}[{self._layout.place(value)}]"
            self._lines += [
                f"for ({self._layout.index} at = threadIdx.x; at < {value.size}; at += blockDim.x)",
                f"    {self._pointer(target, type_)}[{to}] = {source};",
                "__syncthreads();",
            ]
        self._lines.append("if (threadIdx.x == 0) *step += 1;")
        return self._made(1, TALL)

    def _made(self, blocks: int, threads: int) -> Launch:
        """A kernel of the lines since the last one."""
        name = f"k{len(self.texts)}"
        parameters = ", ".join(self._pointers.values())
        body = [f"    {line}" for line in self._lines]
        self.texts.append("\n".join([f'extern "C" __global__ void {name}({parameters}) {{', *body, "}"]))
        launch = Launch(name, min(blocks, MOST_BLOCKS), threads, tuple(self._pointers))
        self._lines, self._pointers = [], {}
        return launch

    def _stand_alone(self, kernel: Kernel, made: set[Value]) -> bool:
        """Whether no element needs another one's thread: nothing along rows, nothing from loop to loop."""
        for loop in kernel.loops:
            own = {node.operation.output for node in loop.nodes}
            for node in loop.nodes:
                if node.is_reduction or any(self._roots[read.value] in made - own for read in node.reads):
                    return False
        return True

    def _element_by_element(self, loop: Loop, rows: int) -> None:
        """A thread for each element."""
        add = self._lines.append
        add(f"for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < {rows * loop.width}LL;")
        add("     at += gridDim.x * (long long)blockDim.x) {")
        index = self._layout.index
        add(f"    const {index} i = ({index})(at / {loop.width}), j = ({index})(at % {loop.width});")
        before, after = self._statements(loop, set())
        self._lines += [f"    {line}" for line in (*before, *after)]
        add("}")

    def _row_by_row(self, kernel: Kernel, made: set[Value]) -> None:
        """A warp for each row."""
        add = self._lines.append
        add(f"const int lane = threadIdx.x % {WARP};")
        add(f"for ({self._layout.index} i = (blockIdx.x * blockDim.x + threadIdx.x) / {WARP}; i < {kernel.rows};")
        add(f"     i += gridDim.x * blockDim.x / {WARP}) {{")
        for loop in kernel.loops:
            self._lines += [f"    {line}" for line in self._row(loop, made)]
        add("}")

    def _row(self, loop: Loop, made: set[Value]) -> list[str]:
        """The columns of a row; what there is one of all lanes make, and the first one stores."""
        reductions = [node for node in loop.nodes if node.is_reduction]
        before, after = self._statements(loop, made)
        lines = [line for node in reductions for line in self._begun(node)]
        if loop.width == 1:
            # No lane may write over what another has yet to read.
            lines += [*before, *(["__syncwarp();", f"if (lane == 0) {{ {' '.join(after)} }}"] if after else [])]
        else:
            lines.append(f"for ({self._layout.index} j = lane; j < {loop.width}; j += {WARP}) {{")
            lines += [f"    {line}" for line in (*before, *after)]
            lines.append("}")
            lines += [line for node in reductions for line in self._joined(node)]
        for node in reductions:
            if (output := node.operation.output) in self._stored:
                lines.append(f"if (lane == 0) {self._element(output, node.made)} = t{self._ids[output]};")
        return lines

    def _begun(self, node: Node) -> list[str]:
        """What a row's reduction begins with."""
        operation, id_ = node.operation, self._ids[node.operation.output]
        type_ = TYPES[operation.output.dtype.name]
        if operation.name in REDUCTIONS:
            begun = number(start(operation.name, operation.output.dtype), operation.output.dtype)
            return [f"{type_} t{id_} = {begun};"]
        # A lane that never finds anything better has its first column, or a column behind the last.
        searched = node.reads[0].value.dtype
        first = f"lane < {node.extent[1]} ? lane : {2**63 - 1}LL" if node.extent[1] > 1 else "0"
        return [
            f"{type_} t{id_} = {first};",
            f"{TYPES[searched.name]} b{id_} = {number(start(operation.name, searched), searched)};",
        ]

    def _joined(self, node: Node) -> list[str]:
        """What the lanes of a warp found, put together; afterwards each has it."""
        name, id_ = node.operation.name, self._ids[node.operation.output]
        lines = [f"for (int distance = {WARP // 2}; distance; distance /= 2) {{"]
        if name in REDUCTIONS:
            type_ = TYPES[node.operation.output.dtype.name]
            lines.append(f"    const {type_} other = __shfl_xor_sync(0xffffffffu, t{id_}, distance);")
            lines.append(f"    t{id_} = {COLLECTED[name].format(f't{id_}', 'other')};")
        else:
            best, other = f"b{id_}", "other"
            better = SEARCHED[name].format(best, other)
            alike = f"{best} == {other} || ({best} != {best} && {other} != {other})"
            lines += [
                f"    const auto other = __shfl_xor_sync(0xffffffffu, b{id_}, distance);",
                f"    const auto where = __shfl_xor_sync(0xffffffffu, t{id_}, distance);",
                f"    if ({better} || (({alike}) && where < t{id_})) {{ b{id_} = other; t{id_} = where; }}",
            ]
        return [*lines, "}"]

    def _down_columns(self, nodes: list[Node]) -> int:
        """Sums down columns side by side, a few columns a block at a time; how many times that is."""
        index, sections, first = self._layout.index, list[str](), 0
        for node in nodes:
            (rows, columns), (read,) = node.extent, node.reads
            name, output = node.operation.name, node.operation.output
            wide = min(WARP, 1 << (columns - 1).bit_length())
            last, type_ = first + -(-columns // wide), TYPES[output.dtype.name]
            element, target = self._element(read.value, read.extent), self._element(output, node.made)
            sections += [
                f"if (part >= {first} && part < {last}) {{",
                f"    const int x = threadIdx.x % {wide}, y = threadIdx.x / {wide};",
                f"    const {index} j = ({index})(part - {first}) * {wide} + x;",
                f"    {type_} *kept = ({type_} *)shared;",
                f"    {type_} t = {number(start(name, output.dtype), output.dtype)};",
                f"    if (j < {columns}) for ({index} i = y; i < {rows}; i += {TALL // wide}) {{",
                f"        const {TYPES[read.value.dtype.name]} next = {element};",
                f"        t = {COLLECTED[name].format('t', 'next')};",
                "    }",
                "    kept[threadIdx.x] = t;",
                "    __syncthreads();",
                f"    for (int half = {TALL // wide // 2}; half; half /= 2) {{",
                f"        if (y < half) {{ const {type_} other = kept[threadIdx.x + half * {wide}];",
                f"            kept[threadIdx.x] = {COLLECTED[name].format('kept[threadIdx.x]', 'other')}; }}",
                "        __syncthreads();",
                "    }",
                f"    if (y == 0 && j < {columns}) {{ const int i = 0; (void)i; {target} = kept[threadIdx.x]; }}",
                "}",
            ]
            first = last
        self._lines += [
            f"__shared__ double shared[{TALL}];",
            f"for (long long part = blockIdx.x; part < {first}; part += gridDim.x) {{",
            *(f"    {line}" for line in sections),
            # No thread writes for the next columns while another still reads for these.
            "    __syncthreads();",
            "}",
        ]
        return first

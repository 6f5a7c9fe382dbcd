"""Writes launches as CUDA kernels: the groups of a launch in blocks of their own, each in one of three ways.

Where every element stands for itself, each has a thread. Where something is summed along rows, each row has a warp,
and what there is one of in a row all its lanes know. Sums down columns have threads side by side for the columns,
and one below the other for stretches of rows, which are added up in a fixed order.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xpnet.capture.engines.cuda.expressions import COLLECTED, SEARCHED, number
from xpnet.capture.engines.cuda.groups import Down, Group, Together
from xpnet.capture.engines.cuda.layout import TYPES
from xpnet.capture.engines.cuda.packs import Packing, lanes_of, packing
from xpnet.capture.engines.cuda.statements import Argument, Statements
from xpnet.capture.graph import Operation, Value
from xpnet.capture.planning.kernels import FED, Kernel, Loop, Node, Read
from xpnet.capture.planning.memory import Home
from xpnet.capture.tracing.operations import REDUCTIONS, start

WARP = 32
THREADS = 256
TALL = 1024
"""Threads of a block where columns are summed."""

MOST_BLOCKS = 4096
"""Blocks of a group; every group is written so that they go on with what is left."""


class Launch(NamedTuple):
    """A kernel, how it is launched, and what its pointers point to.

    Attributes:
        what: What it does, as a listing tells it: the names of its operations, group by group.
    """

    kernel: str
    blocks: int
    threads: int
    arguments: tuple[Argument, ...]
    what: str


class Section(NamedTuple):
    """A group's part of a kernel: its lines, which know their `block` of `blocks`, and how many blocks it needs."""

    lines: list[str]
    blocks: int


class Kernels(Statements):
    """The kernels of one plan.

    Attributes:
        texts: Their sources, one function each.
    """

    texts: tuple[str, ...] = ()

    def launch(self, part: Together) -> Launch:
        """Write the kernel of a launch."""
        threads = TALL if any(isinstance(group, Down) for group in part.groups) else THREADS
        sections = [self._section(group, threads) for group in part.groups]
        what = "; ".join(" ".join(node.operation.name for node in group.nodes) for group in part.groups)
        return self._made(sections, threads, what)

    def gather(self, fed: Sequence[tuple[Value, Sequence[Operation]]], steps: int) -> Launch:
        """A kernel that fetches a graph's rows of the data, for `many` steps, with what is made of single elements.

        Args:
            fed: Each of the data, with the operations that make of it what the steps are given.
            steps: The most that there are.
        """
        sections = []
        many = self._pointer("many", "long long")
        for number_, (value, chain) in enumerate(fed):
            extent = (value.shape[0], value.size // value.shape[0])
            nodes = [Node(Operation(FED, (), value, (number_,)), extent, extent, ())]
            nodes += [Node(one, extent, extent, (Read(one.arrays[0], extent, True),)) for one in chain]
            last = nodes[-1].operation.output
            lanes = lanes_of(node.operation.output for node in nodes)
            lanes = 1 if extent[1] % lanes else lanes
            lines = self._fetched(nodes, number_, last, lanes)
            blocks = -(-value.size * steps // lanes // THREADS)
            sections.append(Section(_each(f"*{many} * {value.size // lanes}", lines), blocks))
        return self._made(sections, THREADS, "gather")

    def _fetched(self, nodes: Sequence[Node], number_: int, last: Value, lanes: int) -> list[str]:
        """What is done for each element, or pack, that is fetched; rows of all steps follow each other."""
        width = nodes[0].extent[1]
        lines, _ = self._statements(nodes, lambda read, root: False, lanes, last)
        target = self._pointer(f"g{number_}", TYPES[last.dtype.name], written=True)
        packs = width // lanes
        row = f"const long long i = at / {packs}, j = at % {packs}{f' * {lanes}' if lanes > 1 else ''}; (void)j;"
        if lanes == 1:
            return [row, *lines, f"{target}[at] = t{self._id(last)};"]
        return [row, *lines, f"put<{lanes}>({target}, at * {lanes}, s{self._id(last)});"]

    def copies(self, results: Iterable[tuple[int, Value]], values: Iterable[tuple[Value, Home]]) -> Launch:
        """One block that copies results to the step's place, and values to others'."""
        lines = []
        at_step = [
            (value, f"o{i}", f"*{self._pointer('step', 'long long')} * {value.size} + at") for i, value in results
        ]
        in_place: list[tuple[Value, Argument, str]] = [(value, home, "at") for value, home in values]
        for value, target, to in (*at_step, *in_place):
            type_ = TYPES[value.dtype.name]
            source = self._pointer(self._homes[self._roots[value]], type_)
            lines += [
                f"for ({self._layout.index} at = threadIdx.x; at < {value.size}; at += blockDim.x)",
                f"    {self._pointer(target, type_, written=True)}[{to}] = {source}[{self._layout.place(value)}];",
                "__syncthreads();",
            ]
        return self._made([Section(lines, 1)], TALL, "copies")

    def count(self) -> Launch:
        """One thread that counts the steps of a graph when they are done."""
        step, many = self._pointer("step", "long long", written=True), self._pointer("many", "long long")
        return self._made([Section([f"if (threadIdx.x == 0) *{step} += *{many};"], 1)], WARP, "count")

    def _made(self, sections: Sequence[Section], threads: int, what: str) -> Launch:
        """A kernel of sections side by side."""
        name, lines, first = f"k{len(self.texts)}", list[str](), 0
        for section in sections:
            blocks = min(section.blocks, MOST_BLOCKS)
            lines += [
                f"if (blockIdx.x >= {first} && blockIdx.x < {first + blocks}) {{",
                f"    const long long block = blockIdx.x - {first}, blocks = {blocks}; (void)block; (void)blocks;",
                *(f"    {line}" for line in section.lines),
                "}",
            ]
            first += blocks
        parameters = ", ".join(
            f"{'' if argument in self._changed else 'const '}{type_} *__restrict__ {pointer}"
            for argument, (type_, pointer) in self._pointers.items()
        )
        bounds = f"__launch_bounds__({threads})"
        shared = [f"__shared__ double shared[{TALL}];"] if threads == TALL else []
        body = [f"    {line}" for line in (*shared, *lines)]
        self.texts += ("\n".join([f'extern "C" __global__ void {bounds} {name}({parameters}) {{', *body, "}"]),)
        launch = Launch(name, first, threads, tuple(self._pointers), what)
        self._pointers, self._changed = {}, set()
        return launch

    def _section(self, group: Group, threads: int) -> Section:
        """A group in the way that suits it."""
        if isinstance(group, Down):
            return self._down_columns(group)
        made = {node.operation.output for node in group.nodes}
        if self._stand_alone(group, made):
            packs = packing(group, self._layout, self._roots, {*self._stored, *self._results})
            lines = [line for loop in group.loops for line in self._element_by_element(loop, group.rows, packs)]
            return Section(lines, -(-group.rows * max(loop.width for loop in group.loops) // packs.lanes // threads))
        return Section(self._row_by_row(group, made), -(-group.rows * WARP // threads))

    def _stand_alone(self, kernel: Kernel, made: set[Value]) -> bool:
        """Whether no element needs another one's thread: nothing along rows, nothing from loop to loop."""
        for loop in kernel.loops:
            own = {node.operation.output for node in loop.nodes}
            for node in loop.nodes:
                if node.is_reduction or any(self._roots[read.value] in made - own for read in node.reads):
                    return False
        return True

    def _element_by_element(self, loop: Loop, rows: int, packs: Packing) -> list[str]:
        """A thread for each element, or for each pack of them."""
        before, after = self._statements(loop.nodes, lambda read, root: False, packs.lanes)
        rows, width = (1, rows * loop.width) if packs.is_flat else (rows, loop.width)
        return _each(f"{rows * width // packs.lanes}LL", [self._at(width, packs.lanes), *before, *after])

    def _at(self, width: int, lanes: int) -> str:
        """Row and column of element, or pack, number `at`."""
        index, packs = self._layout.index, width // lanes
        j = f"({index})(at % {packs})" + (f" * {lanes}" if lanes > 1 else "")
        return f"const {index} i = ({index})(at / {packs}), j = {j}; (void)i; (void)j;"

    def _row_by_row(self, kernel: Kernel, made: set[Value]) -> list[str]:
        """A warp for each row."""
        lines = [line for loop in kernel.loops for line in self._row(loop, made)]
        return [
            f"const int lane = threadIdx.x % {WARP};",
            f"for ({self._layout.index} i = (block * blockDim.x + threadIdx.x) / {WARP}; i < {kernel.rows};",
            f"     i += blocks * blockDim.x / {WARP}) {{",
            *(f"    {line}" for line in lines),
            "}",
        ]

    def _row(self, loop: Loop, made: set[Value]) -> list[str]:
        """The columns of a row; what there is one of all lanes make, and the first one stores."""
        reductions = [node for node in loop.nodes if node.is_reduction]
        before, after = self._statements(loop.nodes, lambda read, root: root in made and read.extent[1] == 1)
        lines = [line for node in reductions for line in self._begun(node)]
        if loop.width == 1:
            # No lane may write over what another has yet to read.
            lines += [*before, *(["__syncwarp();", f"if (lane == 0) {{ {' '.join(after)} }}"] if after else [])]
        else:
            lines.append(f"for ({self._layout.index} j = lane; j < {loop.width}; j += {WARP}) {{")
            lines += [f"    {line}" for line in (*before, *after)]
            lines.append("}")
            lines += [line for node in reductions for line in self._joined(node)]
        stores = [store for node in reductions for store in self._stores(node)]
        return [*lines, *([f"if (lane == 0) {{ {' '.join(stores)} }}"] if stores else [])]

    def _begun(self, node: Node) -> list[str]:
        """What a reduction begins with."""
        operation, id_ = node.operation, self._id(node.operation.output)
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
        name, id_ = node.operation.name, self._id(node.operation.output)
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

    def _down_columns(self, group: Down) -> Section:
        """A few columns a block at a time: down them, then what the block's threads found together, then the tail."""
        (rows, columns), index = group.extent, self._layout.index
        wide = min(WARP, 1 << (columns - 1).bit_length())
        deep, parts = TALL // wide, -(-columns // wide)
        own = {node.operation.output for node in group.sums}
        lines = [line for node in group.sums for line in self._begun(node)]
        # Sums of other matrices than the group's own go down rows of their own.
        passes = [(rows, [*group.body, *(node for node in group.sums if node.extent[0] == rows)])]
        passes += [(node.extent[0], [node]) for node in group.sums if node.extent[0] != rows]
        for height, nodes in passes:
            before, after = self._statements(nodes, lambda read, root: False)
            lines.append(f"if (j < {columns}) for ({index} i = y; i < {height}; i += {deep}) {{")
            lines += [*(f"    {line}" for line in (*before, *after)), "}"]
        for node in group.sums:
            lines += self._collected(node, wide, deep)
        before, after = self._statements(group.tail, lambda read, root: root in own) if group.tail else ([], [])
        stores = [store for node in group.sums for store in self._stores(node)]
        return Section(
            [
                f"const int x = threadIdx.x % {wide}, y = threadIdx.x / {wide};",
                f"for (long long part = block; part < {parts}; part += blocks) {{",
                f"    const {index} j = ({index})part * {wide} + x;",
                *(f"    {line}" for line in lines),
                f"    if (y == 0 && j < {columns}) {{",
                *(f"        {line}" for line in ("const int i = 0; (void)i;", *before, *stores, *after)),
                "    }",
                "}",
            ],
            parts,
        )

    def _collected(self, node: Node, wide: int, deep: int) -> list[str]:
        """What the threads of a column found, put together; afterwards the first of them has it."""
        id_, type_ = self._id(node.operation.output), TYPES[node.operation.output.dtype.name]
        together = COLLECTED[node.operation.name].format("kept[threadIdx.x]", "other")
        return [
            "{",
            f"    {type_} *kept = ({type_} *)shared;",
            f"    kept[threadIdx.x] = t{id_};",
            "    __syncthreads();",
            f"    for (int half = {deep // 2}; half; half /= 2) {{",
            f"        if (y < half) {{ const {type_} other = kept[threadIdx.x + half * {wide}];",
            f"            kept[threadIdx.x] = {together}; }}",
            "        __syncthreads();",
            "    }",
            f"    if (y == 0) t{id_} = kept[threadIdx.x];",
            # The next sum may be of another type, whose places are not the same threads'.
            "    __syncthreads();",
            "}",
        ]


def _each(size: str, lines: list[str]) -> list[str]:
    """Lines for each element number `at`, as many threads at a time as there are."""
    return [
        f"for (long long at = block * blockDim.x + threadIdx.x; at < {size}; at += blocks * blockDim.x) {{",
        *(f"    {line}" for line in lines),
        "}",
    ]

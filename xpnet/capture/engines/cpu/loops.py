"""Loops: kernels over rows and columns, reductions down columns, and copies."""

from collections.abc import Callable, Sequence

import numpy as np

from xpnet.capture.engines.cpu.operations import operand
from xpnet.capture.engines.cpu.parts import ENOUGH, Body, Part, Pointer
from xpnet.capture.engines.cpu.reductions import begun, collect, searched
from xpnet.capture.engines.cpu.rows import Places, Rows, across, collected_in, lanes_of
from xpnet.capture.engines.cpu.text import Word, kind
from xpnet.capture.engines.cpu.tiles import registers
from xpnet.capture.engines.cpu.vectors import INT32, Vectors
from xpnet.capture.graph import RANDOM, Value
from xpnet.capture.planning.kernels import FED, Fused, Kernel, Loop, Node, Read
from xpnet.capture.tracing.operations import SEARCHES
from xpnet.errors import CaptureError

ABREAST = 4
"""Vectors of columns that are reduced together, so that none waits for its own last sum."""

SLOW = 12
"""Instructions that an operation counts for if it is not a single one."""

QUICK = (
    "add", "subtract", "multiply", "maximum", "minimum", "where", "astype", "copy", "negative", "square", "greater",
    "less", "equal", "not_equal", "full", FED,
)  # fmt: skip


class LoopWriter:
    """Writer of a plan's loops, each part a function of its own."""

    def __init__(self, fused: Fused, place: Callable[[Value], Pointer], checks: int) -> None:
        self._places, self._checks = Places(fused, place), checks

    def kernel(self, kernel: Kernel) -> Part:
        """Kernel row by row, or number by number where rows do not matter."""
        if self._is_flat(kernel):
            return self._flat(kernel)
        f = Body(self._checks)
        rows = Rows(self._places, f, kernel)
        if kernel.rows == 1:
            rows.write(0)
        else:
            with f.loop("%begin", "%end") as loop:
                rows.write(loop.index)
        return f.part(kernel.rows, ENOUGH // max(1, sum(_work(loop) * loop.width for loop in kernel.loops)))

    def _is_flat(self, kernel: Kernel) -> bool:
        """Whether all arrays lie alike, without reductions, so that the kernel is one loop over numbers."""
        (loop, *others), extents = kernel.loops, set()
        for node in loop.nodes:
            if node.is_reduction or node.operation.name in (FED, *RANDOM) or node.extent != (kernel.rows, loop.width):
                return False
            values = [(read.value, read.extent) for read in node.reads if read.extent != (1, 1)]
            if node.operation.output in self._places.stored:
                values.append((node.operation.output, node.made))
            extents |= {(extent, self._places.strides(value, extent)) for value, extent in values}
        whole = (kernel.rows, loop.width)
        row_by_row = (loop.width if kernel.rows > 1 else 0, 1 if loop.width > 1 else 0)
        turned = (1 if kernel.rows > 1 else 0, kernel.rows if loop.width > 1 else 0)
        return not others and whole != (1, 1) and extents in ({(whole, row_by_row)}, {(whole, turned)})

    def _flat(self, kernel: Kernel) -> Part:
        """Kernel as one loop over its numbers; a last vector may not be full."""
        f, loop = Body(self._checks), Loop(kernel.rows * kernel.loops[0].width, kernel.loops[0].nodes)
        lanes = lanes_of(loop, registers().size)
        rows = Rows(self._places, f, Kernel(1, [loop]), is_flat=True)
        many = f.value("sub i64 %end, %begin")
        whole = f.add("%begin", f.value(f"and i64 {many}, {-lanes}"))
        with f.loop("%begin", whole, lanes) as counted:
            rows.columns(loop, Vectors(f, lanes), 0, counted.index)
        if lanes > 1:
            with f.when(f.value(f"icmp slt i64 {whole}, %end")):
                rows.columns(loop, Vectors(f, lanes, f.value(f"sub i64 %end, {whole}")), 0, whole)
        return f.part(loop.width, max(ENOUGH // _work(loop) // 1024, 1) * 1024)

    def down(self, node: Node) -> Part:
        """Reduction of each column, or a search in it, some vectors of columns at a time."""
        (rows, width), (read,), f = node.extent, node.reads, Body(self._checks)
        name, output = node.operation.name, node.operation.output
        source, target = self._places.pointer(f, read.value), self._places.pointer(f, output)
        by_row, by_column = self._places.strides(read.value, read.extent)
        into, lanes = self._places.strides(output, node.made)[1], registers().size // max(
            read.value.dtype.itemsize, output.dtype.itemsize)  # fmt: skip
        number = kind(read.value.dtype)

        collects, is_search = collected_in(node), name in SEARCHES

        def sums(column: Word, counts: Sequence[int]) -> None:
            vectors = [Vectors(f, lanes, count) for count in counts]
            carried = []
            for of in vectors:
                carried.append((of.kind(collects), begun(of, name, collects)))
                carried += [(of.kind(INT32), of.number(0, INT32))] * is_search
            totals = [first for _, first in carried]
            each = 1 + is_search
            if rows:
                with f.loop(0, rows, 1, carried) as loop:
                    row = f.at(source, f.times(loop.index, by_row), number if number != "i1" else "i8")
                    for at, of in enumerate(vectors):
                        total, place = loop.carried[at * each], loop.carried[at * each + is_search]
                        more = of.load(read.value.dtype, row, f.add(column, at * lanes), by_column)
                        if is_search:
                            where = of.spread(INT32, f.value(f"trunc i64 {loop.index} to i32"))
                            loop.following += searched(of, name, collects, (total, place), more, where)
                            continue
                        more = operand(of, node.operation, read.value, more, 0)
                        loop.following.append(collect(of, name, output.dtype, total, more))
                totals = loop.last
            for at, of in enumerate(vectors):
                total = of.cast(totals[2 * at + 1], INT32, output.dtype) if is_search else totals[at]
                of.store(output.dtype, total, target, f.add(column, at * lanes), into)

        block = ABREAST * lanes
        whole = width - width % block
        if whole:
            with f.loop("%begin", f.least("%end", whole), block) as loop:
                sums(loop.index, [lanes] * ABREAST)
        if whole < width:
            counts = [min(lanes, width - at) for at in range(whole, width, lanes)]
            with f.when(f.value(f"icmp eq i64 %end, {width}")):
                sums(whole, counts)
        return f.part(width, max(1, ENOUGH // max(rows, 1) // block) * block)

    def total(self, node: Node) -> Part:
        """Reduction of a single column, which is read as a row."""
        read = node.reads[0]
        turned = Read(read.value, read.extent[::-1], read.straight)
        return self.kernel(
            Kernel(1, [Loop(read.extent[0], [Node(node.operation, read.extent[::-1], (1, 1), (turned,))])])
        )

    def copy(self, value: Value, target: Pointer, like: Value | None) -> Part:
        """Copy of a value, row by row or laid out like another value."""
        f, shape = Body(self._checks), value.shape
        strides = value.strides
        to = like.strides if like is not None else tuple(
            int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))  # fmt: skip
        axes = [(size, a, b) for size, a, b in zip(shape, strides, to, strict=True) if size != 1] or [(1, 1, 1)]
        while len(axes) > 1 and all(axes[-2][i] == axes[-1][i] * axes[-1][0] for i in (1, 2)):
            axes[-2:] = [(axes[-2][0] * axes[-1][0], *axes[-1][1:])]
        source, destination = self._places.pointer(f, value), f.pointer(target)
        dtype = value.dtype
        lanes = registers().size // dtype.itemsize
        axes = [(1, 0, 0)] * (2 - len(axes)) + axes
        if len(axes) > 2:
            raise CaptureError(f"An array of shape {value.shape} cannot be copied by compiled code; use engine replay.")
        (rows, *by_row), (width, *by_column) = axes
        number = "i8" if dtype == np.bool_ else kind(dtype)

        if rows and width:
            with f.loop("%begin", "%end") as loop:
                pairs = zip((source, destination), by_row, strict=True)
                source_row, target_row = (
                    f.at(pointer, f.times(loop.index, stride), number) for pointer, stride in pairs
                )

                def vector(of: Vectors, column: Word, _: list[str]) -> list[str]:
                    of.store(dtype, of.load(dtype, source_row, column, by_column[0]), target_row, column, by_column[1])
                    return []

                across(f, width, lanes, vector)
        return f.part(rows if width else 0, ENOUGH // max(width, 1))


def _work(loop: Loop) -> int:
    """Instructions per column, about."""
    return sum(1 if node.operation.name in QUICK else SLOW for node in loop.nodes)

"""Writes matrix products as loops over tiles, as Python source for numba to compile.

A product goes strip by strip through the columns of b, as many as a tile has, and tile by tile down the rows of a.
Where the numbers of a column of b lie one after the other, as a transpose's do, a strip is first copied with its rows
and columns exchanged; where b is larger than a cache, strips are copied in pieces that fit into it. A product with a
vector is a plain loop.
"""

from typing import Any, NamedTuple

import numpy as np

from xpnet.capture.engines.cpu.expressions import cast
from xpnet.capture.engines.cpu.names import Names
from xpnet.capture.engines.cpu.tiling import WIDEST, chosen, parts, registers
from xpnet.capture.graph import Graph, Operation, Value

CACHED = 2**20
"""Bytes up to which b is read where it lies."""

DEEPEST = 1024
"""Rows of b up to which a strip is copied in one piece."""

DEPTH = 256
"""Rows of its pieces otherwise."""

FAR = 4096
"""Bytes from a number in a row of a to the next from which a cache has no place for many of them."""


def room() -> int:
    """Bytes that a piece of a strip can have; each thread has them for itself."""
    return DEEPEST * WIDEST * registers().size


class Factor(NamedTuple):
    """A matrix: the name of its array, and the bytes from a row to the next and from a column to the next."""

    name: str
    row: int
    column: int


class Strips(NamedTuple):
    """A product in its loops, by the names that its lines have for them.

    Attributes:
        sizes: Rows of a, numbers that are summed over, columns of b.
        dtype: Of all three matrices.
        a: The first factor.
        b: The second one.
        c: What their product is put into.
        b_row: Bytes from a row of a strip to the next, where tiles read it.
        alpha: What the product is multiplied by.
    """

    sizes: tuple[int, int, int]
    dtype: np.dtype
    a: Factor
    b: Factor
    c: Factor
    b_row: int
    alpha: str

    @property
    def lanes(self) -> int:
        """Numbers a vector."""
        return registers().size // self.dtype.itemsize


class ProductWriter:
    """The products of one plan.

    Attributes:
        functions: The names of the functions that the lines call, by how they are made.
    """

    def __init__(self, graph: Graph, names: Names) -> None:
        self._names = names
        self._makers = {operation.output: operation for operation in graph.operations}
        self.functions: dict[str, str] = {}

    def lines(self, operation: Operation) -> list[str]:
        """A thread's part of a product, or of one that is added to what is there."""
        out, dtype = operation.output, operation.output.dtype
        a, b = (value for value in operation.inputs[-2:] if isinstance(value, Value))
        if operation.name == "accumulate":
            beta, alpha = (self._scale(scale, dtype) for scale in operation.inputs[1:3])
            return self._by_tiles(a, b, out, f"-{alpha}", beta)
        if 1 in out.shape:
            return self._of_vector(a, b, out)
        return self._by_tiles(a, b, out, self._names.number(1, dtype), self._names.number(0, dtype))

    def _scale(self, scale: Any, dtype: np.dtype) -> str:
        """A number, or what an array of one number holds."""
        if isinstance(scale, Value):
            return cast(self._names.element(scale, (1, 1)), dtype)
        return self._names.number(scale, dtype)

    def _array(self, value: Value) -> tuple[str, bool]:
        """A matrix's array, or that of which it is the transpose."""
        maker = self._makers.get(value)
        if maker is not None and maker.name == "transpose":
            return self._names.array(maker.arrays[0]), True
        return self._names.array(value), False

    def _of_vector(self, a: Value, b: Value, out: Value) -> list[str]:
        """A product of which one factor is a vector: a sum for each number of the result, or all of them together."""
        (m, k), n = a.shape, b.shape[1]
        vector, matrix, length = (a, b, n) if m == 1 else (b, a, m)
        (vector_name, is_vector_turned), (name, is_turned) = self._array(vector), self._array(matrix)
        factor = f"{vector_name}[{'0, l' if (m == 1) != is_vector_turned else 'l, 0'}]"
        target = f"{self._names.array(out)}[{'0, j' if m == 1 else 'j, 0'}]"
        zero = self._names.number(0, out.dtype)
        across = f"for j in {self._names.columns(length)}:"
        if (m == 1) != is_turned:
            each = [f"for l in range({k}):", f"    factor = {factor}", f"    {across}"]
            return [across, f"    {target} = {zero}", *each, f"        {target} += factor * {name}[l, j]"]
        total = ["    total = " + zero, f"    for l in range({k}):", f"        total += {factor} * {name}[j, l]"]
        return [across, *total, f"    {target} = total"]

    def _by_tiles(self, a: Value, b: Value, out: Value, alpha: str, beta: str) -> list[str]:
        """out ← alpha·a·b + beta·out, strip by strip."""
        (m, k), n = a.shape, b.shape[1]
        dtype = out.dtype
        first, second, target = (
            Factor(self._array(value)[0], *(stride * dtype.itemsize for stride in value.strides))
            for value in (a, b, out)
        )
        lanes = registers().size // dtype.itemsize
        tile = chosen(m, -(-n // lanes), k, registers().total)
        width, tiles = tile.vectors * lanes, -(-m // tile.rows)
        is_turned = second.column != dtype.itemsize and n > 1
        is_copied = is_turned or k * n * dtype.itemsize > CACHED
        in_pieces = is_copied and (k > DEEPEST or first.column >= FAR)
        depth = min(DEPTH, k) if in_pieces else k
        b_row = width * dtype.itemsize if is_copied else second.row
        strips = Strips((m, k, n), dtype, first, second, target, b_row, alpha)

        begin, end = self._names.share(-(-n // width) * tiles)
        lines = [
            f"# {m}×{k} by {k}×{n}, in tiles of {tile.rows} rows and {tile.vectors} vectors",
            f"for strip in range({begin} // {tiles}, ({end} + {tiles - 1}) // {tiles}):",
            f"    above, below = max({begin} - strip * {tiles}, 0), min({end} - strip * {tiles}, {tiles})",
            f"    for start in range(0, {k}, {depth}):",
            f"        deep = min({depth}, {k} - start)",
            f"        source = {second.name}.ctypes.data + start * {second.row} + strip * {width * second.column}",
            f"        factor = {first.name}.ctypes.data + start * {first.column}",
            f"        target = {target.name}.ctypes.data + strip * {width * target.column}",
            f"        kept = {beta} if start == 0 else {self._names.number(1, dtype)}",
        ]
        whole, rest = divmod(n, width)
        for condition, columns in ((f"strip < {whole}", width if whole else 0), (f"strip == {whole}", rest)):
            if columns:
                copied = self._copied(strips, columns, is_turned) if is_copied else []
                down = self._down(strips, columns, tile.rows)
                lines += [f"        if {condition}:", *(f"            {line}" for line in (*copied, *down))]
        return lines

    def _down(self, strips: Strips, columns: int, rows: int) -> list[str]:
        """Tile by tile down so many columns, from `above` to `below`."""
        lines: list[str] = []
        a, c, at = strips.a, strips.c, 0
        for times, height in parts(strips.sizes[0], rows):
            call = self._function(
                "tile", strips, height, -(-columns // strips.lanes), columns % strips.lanes,
                a.row, a.column, strips.b_row, c.row,
            )  # fmt: skip
            lines += [
                f"for i in range(max(above, {at}), min(below, {at + times})):",
                f"    {call}(factor + i * {rows * a.row}, source, target + i * {rows * c.row}, deep, "
                f"{strips.alpha}, kept)",
            ]
            at += times
        return lines

    def _copied(self, strips: Strips, columns: int, is_turned: bool) -> list[str]:
        """A piece of a strip in the thread's room, where tiles read it from then on."""
        b, b_row, lanes = strips.b, strips.b_row, strips.lanes
        lines: list[str] = []
        if not is_turned:
            call = self._function("line", strips, -(-columns // lanes), columns % lanes)
            lines = ["for l in range(deep):", f"    {call}(source + l * {b.row}, room + l * {b_row})"]
        for at in range(0, columns if is_turned else 0, lanes):
            places = (f"source + l * {lanes * b.row} + {at * b.column}", f"room + l * {lanes * b_row} + {at * b.row}")
            square = (min(lanes, columns - at), lanes, b.column, b_row)
            lines += [
                f"for l in range(deep // {lanes}):",
                f"    {self._function('turned', strips, *square)}({', '.join(places)})",
            ]
            if rest := strips.sizes[1] % lanes:
                square = (square[0], rest, *square[2:])
                lines += [
                    f"for l in range(deep // {lanes}, -(-deep // {lanes})):",
                    f"    {self._function('turned', strips, *square)}({', '.join(places)})",
                ]
        return [*lines, "source = room"]

    def _function(self, kind: str, strips: Strips, *numbers: int) -> str:
        """The name of a function of `tiles`, made for these numbers."""
        made = f'{kind}("{strips.dtype.name}", {", ".join(map(str, (strips.lanes, *numbers)))})'
        return self.functions.setdefault(made, f"{kind}{len(self.functions)}")

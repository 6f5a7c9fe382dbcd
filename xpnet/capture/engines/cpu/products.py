"""Matrix products as loops over tiles.

A product goes strip by strip through the columns of b, as many as a tile has, and tile by tile down the rows of a.
Where the numbers of a column of b lie one after the other, as a transpose's do, a strip is first copied with its rows
and columns exchanged; where b is larger than a cache, strips are copied in pieces that fit into it. Where the numbers
of a row of a lie far apart too, as those of a transpose of many columns do, a tile's rows are copied for several strips
at once. Few rows with a transpose are summed along both, without a copy.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from xpnet.capture.engines.cpu.parts import Body, Part, Pointer
from xpnet.capture.engines.cpu.text import LoopBlock, Word, kind
from xpnet.capture.engines.cpu.tiles import TALLEST, WIDEST, Form, Tile, best_tile, dots, registers, split, tile, turned
from xpnet.capture.engines.cpu.vectors import Vectors
from xpnet.capture.graph import Graph, Number, Operation, Value

CACHED = 2**20
"""Bytes up to which b is read where it lies."""

DEEPEST = 1024
"""Rows of b up to which a strip is copied in one piece."""

DEPTH = 256
"""Rows of a strip's pieces otherwise."""

FAR = 4096
"""Bytes between neighbors in a row of a from which on a cache cannot hold many of them."""

ABREAST = DEEPEST // DEPTH
"""Strips whose pieces are copied together, so that rows of a which lie far apart are gathered for all of them."""

FEW = 16
"""Rows of a up to which a transposed strip is not copied."""

ENOUGH = 2**21
"""Floating-point operations that a thread takes at a time."""


def room() -> int:
    """Bytes that each thread needs for pieces of strips, and behind them for some rows of a."""
    return DEEPEST * WIDEST * registers().size + DEPTH * TALLEST * np.dtype(np.float64).itemsize


class Operand(NamedTuple):
    """Matrix: its address and strides in numbers, from a row and from a column to the next."""

    at: str
    row: int
    column: int

    def turned(self) -> "Operand":
        """Transpose."""
        return Operand(self.at, self.column, self.row)


class ProductWriter:
    """Writer of a plan's products, each part a function of its own; equal ones are written once."""

    def __init__(self, graph: Graph, place: Callable[[Value], Pointer], checks: int) -> None:
        self._roots, self._place, self._checks = graph.roots(), place, checks
        self._written: dict[tuple[object, ...], tuple[Part, list[int]]] = {}

    def part(self, operation: Operation) -> Part:
        """Product, or an update β·c − α·a·b in place."""
        values = [*operation.inputs, operation.output]
        places = [self._place(self._roots[value]) for value in values if isinstance(value, Value)]
        forms = (
            (value.shape, value.strides, value.dtype.name) if isinstance(value, Value) else (type(value), repr(value))
            for value in values
        )
        # Alike but for where it is; a place that is named twice counts too.
        key = (operation.name, *forms, *(places.index(place) for place in places))
        if key not in self._written:
            part = self._part(operation)
            self._written[key] = part, [places.index(pointer) for pointer in part.pointers]
        part, order = self._written[key]
        return part._replace(pointers=tuple(places[at] for at in order))

    def _part(self, operation: Operation) -> Part:
        """As `part`, written anew."""
        out = operation.output
        f, dtype = Body(self._checks), out.dtype
        a, b = (value for value in operation.inputs[-2:] if isinstance(value, Value))
        (m, k), n = a.shape, b.shape[1]
        first, second, target = (
            Operand(f.pointer(self._place(self._roots[value])), *value.strides) for value in (a, b, out)
        )
        alpha, beta = Vectors(f, 1).number(1, dtype), Vectors(f, 1).number(0, dtype)
        if operation.name == "accumulate":
            beta, alpha = (self._scale(f, scale, dtype) for scale in operation.inputs[1:3])
            alpha = f.value(f"fneg {kind(dtype)} {alpha}")
        if n == 1 < m:
            # A column is a row that is turned.
            m, n, first, second, target = 1, m, second.turned(), first.turned(), target.turned()
        product = _Product(f, dtype, (m, k, n), first, second, target, alpha, beta, operation.name == "matmul")
        if m * k * n == 0:
            return _nothing(f, product)
        lanes = registers().size // dtype.itemsize
        if m <= FEW and k >= 2 * lanes and second.row == 1 == first.column and second.column != 1:
            return product.by_dots(lanes)
        return product.by_tiles(lanes)

    def _scale(self, f: Body, scale: Value | Number, dtype: np.dtype) -> str:
        """Scale from a number, or from an array of one number."""
        of = Vectors(f, 1)
        if isinstance(scale, Value):
            address = f.pointer(self._place(self._roots[scale]))
            return of.cast(of.load(scale.dtype, address, 0), scale.dtype, dtype)
        return of.number(scale, dtype)


class _Product(NamedTuple):
    """Product being written: its factors, its target, and the scales α of itself and β of the target."""

    f: Body
    dtype: np.dtype
    sizes: tuple[int, int, int]
    a: Operand
    b: Operand
    c: Operand
    alpha: str
    beta: str
    is_new: bool

    def by_dots(self, lanes: int) -> Part:
        """Dot products of all rows of a with some columns of b at a time."""
        m, k, n = self.sizes
        shape = Tile(min(m, 4), min(n, 8 if m == 1 else 6) if registers().total > 16 else min(n, 3))
        f, blocks, at = self.f, -(-n // shape.vectors), 0
        for times, columns in split(n, shape.vectors):
            with f.loop(f.most("%begin", at), f.least("%end", at + times)) as loop:
                column = f.times(loop.index, shape.vectors)
                row = 0
                for times_, rows in split(m, shape.rows):
                    form = Form(self.dtype, lanes, rows, columns, k % lanes, (self.a.row, 1), self.b.column, self.c.row,
                                "new" if self.is_new else "more")  # fmt: skip
                    name = dots(f, form)
                    for _ in range(times_):
                        self._call(name, k, self._at(self.a, row, 0), self._at(self.b, 0, column),
                                   self._at(self.c, row, column), self.beta)  # fmt: skip
                        row += rows
            at += times
        return f.part(blocks, -(-ENOUGH // (2 * m * k * shape.vectors)))

    def by_tiles(self, lanes: int) -> Part:
        """Tiles, strip by strip through the columns."""
        (m, k, n), f, size = self.sizes, self.f, self.dtype.itemsize
        shape = best_tile(m, -(-n // lanes), k, registers().total)
        width, tiles = shape.vectors * lanes, -(-m // shape.rows)
        is_turned = self.b.column != 1 and n > 1
        is_copied = is_turned or k * n * size > CACHED
        is_far = self.a.column * size >= FAR
        in_pieces = is_copied and (k > DEEPEST or is_far)
        depth = min(DEPTH, k) if in_pieces else k
        # Rows of a that lie far apart cost more than to copy them, if several strips share the copy.
        is_gathered = in_pieces and self.a.row == 1
        abreast = ABREAST if is_gathered else 1
        strips = [width] * (n // width) + [n % width] * (n % width > 0)
        whole, units = n // width // abreast, -(-len(strips) // abreast) * tiles
        with f.loop(
            f.value(f"sdiv i64 %begin, {tiles}"), f.value(f"sdiv i64 {f.add('%end', tiles - 1)}, {tiles}")
        ) as group:
            first = f.times(group.index, tiles)
            above = f.most(f.value(f"sub i64 %begin, {first}"), 0)
            below = f.least(f.value(f"sub i64 %end, {first}"), tiles)
            for test, widths in (("slt", strips[: abreast * (whole > 0)]), ("eq", strips[whole * abreast :])):
                if widths:
                    pieces = f.loop(0, k, depth) if in_pieces else nullcontext(LoopBlock("0", []))
                    with f.when(f.value(f"icmp {test} i64 {group.index}, {whole}")), pieces as piece:
                        start = piece.index if in_pieces else 0
                        deep = f.least(f.value(f"sub i64 {k}, {start}"), depth) if in_pieces else k
                        columns = [
                            f.add(f.times(group.index, width * abreast), at * width) for at in range(len(widths))
                        ]
                        sources, b_row = [self._at(self.b, start, column) for column in columns], self.b.row
                        if is_copied:
                            mark = f.add(f.times(group.index, k), start)
                            sources, b_row = self._copied(lanes, width, depth, sources, mark, deep, widths), width
                        beta, is_new = self.beta, self.is_new
                        if in_pieces:
                            one = Vectors(f, 1).number(1, self.dtype)
                            is_first = f.value(f"icmp eq i64 {start}, 0")
                            beta = Vectors(f, 1).choose(is_first, self.dtype, beta, one)
                        ends = "more" if not is_new else "either" if in_pieces else "new"
                        forms = [Form(self.dtype, lanes, shape.rows, -(-one // lanes), one % lanes,
                                      self.a[1:], b_row, self.c.row, ends) for one in widths]  # fmt: skip
                        self._down(forms, (above, below), start, sources, columns, deep, beta, is_gathered)
        each = 2 * k * width * shape.rows * abreast
        return f.part(units, -(-tiles // abreast) if in_pieces else -(-ENOUGH // each))

    def _down(
        self,
        forms: Sequence[Form],
        ends: tuple[Word, Word],
        start: Word,
        sources: Sequence[str],
        columns: Sequence[Word],
        deep: Word,
        beta: str,
        is_gathered: bool,
    ) -> None:
        """Write the tiles of some strips, from one row of tiles to before another."""
        f, at, size = self.f, 0, forms[0].rows
        for times, height in split(self.sizes[0], size):
            a = (1, height) if is_gathered else self.a[1:]
            names = [tile(f, form._replace(rows=height, a=a)) for form in forms]
            with f.loop(f.most(ends[0], at), f.least(ends[1], at + times)) as loop:
                row = f.times(loop.index, size)
                rows = self._at(self.a, row, start)
                rows = self._gathered(rows, deep, height) if is_gathered else rows
                for name, source, column in zip(names, sources, columns, strict=True):
                    self._call(name, deep, rows, source, self._at(self.c, row, column), beta)
            at += times

    def _gathered(self, rows: str, deep: Word, height: int) -> str:
        """Address of a copy of some rows of a in the thread's room, one number of each after the other."""
        f, number, of = self.f, kind(self.dtype), Vectors(self.f, height)
        space = f.at(f.value("load ptr, ptr %thread"), DEEPEST * WIDEST * registers().size)
        with f.loop(0, deep) as loop:
            some = of.load(self.dtype, f.at(rows, f.times(loop.index, self.a.column), number), 0)
            of.store(self.dtype, some, f.at(space, f.times(loop.index, height), number), 0)
        return space

    def _copied(
        self, lanes: int, width: int, depth: int, sources: Sequence[str], mark: Word, deep: Word, widths: Sequence[int]
    ) -> list[str]:
        """Addresses of copies of some strips' pieces in the thread's room, which may hold them already."""
        f, number = self.f, kind(self.dtype)
        space = f.value("load ptr, ptr %thread")
        spaces = [f.at(space, at * width * depth, number) for at in range(len(widths))]
        place = f.at("%thread", 8)
        present = f.value(f"load i64, ptr {place}")
        with f.when(f.value(f"icmp ne i64 {present}, {mark}")):
            f.do(f"store i64 {mark}, ptr {place}")
            for source, target, columns in zip(sources, spaces, widths, strict=True):
                self._copy(lanes, width, source, target, deep, columns)
        return spaces

    def _copy(self, lanes: int, width: int, source: str, target: str, deep: Word, columns: int) -> None:
        """Copy a strip's piece."""
        f, b, (_, k, n) = self.f, self.b, self.sizes
        is_straight = b.column == 1 or n == 1
        number = kind(self.dtype)
        if is_straight:
            with f.loop(0, deep) as loop:
                row, into = f.at(source, f.times(loop.index, b.row), number), f.at(
                    target, f.times(loop.index, width), number)  # fmt: skip
                for at in range(0, columns, lanes):
                    of = Vectors(f, lanes, min(lanes, columns - at))
                    of.store(self.dtype, of.load(self.dtype, row, at), into, at)
        for at in range(0, 0 if is_straight else columns, lanes):
            across = min(lanes, columns - at)
            start, into = f.at(source, at * b.column, number), f.at(target, at, number)
            full = f.value(f"sdiv i64 {deep}, {lanes}") if isinstance(deep, str) else deep // lanes
            for rest in (lanes, k % lanes):
                if not rest or (rest == lanes and full == 0):
                    continue
                block = turned(f, self.dtype, lanes, across, rest, b.column, width)
                blocks = (0, full) if rest == lanes else (full, self._all(deep, lanes))
                with f.loop(*blocks) as loop:
                    pairs = (f.at(start, f.times(loop.index, lanes * b.row), number),
                             f.at(into, f.times(loop.index, lanes * width), number))  # fmt: skip
                    f.do(f"call void @{block}(ptr {pairs[0]}, ptr {pairs[1]})")

    def _all(self, deep: Word, lanes: int) -> Word:
        """Number of blocks of lanes, the last of which may not be full."""
        if isinstance(deep, int):
            return -(-deep // lanes)
        return self.f.value(f"sdiv i64 {self.f.add(deep, lanes - 1)}, {lanes}")

    def _at(self, factor: Operand, row: Word, column: Word) -> str:
        number = kind(self.dtype)
        return self.f.at(self.f.at(factor.at, self.f.times(row, factor.row), number),
                         self.f.times(column, factor.column), number)  # fmt: skip

    def _call(self, name: str, k: Word, a: str, b: str, c: str, beta: str) -> None:
        number = kind(self.dtype)
        self.f.do(f"call void @{name}(ptr {a}, ptr {b}, ptr {c}, i64 {k}, {number} {self.alpha}, {number} {beta})")


def _nothing(f: Body, product: _Product) -> Part:
    """Zeros: a product of matrices without elements."""
    m, _, n = product.sizes
    of = Vectors(f, 1)
    with f.loop("%begin", "%end") as loop:
        of.store(product.dtype, of.number(0, product.dtype), product.c.at, loop.index)
    return f.part(m * n, m * n)

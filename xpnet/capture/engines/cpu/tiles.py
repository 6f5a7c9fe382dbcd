"""Tiles: products of a few rows and a few vectors, sized for the CPU's registers, that make up larger ones."""

from functools import cache
from typing import NamedTuple

import numpy as np

from xpnet.capture.engines.cpu.reductions import collected
from xpnet.capture.engines.cpu.text import Function, kind
from xpnet.capture.engines.cpu.vectors import Vectors

WIDEST = 3
"""Maximum of vectors in a tile's row."""

TALLEST = 8
"""Maximum of a tile's rows: those of a may be so far apart that a cache cannot hold many of them."""

LATENCY = 8
"""Sums in flight: a tile of fewer takes as long as that many, since each addition waits for the one before."""

OVERHEAD = 24
"""Cost of a tile beside its sums, in sums."""


class Registers(NamedTuple):
    """Vector registers of a CPU: their number, and the bytes of each."""

    total: int
    size: int


class Tile(NamedTuple):
    """Size of a tile: its rows, and the vectors of each."""

    rows: int
    vectors: int


@cache
def registers() -> Registers:
    """Vector registers of this machine's CPU."""
    import llvmlite.binding

    has = llvmlite.binding.get_host_cpu_features()
    machine = llvmlite.binding.get_process_triple().partition("-")[0]
    if has.get("avx512f") and has.get("avx512vl"):
        return Registers(32, 64)
    if has.get("avx2") and has.get("fma"):
        return Registers(16, 32)
    return Registers(32 if machine in ("aarch64", "arm64") else 16, 16)


def best_tile(rows: int, vectors: int, k: int, total: int) -> Tile:
    """Tile with which a product takes the least time.

    Args:
        rows: Of the product.
        vectors: Of each row.
        k: Terms of each sum.
        total: Registers: one for each sum of a tile and for its row of b, one for a number of a.
    """

    def work(tile: Tile) -> int:
        # A CPU does two sums at a time, or reads two operands.
        sums = max(tile.rows * tile.vectors, tile.rows + tile.vectors, LATENCY)
        return k * sums + 4 * tile.rows * tile.vectors + OVERHEAD

    def cost(tile: Tile) -> int:
        return sum(
            above * beside * work(Tile(height, width))
            for above, height in split(rows, tile.rows)
            for beside, width in split(vectors, tile.vectors)
        )

    fitting = [
        Tile(height, width)
        for width in range(1, min(WIDEST, vectors) + 1)
        for height in range(1, min(TALLEST, rows) + 1)
        if height * width + width + 1 <= total
    ]
    return min(fitting, key=cost)


def split(whole: int, size: int) -> list[tuple[int, int]]:
    """Pairs (times, size) that make up a whole: parts of full size, and a rest."""
    times, rest = divmod(whole, size)
    return [(times, size)] * (times > 0) + [(1, rest)] * (rest > 0)


class Form(NamedTuple):
    """Form of a tile.

    Attributes:
        dtype: Of all three matrices.
        lanes: Numbers a vector.
        rows: Rows of a and c.
        vectors: Vectors of a row of b and c, which follow each other there.
        rest: Numbers of the last vector that count, or 0 for all.
        a: From a row of a to the next and from a number in a row to the next, in numbers.
        b: From a row of b to the next.
        c: From a row of c to the next.
        ends: How it ends: "new" puts alpha·a·b into c, "more" adds that to beta·c, "either" is new where beta is 0.
    """

    dtype: np.dtype
    lanes: int
    rows: int
    vectors: int
    rest: int
    a: tuple[int, int]
    b: int
    c: int
    ends: str

    def counts(self) -> list[int]:
        """Numbers that count, of each vector."""
        return [self.lanes] * (self.vectors - 1) + [self.rest or self.lanes]


def tile(f: Function, form: Form) -> str:
    """Name of the function (a, b, c, k, alpha, beta) of a form, which `f` can call then.

    Each of the rows times vectors of c stays in a register while k numbers of a row of a, and vectors of b, go by.
    """
    dtype, number = form.dtype, kind(form.dtype)
    name = "_".join(map(str, ("tile", dtype, *form[1:5], *form.a, *form[6:])))
    g = Function(f"ptr %a, ptr %b, ptr %c, i64 %k, {number} %alpha, {number} %beta", f.checks, name)
    row, one = [Vectors(g, form.lanes, count) for count in form.counts()], Vectors(g, 1)
    places = [(i, j) for i in range(form.rows) for j in range(form.vectors)]
    zero = ("ptr", "%a"), ("ptr", "%b"), *[(row[0].kind(dtype), "zeroinitializer")] * len(places)
    with g.loop(0, "%k", 1, zero) as loop:
        a, b, *sums = loop.carried
        vectors = [of.load(dtype, b, j * form.lanes) for j, of in enumerate(row)]
        added: list[str] = []
        for i in range(form.rows):
            factor = row[0].spread(dtype, one.load(dtype, a, i * form.a[0]))
            added += [row[0].fma(dtype, factor, vectors[j], sums[len(added) + j]) for j in range(form.vectors)]
        loop.following = [g.at(a, form.a[1], number), g.at(b, form.b, number), *added]
    sums = loop.last[2:]
    alpha, beta = (row[0].spread(dtype, scale) for scale in ("%alpha", "%beta"))

    def end(is_new: bool) -> None:
        for (i, j), total in zip(places, sums, strict=True):
            place = i * form.c + j * form.lanes
            if is_new:
                total = row[0].do("fmul", dtype, alpha, total)
            else:
                total = row[0].fma(dtype, alpha, total, row[0].do("fmul", dtype, beta, row[j].load(dtype, "%c", place)))
            row[j].store(dtype, total, "%c", place)

    if form.ends == "either":
        for test in ("oeq", "une"):
            with g.when(g.value(f"fcmp {test} {number} %beta, 0.0")):
                end(test == "oeq")
    else:
        end(form.ends == "new")
    f.include(g)
    return name


def dots(f: Function, form: Form) -> str:
    """Name of the function (a, b, c, k, alpha, beta) like `tile`'s, for a b that lies column by column.

    Both factors are read along what is summed over; `vectors` are columns of b and c, `b` is from one to the next.
    """
    dtype, number = form.dtype, kind(form.dtype)
    name = "_".join(map(str, ("dots", dtype, *form[1:5], *form.a, *form[6:])))
    g = Function(f"ptr %a, ptr %b, ptr %c, i64 %k, {number} %alpha, {number} %beta", f.checks, name)
    whole, one = Vectors(g, form.lanes), Vectors(g, 1)
    places = [(i, j) for i in range(form.rows) for j in range(form.vectors)]
    end = g.value(f"and i64 %k, {-form.lanes}")

    def add(of: Vectors, at: str, sums: list[str]) -> list[str]:
        columns = [of.load(dtype, g.at("%b", j * form.b, number), at) for j in range(form.vectors)]
        added: list[str] = []
        for i in range(form.rows):
            factor = of.load(dtype, g.at("%a", i * form.a[0], number), at)
            added += [of.fma(dtype, factor, columns[j], sums[len(added) + j]) for j in range(form.vectors)]
        return added

    with g.loop(0, end, form.lanes, [(whole.kind(dtype), "zeroinitializer")] * len(places)) as loop:
        loop.following = add(whole, loop.index, loop.carried)
    sums = loop.last
    if form.rest:
        sums = add(Vectors(g, form.lanes, form.rest), end, sums)
    for (i, j), total in zip(places, sums, strict=True):
        total = one.do("fmul", dtype, "%alpha", collected(whole, "sum", dtype, total))
        if form.ends != "new":
            total = one.fma(dtype, "%beta", one.load(dtype, "%c", i * form.c + j), total)
        one.store(dtype, total, "%c", i * form.c + j)
    f.include(g)
    return name


def turned(f: Function, dtype: np.dtype, lanes: int, rows: int, columns: int, by_row: int, into: int) -> str:
    """Name of the function (source, target) that transposes a square block.

    Args:
        f: Function that calls it.
        dtype: Of the numbers.
        lanes: Numbers a vector, and rows and columns of the block.
        rows: Rows of the source; zeros stand for the others.
        columns: Columns of the source; the others are left out.
        by_row: From a row of the source to the next.
        into: From a row of the target to the next.
    """
    name = f"turned_{dtype}_{lanes}_{rows}_{columns}_{by_row}_{into}"
    g = Function("ptr %source, ptr %target", f.checks, name)
    of, part = Vectors(g, lanes), Vectors(g, lanes, columns)
    vector = of.kind(dtype)
    block = [part.load(dtype, "%source", i * by_row) for i in range(rows)] + ["zeroinitializer"] * (lanes - rows)

    def picked(one: str, other: str, places: list[int]) -> str:
        mask = ", ".join(f"i32 {place}" for place in places)
        return g.value(f"shufflevector {vector} {one}, {vector} {other}, <{lanes} x i32> <{mask}>")

    # Quarters change places, then the quarters of each, down to single numbers.
    width = lanes // 2
    while width:
        swapped = [lane if lane % (2 * width) < width else lanes + lane - width for lane in range(lanes)]
        others = [lane + width if lane % (2 * width) < width else lanes + lane for lane in range(lanes)]
        for i in range(lanes):
            if not i & width:
                one, other = block[i], block[i + width]
                block[i], block[i + width] = picked(one, other, swapped), picked(one, other, others)
        width //= 2
    for j in range(columns):
        of.store(dtype, block[j], "%target", j * into)
    f.include(g)
    return name

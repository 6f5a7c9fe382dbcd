"""How a matrix product is cut into tiles whose sums stay in the registers of a CPU."""

from functools import cache
from typing import NamedTuple

WIDEST = 3
"""Vectors of a tile's row, at most."""

TALLEST = 8
"""Rows of a tile, at most: a's may be so far apart that a cache has no place for many of them."""

LATENCY = 8
"""Tiles of fewer sums wait for each sum before they can add to it: as long as that many sums take."""

OVERHEAD = 24
"""What a tile takes beside its sums, counted in them."""


class Registers(NamedTuple):
    """The registers of a CPU that hold vectors: how many there are, and how many bytes each has."""

    total: int
    size: int


class Tile(NamedTuple):
    """How many rows it has, and how many vectors each."""

    rows: int
    vectors: int


@cache
def registers() -> Registers:
    """Those of this machine's CPU."""
    import llvmlite.binding

    has = llvmlite.binding.get_host_cpu_features()
    machine = llvmlite.binding.get_process_triple().partition("-")[0]
    if has.get("avx512f") and has.get("avx512vl"):
        return Registers(32, 64)
    if has.get("avx2") and has.get("fma"):
        return Registers(16, 32)
    return Registers(32 if machine in ("aarch64", "arm64") else 16, 16)


def chosen(rows: int, vectors: int, k: int, total: int) -> Tile:
    """The tile with which a product is done soonest.

    Args:
        rows: Of the product.
        vectors: Of each row.
        k: How many numbers each of them is a sum of.
        total: Registers: one for each sum of a tile and for its row of b, one for a number of a.
    """

    def work(tile: Tile) -> int:
        # A CPU does two sums at a time, or reads two operands.
        sums = max(tile.rows * tile.vectors, tile.rows + tile.vectors, LATENCY)
        return k * sums + 4 * tile.rows * tile.vectors + OVERHEAD

    def cost(tile: Tile) -> int:
        return sum(
            above * beside * work(Tile(height, width))
            for above, height in parts(rows, tile.rows)
            for beside, width in parts(vectors, tile.vectors)
        )

    fitting = [
        Tile(height, width)
        for width in range(1, min(WIDEST, vectors) + 1)
        for height in range(1, min(TALLEST, rows) + 1)
        if height * width + width + 1 <= total
    ]
    return min(fitting, key=cost)


def parts(whole: int, part: int) -> list[tuple[int, int]]:
    """How many parts of which size a whole has: those of full size, and a rest."""
    times, rest = divmod(whole, part)
    return [(times, part)] * (times > 0) + [(1, rest)] * (rest > 0)

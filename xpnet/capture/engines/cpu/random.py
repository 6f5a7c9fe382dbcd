"""Philox4x32-10 in vectors: a counter for each four lanes, whose four words are laid side by side."""

from collections.abc import Sequence

import numpy as np

from xpnet._support.philox import MASK, MULTIPLIERS, ROUNDS, WEYL
from xpnet.capture.engines.cpu.box_muller import pair
from xpnet.capture.engines.cpu.text import Word, kind
from xpnet.capture.engines.cpu.vectors import INT64, Vectors

UINT32 = np.dtype("uint32")


def random_bits(of: Vectors, scalars: Sequence[str], row: Word, column: Word, layer: int, bits: int) -> str:
    """Random bits of some columns of a row, in uint32.

    Args:
        of: Vectors of the result.
        scalars: The key's two words, the index of the first row, and the step's number, each an i32.
        row: The row.
        column: The first column, a multiple of the lanes.
        layer: Number of what is drawn.
        bits: How many of a word's bits count.
    """
    words = _narrow(of, _words(of, scalars, row, column, layer), bits)
    return _by_columns(of, words, column, UINT32)


def random_normal(of: Vectors, scalars: Sequence[str], row: Word, column: Word, layer: int, dtype: np.dtype) -> str:
    """Normal numbers of some columns of a row; the arguments are those of `random_bits`."""
    bits, quarter = 23 if dtype.itemsize == 4 else 32, _quarter(of)
    u = []
    for word in _narrow(of, _words(of, scalars, row, column, layer), bits):
        # Those of fewer bits are no negative ones if they are seen with a sign, from which a conversion is faster.
        number = f"{'sitofp' if bits < 32 else 'uitofp'} {quarter.kind(UINT32)} {word} to {quarter.kind(dtype)}"
        middle = quarter.do("fadd", dtype, of.f.value(number), quarter.number(0.5, dtype))
        u.append(quarter.do("fmul", dtype, middle, quarter.number(2.0**-bits, dtype)))
    return _by_columns(of, [*pair(quarter, dtype, *u[:2]), *pair(quarter, dtype, *u[2:])], column, dtype)


def _quarter(of: Vectors) -> Vectors:
    """Vectors with a lane for each counter."""
    return Vectors(of.f, max(of.lanes // 4, 1))


def _words(of: Vectors, scalars: Sequence[str], row: Word, column: Word, layer: int) -> list[str]:
    """Words of the counters of some columns, each in 64 bits."""
    f, one, quarter = of.f, Vectors(of.f, 1), _quarter(of)
    low, high, first, step = (f.value(f"zext i32 {text} to i64") for text in scalars)

    def whole(number: Word) -> str:
        """One number in all lanes."""
        return quarter.number(number, INT64) if isinstance(number, int) else quarter.spread(INT64, number)

    def masked(value: str, vectors: Vectors = quarter) -> str:
        return vectors.do("and", INT64, value, vectors.number(MASK, INT64))

    block: Word = column // 4 if isinstance(column, int) else f.value(f"lshr i64 {column}, 2")
    c0 = whole(block) if quarter.lanes == 1 else quarter.do("add", INT64, whole(block), quarter.steps("i64"))
    index = one.do("add", INT64, first, str(row))
    c0, c1, c2, c3 = masked(c0), whole(masked(index, one)), whole(layer), whole(step)
    for turn in range(ROUNDS):
        p0, p1 = (
            quarter.do("mul", INT64, c, quarter.number(factor, INT64))
            for c, factor in zip((c0, c2), MULTIPLIERS, strict=True)
        )
        k0, k1 = (
            whole(masked(one.do("add", INT64, key, one.number(turn * weyl & MASK, INT64)), one))
            for key, weyl in zip((low, high), WEYL, strict=True)
        )
        high0, high1 = (quarter.do("lshr", INT64, p, quarter.number(32, INT64)) for p in (p0, p1))
        c0 = quarter.do("xor", INT64, quarter.do("xor", INT64, high1, c1), k0)
        c2 = quarter.do("xor", INT64, quarter.do("xor", INT64, high0, c3), k1)
        c1, c3 = masked(p1), masked(p0)
    return [c0, c1, c2, c3]


def _narrow(of: Vectors, words: Sequence[str], bits: int) -> list[str]:
    """The highest bits of words, in 32 bits."""
    quarter = _quarter(of)
    shift = quarter.number(32 - bits, INT64)
    shifted = [quarter.do("lshr", INT64, word, shift) for word in words]
    return [of.f.value(f"trunc {quarter.kind(INT64)} {word} to {quarter.kind(UINT32)}") for word in shifted]


def _by_columns(of: Vectors, four: list[str], column: Word, dtype: np.dtype) -> str:
    """Numbers of each counter beside each other, or those of them that there are lanes for."""
    return _side_by_side(of, four, dtype) if of.lanes >= 4 else _some(of, four, column, dtype)


def _side_by_side(of: Vectors, four: list[str], dtype: np.dtype) -> str:
    """Numbers of each counter beside each other: of the first two and of the last two by turns, then of these pairs."""
    f, q = of.f, of.lanes // 4
    if q == 1:
        return _vector(of, four, dtype)
    number, whole = kind(dtype, q), kind(dtype, 2 * q)
    places = ", ".join(f"i32 {at}, i32 {q + at}" for at in range(q))
    pairs = [
        f.value(f"shufflevector {number} {one}, {number} {other}, <{2 * q} x i32> <{places}>")
        for one, other in (four[:2], four[2:])
    ]
    places = ", ".join(f"i32 {2 * at}, i32 {2 * at + 1}, i32 {2 * (q + at)}, i32 {2 * (q + at) + 1}" for at in range(q))
    return f.value(f"shufflevector {whole} {pairs[0]}, {whole} {pairs[1]}, <{4 * q} x i32> <{places}>")


def _some(of: Vectors, four: list[str], column: Word, dtype: np.dtype) -> str:
    """One of a counter's numbers, or two of them that follow each other."""
    f, chosen, number = of.f, [], kind(dtype)
    for lane in range(of.lanes):
        if isinstance(column, int):
            chosen.append(four[(column + lane) % 4])
            continue
        place = f.value(f"and i64 {f.add(column, lane)}, 3")
        one = four[3]
        for at in range(3):
            one = f.value(f"select i1 {f.value(f'icmp eq i64 {place}, {at}')}, {number} {four[at]}, {number} {one}")
        chosen.append(one)
    return chosen[0] if of.lanes == 1 else _vector(of, chosen, dtype)


def _vector(of: Vectors, numbers: Sequence[str], dtype: np.dtype) -> str:
    """Numbers as a vector."""
    total = "poison"
    for at, number in enumerate(numbers):
        total = of.f.value(f"insertelement {of.kind(dtype)} {total}, {kind(dtype)} {number}, i32 {at}")
    return total

"""Philox4x32-10 in vectors: a counter for each four lanes, whose four words are laid side by side."""

from collections.abc import Sequence

import numpy as np

from xpnet._support.philox import MASK, MULTIPLIERS, QUARTER, ROUNDS, WEYL
from xpnet.capture.engines.cpu.text import Word
from xpnet.capture.engines.cpu.vectors import INT64, Vectors

UINT32 = np.dtype("uint32")


def random_bits(of: Vectors, scalars: Sequence[str], row: Word, column: Word, layer: int, bits: int, which: str) -> str:
    """Random bits of some columns of a row, in uint32.

    Args:
        of: Vectors of the result.
        scalars: The key's two words, the index of the first row, and the step's number, each an i32.
        row: The row.
        column: The first column, a multiple of the lanes.
        layer: Number of what is drawn.
        bits: How many of a word's bits count.
        which: As for `xpnet._support.philox.random_bits`.
    """
    f, one = of.f, Vectors(of.f, 1)
    quarter = Vectors(f, max(of.lanes // 4, 1))
    low, high, first, step = (f.value(f"zext i32 {text} to i64") for text in scalars)

    def whole(number: Word) -> str:
        """One number in all lanes."""
        return quarter.number(number, INT64) if isinstance(number, int) else quarter.spread(INT64, number)

    def masked(value: str, vectors: Vectors = quarter) -> str:
        return vectors.do("and", INT64, value, vectors.number(MASK, INT64))

    block: Word = column // 4 if isinstance(column, int) else f.value(f"lshr i64 {column}, 2")
    c0 = whole(block) if quarter.lanes == 1 else quarter.do("add", INT64, whole(block), quarter.steps("i64"))
    index = one.do("add", INT64, first, str(row))
    c1, c2, c3 = whole(masked(index, one)), whole(layer), whole(step)
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
    behind = {"own": (0, 1, 2, 3), "radius": (0, 0, 2, 2), "angle": (1, 1, 3, 3)}[which]
    words = [(c0, c1, c2, c3)[at] for at in behind]
    if which == "angle":
        turned = quarter.number(-QUARTER, INT64)
        words = [masked(quarter.do("add", INT64, word, turned)) if at % 2 else word for at, word in enumerate(words)]
    shift = quarter.number(32 - bits, INT64)
    narrow = [
        f.value(f"trunc {quarter.kind(INT64)} {quarter.do('lshr', INT64, word, shift)} to {quarter.kind(UINT32)}")
        for word in words
    ]
    return _side_by_side(of, quarter, narrow) if of.lanes >= 4 else _some(of, narrow, column)


def _side_by_side(of: Vectors, quarter: Vectors, words: list[str]) -> str:
    """Words of each counter beside each other."""
    f, q = of.f, quarter.lanes
    if q == 1:
        total = "poison"
        for at, word in enumerate(words):
            total = f.value(f"insertelement {of.kind(UINT32)} {total}, i32 {word}, i32 {at}")
        return total
    pairs = []
    ends = ", ".join(f"i32 {at}" for at in range(2 * q))
    for one, other in (words[:2], words[2:]):
        kind = quarter.kind(UINT32)
        pairs.append(f.value(f"shufflevector {kind} {one}, {kind} {other}, <{2 * q} x i32> <{ends}>"))
    places = ", ".join(f"i32 {word * q + at}" for at in range(q) for word in range(4))
    kind = Vectors(f, 2 * q).kind(UINT32)
    return f.value(f"shufflevector {kind} {pairs[0]}, {kind} {pairs[1]}, <{4 * q} x i32> <{places}>")


def _some(of: Vectors, words: list[str], column: Word) -> str:
    """One of a counter's words, or two of them that follow each other."""
    f, chosen = of.f, []
    for lane in range(of.lanes):
        if isinstance(column, int):
            chosen.append(words[(column + lane) % 4])
            continue
        place = f.value(f"and i64 {f.add(column, lane)}, 3")
        word = words[3]
        for at in range(3):
            word = f.value(f"select i1 {f.value(f'icmp eq i64 {place}, {at}')}, i32 {words[at]}, i32 {word}")
        chosen.append(word)
    if of.lanes == 1:
        return chosen[0]
    total = "poison"
    for at, word in enumerate(chosen):
        total = f.value(f"insertelement {of.kind(UINT32)} {total}, i32 {word}, i32 {at}")
    return total

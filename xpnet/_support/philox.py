"""Philox4x32-10: random numbers that are a function of a counter and a key, with the same bits on every array library.

Nothing is stored: the counter of element (i, j) is (j // 4, i, layer, step), and each counter gives four numbers, one
for each of four columns. So a number depends neither on the other rows of an array nor on who computes it.

Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
"""

from typing import NamedTuple

from xpnet._support.typing import Array, Namespace

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF

Words = tuple[Array, Array, Array, Array]
"""Four words of each counter, or what is made of them, each in an array."""


class Key(NamedTuple):
    """What random numbers depend on beside their place; 0-d arrays of int32, of which every bit counts.

    Attributes:
        low: First word of the key.
        high: Second word of the key.
        first: Index of an array's first row among all rows of the batch.
    """

    low: Array
    high: Array
    first: Array


def random_bits(key: Key, step: Array, layer: int, like: Array, *, bits: int = 32, xp: Namespace) -> Array:
    """Random whole numbers below 2^bits, one for each element of a matrix.

    They are in uint32 where the library computes with it, and else in a wider type.

    Args:
        key: Key, and the index of the first row.
        step: Number of the step, a 0-d array of int32.
        layer: Number of what is drawn, one of several in a step.
        like: Matrix whose shape and device the numbers have.
        bits: How many of a word's bits count, the highest ones.
        xp: Namespace of the arrays.
    """
    recorded = getattr(type(xp), "random_bits", None)
    if recorded is not None:
        array: Array = recorded(xp, *key, step, like, (layer, bits))
        return array
    return by_columns(random_words(key, step, layer, like, xp=xp), like, xp=xp) >> (32 - bits)


def random_words(key: Key, step: Array, layer: int, like: Array, *, xp: Namespace) -> Words:
    """Words of a matrix's counters, each for a row and four columns."""
    wide = "int64" in xp.__array_namespace_info__().dtypes(kind="signed integer")
    one = xp.ones_like(like[:1, :1], dtype=xp.int64 if wide else xp.uint32)

    def word(number: Array | int) -> Array:
        number = number if isinstance(number, int) else xp.astype(number, one.dtype)
        return (one * number) & _mask(one, wide)

    blocks = xp.cumulative_sum(xp.ones_like(like[:1, ::4], dtype=one.dtype), axis=1, dtype=one.dtype) - 1
    rows = xp.cumulative_sum(xp.ones_like(like[:, :1], dtype=one.dtype), axis=0, dtype=one.dtype) - 1
    rows = (rows + word(key.first)) & _mask(one, wide)
    counter = (blocks, rows, word(layer), word(step))
    return philox(counter, (word(key.low), word(key.high)), wide=wide, xp=xp)


def by_columns(four: Words, like: Array, *, xp: Namespace) -> Array:
    """Numbers of each counter side by side, in the shape of a matrix."""
    n, d = like.shape
    table = xp.stack([xp.broadcast_to(each, (n, (d + 3) // 4)) for each in four], axis=2)
    return xp.reshape(table, (n, -1))[:, :d]


def philox(counter: tuple[Array, ...], key: tuple[Array, Array], *, wide: bool, xp: Namespace) -> Words:
    """Four words from the four of a counter and the two of a key, whose shapes are broadcast.

    Args:
        counter: Arrays of at least one axis.
        key: Likewise.
        wide: Whether the words are in int64, whose products wrap around; else they are in uint32.
        xp: Namespace of the arrays.
    """
    (c0, c1, c2, c3), (k0, k1) = counter, key
    product, mask = (_wide_product if wide else _narrow_product), _mask(c0, wide)
    for _ in range(ROUNDS):
        (high0, low0), (high1, low1) = product(c0, MULTIPLIERS[0], xp), product(c2, MULTIPLIERS[1], xp)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = ((k + _number(weyl, k, xp)) & mask for k, weyl in zip((k0, k1), WEYL, strict=True))
    return c0, c1, c2, c3


def _wide_product(a: Array, factor: int, xp: Namespace) -> tuple[Array, Array]:
    """Higher and lower word of a product, whose 64 bits are those of the signed one that wraps around."""
    product = a * factor
    return (product >> 32) & MASK, product & MASK


def _narrow_product(a: Array, factor: int, xp: Namespace) -> tuple[Array, Array]:
    """Higher and lower word of a product by halves of 16 bits, none of whose sums is above 32 bits."""
    low, high = a & 0xFFFF, a >> 16
    of_low, of_high = factor & 0xFFFF, factor >> 16
    middle = high * of_low + ((low * of_low) >> 16)
    upper = low * of_high + (middle & 0xFFFF)
    return high * of_high + (middle >> 16) + (upper >> 16), a * _number(factor, a, xp)


def _number(number: int, like: Array, xp: Namespace) -> Array:
    """Number as an array of one; JAX takes none above 2³¹ otherwise."""
    return xp.full_like(like, number)


def _mask(like: Array, wide: bool) -> int | Array:
    """Mask of 32 bits, which a word of 32 bits needs none of."""
    return MASK if wide else ~(like ^ like)

"""Random numbers in NumPy's calls: Philox's rounds in place, on pairs of words; every library has the same bits."""

from collections.abc import Sequence

import numpy as np

from xpnet._support.box_muller import normal_numbers
from xpnet._support.philox import MASK, MULTIPLIERS, ROUNDS, WEYL, Words

DRAWN = 2**15
"""Random numbers that are drawn together, so that what is between stays in the cache."""


def draw(
    low: np.ndarray, high: np.ndarray, first: np.ndarray, step: np.ndarray, options: tuple[int, ...], out: np.ndarray
) -> None:
    """Fill a matrix with random bits, or with normal numbers if the options do not say how many bits."""
    layer, *bits = options
    rows = max(1, DRAWN // max(out.shape[1], 1))
    for start in range(0, len(out), rows):
        some = out[start : start + rows]
        four = words((int(low), int(high)), int(first) + start, int(step), layer, some.shape)
        if bits:
            for word in four:
                np.right_shift(word, np.uint64(32 - bits[0]), word)
        else:
            four = normal_numbers(four, some, xp=np)
        for at, numbers in enumerate(four):
            columns = some[:, at::4]
            columns[...] = numbers[:, : columns.shape[1]]


def words(key: tuple[int, int], first: int, step: int, layer: int, shape: tuple[int, int]) -> Words:
    """Words of a matrix's counters, as `xpnet._support.philox.random_words` gives them.

    The words with an even number, whose products are taken, are one array, and the others are another.
    """
    n, d = shape
    taken, others, spare = (np.empty((2, n, (d + 3) // 4), np.uint64) for _ in range(3))
    taken[0], taken[1] = np.arange(taken.shape[2]), layer
    others[0], others[1] = step & MASK, (np.arange(first, first + n) & MASK)[:, None]
    factors, mask, half = _pairs([MULTIPLIERS])[0], np.uint64(MASK), np.uint64(32)
    # In the order of the words that they meet, the second first.
    keys = _pairs([[(word + turn * weyl) & MASK for word, weyl in zip(key, WEYL, strict=True)][::-1]
                   for turn in range(ROUNDS)])  # fmt: skip
    for two in keys:
        np.multiply(taken, factors, taken)
        np.right_shift(taken, half, spare)
        np.bitwise_and(taken, mask, taken)
        np.bitwise_xor(spare, others, spare)
        np.bitwise_xor(spare, two, spare)
        # The higher halves change places, and the lower ones are already where the next turn has the other words.
        taken, others, spare = spare[::-1], taken, others
    return taken[0], others[1], taken[1], others[0]


def _pairs(numbers: Sequence[Sequence[int]]) -> np.ndarray:
    """Pairs of words, each of which meets the two words of counters."""
    return np.asarray(numbers, np.uint64).reshape(-1, 2, 1, 1)

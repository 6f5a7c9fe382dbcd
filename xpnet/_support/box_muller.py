"""Normal numbers by Box and Muller's way: two words of Philox, a radius and an angle, give two of them.

The numbers of a counter's four words r₀ … r₃, as u₀ … u₃ between 0 and 1, are those of four columns:
√(−2 ln u₀) cos 2πu₁, √(−2 ln u₀) sin 2πu₁, √(−2 ln u₂) cos 2πu₃, √(−2 ln u₂) sin 2πu₃.

Source: Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
"""

import math

from xpnet._support.philox import Key, Words, by_columns, random_words
from xpnet._support.typing import Array, Namespace


def digits(like: Array, *, xp: Namespace) -> int:
    """Bits of a word that a number of `like`'s dtype takes, such that (r + ½) / 2ᵇ is exact."""
    return 23 if like.dtype == xp.float32 else 32


def uniform_of(words: Array, bits: int, like: Array, *, xp: Namespace) -> Array:
    """(r + ½) / 2ᵇ of whole numbers below 2ᵇ."""
    return (xp.astype(words, like.dtype) + 0.5) * 2.0**-bits


def random_normal(key: Key, step: Array, layer: int, like: Array, *, xp: Namespace) -> Array:
    """Normal numbers of mean 0 and variance 1, of a matrix's shape and dtype; `key` and so on as for random bits."""
    recorded = getattr(type(xp), "random_normal", None)
    if recorded is not None:
        array: Array = recorded(xp, *key, step, like, (layer,))
        return array
    return by_columns(normal_numbers(random_words(key, step, layer, like, xp=xp), like, xp=xp), like, xp=xp)


def normal_numbers(words: Words, like: Array, *, xp: Namespace) -> Words:
    """Four normal numbers of each counter, of `like`'s dtype, from its four words."""
    bits = digits(like, xp=xp)
    u = [uniform_of(word >> (32 - bits), bits, like, xp=xp) for word in words]
    radius, angle = ([xp.sqrt(-2 * xp.log(each)) for each in u[::2]], [2 * math.pi * each for each in u[1::2]])
    pairs = [(r * xp.cos(t), r * xp.sin(t)) for r, t in zip(radius, angle, strict=True)]
    return (*pairs[0], *pairs[1])

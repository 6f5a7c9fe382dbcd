"""Random numbers within a step: uniform ones, yes or no, and normal ones, from Philox's bits."""

import math

from xpnet._support.philox import Key, Which, random_bits
from xpnet._support.typing import Array, Namespace

YES_BITS = 31
"""Bits that a probability is compared in; every library has numbers of so many in Python's spelling."""


def uniform(key: Key, step: Array, layer: int, like: Array, *, which: Which = "own", xp: Namespace) -> Array:
    """Numbers between 0 and 1, of `like`'s dtype, neither of which occurs: (r + ½) / 2ᵇ, exact in that dtype."""
    bits = 23 if like.dtype == xp.float32 else 32
    drawn = random_bits(key, step, layer, like, bits=bits, which=which, xp=xp)
    return (xp.astype(drawn, like.dtype) + 0.5) * 2.0**-bits


def bernoulli(key: Key, step: Array, layer: int, like: Array, probability: float, *, xp: Namespace) -> Array:
    """Where something happens that has this probability, to 2⁻³¹."""
    drawn = random_bits(key, step, layer, like, bits=YES_BITS, xp=xp)
    return drawn < min(round(probability * 2**YES_BITS), 2**YES_BITS - 1)


def normal(key: Key, step: Array, layer: int, like: Array, *, xp: Namespace) -> Array:
    """Normal numbers of mean 0 and variance 1: √(−2 ln u) cos 2πv, and sin for the second of a pair.

    Source: Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    """
    u = uniform(key, step, layer, like, which="radius", xp=xp)
    v = uniform(key, step, layer, like, which="angle", xp=xp)
    return xp.sqrt(-2 * xp.log(u)) * xp.cos(2 * math.pi * v)

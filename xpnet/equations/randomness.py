"""Random numbers within a step: uniform ones, yes or no, and normal ones, from Philox's bits."""

from xpnet._support.box_muller import digits, random_normal, uniform_of
from xpnet._support.philox import Key, random_bits
from xpnet._support.typing import Array, Namespace

YES_BITS = 31
"""Bits that a probability is compared in; every library has numbers of so many in Python's spelling."""


def uniform(key: Key, step: Array, layer: int, like: Array, *, xp: Namespace) -> Array:
    """Numbers between 0 and 1, of `like`'s dtype, neither of which occurs: (r + ½) / 2ᵇ, exact in that dtype."""
    bits = digits(like, xp=xp)
    return uniform_of(random_bits(key, step, layer, like, bits=bits, xp=xp), bits, like, xp=xp)


def bernoulli(key: Key, step: Array, layer: int, like: Array, probability: float, *, xp: Namespace) -> Array:
    """Where something happens that has this probability, to 2⁻³¹."""
    drawn = random_bits(key, step, layer, like, bits=YES_BITS, xp=xp)
    return drawn < min(round(probability * 2**YES_BITS), 2**YES_BITS - 1)


def normal(key: Key, step: Array, layer: int, like: Array, *, xp: Namespace) -> Array:
    """Normal numbers of mean 0 and variance 1, of `like`'s dtype."""
    return random_normal(key, step, layer, like, xp=xp)

"""Dropout: in a step of the training each neuron of a hidden layer is left out at random, and the others are scaled up.

A layer's mask is part of its activation, so that forward and backward pass are the post's, unchanged:
a = m σ(z) and ∂a/∂z = m σ′(z), where m is 0 with probability p and else 1 / (1 − p).

Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).
"""

from collections.abc import Sequence

from jaxtyping import Float

from xpnet._support.philox import Key
from xpnet._support.typing import Array, Namespace
from xpnet.equations.activations import Activation
from xpnet.equations.randomness import bernoulli


def with_dropout(
    hidden: Sequence[Activation], fractions: Sequence[float], key: Key, step: Array
) -> tuple[Activation, ...]:
    """Activations of the hidden layers for one step, each with the fraction that is left out."""
    pairs = zip(hidden, fractions, strict=True)
    return tuple(
        activation if fraction == 0 else _masked(activation, fraction, key, step, layer)
        for layer, (activation, fraction) in enumerate(pairs)
    )


def _masked(activation: Activation, fraction: float, key: Key, step: Array, layer: int) -> Activation:
    """Activation with a mask, which the forward pass draws and the backward pass takes from it."""
    masks: list[Array] = []

    def function(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
        is_left_out = bernoulli(key, step, layer, z, fraction, xp=xp)
        masks.append(xp.astype(~is_left_out, z.dtype) * (1 / (1 - fraction)))
        return activation.function(z, xp=xp) * masks[-1]

    def derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
        # Where m is not 0, a (1 − p) is σ(z) again.
        return masks[-1] * activation.derivative(a * (1 - fraction), xp=xp)

    return activation._replace(function=function, derivative=derivative)

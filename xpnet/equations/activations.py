"""Element-wise activations, each with its slope ∂a/∂z as a function of the activation a that the forward pass kept."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from jaxtyping import Float

from xpnet._support.typing import Array, Namespace

Name = Literal["sigmoid", "tanh", "relu", "identity"]

SYNONYMS = {"logistic": "sigmoid", "linear": "identity", "none": "identity"}
"""What other libraries call them."""


class Activation(NamedTuple):
    """A layer's activation.

    Attributes:
        name: What `Network(activation=...)` and `--activation` call it.
        function: a = σ(z).
        slope: ∂a/∂z, from a.
        gain: Initial weights have the standard deviation gain / √d_in.
    """

    name: str
    function: Callable[..., Array]
    slope: Callable[..., Array]
    gain: float


def sigmoid(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = 1 / (1 + exp(−z)); below z = −80, where a < 2e-35, it stays at that value, so that exp cannot overflow."""
    return 1 / (1 + xp.exp(xp.minimum(-z, 80.0)))


def sigmoid_slope(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = a(1 − a)."""
    return a * (1 - a)


def tanh(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = tanh(z)."""
    return xp.tanh(z)


def tanh_slope(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1 − a²."""
    return 1 - a * a


def relu(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = max(z, 0)."""
    return xp.maximum(z, 0.0)


def relu_slope(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1 where a > 0, else 0."""
    return xp.astype(a > 0, a.dtype)


def identity(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = z."""
    return z


def identity_slope(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1."""
    return xp.ones_like(a)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid, sigmoid_slope, gain=1.0),
        Activation("tanh", tanh, tanh_slope, gain=1.0),
        Activation("relu", relu, relu_slope, gain=math.sqrt(2.0)),
        Activation("identity", identity, identity_slope, gain=1.0),
    )
}

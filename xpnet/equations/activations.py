"""Element-wise activations, each with its derivative ∂a/∂z as a function of a, which the forward pass has computed."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from jaxtyping import Float

from xpnet._support.typing import Array, Namespace

ActivationName = Literal["sigmoid", "tanh", "relu", "identity"]
"""Names in `ACTIVATIONS`, for type checkers."""

SYNONYMS = {"logistic": "sigmoid", "linear": "identity", "none": "identity"}
"""What other libraries call them."""


class Activation(NamedTuple):
    """Activation of a layer.

    Attributes:
        name: Name for `Network(activation=...)` and `--activation`.
        function: a = σ(z).
        derivative: ∂a/∂z, from a.
        gain: Initial weights have the standard deviation gain / √d_in.
    """

    name: str
    function: Callable[..., Array]
    derivative: Callable[..., Array]
    gain: float


def sigmoid(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = 1 / (1 + exp(−z)); constant below z = −80, where a < 2e-35, so that exp cannot overflow."""
    return 1 / (1 + xp.exp(xp.minimum(-z, 80.0)))


def sigmoid_derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = a(1 − a)."""
    return a * (1 - a)


def tanh(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = tanh(z)."""
    return xp.tanh(z)


def tanh_derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1 − a²."""
    return 1 - a * a


def relu(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = max(z, 0)."""
    return xp.maximum(z, 0.0)


def relu_derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1 where a > 0, else 0."""
    return xp.astype(a > 0, a.dtype)


def identity(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = z."""
    return z


def identity_derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1."""
    return xp.ones_like(a)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid, sigmoid_derivative, gain=1.0),
        Activation("tanh", tanh, tanh_derivative, gain=1.0),
        Activation("relu", relu, relu_derivative, gain=math.sqrt(2.0)),
        Activation("identity", identity, identity_derivative, gain=1.0),
    )
}

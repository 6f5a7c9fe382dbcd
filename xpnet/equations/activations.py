"""Element-wise activations, each with its derivative ∂a/∂z as a function of a, which the forward pass has computed."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from jaxtyping import Float

from xpnet._support.tables import Family, member
from xpnet._support.typing import Array, Namespace
from xpnet.errors import InputError

ActivationName = Literal["sigmoid", "tanh", "relu", "identity", "leaky_relu", "elu", "softplus", "hard_sigmoid"]
"""Names in `ACTIVATIONS`, for type checkers."""

SYNONYMS = {
    "logistic": "sigmoid",
    "linear": "identity",
    "none": "identity",
    "leakyrelu": "leaky_relu",
    "hardsigmoid": "hard_sigmoid",
}
"""What other libraries call them."""

NOT_FROM_A = ("gelu", "silu", "swish", "mish")
"""Activations that fall and then rise, so that two z have the same a but not the same derivative."""


class Activation(NamedTuple):
    """Activation of a layer.

    Attributes:
        name: Name for `Network(activation=...)` and `--activation`.
        function: a = σ(z).
        derivative: ∂a/∂z, from a.
        gain: Initial weights have the standard deviation gain / √d_in.
        number: Number that tells it from others of that name, or None.
    """

    name: str
    function: Callable[..., Array]
    derivative: Callable[..., Array]
    gain: float
    number: float | None = None


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


def softplus(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = ln(1 + exp(z)) = max(z, 0) + ln(1 + exp(−|z|)), whose exp cannot overflow."""
    return xp.maximum(z, 0.0) + xp.log1p(xp.exp(-xp.abs(z)))


def softplus_derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1 / (1 + exp(−z)) = 1 − exp(−a)."""
    return 1 - xp.exp(-a)


def hard_sigmoid(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """a = z/6 + ½, but not below 0 and not above 1."""
    return xp.minimum(xp.maximum(z / 6 + 0.5, 0.0), 1.0)


def hard_sigmoid_derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
    """∂a/∂z = 1/6 where 0 < a < 1, else 0."""
    return xp.astype(xp.logical_and(a > 0, a < 1), a.dtype) / 6


# Each function once per number, so that a step made of it is planned or compiled once.
@lru_cache
def leaky_relu(slope: float) -> Activation:
    """a = z where z > 0, else slope · z."""

    def function(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
        return xp.maximum(z, slope * z)

    def derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
        return xp.where(a > 0, xp.ones_like(a), xp.full_like(a, slope))

    return Activation("leaky_relu", function, derivative, gain=math.sqrt(2 / (1 + slope**2)), number=slope)


@lru_cache
def elu(alpha: float) -> Activation:
    """a = z where z > 0, else α (exp(z) − 1), with the derivative a + α there."""

    def function(z: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
        return xp.where(z > 0, z, alpha * (xp.exp(xp.minimum(z, 0.0)) - 1))

    def derivative(a: Float[Array, "n d"], *, xp: Namespace) -> Float[Array, "n d"]:
        return xp.where(a > 0, xp.ones_like(a), a + alpha)

    # The mean of a² is 1 where that of z² is: for z < 0 it is α² times ½ − 2√e Φ(−1) + e² Φ(−2).
    return Activation("elu", function, derivative, gain=1 / math.sqrt(0.5 + 0.14495 * alpha**2), number=alpha)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid, sigmoid_derivative, gain=1.0),
        Activation("tanh", tanh, tanh_derivative, gain=1.0),
        Activation("relu", relu, relu_derivative, gain=math.sqrt(2.0)),
        Activation("identity", identity, identity_derivative, gain=1.0),
        leaky_relu(0.01),
        elu(1.0),
        Activation("softplus", softplus, softplus_derivative, gain=1.0),
        Activation("hard_sigmoid", hard_sigmoid, hard_sigmoid_derivative, gain=1.0),
    )
}
"""Activations by name; those with a number have the one that PyTorch gives them."""

FAMILIES = {
    "leaky_relu": Family(leaky_relu, lambda slope: 0 <= slope <= 1, "the slope below 0, from 0 to 1"),
    "elu": Family(elu, lambda alpha: alpha > 0, "α, above 0: it is −α far below 0"),
}
"""Activations with a number of their own: `leaky_relu:0.2`."""


def activation(name: Any) -> Activation:
    """Activation by its name: `relu`, `leaky_relu`, `leaky_relu:0.2`.

    Raises:
        InputError: There is none of that name, or its derivative is no function of a.
    """
    if isinstance(name, str) and name.lower() in NOT_FROM_A:
        raise InputError(
            f"activation is {name!r}, whose derivative is no function of a, which is all that the forward pass keeps; "
            "use 'elu', 'softplus' or 'leaky_relu'."
        )
    return member(ACTIVATIONS, FAMILIES, "activation", name, synonyms=SYNONYMS)

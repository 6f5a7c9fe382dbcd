"""Losses: output activation and cost, as matched pairs where ∂C/∂z = a − y, the post's equation (7).

Costs are computed from z, not from a, so that they stay finite where a rounds to 0 or 1. A loss that is no matched pair
has a ∂C/∂z of its own.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from jaxtyping import Float

from xpnet._support.tables import Family, member
from xpnet._support.typing import Array, Namespace
from xpnet.equations.activations import identity, sigmoid

LossName = Literal[
    "cross_entropy", "binary_cross_entropy", "squared_error", "poisson", "absolute_error", "huber", "pinball"
]
"""Names in `LOSSES`, for type checkers."""

SYNONYMS = {
    "softmax": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "crossentropy": "cross_entropy",
    "log_loss": "cross_entropy",
    "nll": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "bce": "binary_cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "mae": "absolute_error",
    "l1": "absolute_error",
    "mean_absolute_error": "absolute_error",
    "quantile": "pinball",
}
"""What other libraries call them."""

STRAIGHT = 32.0
"""From this z on `exp` is constant and its cost a straight line; exp(32) = 8e13, whose square float32 can represent."""


class Loss(NamedTuple):
    """Output activation with its cost.

    Attributes:
        name: Name for `Network(loss=...)`.
        activation: a of the output layer, from z.
        cost: C of each sample, from z and y.
        error: 1 for each misclassified sample, else 0; for a regression the squared error; from a and y.
        regression: Whether the accuracy is R².
        dC_dz: ∂C/∂z of each output, from a and y; None where activation and cost are a matched pair, and it is a − y.
        number: Number that tells it from others of that name, or None.
    """

    name: str
    activation: Callable[..., Array]
    cost: Callable[..., Array]
    error: Callable[..., Array]
    regression: bool
    dC_dz: Callable[..., Array] | None = None
    number: float | None = None


def softmax(z: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, "n k"]:
    """aᵢ = exp(zᵢ) / Σₖ exp(zₖ), row by row; the largest z is subtracted first, which changes only the range."""
    e = xp.exp(z - xp.max(z, axis=1, keepdims=True))
    return e / xp.sum(e, axis=1, keepdims=True)


def cross_entropy(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """C = Σᵢ yᵢ ln(1 / aᵢ), with ln(1 / aᵢ) = ln Σₖ exp(zₖ) − zᵢ; y sums to 1, or (7) does not hold."""
    z = z - xp.max(z, axis=1, keepdims=True)
    return xp.sum(y * (xp.log(xp.sum(xp.exp(z), axis=1, keepdims=True)) - z), axis=1)


def wrong_class(a: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """1 where the class of the largest a is not that of the largest y."""
    return xp.astype(xp.argmax(a, axis=1) != xp.argmax(y, axis=1), a.dtype)


def binary_cross_entropy(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """C = −Σᵢ yᵢ ln aᵢ + (1 − yᵢ) ln(1 − aᵢ), with −ln(1 − aᵢ) = max(zᵢ, 0) + ln(1 + exp(−|zᵢ|))."""
    return xp.sum(xp.maximum(z, 0.0) - z * y + xp.log1p(xp.exp(-xp.abs(z))), axis=1)


def wrong_labels(a: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """1 where any output is on the other side of ½ than its label."""
    return xp.astype(xp.any((a > 0.5) != (y > 0.5), axis=1), a.dtype)


def half_squared_error(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """C = ½ Σᵢ (zᵢ − yᵢ)²."""
    return squared_error(z, y, xp=xp) / 2


def squared_error(a: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """Σᵢ (aᵢ − yᵢ)², of which R² is computed."""
    return xp.sum((a - y) * (a - y), axis=1)


def exp(z: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, "n k"]:
    """a = exp(z), constant from z = 32 on."""
    return xp.exp(xp.minimum(z, STRAIGHT))


def poisson(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """C = Σᵢ exp(zᵢ) − yᵢ zᵢ, from z = 32 on along its tangent; ln yᵢ!, which depends on no parameter, is left out."""
    beyond = xp.maximum(z - STRAIGHT, 0.0)
    return xp.sum(exp(z, xp=xp) * (1 + beyond) - y * z, axis=1)


def absolute_error(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
    """C = Σᵢ |zᵢ − yᵢ|, which the median makes least."""
    return xp.sum(xp.abs(z - y), axis=1)


def side(a: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, "n k"]:
    """∂C/∂z of the absolute error: 1 above the target, −1 below it, 0 on it."""
    return xp.astype(a > y, a.dtype) - xp.astype(a < y, a.dtype)


# Each loss once per number, so that a step made of it is planned or compiled once.
@lru_cache
def huber(delta: float) -> Loss:
    """Half the squared error up to a distance of δ from the target, and a straight line beyond it."""

    def cost(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
        """C = Σᵢ c (r − c/2), with r = |zᵢ − yᵢ| and c = min(r, δ): r²/2, then δ (r − δ/2)."""
        distance = xp.abs(z - y)
        clipped = xp.minimum(distance, delta)
        return xp.sum(clipped * (distance - clipped / 2), axis=1)

    def dC_dz(a: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, "n k"]:
        """∂C/∂z = a − y, but not below −δ and not above δ."""
        return xp.minimum(xp.maximum(a - y, -delta), delta)

    return Loss("huber", identity, cost, squared_error, True, dC_dz, delta)


@lru_cache
def pinball(level: float) -> Loss:
    """Loss that the quantile of that level makes least: of all targets, this fraction lies below it."""

    def cost(z: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, " n"]:
        """C = Σᵢ max((1 − q)(zᵢ − yᵢ), q (yᵢ − zᵢ)), with the level q."""
        above = z - y
        return xp.sum(xp.maximum((1 - level) * above, -level * above), axis=1)

    def dC_dz(a: Float[Array, "n k"], y: Float[Array, "n k"], *, xp: Namespace) -> Float[Array, "n k"]:
        """∂C/∂z = 1 − q above the target, else −q."""
        return xp.astype(a > y, a.dtype) - level

    return Loss("pinball", identity, cost, squared_error, True, dC_dz, level)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("cross_entropy", softmax, cross_entropy, wrong_class, regression=False),
        Loss("binary_cross_entropy", sigmoid, binary_cross_entropy, wrong_labels, regression=False),
        Loss("squared_error", identity, half_squared_error, squared_error, regression=True),
        Loss("poisson", exp, poisson, squared_error, regression=True),
        Loss("absolute_error", identity, absolute_error, squared_error, regression=True, dC_dz=side),
        huber(1.0),
        pinball(0.5),
    )
}
"""Losses by name; a Huber loss has δ = 1, a pinball loss the level ½, which is the median's."""

FAMILIES = {
    "huber": Family(huber, lambda delta: delta > 0, "δ, above 0: how far off half the squared error goes"),
    "pinball": Family(pinball, lambda level: 0 < level < 1, "the level of the quantile, above 0 and below 1"),
}
"""Losses with a number of their own: `pinball:0.9`."""


def loss(name: Any) -> Loss:
    """Loss by its name: `cross_entropy`, `huber`, `pinball:0.9`.

    Raises:
        InputError: There is none of that name.
    """
    return member(LOSSES, FAMILIES, "loss", name, synonyms=SYNONYMS)


def total_error(loss: Loss, y: Float[Array, "n k"], *, xp: Namespace) -> Array | float:
    """Error of an accuracy of 0: every sample misclassified, or for a regression the error of predicting the mean."""
    if not loss.regression:
        return float(y.shape[0])
    spread = y - xp.mean(y, axis=0, keepdims=True)
    return xp.sum(spread * spread)


def accuracy(error: float, total_error: float) -> float:
    """Fraction of samples that are right, or R² for a regression; 1 where there is no error and could be none."""
    return (total_error - error) / total_error if total_error else float(error == 0)


def accuracy_array(error: Array, total_error: Array | float, *, xp: Namespace) -> Array:
    """`accuracy`, a 0-d array, of sums that are not known yet."""
    total = xp.where(total_error == 0, xp.ones_like(error), total_error)
    return xp.where(total_error == 0, xp.astype(error == 0, error.dtype), (total - error) / total)

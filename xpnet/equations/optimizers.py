"""Optimizers: update rules as pairs (init, update) of pure functions.

Symbols: w a parameter array, g its gradient, η the learning rate, t the number of the step, the first being 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from inspect import signature
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

from xpnet._support.arguments import check_number
from xpnet._support.typing import Array, Layer, Namespace, Params, Slots

LearningRate: TypeAlias = float | Callable[[float], float]
"""Number, or schedule: a function of the training's progress in epochs."""


class Optimizer(NamedTuple):
    """Update rule with its learning rate.

    Attributes:
        init: `init(params, xp=xp)` returns the slots, the optimizer state, before the first step.
        update: `update(gradients, slots, params, learning_rate, t, xp=xp)` returns the new parameters and slots;
            learning rate and step number t are 0-d arrays.
        learning_rate: Number or schedule; the training evaluates it on the host and passes it to `update`.
        name: Name of the function that makes it.
    """

    init: Callable[..., Slots]
    update: Callable[..., tuple[Params, Slots]]
    learning_rate: LearningRate
    name: str = "Optimizer"

    def __repr__(self) -> str:
        return f"{self.name}(learning_rate={self.learning_rate!r})"

    @property
    def settings(self) -> str:
        """Name and all settings but the learning rate: what a state of it can only be used with."""
        rule = self.update.rule if isinstance(self.update, _Update) else None
        settings = {} if rule is None else {field.name: getattr(rule, field.name) for field in fields(rule)}
        # Alike for 1, 1.0 and NumPy's numbers.
        texts = (f"{name}={value if isinstance(value, bool) else float(value)}" for name, value in settings.items())
        return f"{self.name}({', '.join(texts)})"


@runtime_checkable
class _Rule(Protocol):
    """Rule for one array; two with equal settings are equal, so that a step is compiled once, and can be pickled."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    slots: ClassVar[int]

    def __call__(self, w: Array, g: Array, *slots_rate_t_xp: Any) -> tuple[Array, ...]:
        """New w and slots from w, g, the slots, learning rate, step number and namespace."""


@dataclass(frozen=True)
class _Init:
    """Optimizer state before the first step."""

    slots: int

    def __call__(self, params: Params, *, xp: Namespace) -> Slots:
        zeros = tuple(Layer(xp.zeros_like(layer.w), xp.zeros_like(layer.b)) for layer in params)
        return (zeros,) * self.slots


@dataclass(frozen=True)
class _Update:
    """Update of a network by the rule for one array."""

    rule: _Rule

    def __call__(
        self, gradients: Params, slots: Slots, params: Params, learning_rate: Array, t: Array, *, xp: Namespace
    ) -> tuple[Params, Slots]:
        updated = [
            [self.rule(*arrays, learning_rate, t, xp) for arrays in zip(*layers, strict=True)]
            for layers in zip(params, gradients, *slots, strict=True)
        ]
        params, *new_slots = (
            tuple(Layer(w=layer[0][i], b=layer[1][i]) for layer in updated) for i in range(1 + len(slots))
        )
        return params, tuple(new_slots)


def _optimizer(name: str, rule: _Rule, learning_rate: LearningRate) -> Optimizer:
    """Optimizer of a network from the rule for one array."""
    if not callable(learning_rate):
        check_number("learning_rate", learning_rate, needed="0 or more, or a schedule")
    return Optimizer(_Init(rule.slots), _Update(rule), learning_rate, name)


def _fraction(name: str, value: float) -> float:
    """Decay rate of a mean, which is at least 0 and below 1."""
    return check_number(name, value, lambda number: 0 <= number < 1, "at least 0 and below 1")


def _momentum(momentum: float) -> float:
    """Momentum, which is from 0 to 1."""
    return check_number("momentum", momentum, lambda number: 0 <= number <= 1, "from 0 to 1")


def sgd(learning_rate: LearningRate = 0.1) -> Optimizer:
    """Stochastic gradient descent: w ← w − η g."""
    return _optimizer("sgd", _Descent(), learning_rate)


@dataclass(frozen=True)
class _Descent:
    slots: ClassVar[int] = 0

    def __call__(self, w: Array, g: Array, learning_rate: Array, t: Array, xp: Namespace) -> tuple[Array, ...]:
        return (w - learning_rate * g,)


def momentum(learning_rate: LearningRate = 0.05, momentum: float = 0.9) -> Optimizer:
    """Momentum: v ← μ v − η g, w ← w + v; with μ = 1 there is no friction.

    At a constant rate this is torch's momentum, whose state is v / −η.
    """
    return _optimizer("momentum", _Momentum(_momentum(momentum)), learning_rate)


@dataclass(frozen=True)
class _Momentum:
    momentum: float
    slots: ClassVar[int] = 1

    def __call__(
        self, w: Array, g: Array, v: Array, learning_rate: Array, t: Array, xp: Namespace
    ) -> tuple[Array, ...]:
        v = self.momentum * v - learning_rate * g
        return w + v, v


def nesterov(learning_rate: LearningRate = 0.05, momentum: float = 0.9) -> Optimizer:
    """Nesterov's momentum: v ← μ v − η g, w ← w + μ v − η g.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), with the
    parameters kept at the point looked ahead to, as torch and scikit-learn do.
    """
    return _optimizer("nesterov", _Nesterov(_momentum(momentum)), learning_rate)


@dataclass(frozen=True)
class _Nesterov:
    momentum: float
    slots: ClassVar[int] = 1

    def __call__(
        self, w: Array, g: Array, v: Array, learning_rate: Array, t: Array, xp: Namespace
    ) -> tuple[Array, ...]:
        descent = learning_rate * g
        v = self.momentum * v - descent
        return w + self.momentum * v - descent, v


def adam(
    learning_rate: LearningRate = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    *,
    epsilon_hat: bool = False,
) -> Optimizer:
    """Adam: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε).

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ), as in torch and optax.

    Args:
        learning_rate: η, a number or a schedule.
        beta1: β₁, decay rate of the mean gradient.
        beta2: β₂, decay rate of the mean squared gradient.
        epsilon: ε, which keeps the divisor away from zero.
        epsilon_hat: Whether to use the other form, w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε), as in scikit-learn.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), Algorithm 1; the ε̂ form, section 2.
    """
    decaying = adamw(learning_rate, beta1, beta2, epsilon, weight_decay=0.0, epsilon_hat=epsilon_hat)
    return decaying._replace(name="adam")


def adamw(
    learning_rate: LearningRate = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    *,
    epsilon_hat: bool = False,
) -> Optimizer:
    """Adam with decoupled weight decay: w ← w − η λ w, then Adam's step; biases do not decay.

    Args:
        learning_rate: η, a number or a schedule.
        beta1: β₁, as for `adam`.
        beta2: β₂, as for `adam`.
        epsilon: ε, as for `adam`.
        weight_decay: λ, the fraction of a weight that is lost per step, in units of η.
        epsilon_hat: As for `adam`.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), as torch and optax scale it.
    """
    beta1, beta2 = _fraction("beta1", beta1), _fraction("beta2", beta2)
    epsilon, weight_decay = check_number("epsilon", epsilon), check_number("weight_decay", weight_decay)
    return _optimizer("adamw", _AdamW(beta1, beta2, epsilon, weight_decay, bool(epsilon_hat)), learning_rate)


@dataclass(frozen=True)
class _AdamW:
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    epsilon_hat: bool
    slots: ClassVar[int] = 2

    def __call__(
        self, w: Array, g: Array, m: Array, v: Array, learning_rate: Array, t: Array, xp: Namespace
    ) -> tuple[Array, ...]:
        m = self.beta1 * m + (1 - self.beta1) * g
        v = self.beta2 * v + (1 - self.beta2) * (g * g)
        t = xp.astype(t, w.dtype)
        unbias1, unbias2 = _one_minus_power(self.beta1, t, xp=xp), _one_minus_power(self.beta2, t, xp=xp)
        if self.epsilon_hat:
            step = (learning_rate * xp.sqrt(unbias2) / unbias1) * (m / (xp.sqrt(v) + self.epsilon))
        else:
            step = learning_rate * ((m / unbias1) / (xp.sqrt(v / unbias2) + self.epsilon))
        if self.weight_decay and w.ndim > 1:
            w = w - (learning_rate * self.weight_decay) * w
        return w - step, m, v


def _one_minus_power(beta: float, t: Array, *, xp: Namespace) -> Array:
    """1 − βᵗ = −expm1(t ln β), which is accurate in float32 where β is near 1."""
    return -xp.expm1(t * (math.log(beta) if beta else -math.inf))


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    optimizer.__name__: optimizer for optimizer in (sgd, momentum, nesterov, adam, adamw)
}
"""Optimizers by name."""


def default_rate(name: str) -> float:
    """Default learning rate of an optimizer: that of its function's argument."""
    rate: float = signature(OPTIMIZERS[name]).parameters["learning_rate"].default
    return rate

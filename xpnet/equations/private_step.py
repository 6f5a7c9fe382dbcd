"""Private training step (DP-SGD): sums over the parts of a batch, each row's gradient clipped, then noise and update.

The gradient is (Σ cᵢ gᵢ + N(0, σ²C²)) / b with cᵢ = min(1, C / ‖gᵢ‖): the noise is added once to the sum over all
parts, and b, the expected number of rows, is a constant, so that how many rows were drawn does not show.

Source: Abadi et al., "Deep Learning with Differential Privacy" (2016).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from xpnet._support.philox import Key
from xpnet._support.typing import Array, Batch, Layer, Namespace, Params, Slots
from xpnet.equations import backprop
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.randomness import normal
from xpnet.equations.step import Metrics, Model, State, Sums, forward, updated, with_penalty

PrivateCarry = tuple[Params, State, Sums, Key]
"""Parameters, state, sums over the parts of the batch so far, and key of the noise."""


class PrivateStep(NamedTuple):
    """Step `update ∘ more ∘ … ∘ more ∘ first`, in the form that a backend runs.

    Attributes:
        first: Returns the carry with the sums of a batch's first part in place of others.
        more: Returns the carry with the sums of a further part added.
        update: Returns the carry after noise and update, and the metrics; its batch is None.
    """

    first: Callable[..., tuple[PrivateCarry, Metrics]]
    more: Callable[..., tuple[PrivateCarry, Metrics]]
    update: Callable[..., tuple[PrivateCarry, Metrics]]


def clipped_sums(model: Model, params: Params, batch: Batch, clip_norm: float, *, xp: Namespace) -> Sums:
    """Sums over the rows whose weight is 1; those of weight 0 fill a part up, and count in none of the sums."""
    counts = xp.reshape(batch.weight, (-1, 1))
    a, z = forward(model, params, batch.x, xp=xp)
    dC_dz = backprop.backward(params, a, batch.y, model.hidden, 1, model.loss.dC_dz, xp=xp)
    dC_dz = backprop.clipped(dC_dz, a, clip_norm, counts, xp=xp)
    cost = xp.sum(counts * model.loss.cost(z, batch.y, xp=xp)[:, None])
    error = model.loss.error(a[-1], batch.y, xp=xp)
    return Sums(backprop.gradients(dC_dz, a, xp=xp), cost, xp.sum(batch.weight * xp.astype(error, cost.dtype)))


def noisy(gradients: Params, deviation: float, key: Key, step: Array, *, xp: Namespace) -> Params:
    """Gradients with independent normal noise of that standard deviation on each number."""
    if deviation == 0:
        return gradients

    def noise(number: int, like: Array) -> Array:
        return deviation * normal(key, step, number, like, xp=xp)

    return tuple(
        Layer(
            layer.w + noise(2 * i, layer.w),
            layer.b + xp.reshape(noise(2 * i + 1, xp.reshape(layer.b, (1, -1))), (-1,)),
        )
        for i, layer in enumerate(gradients)
    )


def private_step(
    model: Model, optimizer: Optimizer, clip_norm: float, noise_multiplier: float, batch_size: int, l2_of: str = "mean"
) -> PrivateStep:
    """The parts of a private training's step.

    Args:
        model: Functions of the network.
        optimizer: Optimizer, whose update takes the noisy gradient like any other.
        clip_norm: C.
        noise_multiplier: σ.
        batch_size: b, the expected number of rows.
        l2_of: What λ/2 · Σ ‖w‖² is added to, as `epochs` takes it; it depends on no row, and gets no noise.
    """
    return _private_step(model, optimizer.update, clip_norm, noise_multiplier, batch_size, l2_of)


# A few are cached with the plans that are made for them, as steps are.
@lru_cache(maxsize=8)
def _private_step(
    model: Model,
    rule: Callable[..., tuple[Params, Slots]],
    clip_norm: float,
    noise_multiplier: float,
    batch_size: int,
    l2_of: str,
) -> PrivateStep:
    """Cached parts: one object for a model and a rule, so that each part is planned or compiled once."""

    def first(carry: PrivateCarry, batch: Batch, *, xp: Namespace) -> tuple[PrivateCarry, Metrics]:
        params, state, _, key = carry
        return (params, state, clipped_sums(model, params, batch, clip_norm, xp=xp), key), ()

    def more(carry: PrivateCarry, batch: Batch, *, xp: Namespace) -> tuple[PrivateCarry, Metrics]:
        params, state, before, key = carry
        sums = clipped_sums(model, params, batch, clip_norm, xp=xp)
        pairs = zip(before.gradients, sums.gradients, strict=True)
        gradients = tuple(Layer(one.w + other.w, one.b + other.b) for one, other in pairs)
        return (params, state, Sums(gradients, before.cost + sums.cost, before.error + sums.error), key), ()

    def update(carry: PrivateCarry, batch: None, *, xp: Namespace) -> tuple[PrivateCarry, Metrics]:
        params, state, sums, key = carry
        gradients = noisy(sums.gradients, noise_multiplier * clip_norm, key, state.count, xp=xp)
        means = tuple(Layer(layer.w / batch_size, layer.b / batch_size) for layer in gradients)
        l2 = state.l2 if state.l2 is None or l2_of == "mean" else state.l2 / batch_size
        gradients, metrics = with_penalty(params, Sums(means, sums.cost / batch_size, sums.error), l2, xp=xp)
        params, state = updated(rule, params, state, gradients, xp=xp)
        return (params, state, sums, key), metrics

    return PrivateStep(first, more, update)

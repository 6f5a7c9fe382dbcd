"""Training step in two parts, so that the sums over several parts of a batch can be added up in between.

Each part of a batch is summed up for itself, by the forward and backward pass that `step` has too; the total is divided
by Σ s, and updates as one batch would: C and its gradients are quotients of such sums.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from xpnet._support.typing import Array, Batch, Layer, Namespace, Params, Slots
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.step import (
    Metrics,
    Model,
    Noise,
    State,
    Sums,
    batch_sums,
    divisor,
    noise_of,
    updated,
    with_penalty,
)


class WeightedSums(NamedTuple):
    """Sums over some rows of a batch, not divided yet.

    Attributes:
        sums: Sums over the rows, each weighted by sᵢ, or by 1.
        weight: Σ sᵢ, without weights the number of rows; 0-d.
    """

    sums: Sums
    weight: Array


class PartialStep(NamedTuple):
    """Step `update ∘ add`, in the form that a backend runs.

    Attributes:
        add: `add((params, state, totals), batch, xp=xp)` returns the carry with the batch's sums in place of others;
            the state's slots are not read and may be left out.
        update: `update((params, state, totals), None, xp=xp)` returns the carry after the update, and the metrics.
    """

    add: Callable[..., tuple[tuple[Params, State, WeightedSums], Metrics]]
    update: Callable[..., tuple[tuple[Params, State, WeightedSums], Metrics]]


def weighted_sums(
    model: Model,
    params: Params,
    batch: Batch,
    clip_norm: float | None = None,
    noise: Noise | None = None,
    *,
    xp: Namespace,
) -> WeightedSums:
    """Sum over some rows of a batch."""
    if batch.weight is None:
        sums = batch_sums(model, params, batch, 1, clip_norm, noise, xp=xp)
        return WeightedSums(sums, xp.full_like(sums.cost, batch.y.shape[0]))
    sums = batch_sums(model, params, batch, xp.reshape(batch.weight, (-1, 1)), clip_norm, noise, xp=xp)
    return WeightedSums(sums, xp.sum(batch.weight))


def gradients_from_sums(
    params: Params, totals: WeightedSums, l2: Array | None, l2_of: str = "mean", *, xp: Namespace
) -> tuple[Params, Metrics]:
    """Gradients and metrics of the objective, as `step.gradients` returns them, from the sums over the whole batch."""
    sums, weight = totals
    total = divisor(weight, xp=xp)
    if l2 is not None and l2_of == "sum":
        # 0 in a batch whose weights are all 0, which then changes nothing.
        l2 = l2 * (weight / total) / total
    gradients = tuple(Layer(layer.w / total, layer.b / total) for layer in sums.gradients)
    return with_penalty(params, Sums(gradients, sums.cost / total, sums.error), l2, xp=xp)


def partial_step(
    model: Model, optimizer: Optimizer, l2_of: str = "mean", clip_norm: float | None = None
) -> PartialStep:
    """The two parts of a training's step."""
    return _partial_step(model, optimizer.update, l2_of, clip_norm)


# A few are cached with the plans that are made for them, as steps are.
@lru_cache(maxsize=8)
def _partial_step(
    model: Model, rule: Callable[..., tuple[Params, Slots]], l2_of: str, clip_norm: float | None
) -> PartialStep:
    """Cached parts: one object for a model and a rule, so that each part is planned or compiled once."""

    def add(
        carry: tuple[Params, State, WeightedSums], batch: Batch, *, xp: Namespace
    ) -> tuple[tuple[Params, State, WeightedSums], Metrics]:
        params, state, _ = carry
        return (params, state, weighted_sums(model, params, batch, clip_norm, noise_of(state), xp=xp)), ()

    def update(
        carry: tuple[Params, State, WeightedSums], batch: None, *, xp: Namespace
    ) -> tuple[tuple[Params, State, WeightedSums], Metrics]:
        params, state, totals = carry
        gradients, metrics = gradients_from_sums(params, totals, state.l2, l2_of, xp=xp)
        params, state = updated(rule, params, state, gradients, xp=xp)
        return (params, state, totals), metrics

    return PartialStep(add, update)

"""A training step in two halves, between which the sums over several parts of a batch are added up.

Each part's rows are summed up for themselves; what the parts' sums come to is divided by Σ s, and updates as one batch
would: C and its gradients are quotients of such sums.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from xpnet._support.typing import Array, Batch, Layer, Namespace, Params, Slots
from xpnet.equations import backprop
from xpnet.equations.optimizers import Optimizer
from xpnet.equations.step import Metrics, Model, State, divisor, forward, updated, with_penalty


class Sums(NamedTuple):
    """What rows of a batch add to it, added up over them.

    Attributes:
        found: Σ sᵢ ∂Cᵢ/∂w and Σ sᵢ ∂Cᵢ/∂b.
        weight: Σ sᵢ, without weights the number of rows; 0-d.
        cost: Σ sᵢ Cᵢ, 0-d.
        error: The samples' errors, 0-d.
    """

    found: Params
    weight: Array
    cost: Array
    error: Array


class Halves(NamedTuple):
    """The step `update ∘ add`, in the form that a backend runs.

    Attributes:
        add: `add((params, sums), batch, xp=xp)` gives the carry with the batch's sums in place of others.
        update: `update((params, state, sums), None, xp=xp)` gives the carry after the update, and the metrics.
    """

    add: Callable[..., tuple[tuple[Params, Sums], Metrics]]
    update: Callable[..., tuple[tuple[Params, State, Sums], Metrics]]


def summed(model: Model, params: Params, batch: Batch, *, xp: Namespace) -> Sums:
    """The sums over a batch."""
    a, z = forward(model, params, batch.x, xp=xp)
    s = 1 if batch.weight is None else xp.reshape(batch.weight, (-1, 1))
    dC_dz = backprop.backward(params, a, batch.y, model.hidden, s, xp=xp)
    cost = xp.sum(s * model.loss.cost(z, batch.y, xp=xp)[:, None])
    weight = xp.full_like(cost, batch.y.shape[0]) if batch.weight is None else xp.sum(batch.weight)
    error = xp.sum(model.loss.error(a[-1], batch.y, xp=xp))
    return Sums(backprop.gradients(dC_dz, a, xp=xp), weight, cost, error)


def divided(
    params: Params, sums: Sums, l2: Array | None, l2_of: str = "mean", *, xp: Namespace
) -> tuple[Params, Metrics]:
    """The objective's gradients and metrics, as `step.gradients` gives them, from the sums over the whole batch."""
    total = divisor(sums.weight, xp=xp)
    if l2 is not None and l2_of == "sum":
        # 0 in a batch whose weights are all 0, which then teaches nothing.
        l2 = l2 * (sums.weight / total) / total
    found = tuple(Layer(layer.w / total, layer.b / total) for layer in sums.found)
    return with_penalty(params, found, sums.cost / total, sums.error, l2, xp=xp)


def halves(model: Model, optimizer: Optimizer, l2_of: str = "mean") -> Halves:
    """The two halves of a training's step."""
    return _halves(model, optimizer.update, l2_of)


# A few are kept with the plans that are made for them, as steps are.
@lru_cache(maxsize=8)
def _halves(model: Model, rule: Callable[..., tuple[Params, Slots]], l2_of: str) -> Halves:
    """One object for a model and a rule, so that each half is planned or compiled once."""

    def add(carry: tuple[Params, Sums], batch: Batch, *, xp: Namespace) -> tuple[tuple[Params, Sums], Metrics]:
        params, _ = carry
        return (params, summed(model, params, batch, xp=xp)), ()

    def update(
        carry: tuple[Params, State, Sums], batch: None, *, xp: Namespace
    ) -> tuple[tuple[Params, State, Sums], Metrics]:
        params, state, sums = carry
        found, metrics = divided(params, sums, state.l2, l2_of, xp=xp)
        params, state = updated(rule, params, state, found, xp=xp)
        return (params, state, sums), metrics

    return Halves(add, update)

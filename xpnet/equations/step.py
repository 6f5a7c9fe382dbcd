"""One training step as a pure function: the objective's gradients, then the optimizer's update.

The functions returned by this module take the namespace when they are called, so that a backend can pass a tracer's.

The objective is C = Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖², biases excluded, with sample weights s and L2 λ.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from xpnet._support.philox import Key
from xpnet._support.typing import Array, Batch, Layer, Namespace, Params, Slots
from xpnet.equations import backprop
from xpnet.equations.activations import Activation
from xpnet.equations.dropout import with_dropout
from xpnet.equations.losses import Loss
from xpnet.equations.optimizers import Optimizer

Metrics = tuple[Array, ...]
"""Cost C of the batch, sum of its samples' errors and, where there is an L2 term, its part of C; 0-d each."""

L2_OF = ("mean", "sum")
"""Choices of what λ/2 · Σ ‖w‖² is added to: the mean of a batch's costs, or their sum before it is divided by Σ s."""


class Model(NamedTuple):
    """Functions of a network, without its parameters.

    Attributes:
        hidden: Activation of every layer but the last.
        loss: Activation of the last layer with its cost.
        input_scale: What inputs are divided by; None divides bytes by 255 and takes anything else as it is.
        dropout: Fraction of each hidden layer's neurons that is left out in a step of the training; empty for none.
    """

    hidden: tuple[Activation, ...]
    loss: Loss
    input_scale: float | None = None
    dropout: tuple[float, ...] = ()


class State(NamedTuple):
    """State that a training carries from step to step beside the parameters; 0-d arrays, but for the slots.

    Attributes:
        slots: Optimizer state.
        count: Steps done.
        learning_rate: η, set on the host once per block.
        l2: λ of the mean or of the sum, or None without an L2 term.
        noise: Key of the random numbers of the steps, or None where none are drawn.
    """

    slots: Slots
    count: Array
    learning_rate: Array
    l2: Array | None
    noise: Key | None = None


Noise = tuple[Key, Array]
"""Key of a step's random numbers, and the number of the step."""


def input_scale(model: Model, x: Array, *, xp: Namespace) -> float:
    """Number that inputs of x's dtype are divided by."""
    if model.input_scale is None:
        return 255.0 if x.dtype == xp.uint8 else 1.0
    return float(model.input_scale)


def inputs(model: Model, params: Params, x: Array, *, xp: Namespace) -> Array:
    """Rows as the first layer takes them: in the parameters' dtype, and scaled."""
    scale = input_scale(model, x, xp=xp)
    x = xp.astype(x, params[0].w.dtype, copy=False)
    return x if scale == 1 else x / scale


def forward(model: Model, params: Params, x: Array, *, xp: Namespace) -> tuple[list[Array], Array]:
    """Activations of every layer, and the last z."""
    x = inputs(model, params, x, xp=xp)
    return backprop.forward(params, x, model.hidden, model.loss.activation, xp=xp)


def deltas(
    model: Model, params: Params, batch: Batch, share: Array | float = 1, *, xp: Namespace
) -> tuple[backprop.Deltas, list[Array]]:
    """∂Cᵢ/∂z of each sample and layer, times the sample's share, and the activations."""
    a, _ = forward(model, params, batch.x, xp=xp)
    return backprop.backward(params, a, batch.y, model.hidden, share, model.loss.dC_dz, xp=xp), a


def shares(weight: Array | None, y: Array, *, xp: Namespace) -> Array | float:
    """sᵢ / Σ s as a column, 1 / n without weights; 0 in a batch whose weights are all 0, which then changes nothing."""
    if weight is None:
        return 1 / y.shape[0]
    return xp.reshape(weight / divisor(xp.sum(weight), xp=xp), (-1, 1))


def divisor(total: Array, *, xp: Namespace) -> Array:
    """Σ s, or where it is 0 the smallest normal number, so that it can be divided by."""
    return xp.maximum(total, xp.finfo(total.dtype).smallest_normal)


def of_mean(l2: Array, batch: Batch, *, xp: Namespace) -> Array:
    """λ of a batch's mean that equals λ = `l2` of its sum: λ / Σ s, λ / n without weights; 0 where all s are 0."""
    if batch.weight is None:
        return l2 / batch.y.shape[0]
    share = shares(batch.weight, batch.y, xp=xp)
    return l2 * xp.sum(share) / divisor(xp.sum(batch.weight), xp=xp)


def objective(params: Params, batch: Batch, costs: Array, l2: Array | None, *, xp: Namespace) -> Array:
    """Cost C of a batch, a 0-d array, from the costs Cᵢ of its samples."""
    cost = xp.sum(shares(batch.weight, batch.y, xp=xp) * costs[:, None])
    return cost if l2 is None else cost + penalty(params, l2, xp=xp)


def penalty(params: Params, l2: Array, *, xp: Namespace) -> Array:
    """λ/2 · Σ ‖w‖², a 0-d array."""
    return l2 / 2 * sum(xp.sum(layer.w * layer.w) for layer in params)


class Sums(NamedTuple):
    """Sums over the rows of a batch, each weighted by its sᵢ.

    Attributes:
        gradients: Σ sᵢ ∂Cᵢ/∂w and Σ sᵢ ∂Cᵢ/∂b.
        cost: Σ sᵢ Cᵢ, 0-d.
        error: The sum of the samples' errors, 0-d.
    """

    gradients: Params
    cost: Array
    error: Array


def batch_sums(
    model: Model,
    params: Params,
    batch: Batch,
    s: Array | float,
    clip_norm: float | None = None,
    noise: Noise | None = None,
    *,
    xp: Namespace,
) -> Sums:
    """Go forward and backward once through the network; `s`, a column or a number, weights each row in the sums.

    With shares that add up to 1 the sums are the batch's C and its gradients: to scale one column of deltas costs less
    than to divide every gradient afterwards. With `clip_norm` each row's own gradient is no longer than that; with
    `noise` neurons are left out, by the model's dropout.
    """
    if noise is not None and model.dropout:
        model = model._replace(hidden=with_dropout(model.hidden, model.dropout, *noise))
    a, z = forward(model, params, batch.x, xp=xp)
    dC_dz = backprop.backward(params, a, batch.y, model.hidden, s if clip_norm is None else 1, model.loss.dC_dz, xp=xp)
    if clip_norm is not None:
        dC_dz = backprop.clipped(dC_dz, a, clip_norm, s, xp=xp)
    cost = xp.sum(s * model.loss.cost(z, batch.y, xp=xp)[:, None])
    error = xp.sum(model.loss.error(a[-1], batch.y, xp=xp))
    return Sums(backprop.gradients(dC_dz, a, xp=xp), cost, error)


def gradients(
    model: Model,
    params: Params,
    batch: Batch,
    l2: Array | None,
    clip_norm: float | None = None,
    noise: Noise | None = None,
    *,
    xp: Namespace,
) -> tuple[Params, Metrics]:
    """Gradients of the objective, and the metrics of the same forward pass.

    With `clip_norm` they are those of Σ sᵢ cᵢ Cᵢ / Σ sᵢ, where cᵢ = min(1, clip_norm / ‖∂Cᵢ‖) counts as a constant, and
    of the L2 term, which is not clipped; the metrics stay what they are. With `noise` all of it is with dropout.
    """
    sums = batch_sums(model, params, batch, shares(batch.weight, batch.y, xp=xp), clip_norm, noise, xp=xp)
    return with_penalty(params, sums, l2, xp=xp)


def with_penalty(params: Params, means: Sums, l2: Array | None, *, xp: Namespace) -> tuple[Params, Metrics]:
    """Gradients and metrics of the objective, from those without its L2 term."""
    if l2 is None:
        return means.gradients, (means.cost, means.error)
    added = penalty(params, l2, xp=xp)
    return penalized(params, means.gradients, l2), (means.cost + added, means.error, added)


def penalized(params: Params, gradients: Params, l2: Array) -> Params:
    """Gradients of the objective, from those without its L2 term."""
    return tuple(Layer(g.w + l2 * layer.w, g.b) for g, layer in zip(gradients, params, strict=True))


def training_step(
    model: Model, optimizer: Optimizer, l2_of: str = "mean", clip_norm: float | None = None
) -> Callable[..., tuple[tuple[Params, State], Metrics]]:
    """Step of a training: `step((params, state), batch, xp=xp)` returns the new carry and the metrics."""
    return _step(model, optimizer.update, l2_of, clip_norm)


# A few are cached with the plans that are made for them: training again alike, as in a search over folds, reuses them.
@lru_cache(maxsize=8)
def _step(
    model: Model, rule: Callable[..., tuple[Params, Slots]], l2_of: str, clip_norm: float | None
) -> Callable[..., tuple[tuple[Params, State], Metrics]]:
    """Cached step: one object for a model and a rule, so that it is planned or compiled once."""

    def step(carry: tuple[Params, State], batch: Batch, *, xp: Namespace) -> tuple[tuple[Params, State], Metrics]:
        params, state = carry
        l2 = state.l2 if state.l2 is None or l2_of == "mean" else of_mean(state.l2, batch, xp=xp)
        batch_gradients, metrics = gradients(model, params, batch, l2, clip_norm, noise_of(state), xp=xp)
        return updated(rule, params, state, batch_gradients, xp=xp), metrics

    return step


def noise_of(state: State) -> Noise | None:
    """Key and number of the next step's random numbers, if there are any."""
    return None if state.noise is None else (state.noise, state.count)


def updated(
    rule: Callable[..., tuple[Params, Slots]], params: Params, state: State, gradients: Params, *, xp: Namespace
) -> tuple[Params, State]:
    """Parameters and state after one update by the gradients."""
    t = state.count + 1
    params, slots = rule(gradients, state.slots, params, state.learning_rate, t, xp=xp)
    return params, state._replace(slots=slots, count=t)


@lru_cache(maxsize=8)
def descent(model: Model) -> Callable[..., tuple[Params, Metrics]]:
    """Step that returns C's gradients in the parameters' place, for an optimizer elsewhere; one object per model."""

    def step(params: Params, batch: Batch, *, xp: Namespace) -> tuple[Params, Metrics]:
        batch_gradients, (cost, _) = gradients(model, params, batch, None, xp=xp)
        return batch_gradients, (cost,)

    return step


@lru_cache
def answers(model: Model) -> Callable[..., Array]:
    """Function of `(params, x, xp=xp)` that returns the output activations; one object per model, compiled once."""

    def answer(params: Params, x: Array, *, xp: Namespace) -> Array:
        a, _ = forward(model, params, x, xp=xp)
        return a[-1]

    return answer


@lru_cache
def measures(model: Model) -> Callable[..., tuple[Array, Array]]:
    """Function of `(params, (x, y), xp=xp)` that returns each sample's cost and error; one object per model."""

    def measure(params: Params, rows: tuple[Array, Array], *, xp: Namespace) -> tuple[Array, Array]:
        x, y = rows
        a, z = forward(model, params, x, xp=xp)
        return model.loss.cost(z, y, xp=xp), model.loss.error(a[-1], y, xp=xp)

    return measure


@lru_cache
def costs(model: Model) -> Callable[..., Array]:
    """Function of `(params, (x, y), xp=xp)` that returns each sample's cost alone; one object per model."""

    def cost(params: Params, rows: tuple[Array, Array], *, xp: Namespace) -> Array:
        x, y = rows
        _, z = forward(model, params, x, xp=xp)
        return model.loss.cost(z, y, xp=xp)

    return cost


@lru_cache
def errors(model: Model) -> Callable[..., Array]:
    """Function of `(params, (x, y), xp=xp)` that returns each sample's error alone; one object per model."""

    def error(params: Params, rows: tuple[Array, Array], *, xp: Namespace) -> Array:
        x, y = rows
        a, _ = forward(model, params, x, xp=xp)
        return model.loss.error(a[-1], y, xp=xp)

    return error


@lru_cache
def derivatives(model: Model) -> Callable[..., tuple[Array, ...]]:
    """Function of `(params, (x, y), xp=xp)` that returns ∂Cᵢ/∂z of every layer, then every a but the input."""

    def derivative(params: Params, rows: tuple[Array, Array], *, xp: Namespace) -> tuple[Array, ...]:
        dC_dz, a = deltas(model, params, Batch(*rows), xp=xp)
        return (*dC_dz, *a[1:])

    return derivative

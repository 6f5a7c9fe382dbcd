"""One training step as a pure function: the objective's gradients, then the optimizer's update.

The functions made here take the namespace when they are called, so that a backend can hand in a tracer's.

The objective is C = Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖², biases excluded, with sample weights s and L2 λ.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from xpnet import backprop
from xpnet._typing import Array, Batch, Layer, Namespace, Params, Slots
from xpnet.activations import Activation
from xpnet.losses import Loss
from xpnet.optimizers import Optimizer

Metrics = tuple[Array, Array]
"""The batch's cost C and the sum of its samples' errors, 0-d each."""


class Model(NamedTuple):
    """What a network computes, without its parameters.

    Attributes:
        hidden: The activation of every layer but the last.
        loss: The last layer's activation with its cost.
        input_scale: What inputs are divided by.
    """

    hidden: tuple[Activation, ...]
    loss: Loss
    input_scale: float


class State(NamedTuple):
    """What a training carries from step to step beside the parameters; all but the slots are 0-d arrays.

    Attributes:
        slots: The optimizer's memory.
        count: Steps done.
        learning_rate: η, set on the host once a block.
        l2: λ, or None where there is no such term.
    """

    slots: Slots
    count: Array
    learning_rate: Array
    l2: Array | None


def inputs(model: Model, params: Params, x: Array, *, xp: Namespace) -> Array:
    """The rows as the first layer takes them: in the parameters' dtype, and scaled."""
    x = xp.astype(x, params[0].w.dtype, copy=False)
    return x if model.input_scale == 1 else x / model.input_scale


def forward(model: Model, params: Params, x: Array, *, xp: Namespace) -> tuple[list[Array], Array]:
    """Every activation, and the last z."""
    x = inputs(model, params, x, xp=xp)
    return backprop.forward(params, x, model.hidden, model.loss.activation, xp=xp)


def shares(weight: Array | None, y: Array, *, xp: Namespace) -> Array | float:
    """sᵢ / Σ s as a column, 1 / n without weights; 0 in a batch whose weights are all 0, which then teaches nothing."""
    if weight is None:
        return 1 / y.shape[0]
    total = xp.maximum(xp.sum(weight), xp.finfo(weight.dtype).smallest_normal)
    return xp.reshape(weight / total, (-1, 1))


def objective(model: Model, params: Params, batch: Batch, z: Array, l2: Array | None, *, xp: Namespace) -> Array:
    """C, a 0-d array."""
    share = shares(batch.weight, batch.y, xp=xp)
    cost = xp.sum(share * model.loss.cost(z, batch.y, xp=xp)[:, None])
    if l2 is None:
        return cost
    return cost + l2 / 2 * sum(xp.sum(layer.w * layer.w) for layer in params)


def gradients(model: Model, params: Params, batch: Batch, l2: Array | None, *, xp: Namespace) -> tuple[Params, Metrics]:
    """The objective's gradients, and the metrics that the same forward pass gives."""
    a, z = forward(model, params, batch.x, xp=xp)
    dC_dz = backprop.backward(params, a, batch.y, model.hidden, shares(batch.weight, batch.y, xp=xp), xp=xp)
    found = backprop.gradients(dC_dz, a, xp=xp)
    if l2 is not None:
        found = tuple(Layer(g.w + l2 * layer.w, g.b) for g, layer in zip(found, params, strict=True))
    cost = objective(model, params, batch, z, l2, xp=xp)
    return found, (cost, xp.sum(model.loss.error(a[-1], batch.y, xp=xp)))


def training_step(model: Model, optimizer: Optimizer) -> Callable[..., tuple[tuple[Params, State], Metrics]]:
    """The step of one training: `step((params, state), batch, xp=xp)` gives the new carry and the metrics."""

    def update(params: Params, state: State, found: Params, *, xp: Namespace) -> tuple[Params, State]:
        t = state.count + 1
        params, slots = optimizer.update(found, state.slots, params, state.learning_rate, t, xp=xp)
        return params, state._replace(slots=slots, count=t)

    def step(carry: tuple[Params, State], batch: Batch, *, xp: Namespace) -> tuple[tuple[Params, State], Metrics]:
        params, state = carry
        found, metrics = gradients(model, params, batch, state.l2, xp=xp)
        return update(params, state, found, xp=xp), metrics

    return step


@lru_cache
def answers(model: Model) -> Callable[..., Array]:
    """The function `(params, x, xp=xp)` to the output activations; one object a model, so that it is compiled once."""

    def answer(params: Params, x: Array, *, xp: Namespace) -> Array:
        a, _ = forward(model, params, x, xp=xp)
        return a[-1]

    return answer


@lru_cache
def measures(model: Model) -> Callable[..., tuple[Array, Array]]:
    """The function `(params, (x, y), xp=xp)` to each sample's cost and error; one object a model."""

    def measure(params: Params, rows: tuple[Array, Array], *, xp: Namespace) -> tuple[Array, Array]:
        x, y = rows
        a, z = forward(model, params, x, xp=xp)
        return model.loss.cost(z, y, xp=xp), model.loss.error(a[-1], y, xp=xp)

    return measure

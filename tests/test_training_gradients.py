"""The objective's gradients are its derivatives: by central differences, by torch's autograd and by JAX's."""

import numpy as np
import pytest
from helpers.oracles import DIFFERENCES, ROUNDING, differentiated, distance, host, objective, on, problem

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Batch
from xpnet.backends import dtype_name
from xpnet.equations import step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.activations import activation as named_activation
from xpnet.equations.losses import LOSSES
from xpnet.equations.losses import loss as named_loss

pytestmark = pytest.mark.current

LOSS = pytest.mark.parametrize("loss", list(LOSSES))
ACTIVATION = pytest.mark.parametrize("activation", list(ACTIVATIONS))


def gradients(problem, batch=None):
    """NumPy's gradients in float64."""
    return step.gradients(problem.model, problem.params, batch or problem.batch, problem.l2, xp=np)[0]


@LOSS
@ACTIVATION
@pytest.mark.parametrize("hidden", [0, 1, 2, 3])
def test_gradients_equal_central_differences(loss, activation, hidden):
    """With sample weights and L2, array by array, for each loss, activation and depth."""
    given = problem(loss, activation, hidden)
    differences = differentiated(lambda params: objective(given, params), given.params)
    assert distance(gradients(given), differences) < DIFFERENCES


@LOSS
@pytest.mark.parametrize("activation", [("tanh", "relu", "sigmoid"), ("relu", "identity", "tanh")])
def test_each_layer_has_its_own_activation(loss, activation):
    """Layers with different activations each use their own derivative."""
    given = problem(loss, activation[0], 3)
    given = given._replace(model=given.model._replace(hidden=tuple(ACTIVATIONS[name] for name in activation)))

    def cost(params):
        z = step.forward(given.model, params, given.batch.x, xp=np)[1]
        return float(
            step.objective(params, given.batch, given.model.loss.cost(z, given.batch.y, xp=np), given.l2, xp=np)
        )

    assert distance(gradients(given), differentiated(cost, given.params)) < DIFFERENCES


@pytest.mark.parametrize("loss", ["huber:0.4", "pinball:0.9"])
@pytest.mark.parametrize("activation", ["leaky_relu:0.3", "elu:0.5"])
def test_a_network_may_have_numbers_behind_its_names(loss, activation):
    """A slope, an α, a δ and a level of one's own go into cost and gradients, as central differences say."""
    model, params, batch, l2 = problem(loss.partition(":")[0])
    model = model._replace(hidden=(named_activation(activation),) * 2, loss=named_loss(loss))

    def cost(params):
        z = step.forward(model, params, batch.x, xp=np)[1]
        return float(step.objective(params, batch, model.loss.cost(z, batch.y, xp=np), l2, xp=np))

    found = step.gradients(model, params, batch, l2, xp=np)[0]
    assert distance(found, differentiated(cost, params)) < DIFFERENCES


@LOSS
@ACTIVATION
def test_the_cost_is_the_objective(loss, activation):
    """The metric that comes with the gradients is Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖²."""
    given = problem(loss, activation)
    _, (cost, *_) = step.gradients(given.model, *given[1:], xp=np)
    assert cost == pytest.approx(objective(given, given.params), rel=ROUNDING["float64"])


@LOSS
@ACTIVATION
def test_gradients_equal_torchs_autograd(loss, activation):
    """PyTorch differentiates its own forward pass and its own losses to the same gradients."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    costs = {
        "cross_entropy": lambda z, y: functional.cross_entropy(z, y, reduction="none"),
        "binary_cross_entropy": lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(1),
        "squared_error": lambda z, y: functional.mse_loss(z, y, reduction="none").sum(1) / 2,
        "poisson": lambda z, y: functional.poisson_nll_loss(z, y, log_input=True, reduction="none").sum(1),
        "absolute_error": lambda z, y: functional.l1_loss(z, y, reduction="none").sum(1),
        "huber": lambda z, y: functional.huber_loss(z, y, reduction="none").sum(1),
        "pinball": lambda z, y: torch.maximum(y - z, z - y).sum(1) / 2,
    }
    hidden = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "identity": torch.nn.Identity()}
    hidden |= {"leaky_relu": functional.leaky_relu, "elu": functional.elu, "softplus": functional.softplus}
    # PyTorch 2.13's hardsigmoid differentiates to a sixth in float32, in float64 too.
    hidden["hard_sigmoid"] = lambda z: torch.clamp(z / 6 + 0.5, 0, 1)
    given = problem(loss, activation)
    params, batch, l2 = map_arrays(torch.tensor, given[1:])
    for array in arrays_in(params):
        array.requires_grad_()

    a = batch.x
    for w, b in params[:-1]:
        a = hidden[activation](functional.linear(a, w, b))
    cost = batch.weight @ costs[loss](functional.linear(a, *params[-1]), batch.y) / batch.weight.sum()
    (cost + l2 / 2 * sum(w.square().sum() for w, _ in params)).backward()
    wanted = map_arrays(lambda array: array.grad.numpy(), params)
    assert distance(gradients(given), wanted) < ROUNDING["float64"]


@LOSS
@ACTIVATION
def test_gradients_equal_jaxs_grad(loss, activation):
    """JAX differentiates its own forward pass and its own functions to the same gradients."""
    jax = pytest.importorskip("jax")
    costs = {
        "cross_entropy": lambda z, y: -(y * jax.nn.log_softmax(z)).sum(1),
        "binary_cross_entropy": lambda z, y: -(y * jax.nn.log_sigmoid(z) + (1 - y) * jax.nn.log_sigmoid(-z)).sum(1),
        "squared_error": lambda z, y: ((z - y) ** 2).sum(1) / 2,
        "poisson": lambda z, y: (jax.numpy.exp(z) - y * z).sum(1),
        "absolute_error": lambda z, y: jax.numpy.abs(z - y).sum(1),
        "huber": lambda z, y: jax.numpy.where(abs(z - y) < 1, (z - y) ** 2 / 2, abs(z - y) - 0.5).sum(1),
        "pinball": lambda z, y: jax.numpy.maximum(y - z, z - y).sum(1) / 2,
    }
    hidden = {"sigmoid": jax.nn.sigmoid, "tanh": jax.numpy.tanh, "relu": jax.nn.relu, "identity": lambda z: z}
    hidden |= {name: getattr(jax.nn, name) for name in ("leaky_relu", "elu", "softplus", "hard_sigmoid")}
    given = problem(loss, activation)
    backend = backends.resolve("jax").with_dtypes("float64")
    params, batch, l2 = on(backend, given[1:], "float64")

    @jax.jit
    @jax.grad
    def found(params):
        a = batch.x
        for w, b in params[:-1]:
            a = hidden[activation](jax.numpy.dot(a, w.T) + b)
        w, b = params[-1]
        cost = jax.numpy.average(costs[loss](jax.numpy.dot(a, w.T) + b, batch.y), weights=batch.weight)
        return cost + l2 / 2 * sum((w**2).sum() for w, _ in params)

    with backend.current():
        wanted = map_arrays(np.asarray, found(params))
    assert distance(gradients(given), wanted) < ROUNDING["float64"]


@LOSS
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_gradients_are_the_same_on_every_backend(backend, float_dtype, loss, activation):
    """Any library's arrays give NumPy's gradients, and metrics, to rounding."""
    given = problem(loss, activation)
    there = step.gradients(given.model, *on(backend, given[1:], float_dtype), xp=backend.xp)
    wanted = step.gradients(given.model, *given[1:], xp=np)
    assert distance(host(backend, there), wanted) < ROUNDING[float_dtype]


@LOSS
def test_float32_gives_float32(backend, loss):
    """Gradients and metrics have the parameters' dtype, with weights and L2 and without."""
    model, params, batch, l2 = problem(loss)
    params, batch, l2 = on(backend, (params, batch, l2), "float32")
    for case in ((batch, l2), (batch._replace(weight=None), None)):
        found = step.gradients(model, params, *case, xp=backend.xp)
        assert {dtype_name(array) for array in arrays_in(found)} == {"float32"}


@LOSS
@ACTIVATION
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_stay_finite_at_large_z(loss, activation, dtype):
    """Inputs that drive |z| to 1e4 and to 1e6 give finite costs and gradients, without a warning."""
    given = problem(loss, activation)
    params, batch, l2 = map_arrays(lambda array: np.asarray(array).astype(dtype), given[1:])
    for size in (1e4, 1e6):
        x = batch.x * np.asarray(size, dtype)
        found = step.gradients(given.model, params, Batch(x, batch.y, batch.weight), l2, xp=np)
        assert all(np.isfinite(array).all() for array in arrays_in(found))

"""What the mathematics is held against: central differences, costs written plainly, and small networks with data."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch, Layer, Params
from xpnet.backends import Backend
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.step import Model

ROUNDING = {"float32": 1e-5, "float64": 1e-12}
"""How far two ways to compute the same may be apart, by dtype."""

DIFFERENCES = 1e-7
"""How far a derivative may be from central differences in float64."""

STEP = 2e-5
"""The step of central differences."""

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1),
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "identity": lambda z: z,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "hard_sigmoid": lambda z: np.clip((z + 3) / 6, 0, 1),
}
"""Each activation as a textbook has it, for moderate z."""

OUTPUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cross_entropy": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    "binary_cross_entropy": FUNCTIONS["sigmoid"],
    "squared_error": FUNCTIONS["identity"],
    "poisson": np.exp,
    "absolute_error": FUNCTIONS["identity"],
    "huber": FUNCTIONS["identity"],
    "pinball": FUNCTIONS["identity"],
}
"""Each loss's output activation, likewise."""

COSTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cross_entropy": lambda a, y: (y * np.log(1 / a)).sum(axis=1),
    "binary_cross_entropy": lambda a, y: -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(axis=1),
    "squared_error": lambda a, y: ((a - y) ** 2).sum(axis=1) / 2,
    "poisson": lambda a, y: (a - y * np.log(a)).sum(axis=1),
    "absolute_error": lambda a, y: np.abs(a - y).sum(axis=1),
    "huber": lambda a, y: np.where(np.abs(a - y) < 1, (a - y) ** 2 / 2, np.abs(a - y) - 0.5).sum(axis=1),
    "pinball": lambda a, y: np.abs(a - y).sum(axis=1) / 2,
}
"""Each loss's cost of a sample, from the output a, likewise."""

PAIRS = [
    (loss, activation) for i, loss in enumerate(LOSSES) for j, activation in enumerate(ACTIVATIONS) if (i + j) % 3 == 0
]
"""Pairs of losses and activations, a third of all: each of them at least twice, for tests that take long."""


class Problem(NamedTuple):
    """A small network with weighted rows and L2, in NumPy's float64."""

    model: Model
    params: Params
    batch: Batch
    l2: Array


def problem(loss: str, activation: str = "sigmoid", hidden: int = 2, *, n: int = 5, seed: int = 3) -> Problem:
    """Random parameters, biases included, and rows for them; no z of a hidden layer is near ReLU's kink."""
    rng = np.random.default_rng(seed)
    sizes = (6, *(5, 4, 6)[:hidden], 3)
    params = tuple(
        Layer(w=rng.normal(0, 1 / np.sqrt(d_in), (d_out, d_in)), b=rng.normal(0, 0.3, d_out))
        for d_in, d_out in pairwise(sizes)
    )
    x = rng.normal(size=(n, 6))
    batch = Batch(x, targets(loss, n, rng), rng.uniform(0.5, 2.0, n))
    for name in FUNCTIONS:
        for z in weighted_inputs(params, x, name)[:-1]:
            assert np.min(np.abs(z)) > 25 * STEP, f"seed {seed} puts a z at ReLU's kink"
    return Problem(Model((ACTIVATIONS[activation],) * hidden, LOSSES[loss], 1.0), params, batch, np.asarray(0.1))


def targets(loss: str, n: int, rng: np.random.Generator, k: int = 3) -> np.ndarray:
    """Targets (n, k) of the kind that a loss is for."""
    if loss == "cross_entropy":
        return np.eye(k)[rng.integers(k, size=n)]
    if loss == "binary_cross_entropy":
        return rng.integers(2, size=(n, k)).astype(float)
    return rng.poisson(2.0, (n, k)).astype(float) if loss == "poisson" else rng.normal(size=(n, k))


def weighted_inputs(params: Params, x: np.ndarray, activation: str) -> list[np.ndarray]:
    """The z of every layer."""
    found, a = [], x
    for w, b in params:
        found.append(a @ w.T + b)
        a = FUNCTIONS[activation](found[-1])
    return found


def objective(problem: Problem, params: Params) -> float:
    """C = Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖², written plainly."""
    (x, y, weight), loss = problem.batch, problem.model.loss.name
    activation = problem.model.hidden[0].name if problem.model.hidden else "identity"
    costs = COSTS[loss](OUTPUTS[loss](weighted_inputs(params, x, activation)[-1]), y)
    return float(weight @ costs / weight.sum() + problem.l2 / 2 * sum((w**2).sum() for w, _ in params))


def central_differences(function: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """∂function/∂at, entry by entry: (f(x + h) − f(x − h)) / 2h."""
    found = np.empty(at.shape)
    for index in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[index] = STEP
        found[index] = (function(at + step) - function(at - step)) / (2 * STEP)
    return found


def differentiated(function: Callable[[Params], float], params: Params) -> Params:
    """∂function/∂w and ∂function/∂b of every layer by central differences."""

    def along(index: int, field: str) -> np.ndarray:
        def moved(array: np.ndarray) -> float:
            return function((*params[:index], params[index]._replace(**{field: array}), *params[index + 1 :]))

        return central_differences(moved, getattr(params[index], field))

    return tuple(Layer(along(i, "w"), along(i, "b")) for i in range(len(params)))


def on(backend: Backend, tree: Any, dtype: str) -> Any:
    """The host's arrays on a backend, in a floating dtype."""
    return map_arrays(lambda array: backend.asarray(np.asarray(array).astype(dtype)), tree)


def host(backend: Backend, tree: Any) -> Any:
    """A backend's arrays as NumPy's."""
    return map_arrays(backend.to_host, tree)


def distance(found: Any, wanted: Any) -> float:
    """‖a − b‖ / ‖b‖ of two NumPy arrays; of nested tuples of them, the largest of any array."""
    pairs = list(zip(arrays_in(found), arrays_in(wanted), strict=True))
    assert all(np.shape(a) == np.shape(b) for a, b in pairs), [(np.shape(a), np.shape(b)) for a, b in pairs]
    norms = [(np.linalg.norm(np.asarray(a, float) - np.asarray(b, float)), np.linalg.norm(b)) for a, b in pairs]
    return max(float(off / norm) if norm else float(off) for off, norm in norms)

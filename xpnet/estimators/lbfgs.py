"""The solver lbfgs: SciPy's, over all parameters as one vector."""

import warnings
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from xpnet import sparse, step
from xpnet._typing import Batch, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.network import Network
from xpnet.trees import map_arrays

UNFINISHED = (
    "lbfgs failed to converge after {} iteration(s) (status={}):\n{}\n\n"
    "Increase max_iter, now {}, or max_fun, now {}, or scale the data to about 1."
)


class Found(NamedTuple):
    """What came out.

    Attributes:
        params: The parameters.
        cost: The objective C there.
        penalty: What L2 adds to it.
        iterations: How many there were.
    """

    params: Params
    cost: float
    penalty: float
    iterations: int


class Objective:
    """C = (Σ sᵢ Cᵢ + α/2 · Σ ‖w‖²) / Σ s of all rows and its gradient, as functions of one vector on the host."""

    def __init__(self, network: Network, here: Backend, data: Batch, params: Params, alpha: float) -> None:
        self._network, self._here, self._data = network, here, data
        self._dtype = dtype_name(params[0].w)
        self._rows = data.x.shape[0]
        weight = np.ones(self._rows) if data.weight is None else here.to_host(data.weight).astype(np.float64)
        self._shares = {
            start: float(weight[start : start + network.chunk].sum() / weight.sum())
            for start in range(0, self._rows, network.chunk)
        }
        self._l2 = alpha / float(weight.sum())

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """C and its gradient: of chunks of rows, each with its share of the weights."""
        here, model = self._here, self._network.model(self._data.x)
        cost, gradient = self.penalty(vector), self._l2 * self._weights(vector)
        with here.current():
            params = self.params(vector)
            for start, share in self._shares.items():
                found, (part, _) = step.gradients(model, params, self._chunk(start), None, xp=here.xp)
                cost += share * float(part)
                gradient += share * self.vector(found)
        return cost, gradient

    def penalty(self, vector: np.ndarray) -> float:
        """What L2 adds to C."""
        return float(self._l2 / 2 * np.sum(self._weights(vector) ** 2))

    def vector(self, params: Params) -> np.ndarray:
        """All weights, inputs first, then all biases."""
        host = map_arrays(self._here.to_host, params)
        return np.concatenate([*(layer.w.T.ravel() for layer in host), *(layer.b for layer in host)], dtype=np.float64)

    def params(self, vector: np.ndarray) -> Params:
        """The parameters of such a vector, where the rows are."""
        sizes = self._network.sizes
        shapes = [*pairwise(sizes), *((size,) for size in sizes[1:])]
        parts = np.split(vector.astype(self._dtype), np.cumsum([np.prod(shape) for shape in shapes])[:-1])
        arrays = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        layers = len(sizes) - 1
        return tuple(
            Layer(self._here.asarray(w.T), self._here.asarray(b))
            for w, b in zip(arrays[:layers], arrays[layers:], strict=True)
        )

    def _weights(self, vector: np.ndarray) -> np.ndarray:
        """The vector with 0 for biases."""
        kept = vector.copy()
        kept[len(vector) - sum(self._network.sizes[1:]) :] = 0
        return kept

    def _chunk(self, start: int) -> Batch:
        """Some rows, dense."""
        if sparse.is_sparse(self._data.x):
            return sparse.take(self._here, self._data, np.arange(start, min(start + self._network.chunk, self._rows)))
        rows = slice(start, min(start + self._network.chunk, self._rows))
        found: Batch = map_arrays(lambda array: array[rows, ...], self._data)
        return found


def train(
    network: Network,
    here: Backend,
    data: Batch,
    params: Params,
    *,
    alpha: float,
    tol: float,
    max_iter: int,
    max_fun: int,
    told: Any = None,
) -> Found:
    """Train on all rows at once; a vector that is not the minimum yet is warned of.

    Args:
        network: What to train.
        here: Where the rows are.
        data: The rows.
        params: To start from.
        alpha: α of the objective.
        tol: The largest entry of a gradient that counts as 0.
        max_iter: Iterations at most.
        max_fun: Evaluations at most.
        told: Called after each iteration, with SciPy's intermediate result.
    """
    objective = Objective(network, here, data, params, alpha)
    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    start = objective.vector(params)
    result = minimize(objective, start, method="L-BFGS-B", jac=True, options=options, callback=told)
    iterations = min(int(result.nit), max_iter)
    if result.status != 0:
        warnings.warn(
            UNFINISHED.format(iterations, result.status, result.message, max_iter, max_fun),
            ConvergenceWarning,
            stacklevel=5,
        )
    return Found(objective.params(result.x), float(result.fun), objective.penalty(result.x), iterations)

"""Solver lbfgs: SciPy's, over all parameters as one vector."""

import warnings
from itertools import accumulate, count, pairwise
from math import ceil, prod
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from xpnet._support.trees import map_arrays
from xpnet._support.typing import Batch, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.equations import step
from xpnet.errors import DivergenceError
from xpnet.estimators.callbacks import FitTasks
from xpnet.estimators.verbose import Report
from xpnet.training.memory_rows import in_memory
from xpnet.training.network import Network
from xpnet.training.placement import chunk_rows
from xpnet.training.rows import Order

UNFINISHED = (
    "lbfgs failed to converge after {} iteration(s) (status={}):\n{}\n\n"
    "Increase max_iter, now {}, or max_fun, now {}, or scale the data to about 1."
)


class LbfgsResult(NamedTuple):
    """Result of a minimization.

    Attributes:
        params: Parameters at the minimum.
        cost: Objective C at the minimum.
        penalty: L2 penalty, a part of C.
        iterations: Number of iterations.
    """

    params: Params
    cost: float
    penalty: float
    iterations: int


class Objective:
    """Objective C = (Σ sᵢ Cᵢ + α/2 · Σ ‖w‖²) / Σ s of all rows and its gradient, from one vector on the host.

    Attributes:
        cost: C of the latest call.
    """

    cost = np.nan

    def __init__(self, network: Network, backend: Backend, data: Batch, params: Params, alpha: float) -> None:
        n, chunk = data.x.shape[0], min(chunk_rows(network), data.x.shape[0])
        self._step, self._order, self._chunk = step.descent(network.model), Order(np.arange(n), {}), chunk
        rows = in_memory(backend, data)
        chosen = backend.with_engine(backend.choose(self._step, params, rows.sample, chunk, ceil(n / chunk)))
        self._own, self._rows, self._backend = chosen, rows.seen_by(chosen), chosen.computing
        self._dtype = dtype_name(params[0].w)
        # All weights come first, each (d_in, d_out) as in scikit-learn, then all biases.
        shapes = [*pairwise(network.sizes), *((size,) for size in network.sizes[1:])]
        ends = list(accumulate(map(prod, shapes)))
        self._parts = [(slice(end - prod(shape), end), shape) for end, shape in zip(ends, shapes, strict=True)]
        self._weights = slice(0, ends[len(network.sizes) - 2])
        weight = np.ones(n) if data.weight is None else backend.to_host(data.weight).astype(np.float64)
        self._shares = [weight[start : start + chunk].sum() / weight.sum() for start in range(0, n, chunk)]
        self._l2 = alpha / float(weight.sum())

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """C and its gradient, summed over chunks of rows, each with its share of the sample weights."""
        backend, gradient = self._backend, np.zeros(len(vector))
        gradient[self._weights] = self._l2 * vector[self._weights]
        self.cost = self.penalty(vector)
        with backend.current():
            for piece, share in zip(self._rows.pieces(self._order, self._chunk, 1), self._shares, strict=True):
                gradients, (cost,) = backend.run_block(self._step, self._params(vector), piece.data, piece.batches)
                self.cost += share * float(backend.to_host(cost)[0])
                gradient += share * self._vector(gradients)
        return self.cost, gradient

    def penalty(self, vector: np.ndarray) -> float:
        """L2 penalty, a part of C."""
        w = vector[self._weights]
        return float(self._l2 / 2 * (w @ w))

    def params(self, vector: np.ndarray) -> Params:
        """Parameters from a vector, as arrays of the rows' kind."""
        own: Params = self._own.from_views(self._params(vector))
        return own

    def vector(self, params: Params) -> np.ndarray:
        """Parameters of the rows' kind as one vector on the host."""
        return self._vector(self._own.views(params))

    def _vector(self, params: Params) -> np.ndarray:
        """Parameters as one vector on the host."""
        layers = map_arrays(self._backend.to_host, params)
        parts = [*(layer.w.T.ravel() for layer in layers), *(layer.b for layer in layers)]
        return np.concatenate(parts, dtype=np.float64)

    def _params(self, vector: np.ndarray) -> Params:
        """Parameters from a vector, on the device that computes."""
        cast = vector.astype(self._dtype)
        arrays = [cast[part].reshape(shape) for part, shape in self._parts]
        layers = len(arrays) // 2
        return tuple(
            Layer(self._backend.asarray(w.T), self._backend.asarray(b))
            for w, b in zip(arrays[:layers], arrays[layers:], strict=True)
        )


def train_lbfgs(
    network: Network,
    backend: Backend,
    data: Batch,
    params: Params,
    *,
    alpha: float,
    tol: float,
    max_iter: int,
    max_fun: int,
    report: Report,
    tasks: FitTasks,
) -> LbfgsResult:
    """Train on all rows at once; ending before the minimum is a warning, unless a callback wants it.

    Args:
        network: Network to train.
        backend: Backend of the rows.
        data: Rows, with targets and weights.
        params: Parameters to start from.
        alpha: α of the objective.
        tol: Largest entry of a gradient that counts as 0.
        max_iter: Most iterations.
        max_fun: Most evaluations of the objective.
        report: Report of each iteration with its C.
        tasks: Tasks that callbacks follow, of which each iteration is one.

    Raises:
        DivergenceError: The cost is no longer finite.
    """
    objective, numbers = Objective(network, backend, data, params, alpha), count(1)
    asked_to_stop = False

    def after_iteration(vector: np.ndarray) -> None:
        nonlocal asked_to_stop
        report.iteration(next(numbers), objective.cost)
        asked_to_stop = tasks.followed and tasks.end(objective.params(vector))
        if asked_to_stop:
            raise StopIteration
        tasks.begin()

    tasks.begin()
    result = minimize(
        objective,
        objective.vector(params),
        method="L-BFGS-B",
        jac=True,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        callback=after_iteration,
    )
    # SciPy does not say before an iteration that none follows: the last task is empty.
    tasks.end()
    iterations = min(int(result.nit), max_iter)
    if not np.isfinite(result.fun):
        raise DivergenceError(
            f"the cost is no longer finite in iteration {iterations + 1} of lbfgs; scale the inputs to about 1."
        )
    if result.status != 0 and not asked_to_stop:
        warnings.warn(
            UNFINISHED.format(iterations, result.status, result.message, max_iter, max_fun),
            ConvergenceWarning,
            stacklevel=6,
        )
    return LbfgsResult(objective.params(result.x), float(result.fun), objective.penalty(result.x), iterations)

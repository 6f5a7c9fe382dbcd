"""Measured: the score, the cost and its derivatives for rows with targets, on arrays of any kind."""

from collections.abc import Callable
from typing import Any, cast

from xpnet._support.arguments import check_number
from xpnet._support.traced import is_traced
from xpnet._support.typing import Array, Batch, Namespace, Params
from xpnet.backends import Backend
from xpnet.equations import backprop, losses, step
from xpnet.training.mapped import mapped
from xpnet.training.placement import Plannable


def score(network: Plannable, params: Params, x: Any, y: Any) -> float:
    """Accuracy, or R² for a regression."""

    def accuracy(backend: Backend, params: Params, data: Batch, errors: Array) -> float:
        error, total = backend.xp.sum(errors), losses.total_error(network.model.loss, data.y, xp=backend.xp)
        if is_traced(error) or is_traced(total):
            return cast("float", losses.accuracy_array(error, total, xp=backend.xp))
        return losses.accuracy(_number(error, backend), _number(total, backend))

    return mapped(network, step.errors, params, x, y, then=accuracy, may_be_sparse=True)


def cost(network: Plannable, params: Params, x: Any, y: Any, weight: Any, l2: Any) -> float:
    """The objective."""
    l2 = _checked_l2(l2)

    def objective(backend: Backend, params: Params, data: Batch, costs: Array) -> float:
        return _number(step.objective(params, data, costs, l2, xp=backend.xp), backend)

    return mapped(network, step.costs, params, x, y, weight, then=objective)


def gradients(network: Plannable, params: Params, x: Any, y: Any, weight: Any, l2: Any) -> Params:
    """The objective's gradients."""
    l2 = _checked_l2(l2)

    def summed(xp: Namespace, params: Params, data: Batch, dC_dz: backprop.Deltas, a: list[Array]) -> Params:
        share = step.shares(data.weight, data.y, xp=xp)
        gradients = backprop.gradients([share * delta for delta in dC_dz], a, xp=xp)
        return gradients if l2 is None else step.penalized(params, gradients, l2)

    return _differentiated(network, params, x, y, weight, then=summed)


def per_sample_gradients(network: Plannable, params: Params, x: Any, y: Any) -> Params:
    """The gradients of each sample's cost."""

    def apart(xp: Namespace, params: Params, data: Batch, dC_dz: backprop.Deltas, a: list[Array]) -> Params:
        return backprop.per_sample_gradients(dC_dz, a)

    return _differentiated(network, params, x, y, then=apart)


def per_sample_gradient_norms(network: Plannable, params: Params, x: Any, y: Any) -> Params:
    """Norms of the gradients of each sample's cost."""

    def norms(xp: Namespace, params: Params, data: Batch, dC_dz: backprop.Deltas, a: list[Array]) -> Params:
        return backprop.per_sample_gradient_norms(dC_dz, a, xp=xp)

    return _differentiated(network, params, x, y, then=norms)


def _differentiated(
    network: Plannable,
    params: Params,
    x: Any,
    y: Any,
    weight: Any = None,
    *,
    then: Callable[[Namespace, Params, Batch, backprop.Deltas, list[Array]], Params],
) -> Params:
    """What `then` makes of the parameters and rows as x's namespace has them, of every ∂Cᵢ/∂z, and of every a."""

    def with_inputs(backend: Backend, params: Params, data: Batch, results: Any) -> Params:
        dC_dz, after, xp = list(results[: len(params)]), results[len(params) :], backend.xp
        return then(xp, params, data, dC_dz, [step.inputs(network.model, params, data.x, xp=xp), *after])

    return mapped(network, step.derivatives, params, x, y, weight, then=with_inputs)


def _number(result: Array | float, backend: Backend) -> float:
    """Result as a number of Python's; while a function is traced it stays the 0-d array that stands for it."""
    if is_traced(result):
        return cast("float", result)
    return float(result) if isinstance(result, float) else float(backend.to_host(result))


def _checked_l2(l2: Any) -> Any:
    """λ, which must be a number; None, for which nothing is computed, where it is 0."""
    if l2 is None or is_traced(l2):
        return l2
    check_number("l2", l2)
    return l2 if l2 else None

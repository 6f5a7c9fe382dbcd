"""Worked sample: every number of one sample's forward and backward pass."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpnet._support.trees import map_arrays
from xpnet._support.typing import Params
from xpnet.equations import step
from xpnet.training.network import Network
from xpnet.training.placement import chunk_rows, placed

STEP = 1e-5
"""Step h of the central differences that derivatives are checked with."""


@dataclass(frozen=True)
class WorkedSample:
    """Numbers of one sample in float64, layer by layer: index l is layer l, and index 0 is the input.

    Attributes:
        network: Network of the sample.
        params: Parameters, counted from 0, so that layer l has `params[l - 1]`.
        y: Target of each output.
        a: Activations.
        z: Weighted inputs; empty at 0.
        dC_dz: ∂C/∂z; empty at 0.
        dC_da: ∂C/∂a; empty at 0 and at the last layer.
        cost: C.
        cost_with: C as a function of the parameters.
    """

    network: Network
    params: Params
    y: np.ndarray
    a: list[np.ndarray]
    z: list[np.ndarray]
    dC_dz: list[np.ndarray]
    dC_da: list[np.ndarray]
    cost: float
    cost_with: Callable[[Params], float]

    @property
    def last(self) -> int:
        """Number of the last layer."""
        return len(self.params)

    def activation(self, layer: int) -> Callable[..., np.ndarray]:
        """Activation of a layer, a function of z."""
        model = self.network.model
        return model.hidden[layer - 1].function if layer < self.last else model.loss.activation

    def dC_dw(self, layer: int, i: int, j: int) -> float:
        """Derivative ∂C/∂w of one weight, by the equations."""
        return float(self.dC_dz[layer][i] * self.a[layer - 1][j])

    def difference(self, layer: int, i: int, j: int) -> float:
        """Derivative ∂C/∂w of one weight, by central differences: (C(w + h) − C(w − h)) / 2h."""

        def cost(h: float) -> float:
            w = self.params[layer - 1].w.copy()
            w[i, j] += h
            moved = self.params[layer - 1]._replace(w=w)
            return self.cost_with((*self.params[: layer - 1], moved, *self.params[layer:]))

        return (cost(STEP) - cost(-STEP)) / (2 * STEP)


def work_through(network: Network, params: Params, x: np.ndarray, y: np.ndarray) -> WorkedSample:
    """Work through the one row of x and its target, forward and back."""
    params = map_arrays(lambda array: array.astype(np.float64), params)
    with placed(network, params, x, y) as (_, params, data):
        dC_dz, rows = step.deltas(network.model, params, data, xp=np)
    empty = np.empty(0)
    a = [row[0] for row in rows]
    back = [dC_dz[i][0] for i in range(len(params))]
    return WorkedSample(
        network=network,
        params=params,
        y=data.y[0],
        a=a,
        z=[empty, *(w @ a_prev + b for (w, b), a_prev in zip(params, a, strict=False))],
        dC_dz=[empty, *back],
        dC_da=[empty, *(after @ layer.w for after, layer in zip(back[1:], params[1:], strict=True)), empty],
        cost=network.cost(params, x, y),
        cost_with=lambda moved: network.cost(moved, x, y),
    )


def instructive_row(network: Network, params: Params, x: np.ndarray, y: np.ndarray) -> tuple[int, str]:
    """Row that is worth working through, whose gradients are not all about 0, and in words how its cost compares.

    It is the row with the highest cost of those that are correct, the one with the lowest cost if none is, and in a
    regression the one with the median cost.
    """
    with placed(network, params, x, y) as (backend, params, data):
        cost, error = backend.map_rows(step.measures(network.model), params, (data.x, data.y), chunk_rows(network))
    order = np.argsort(cost, kind="stable")
    if network.model.loss.regression:
        return int(order[len(order) // 2]), "the median of all rows"
    correct = order[error[order] == 0]
    if len(correct):
        return int(correct[-1]), "the highest of all correct rows"
    return int(order[0]), "the lowest, since no row is correct"

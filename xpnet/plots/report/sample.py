"""One sample's way through a network and back, with every number on it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpnet._support.trees import map_arrays
from xpnet._support.typing import Params
from xpnet.equations import backprop, step
from xpnet.training.network import Network
from xpnet.training.placement import chunk_rows, placed

STEP = 1e-5
"""Of the central differences that derivatives are checked with."""


@dataclass(frozen=True)
class Worked:
    """A sample's numbers in float64, layer by layer: those of layer l stand at l, of the input at 0.

    Attributes:
        params: Counted from 0, so that layer l has `params[l - 1]`.
        y: The target of each output.
        a: Activations.
        z: Weighted inputs; none at 0.
        dC_dz: ∂C/∂z; none at 0.
        dC_da: ∂C/∂a; none at 0 and at the last layer.
        cost: C.
        cost_with: C, were these the parameters.
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
        """The last layer."""
        return len(self.params)

    def dC_dw(self, layer: int, i: int, j: int) -> float:
        """∂C/∂w of one weight."""
        return float(self.dC_dz[layer][i] * self.a[layer - 1][j])

    def difference(self, layer: int, i: int, j: int) -> float:
        """The same by central differences: (C(w + h) − C(w − h)) / 2h."""

        def cost(h: float) -> float:
            w = self.params[layer - 1].w.copy()
            w[i, j] += h
            moved = self.params[layer - 1]._replace(w=w)
            return self.cost_with((*self.params[: layer - 1], moved, *self.params[layer:]))

        return (cost(STEP) - cost(-STEP)) / (2 * STEP)


def work(network: Network, params: Params, x: np.ndarray, y: np.ndarray) -> Worked:
    """Take the one row of x with its target through the network and back."""
    params = map_arrays(lambda array: array.astype(np.float64), params)
    with placed(network, params, x, y) as (_, params, data):
        model = network.model
        rows, _ = step.forward(model, params, data.x, xp=np)
        dC_dz = backprop.backward(params, rows, data.y, model.hidden, xp=np)
    none = np.empty(0)
    a = [row[0] for row in rows]
    back = [dC_dz[i][0] for i in range(len(params))]
    return Worked(
        network=network,
        params=params,
        y=data.y[0],
        a=a,
        z=[none, *(w @ a_prev + b for (w, b), a_prev in zip(params, a, strict=False))],
        dC_dz=[none, *back],
        dC_da=[none, *(after @ layer.w for after, layer in zip(back[1:], params[1:], strict=True)), none],
        cost=network.cost(params, x, y),
        cost_with=lambda moved: network.cost(moved, x, y),
    )


def telling(network: Network, params: Params, x: np.ndarray, y: np.ndarray) -> int:
    """The row to look at: of those that are right the one it was least sure of, whose gradients are not all about 0.

    Where none is right it is the one that cost least; of a regression the one whose cost is in the middle.
    """
    with placed(network, params, x, y) as (backend, params, data):
        cost, error = backend.map_rows(step.measures(network.model), params, (data.x, data.y), chunk_rows(network))
    order = np.argsort(cost, kind="stable")
    if network.model.loss.regression:
        return int(order[len(order) // 2])
    right = order[error[order] == 0]
    return int(right[-1] if len(right) else order[0])

"""The post's net with one sample as a column, its derivatives by central differences, and the same in xpnet's rows."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from helpers.oracles import COSTS, DIFFERENCES, FUNCTIONS, OUTPUTS, ROUNDING, central_differences, distance
from xpnet._support.typing import Layer, Params
from xpnet.equations import backprop
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import softmax

SIZES = (6, 5, 4, 3)
LAST = 3
sigmoid = FUNCTIONS["sigmoid"]


class Sample:
    """One sample on its way through the net; w, b and z are counted from layer 1 on, a from the input, 0, on."""

    def __init__(self, params: Params, x: np.ndarray, y: np.ndarray) -> None:
        self.w, self.b = {}, {}
        self.z, self.a, self.y = {}, {0: x[:, None]}, y[:, None]
        for layer, (w, b) in enumerate(params, 1):
            self.w[layer], self.b[layer] = w, b[:, None]
            self.z[layer] = self.w[layer] @ self.a[layer - 1] + self.b[layer]
            self.a[layer] = self.activation(layer, self.z[layer])

    @staticmethod
    def activation(layer: int, z: np.ndarray) -> np.ndarray:
        """Softmax in the last layer, σ in the others."""
        return OUTPUTS["cross_entropy"](z.T).T if layer == LAST else sigmoid(z)

    def cost(self, layer: int, z: np.ndarray) -> float:
        """C, were z that layer's weighted input."""
        a = self.activation(layer, z)
        if layer == LAST:
            return float(COSTS["cross_entropy"](a.T, self.y.T)[0])
        return self.cost(layer + 1, self.w[layer + 1] @ a + self.b[layer + 1])

    def dC_dz(self, layer: int) -> np.ndarray:
        """∂C/∂z by central differences, as all that follow."""
        return central_differences(lambda z: self.cost(layer, z), self.z[layer])

    def dC_dw(self, layer: int) -> np.ndarray:
        """∂C/∂w."""
        return central_differences(lambda w: self.cost(layer, w @ self.a[layer - 1] + self.b[layer]), self.w[layer])

    def dC_db(self, layer: int) -> np.ndarray:
        """∂C/∂b."""
        return central_differences(lambda b: self.cost(layer, self.w[layer] @ self.a[layer - 1] + b), self.b[layer])

    def dC_da(self, layer: int) -> np.ndarray:
        """∂C/∂a."""
        return central_differences(
            lambda a: self.cost(layer + 1, self.w[layer + 1] @ a + self.b[layer + 1]), self.a[layer]
        )

    def da_dz(self, layer: int) -> list[np.ndarray]:
        """∂aᵢ/∂zᵢ of each neuron i."""
        return [central_differences(lambda z: sigmoid(z)[0], z)[0] for z in self.z[layer]]

    def dz_d(self, layer: int, name: str, i: int) -> np.ndarray:
        """∂zᵢ/∂wᵢⱼ, ∂zᵢ/∂bᵢ or ∂zᵢ/∂aⱼ of the layer before, by name, for each j."""
        at = {"w": self.w[layer][i], "b": self.b[layer][i], "a": self.a[layer - 1][:, 0]}

        def z(array: np.ndarray) -> float:
            moved = {**at, name: array}
            return float(np.sum(moved["w"] @ moved["a"] + moved["b"]))

        return central_differences(z, at[name])


class Net:
    """Four samples as columns, and the same ones as xpnet's rows."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.params = tuple(
            Layer(rng.normal(size=(d_out, d_in)), rng.normal(size=d_out)) for d_in, d_out in pairwise(SIZES)
        )
        self.x, self.y = rng.normal(size=(4, 6)), np.eye(3)[[2, 0, 1, 2]]
        self.samples = [Sample(self.params, *row) for row in zip(self.x, self.y, strict=True)]
        hidden = [ACTIVATIONS["sigmoid"]] * 2
        a, _ = backprop.forward(self.params, self.x, hidden, softmax, xp=np)
        deltas = [backprop.backward(self.params, a, self.y, hidden, share, xp=np) for share in (1, 1 / 4)]
        self.dC_dz = dict(enumerate(deltas[0], 1))
        self.dC_da = {layer: self.dC_dz[layer + 1] @ self.params[layer].w for layer in (1, 2)}
        self.gradients = dict(enumerate(backprop.gradients(deltas[1], a, xp=np), 1))

    def check(
        self,
        equation: Callable[[Sample], np.ndarray],
        differences: Callable[[Sample], np.ndarray],
        rows: np.ndarray | None = None,
        mean: np.ndarray | None = None,
    ) -> None:
        """Hold an equation to the differences for each sample, and xpnet's rows, or mean over them, to the equation."""
        found = [equation(sample) for sample in self.samples]
        for one, sample in zip(found, self.samples, strict=True):
            assert distance(one, differences(sample)) < DIFFERENCES
        if rows is not None:
            assert distance(rows, np.concatenate(found, axis=1).T) < ROUNDING["float64"]
        if mean is not None:
            assert distance(mean, np.mean(found, axis=0).reshape(mean.shape)) < ROUNDING["float64"]

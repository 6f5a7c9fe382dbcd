"""A network's shape, and what can be asked of it on arrays of any kind."""

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from xpnet import backends
from xpnet._support.seeds import generator
from xpnet._support.tables import lookup
from xpnet._support.typing import Array, Batch, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.data import check_features, check_same_rows, check_targets, check_weights
from xpnet.equations import backprop, step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES, Loss, accuracy, total_error
from xpnet.errors import InputError
from xpnet.training import sparse

CHUNK = 2**20
"""How many activations a chunk of mapped rows may hold: 4 MB in float32."""


@dataclass(frozen=True)
class Network:
    """Layers of neurons, each connected to all of the next; the parameters are kept apart and handed in.

    Attributes:
        sizes: Neurons a layer, inputs first: [784, 128, 10]; two sizes make a softmax regression.
        activation: "sigmoid", "tanh", "relu" or "identity" for all hidden layers, or a list with one for each.
        loss: The output activation with its cost: "cross_entropy" (softmax, one class a row), "binary_cross_entropy"
            (sigmoid, several labels a row), "squared_error" (identity) or "poisson" (exp).
        input_scale: What inputs are divided by; None divides uint8 by 255 and takes anything else as it is.
    """

    sizes: Sequence[int]
    activation: str | Sequence[str] = "relu"
    loss: str = "cross_entropy"
    input_scale: float | None = None

    def __post_init__(self) -> None:
        sizes = tuple(operator.index(size) for size in self.sizes)
        if len(sizes) < 2 or min(sizes) < 1:
            raise InputError(f"sizes is {list(self.sizes)}; it needs two or more positive numbers, inputs first.")
        hidden = len(sizes) - 2
        names = (self.activation,) * hidden if isinstance(self.activation, str) else tuple(self.activation)
        if len(names) != hidden:
            raise InputError(
                f"activation has {len(names)} names for {hidden} hidden layers; give one for all, or {hidden}."
            )
        for name in names if names else (self.activation if isinstance(self.activation, str) else "relu",):
            lookup(ACTIVATIONS, "activation", name)
        lookup(LOSSES, "loss", self.loss)
        if self.input_scale is not None and not 0 < self.input_scale < np.inf:
            raise InputError(f"input_scale is {self.input_scale}; inputs are divided by it, so it must be above 0.")
        if sizes[-1] == 1 and self.loss == "cross_entropy":
            raise InputError('A softmax over one output is always 1; use two outputs, or loss="binary_cross_entropy".')
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "activation", names)

    def __str__(self) -> str:
        """The layers with their activations: `784-128-10 (relu, softmax)`."""
        names = [*self.activation, self.output.activation.__name__]
        return f"{'-'.join(map(str, self.sizes))} ({', '.join(dict.fromkeys(names) if len(set(names)) < 3 else names)})"

    @property
    def parameter_count(self) -> int:
        """Weights and biases in all."""
        return sum((d_in + 1) * d_out for d_in, d_out in zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def output(self) -> Loss:
        """The output activation with its cost."""
        return LOSSES[self.loss]

    def init(
        self, seed: int = 0, *, backend: str | None = None, device: str | None = None, dtype: str = "float32"
    ) -> Params:
        """Initial parameters: normal weights of deviation 1/√d_in, √2 times that for ReLU, and biases of 0.

        They are drawn on the host in float64, so that one seed gives the same network on every backend.

        Source: the post for sigmoid and tanh; He et al., "Delving Deep into Rectifiers" (2015) for ReLU.
        """
        there = backends.resolve(backend, device)
        rng = generator(seed, "weights")
        gains = [*(ACTIVATIONS[name].gain for name in self.activation), 1.0]
        return tuple(
            Layer(
                w=there.asarray(rng.normal(0.0, gain / np.sqrt(d_in), (d_out, d_in)).astype(dtype)),
                b=there.asarray(np.zeros(d_out, dtype)),
            )
            for d_in, d_out, gain in zip(self.sizes, self.sizes[1:], gains, strict=False)
        )

    def predict(self, params: Params, x: Shaped[Array, "n d_in"]) -> Float[Array, "n k"]:
        """The output activations: a row of probabilities, means or rates for each row of x.

        Args:
            params: Of any library; copied to where x is if they lie elsewhere.
            x: NumPy, CuPy, torch, JAX or any other arrays of the standard; SciPy's sparse ones are made dense bit by
                bit.

        Returns:
            An array of x's kind, NumPy's for sparse x, on x's device, in the parameters' dtype.

        Raises:
            InputError: x or params do not fit the network, or x is not finite.
        """
        with self.placed(params, x, rowwise=True) as (backend, params, data):
            return sparse.map_rows(backend, step.answers(self.model(data.x)), params, data.x, self.chunk)

    def classify(self, params: Params, x: Shaped[Array, "n d_in"]) -> Shaped[Array, "n ..."]:
        """The most probable class of each row, (n,); for binary cross-entropy each label as 0 or 1, (n, k)."""
        if self.output.regression:
            raise InputError(f"loss={self.loss!r} predicts numbers, not classes; use predict.")
        a = self.predict(params, x)
        xp = backends.of(a).xp
        return xp.argmax(a, axis=1) if self.loss == "cross_entropy" else xp.astype(a > 0.5, xp.int32)

    def score(self, params: Params, x: Shaped[Array, "n d_in"], y: Shaped[Array, "n ..."]) -> float:
        """The fraction of rows that are right, in all labels where there are several; R² for a regression."""
        with self.placed(params, x, y, rowwise=True) as (backend, params, data):
            measure = step.measures(self.model(data.x))
            _, error = sparse.map_rows(backend, measure, params, (data.x, data.y), self.chunk)
            total = total_error(self.output, data.y, xp=backend.xp)
            return accuracy(float(backend.xp.sum(error)), float(total))

    def cost(
        self,
        params: Params,
        x: Shaped[Array, "n d_in"],
        y: Shaped[Array, "n ..."],
        *,
        weight: Any = None,
        l2: float = 0.0,
    ) -> float:
        """The objective C = Σ sᵢ Cᵢ / Σ sᵢ + l2/2 · Σ ‖w‖², with `weight` the samples' sᵢ."""
        with self.placed(params, x, y, weight) as (backend, params, data):
            model = self.model(data.x)
            _, z = step.forward(model, params, data.x, xp=backend.xp)
            return float(step.objective(model, params, data, z, l2, xp=backend.xp))

    def gradients(
        self,
        params: Params,
        x: Shaped[Array, "n d_in"],
        y: Shaped[Array, "n ..."],
        *,
        weight: Any = None,
        l2: float = 0.0,
    ) -> Params:
        """∂C/∂w and ∂C/∂b of the objective, of x's kind; see `cost`."""
        with self.placed(params, x, y, weight) as (backend, params, data):
            found, _ = step.gradients(self.model(data.x), params, data, l2, xp=backend.xp)
            return found

    def per_sample_gradients(self, params: Params, x: Shaped[Array, "n d_in"], y: Shaped[Array, "n ..."]) -> Params:
        """Each sample's own ∂Cᵢ/∂w, (n, d_out, d_in), and ∂Cᵢ/∂b, (n, d_out)."""
        with self.placed(params, x, y) as (backend, params, data):
            return backprop.per_sample_gradients(*self._deltas(backend, params, data))

    def per_sample_gradient_norms(
        self, params: Params, x: Shaped[Array, "n d_in"], y: Shaped[Array, "n ..."]
    ) -> Params:
        """The norm of each sample's ∂Cᵢ/∂w and ∂Cᵢ/∂b, (n,) each, a layer at a time; never makes the gradients."""
        with self.placed(params, x, y) as (backend, params, data):
            return backprop.per_sample_gradient_norms(*self._deltas(backend, params, data), xp=backend.xp)

    def model(self, x: Array) -> step.Model:
        """What the mathematics needs to know of this network for inputs of x's dtype."""
        scale = self.input_scale
        if scale is None:
            scale = 255.0 if dtype_name(x) == "uint8" else 1.0
        return step.Model(tuple(ACTIVATIONS[name] for name in self.activation), self.output, scale)

    @property
    def chunk(self) -> int:
        """Rows to map at a time."""
        return max(1, CHUNK // max(self.sizes))

    @contextmanager
    def placed(
        self, params: Params, x: Any, y: Any = None, weight: Any = None, *, rowwise: bool = False
    ) -> Iterator[tuple[Backend, Params, Batch]]:
        """Within: where x lies, the parameters copied there, and the rows checked and encoded; sparse if rowwise."""
        backend = backends.of(x=np.empty(0) if rowwise and sparse.is_sparse(x) else x, y=y, weight=weight)
        with backend.current():
            params = backends.moved(self.checked_params(params), backend)
            yield backend, params, self.batch(backend, dtype_name(params[0].w), x, y, weight)

    def checked_params(self, params: Params) -> Params:
        """The parameters, if their shapes are this network's."""
        if not (isinstance(params, tuple) and all(isinstance(layer, Layer) for layer in params)):
            raise InputError(f"params is a {type(params).__name__}; give what init or epoch.params holds.")
        came = [tuple(layer.w.shape) for layer in params]
        needed = list(zip(self.sizes[1:], self.sizes[:-1], strict=True))
        if came != needed or [tuple(layer.b.shape) for layer in params] != [(d_out,) for d_out, _ in needed]:
            raise InputError(f"params have weights of shapes {came}, but the network {self} needs {needed}.")
        return params

    def batch(self, backend: Backend, dtype: str, x: Any, y: Any = None, weight: Any = None, of: str = "") -> Batch:
        """Rows as the mathematics takes them, checked: inputs as they came, targets one-hot or as numbers.

        Args:
            backend: Where they are to lie.
            dtype: The parameters' dtype, for targets and weights.
            x: Inputs, as they came.
            y: Targets, as they came, or None.
            weight: Sample weights, or None.
            of: What follows x and y in messages: "_train", "_test".
        """
        if sparse.is_sparse(x):
            x = sparse.checked(x, name=f"x{of}")
        else:
            x = backend.asarray(x)
            check_features(x, name=f"x{of}", xp=backend.xp)
        if x.shape[1] != self.sizes[0]:
            raise InputError(f"x{of} has {x.shape[1]} columns, but the network {self} takes {self.sizes[0]} inputs.")
        if y is not None:
            y = backend.asarray(y)
            check_same_rows(x, y, names=(f"x{of}", f"y{of}"))
            check_targets(y, name=f"y{of}", loss=self.loss, outputs=self.sizes[-1], xp=backend.xp)
            y = self._targets(backend, y, dtype)
        if weight is not None:
            weight = backend.asarray(weight, dtype)
            check_weights(weight, xp=backend.xp)
            check_same_rows(x, weight, names=(f"x{of}", "weight"), each="weight")
        return Batch(x, y, weight)

    def _targets(self, backend: Backend, y: Array, dtype: str) -> Float[Array, "n k"]:
        """Labels one-hot, everything else as a column for each output."""
        xp, outputs = backend.xp, self.sizes[-1]
        if self.loss == "cross_entropy":
            y = xp.astype(y, xp.int32)[:, None] == xp.arange(outputs, dtype=xp.int32, device=backend.device)[None, :]
        return xp.astype(xp.reshape(y, (-1, outputs)), backend.dtype(dtype))

    def _deltas(self, backend: Backend, params: Params, data: Batch) -> tuple[backprop.Deltas, list[Array]]:
        """Each sample's own ∂C/∂z, and the activations."""
        model = self.model(data.x)
        a, _ = step.forward(model, params, data.x, xp=backend.xp)
        return backprop.backward(params, a, data.y, model.hidden, xp=backend.xp), a

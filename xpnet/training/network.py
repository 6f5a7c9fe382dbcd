"""Network: layers of neurons, their initial parameters, and what can be asked of them on arrays of any kind."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Real
from typing import Any, TypeVar, overload

import numpy as np
from jaxtyping import Float, Shaped

from xpnet import backends
from xpnet._support.optional import pictures
from xpnet._support.seeds import generator
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Array, Batch, Layer, Params
from xpnet.backends import Backend
from xpnet.equations import activations, losses, step
from xpnet.equations.activations import ActivationName
from xpnet.equations.losses import LossName
from xpnet.errors import InputError, MissingExtraError
from xpnet.training import measured
from xpnet.training.class_names import ClassName, checked_names
from xpnet.training.mapped import mapped, shortcut
from xpnet.training.placement import check_whole, checked_params, spelled_device, spelled_dtype
from xpnet.training.predictor import Predictor
from xpnet.training.standardization import Standardization, folded_params, is_standardized

Kind = TypeVar("Kind")
"""Type of an array library's arrays."""


@dataclass(frozen=True)
class Network:
    """Layers of neurons, each connected to all of the next; parameters are not part of it, but passed to its methods.

    Attributes:
        sizes: Neurons per layer, inputs first: [784, 128, 10]; two sizes make a softmax regression.
        activation: "sigmoid", "tanh", "relu", "identity", "leaky_relu" (with another slope "leaky_relu:0.2"), "elu"
            ("elu:0.5"), "softplus" or "hard_sigmoid" for all hidden layers, or a list with one for each.
        loss: The output activation with its cost: "cross_entropy" (softmax, one class per row), "binary_cross_entropy"
            (sigmoid, several labels per row), "squared_error" (identity), "poisson" (exp); and with identity
            "absolute_error", "huber" (with another δ "huber:0.5") or "pinball:0.9" for the quantile of level 0.9.
        input_scale: What inputs are divided by; None divides uint8 by 255 and takes anything else as it is. Or a
            `Standardization` of the columns, such as `Standardization.of(x)`.
        target_scale: `Standardization` of a regression's targets, which predictions are brought back from; costs and
            derivatives are those of standardized targets. None takes targets as they are.
        classes: Names of the classes, words or numbers, in the order of the outputs, with one output those of 0 and 1;
            None numbers them from 0. Arrays hold the numbers, which `class_names` spells.
        dropout: Fraction of a hidden layer's neurons that each step of the training leaves out, one for all layers or a
            list with one for each; predictions and evaluations leave out none.

    Raises:
        InputError: They make no network.

    Example:
        >>> network = Network([784, 128, 10])
        >>> print(network, network.parameter_count)
        784-128-10 (relu, softmax) 101770
    """

    sizes: Sequence[int]
    activation: ActivationName | str | Sequence[ActivationName | str] = "relu"
    loss: LossName | str = "cross_entropy"
    input_scale: float | Standardization | None = None
    classes: Sequence[ClassName] | None = None
    target_scale: Standardization | None = None
    dropout: float | Sequence[float] = 0.0

    def __post_init__(self) -> None:
        try:
            sizes = tuple(operator.index(size) for size in self.sizes)
        except TypeError:
            sizes = ()
        if len(sizes) < 2 or min(sizes) < 1:
            came = list(self.sizes) if isinstance(self.sizes, tuple) else self.sizes
            raise InputError(f"sizes is {came!r}; it needs two or more positive integers, inputs first.")
        hidden = len(sizes) - 2
        several = isinstance(self.activation, Sequence) and not isinstance(self.activation, str)
        names = tuple(self.activation) if several else (self.activation,) * hidden
        if len(names) != hidden:
            raise InputError(
                f"activation has {len(names)} names for {hidden} hidden layers; give one for all, or {hidden}."
            )
        for name in names if several else (self.activation,):
            activations.activation(name)
        losses.loss(self.loss)
        self._check_scales(sizes)
        if sizes[-1] == 1 and self.loss == "cross_entropy":
            raise InputError('A softmax over one output is always 1; use two outputs, or loss="binary_cross_entropy".')
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "activation", names)
        object.__setattr__(self, "dropout", _fractions(self.dropout, hidden))
        if self.classes is not None:
            if self.model.loss.regression:
                raise InputError(f"classes came, but loss={self.loss!r} predicts numbers; leave classes out.")
            object.__setattr__(self, "classes", checked_names(self.classes, max(sizes[-1], 2)))

    def _check_scales(self, sizes: tuple[int, ...]) -> None:
        """Refuse scales that do not fit the inputs and outputs."""
        scale, target = self.input_scale, self.target_scale
        is_number = isinstance(scale, Real) and 0 < scale < np.inf
        if not (scale is None or is_number or isinstance(scale, Standardization)):
            raise InputError(
                f"input_scale is {scale!r}; inputs are divided by it, so it must be a number above 0, or a "
                "Standardization."
            )
        if not (target is None or isinstance(target, Standardization)):
            raise InputError(f"target_scale is {target!r}; give a Standardization, such as Standardization.of(y).")
        if target is not None and losses.loss(self.loss).activation is not activations.identity:
            raise InputError(f"loss={self.loss!r} has targets of a scale of their own; leave target_scale out.")
        for name, of, size in (("input_scale", scale, sizes[0]), ("target_scale", target, sizes[-1])):
            if isinstance(of, Standardization) and len(of.mean) != size:
                raise InputError(f"{name} has {len(of.mean)} columns, but the network has {size}.")

    def __str__(self) -> str:
        """The layers with their activations: `784-128-10 (relu, softmax)`."""
        names = [*self.activation, self.model.loss.activation.__name__]
        names = list(dict.fromkeys(names)) if len(set(names)) < 3 else names
        dropout = [f"{rate:g}" for rate in dict.fromkeys(self.model.dropout)]
        rates = [f"dropout {' '.join(dropout)}"] if dropout else []
        return f"{'-'.join(map(str, self.sizes))} ({', '.join([*names, *rates])})"

    def _repr_html_(self) -> str | None:
        """Diagram that a notebook shows, if Matplotlib is installed."""
        try:
            plots = pictures()
        except MissingExtraError:
            return None
        diagram: str = plots.svg(plots.network_diagram(self), "network")
        return diagram

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, or of several labels, as text; without names, numbers from 0; none of a regression."""
        if self.model.loss.regression:
            return []
        return [str(name) for name in (self.classes or range(max(self.sizes[-1], 2)))]

    @property
    def parameter_count(self) -> int:
        """Number of weights and biases."""
        return sum((d_in + 1) * d_out for d_in, d_out in zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def model(self) -> step.Model:
        """Activations, loss and input scale, as the functions of `xpnet.equations` take them."""
        scale = self.input_scale
        number = 1.0 if isinstance(scale, Standardization) else scale
        dropout = self.dropout if isinstance(self.dropout, tuple) else ()
        return _model(tuple(self.activation), self.loss, number, dropout)

    def folded(self, params: Params) -> tuple["Network", Params]:
        """The same network without standardization, and parameters with which it predicts the same, to rounding.

        Args:
            params: Of any library.

        Returns:
            The network and params themselves if it is not standardized; else another network, which takes inputs and
            gives outputs as they are, and new parameters of the same kind.

        Raises:
            InputError: params do not fit the network.
        """
        if not is_standardized(self):
            return self, params
        layers = checked_params(self, params)
        backend = backends.of(*arrays_in(layers))
        inputs = self.input_scale if isinstance(self.input_scale, Standardization) else None
        scale = 1.0 if inputs is not None else self.input_scale
        with backend.current():
            layers = folded_params(inputs, self.target_scale, layers, backend)
        return replace(self, input_scale=scale, target_scale=None), layers

    def init(self, seed: int = 0, *, backend: str | None = None, device: Any = None, dtype: Any = "float32") -> Params:
        """Draw initial parameters: normal weights of standard deviation 1/√d_in, √2 times that for ReLU; biases are 0.

        They are drawn on the host in float64, so that one seed gives the same network on every backend.

        Args:
            seed: What they are drawn from.
            backend: "numpy", "cupy", "torch" or "jax"; None leaves it to the device, on the CPU NumPy.
            device: "cpu", "cuda", "cuda:1", or a library's own device; None is the CPU, for CuPy the first GPU.
            dtype: "float32" or "float64", or a library's own of that name.

        Returns:
            A `Layer(w, b)` for each layer, w of shape (d_out, d_in) and b of shape (d_out,).

        Raises:
            DeviceError: The backend or device cannot serve.
            InputError: A name or number that is none of these.

        Source: the post for sigmoid and tanh; He et al., "Delving Deep into Rectifiers" (2015) for ReLU.

        Example:
            >>> [layer.w.shape for layer in Network([4, 5, 3]).init(seed=1)]
            [(5, 4), (3, 5)]
        """
        target, dtype = backends.resolve(backend, spelled_device(device)), spelled_dtype(dtype)
        check_whole("seed", seed, 0)
        rng = generator(seed, "weights")
        gains = [*(layer.gain for layer in self.model.hidden), 1.0]
        return tuple(
            Layer(
                w=target.asarray(rng.normal(0.0, gain / np.sqrt(d_in), (d_out, d_in)).astype(dtype)),
                b=target.asarray(np.zeros(d_out, dtype)),
            )
            for d_in, d_out, gain in zip(self.sizes, self.sizes[1:], gains, strict=False)
        )

    @overload
    def predict(self, params: Params, x: np.ndarray | list[Any]) -> np.ndarray: ...
    @overload
    def predict(self, params: Params, x: Kind) -> Kind: ...
    def predict(self, params: Params, x: Shaped[Array, "n d_in"]) -> Float[Array, "n k"]:
        """Output activations: a row of probabilities, means or rates for each row of x.

        Args:
            params: Of any library; copied to where x is if they lie elsewhere.
            x: NumPy, CuPy, torch, JAX or any other arrays of the standard; lists and data frames are NumPy's, and
                SciPy's sparse arrays are made dense a chunk of rows at a time.

        Returns:
            An array of x's kind, NumPy's for sparse x, on x's device, in the parameters' dtype.

        Raises:
            InputError: x or params do not fit the network, or x is not finite.

        Example:
            >>> network = Network([4, 3])
            >>> network.predict(network.init(), np.eye(4)).shape
            (4, 3)
        """
        if (found := shortcut(self, step.answers, params, x)) is not None:
            return found[-1]

        def unscaled(backend: Backend, params: Params, data: Batch, a: Array) -> Array:
            return a if self.target_scale is None else self.target_scale.undone(a, backend)

        return mapped(self, step.answers, params, x, then=unscaled, may_be_sparse=True)

    def predictor(self, params: Params, *, engine: str = "auto") -> Predictor:
        """Bind the network to parameters, for one prediction after another with the least cost beside the arithmetic.

        The parameters are copied and checked now, and code is compiled now; later changes of these arrays do not count.

        Args:
            params: As for `predict`.
            engine: "compiled" for machine code, "replay" for NumPy with buffers allocated once, "plain" for the array
                library's own operations, "jit" for JAX's own compiler, or "auto": compiled if llvmlite is installed,
                else replay, and on a GPU the library's own.

        Returns:
            A function of rows, `predictor(x)`, that threads can share; it gives what `predict` gives, to rounding.

        Raises:
            DeviceError: The engine needs a package that is not installed.
            InputError: params do not fit the network, or are not finite; or there is no such engine.

        Example:
            >>> network = Network([4, 3])
            >>> network.predictor(network.init())(np.eye(4)).shape
            (4, 3)
        """
        return Predictor(self, params, engine)

    @overload
    def classify(self, params: Params, x: np.ndarray | list[Any]) -> np.ndarray: ...
    @overload
    def classify(self, params: Params, x: Kind) -> Kind: ...
    def classify(self, params: Params, x: Shaped[Array, "n d_in"]) -> Shaped[Array, "n ..."]:
        """Most probable class of each row, or for binary cross-entropy each label as 0 or 1.

        Args:
            params: As for `predict`.
            x: As for `predict`.

        Returns:
            Integers of x's kind: classes (n,), or labels (n, k).

        Raises:
            InputError: The loss is that of a regression, or x or params do not fit.

        Example:
            >>> network = Network([2, 2])
            >>> network.classify([(np.eye(2), np.zeros(2))], np.array([[3.0, 1.0], [0.0, 2.0]]))
            array([0, 1])
        """
        if self.model.loss.regression:
            raise InputError(f"loss={self.loss!r} predicts numbers, not classes; use predict.")
        a: Array = self.predict(params, x)
        if type(a) is np.ndarray and self.loss == "cross_entropy":
            # By the method: to look for the array's backend takes longer.
            return a.argmax(axis=1)
        backend = backends.of(a)
        xp = backend.xp
        with backend.current():
            return xp.argmax(a, axis=1) if self.loss == "cross_entropy" else xp.astype(a > 0.5, xp.int32)

    def score(self, params: Params, x: Shaped[Array, "n d_in"], y: Shaped[Array, "n ..."]) -> float:
        """Accuracy, or R² for a regression.

        Args:
            params: As for `predict`.
            x: As for `predict`.
            y: Labels (n,) for cross-entropy, else a column for each output; for one output also a vector.

        Returns:
            The fraction of rows that are right, in all labels where there are several; or R² over all outputs.

        Raises:
            InputError: x, y or params do not fit.

        Example:
            >>> network = Network([2, 2])
            >>> network.score([(np.eye(2), np.zeros(2))], np.array([[3.0, 1.0], [0.0, 2.0]]), np.array([0, 0]))
            0.5
        """
        return measured.score(self, params, x, y)

    def cost(
        self,
        params: Params,
        x: Shaped[Array, "n d_in"],
        y: Shaped[Array, "n ..."],
        *,
        weight: Any = None,
        l2: float = 0.0,
    ) -> float:
        """Cost: the objective C = Σ sᵢ Cᵢ / Σ sᵢ + λ/2 · Σ ‖w‖², biases excluded.

        Args:
            params: As for `predict`.
            x: As for `predict`, but not sparse.
            y: As for `score`.
            weight: Sample weights sᵢ (n,); None counts every row once.
            l2: λ.

        Returns:
            C.

        Raises:
            InputError: Something does not fit the network or the rest.

        Example:
            >>> network = Network([2, 2])
            >>> round(network.cost([(np.zeros((2, 2)), np.zeros(2))], np.eye(2), np.array([0, 1])), 6)
            0.693147
        """
        return measured.cost(self, params, x, y, weight, l2)

    def gradients(
        self,
        params: Params,
        x: Shaped[Array, "n d_in"],
        y: Shaped[Array, "n ..."],
        *,
        weight: Any = None,
        l2: float = 0.0,
    ) -> Params:
        """∂C/∂w and ∂C/∂b of the objective that `cost` gives.

        Args:
            params: As for `predict`.
            x: As for `predict`, but not sparse.
            y: As for `score`.
            weight: As for `cost`.
            l2: As for `cost`.

        Returns:
            A `Layer(w, b)` of derivatives for each layer, of x's kind.

        Raises:
            InputError: Something does not fit the network or the rest.

        Example:
            >>> network = Network([2, 2])
            >>> network.gradients([(np.zeros((2, 2)), np.zeros(2))], np.eye(2), np.array([0, 1]))[0].w
            array([[-0.25,  0.25],
                   [ 0.25, -0.25]])
        """
        return measured.gradients(self, params, x, y, weight, l2)

    def per_sample_gradients(self, params: Params, x: Shaped[Array, "n d_in"], y: Shaped[Array, "n ..."]) -> Params:
        """∂Cᵢ/∂w and ∂Cᵢ/∂b of each sample.

        Args:
            params: As for `predict`.
            x: As for `predict`, but not sparse.
            y: As for `score`.

        Returns:
            For each layer w of shape (n, d_out, d_in) and b of shape (n, d_out), of x's kind.

        Raises:
            InputError: x, y or params do not fit.

        Example:
            >>> network = Network([2, 2])
            >>> network.per_sample_gradients(network.init(), np.eye(2), np.array([0, 1]))[0].w.shape
            (2, 2, 2)
        """
        return measured.per_sample_gradients(self, params, x, y)

    def per_sample_gradient_norms(
        self, params: Params, x: Shaped[Array, "n d_in"], y: Shaped[Array, "n ..."]
    ) -> Params:
        """Norms of each sample's ∂Cᵢ/∂w and ∂Cᵢ/∂b, without making these gradients.

        Args:
            params: As for `predict`.
            x: As for `predict`, but not sparse.
            y: As for `score`.

        Returns:
            For each layer w and b of shape (n,), of x's kind.

        Raises:
            InputError: x, y or params do not fit.

        Example:
            >>> network = Network([2, 2])
            >>> network.per_sample_gradient_norms(network.init(), np.eye(2), np.array([0, 1]))[0].w.shape
            (2,)
        """
        return measured.per_sample_gradient_norms(self, params, x, y)


def _fractions(dropout: Any, hidden: int) -> tuple[float, ...]:
    """Fraction of each hidden layer that is left out, nothing where none is.

    Raises:
        InputError: They are not that many, or no fractions.
    """
    several = isinstance(dropout, Sequence) and not isinstance(dropout, str)
    rates = tuple(dropout) if several else (dropout,) * hidden
    for rate in rates if several else (dropout,):
        if not (isinstance(rate, Real) and 0 <= float(rate) < 1):
            raise InputError(
                f"dropout is {dropout!r}; it must be at least 0 and below 1, one for all layers or for each."
            )
    # As it is when nothing was said, and when it was made before.
    if not any(rates):
        return ()
    if len(rates) != hidden:
        raise InputError(f"dropout has {len(rates)} rates for {hidden} hidden layers; give one for all, or {hidden}.")
    return tuple(float(rate) for rate in rates)


@lru_cache
def _model(hidden: tuple[str, ...], loss: str, input_scale: float | None, dropout: tuple[float, ...]) -> step.Model:
    """Functions of a network by their names, looked up once: each prediction asks for them."""
    return step.Model(tuple(map(activations.activation, hidden)), losses.loss(loss), input_scale, dropout)

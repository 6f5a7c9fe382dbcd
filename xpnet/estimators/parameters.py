"""Parameters of the estimators: scikit-learn's, checked by its own rules, and a few more."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPRegressor
from sklearn.utils._param_validation import Interval, StrOptions

from xpnet._support.sklearn_names import OWN_ACTIVATIONS, activation_name, is_own
from xpnet.equations.activations import activation
from xpnet.errors import InputError
from xpnet.training.network import Network

STOCHASTIC = ("sgd", "adam")
"""Solvers that train epoch by epoch."""

SKLEARN_CONSTRAINTS = {name: rules for name, rules in MLPRegressor._parameter_constraints.items() if name != "loss"}
"""scikit-learn's rules for the parameters that both of its estimators have."""


class Names(StrOptions):
    """Names of scikit-learn's, and others that a number may follow.

    Args:
        theirs: scikit-learn's rule.
        own: The other names.
        member: Function that refuses a name, or its number, by an InputError.
    """

    def __init__(self, theirs: Any, own: tuple[str, ...], member: Callable[[Any], object]) -> None:
        super().__init__({*theirs.options, *own})
        self._own, self._member = own, member

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether a parameter has a name that is one of them."""
        if not is_own(val, self._own):
            return bool(super().is_satisfied_by(val))
        try:
            self._member(val)
        except InputError:
            return False
        return True


def has_epochs(mlp: Any) -> bool:
    """Say that an estimator has `partial_fit`, or raise AttributeError: only solvers that go epoch by epoch have it."""
    if mlp.solver not in STOCHASTIC:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {mlp.solver} is not stochastic."
        )
    return True


class Parameters(BaseEstimator):
    """Parameters of both estimators, whose docstrings explain them."""

    # No documentation of xpnet is on the web; that of scikit-learn explains what both have.
    _doc_link_module = "xpnet"
    _doc_link_template = (
        "https://scikit-learn.org/stable/modules/generated/sklearn.neural_network.{estimator_name}.html"
    )

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SKLEARN_CONSTRAINTS,
        "activation": [Names(SKLEARN_CONSTRAINTS["activation"][0], OWN_ACTIVATIONS, activation), list, tuple],
        "learning_rate": [*SKLEARN_CONSTRAINTS["learning_rate"], callable],
        "scoring": [str, callable, None],
        "device": [str, None],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
    }

    hidden_layer_sizes: Any
    activation: Any
    solver: str
    alpha: float
    max_iter: int
    random_state: Any
    tol: float
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    max_fun: int
    device: str | None
    dropout: Any

    def __init__(self, parameters: dict[str, Any]) -> None:
        # scikit-learn requires that each parameter is kept unchanged under its own name.
        self.__dict__.update({name: value for name, value in parameters.items() if name not in ("self", "__class__")})

    @property
    def _widths(self) -> tuple[int, ...]:
        """Sizes of the hidden layers."""
        sizes = self.hidden_layer_sizes
        return tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)

    @property
    def _activations(self) -> tuple[str, ...]:
        """scikit-learn's names for the activations of the hidden layers."""
        if isinstance(self.activation, str):
            return (self.activation,) * len(self._widths)
        return tuple(self.activation)

    def _network(self, inputs: int, outputs: int, loss: Any, classes: Any) -> Network:
        """Network with these parameters."""
        names = [activation_name(name) for name in self._activations]
        return Network((inputs, *self._widths, outputs), names, loss, 1.0, classes, dropout=self.dropout)

    def _check_parameters(self, incremental: bool) -> None:
        """Refuse the parameters that scikit-learn refuses, and combinations without a meaning."""
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        # A TypeError, as in scikit-learn.
        if not all(isinstance(size, Integral) for size in self._widths):
            raise TypeError(f"hidden_layer_sizes holds {list(self._widths)}; every size is a whole number.")
        if min(self._widths, default=1) < 1:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {list(self._widths)}.")
        for name in self._activations:
            activation(activation_name(name))
        if self.solver == "lbfgs" and np.any(self.dropout):
            raise ValueError('dropout goes with solver="sgd" or "adam"; "lbfgs" needs the same objective every time.')
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")

"""The parameters that an estimator is made with: scikit-learn's own, checked by its own rules, and a few more."""

from typing import Any, ClassVar

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPRegressor

from xpnet._support.tables import lookup
from xpnet.training.network import Network

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
"""xpnet's name for each of scikit-learn's activations."""

STOCHASTIC = ("sgd", "adam")
"""The solvers that train epoch by epoch."""

THEIRS = {name: rules for name, rules in MLPRegressor._parameter_constraints.items() if name != "loss"}


def has_epochs(mlp: Any) -> bool:
    """Whether a solver goes epoch by epoch; else there is no partial_fit."""
    if mlp.solver not in STOCHASTIC:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {mlp.solver} is not stochastic."
        )
    return True


class Parameters(BaseEstimator):
    """What both estimators are made with; scikit-learn's names and meanings, with what is said of the others here.

    Attributes:
        activation: One name, or a list with one for each hidden layer.
        learning_rate: A rule of scikit-learn's, for sgd, or a schedule of `xpnet.schedules`, for adam too.
        verbose: Whether to show a bar.
        scoring: What early stopping goes by: a scorer or its name; None is accuracy or R².
        device: Where NumPy's rows are sent to be computed with, "cuda" or "cuda:1"; None is where they are.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **THEIRS,
        "activation": [*THEIRS["activation"], list, tuple],
        "learning_rate": [*THEIRS["learning_rate"], callable],
        "scoring": [str, callable, None],
        "device": [str, None],
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

    def __init__(self, given: dict[str, Any]) -> None:
        # Each under its own name and unchanged, as scikit-learn asks of estimators.
        self.__dict__.update({name: value for name, value in given.items() if name not in ("self", "__class__")})

    @property
    def _widths(self) -> tuple[int, ...]:
        """The sizes of the hidden layers."""
        sizes = self.hidden_layer_sizes
        return tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)

    @property
    def _activations(self) -> tuple[str, ...]:
        """scikit-learn's names for the hidden layers' activations."""
        if isinstance(self.activation, str):
            return (self.activation,) * len(self._widths)
        return tuple(self.activation)

    def _network(self, inputs: int, outputs: int, loss: str) -> Network:
        """The network of these parameters."""
        names = [ACTIVATIONS[name] for name in self._activations]
        return Network((inputs, *self._widths, outputs), names, loss, input_scale=1.0)

    def _check_parameters(self, incremental: bool) -> None:
        """Refuse parameters as scikit-learn does, and combinations that nobody can mean."""
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        if min(self._widths, default=1) < 1:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {list(self._widths)}.")
        for name in self._activations:
            lookup(ACTIVATIONS, "activation", name)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")

"""`MLPRegressor`: scikit-learn's, on the arrays you have."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn.utils.metaestimators import available_if

from xpnet._support.typing import Array
from xpnet.backends import Backend
from xpnet.data import check_targets
from xpnet.estimators.estimator import MLP
from xpnet.estimators.inputs import Place, Rows, on_host
from xpnet.estimators.parameters import Parameters, has_epochs


class MLPRegressor(RegressorMixin, MLP):
    """A multi-layer perceptron that predicts numbers: one a row, or several.

    A drop-in for `sklearn.neural_network.MLPRegressor`, with its parameters, methods and fitted attributes; with
    `random_state` an integer it finds the same coefficients, to rounding. Arrays of CuPy, PyTorch, JAX and others are
    computed with where they are.

    Args:
        loss: "squared_error", or "poisson" for counts, whose output is exp(z).
        hidden_layer_sizes: Neurons of each hidden layer.
        activation: "identity", "logistic", "tanh" or "relu" for all hidden layers, or a list with one for each.
        solver: "sgd", "adam" (its ε̂ form) or "lbfgs", SciPy's, on all rows at once.
        alpha: L2 of the sum of a batch's costs.
        batch_size: Rows a step; "auto" is 200, or all if they are fewer.
        learning_rate: "constant", "invscaling" or "adaptive", for sgd; or a schedule of `xpnet.schedules`, for adam
            too, which holds its rate itself.
        learning_rate_init: η₀.
        power_t: p of "invscaling".
        max_iter: Epochs at most, or iterations of lbfgs.
        shuffle: Whether each epoch has an order of its own.
        random_state: What weights, rows held back and orders are drawn from.
        tol: By how much the loss must fall, or the score rise; for lbfgs the largest gradient that counts as 0.
        verbose: Whether to show a bar.
        warm_start: Whether `fit` begins where the last one ended.
        momentum: Of sgd, from 0 to 1.
        nesterovs_momentum: Whether that is Nesterov's.
        early_stopping: Whether to stop by the score of rows held back or of `validation_data`, keeping the best epoch.
        validation_fraction: The part of the rows that is held back for that.
        beta_1: β₁ of adam.
        beta_2: β₂ of adam.
        epsilon: ε of adam.
        n_iter_no_change: Epochs without such a change until it stops.
        max_fun: Evaluations of lbfgs at most.
        scoring: What early stopping goes by, a scorer or its name; None is R².
        device: Where NumPy's rows are sent to be computed with, "cuda" or "cuda:1"; results come back as NumPy's.

    Attributes:
        coefs_: Weights (d_in, d_out) of each layer, of X's kind.
        intercepts_: Biases (d_out,), likewise.
        loss_curve_: The loss of each epoch, L2 included; squared error is the mean over the outputs.
        validation_loss_curve_: That of the rows held back, without L2.
        network_: The `xpnet.Network`, for use with the rest of xpnet.
        params_: Its parameters.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Parameters._parameter_constraints,
        "loss": Theirs._parameter_constraints["loss"],
    }
    _numbers = True

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        scoring: Any = None,
        device: str | None = None,
    ) -> None:
        super().__init__(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Fit to rows and their targets.

        Args:
            X: Rows (n, d_in) of any library that follows the array API standard, a data frame, or sparse.
            y: Numbers (n,), or (n, k) for k outputs.
            sample_weight: What each row counts for, (n,).
            validation_data: `(X, y)` or `(X, y, sample_weight)` to validate on; see `early_stopping`.

        Raises:
            ValueError: Parameters or data that do not fit, or of two kinds; a training that diverges.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on by one epoch on these rows."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Numbers (n,), or (n, k) for several outputs."""
        a, at = self._outputs(X, "predict")
        return at.back(self._decided(a, at.backend))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the mean of the outputs' where there are several."""
        guess = on_host(self.predict(X))
        return float(r2_score(on_host(y), guess, sample_weight=on_host(sample_weight)))

    def _learn(self, given: np.ndarray, at: Place, *, incremental: bool) -> None:
        if given.dtype.kind in "SU":
            raise TypeError(f"y holds strings, {given.dtype}; a regression needs numbers.")
        self._check_numbers(given, 1 if given.ndim == 1 else given.shape[1])

    def _check_held(self, given: np.ndarray) -> None:
        self._check_numbers(given, self.n_outputs_)

    def _check_numbers(self, given: np.ndarray, outputs: int) -> None:
        # Truth values are numbers here, as they are to scikit-learn.
        numbers = given.astype(np.float64) if given.dtype.kind == "b" else given
        check_targets(numbers, name="y", loss=self.loss, outputs=outputs, xp=np)

    def _task(self, given: np.ndarray) -> tuple[str, int]:
        return self.loss, 1 if given.ndim == 1 else given.shape[1]

    def _targets(self, given: np.ndarray, dtype: str) -> np.ndarray:
        return given.astype(dtype)

    def _weighed(self, weight: np.ndarray | None, given: np.ndarray) -> np.ndarray | None:
        return weight

    def _strata(self, rows: Rows) -> np.ndarray | None:
        return None

    def _decided(self, a: Array, backend: Backend) -> Array:
        return a[:, 0] if self.n_outputs_ == 1 else a

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

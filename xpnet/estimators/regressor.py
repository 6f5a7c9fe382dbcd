"""`MLPRegressor`, with scikit-learn's interface, on arrays of any library."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor
from sklearn.utils.metaestimators import available_if

from xpnet._support.sklearn_names import OWN_LOSSES
from xpnet._support.typing import Array
from xpnet.backends import Backend
from xpnet.data import check_targets
from xpnet.equations import losses
from xpnet.estimators.callbacks import with_callbacks
from xpnet.estimators.estimator import MLP
from xpnet.estimators.inputs import Placement, Samples, on_host
from xpnet.estimators.parameters import Names, Parameters, has_epochs
from xpnet.estimators.validation_rows import validation_rows


class MLPRegressor(RegressorMixin, MLP):
    """Multi-layer perceptron regressor, for one number per row or for several.

    A drop-in for `sklearn.neural_network.MLPRegressor`, with its parameters, methods and fitted attributes; with an
    integer `random_state` the fitted coefficients are the same, to rounding. Arrays of CuPy, PyTorch, JAX and other
    libraries are computed with where they are.

    Parameters
    ----------
    loss : str, default="squared_error"
        Loss: "squared_error"; "poisson", for counts, whose output is exp(z); "absolute_error"; "huber" (with another δ
        "huber:0.5"); or "pinball:0.9", for the quantile of level 0.9.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Neurons per hidden layer.
    activation : str or list of str, default="relu"
        Activation of all hidden layers, or a list with one for each: "identity", "logistic", "tanh", "relu", or of
        xpnet's "leaky_relu" (with another slope "leaky_relu:0.2"), "elu", "softplus", "hard_sigmoid".
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        Solver: "sgd", "adam" (in its ε̂ form), or SciPy's "lbfgs" on all rows at once.
    alpha : float, default=0.0001
        Strength of the L2 penalty, relative to the sum of a batch's costs.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is 200, or all rows if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} or callable, default="constant"
        Learning rate of "sgd", as a rule; or a schedule of `xpnet.schedules`, also for "adam", which holds the initial
        rate itself.
    learning_rate_init : float, default=0.001
        Initial learning rate η₀, unless `learning_rate` is a schedule.
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=200
        Most epochs, or most iterations of "lbfgs".
    shuffle : bool, default=True
        Whether to draw a new order of the rows for each epoch.
    random_state : int, RandomState or None, default=None
        Source of the initial weights, the held-out rows and the orders.
    tol : float, default=0.0001
        Least change of the loss or the score that counts as an improvement; for "lbfgs", the largest gradient that
        counts as 0.
    verbose : bool or int, default=False
        Whether to show the progress: as a bar on a terminal or in a notebook, elsewhere as scikit-learn's lines on
        stdout.
    warm_start : bool, default=False
        Whether `fit` begins with the parameters of the last fit.
    momentum : float, default=0.9
        Momentum of "sgd", from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's.
    early_stopping : bool, default=False
        Whether to stop by the score on held-out rows, or on `X_val`, and keep the best epoch's parameters.
    validation_fraction : float, default=0.1
        Fraction of the rows that is held out for early stopping.
    beta_1 : float, default=0.9
        Decay rate β₁ of the first moment in "adam".
    beta_2 : float, default=0.999
        Decay rate β₂ of the second moment in "adam".
    epsilon : float, default=1e-08
        Numerical constant ε̂ of "adam".
    n_iter_no_change : int, default=10
        Epochs without improvement after which the training stops.
    max_fun : int, default=15000
        Most evaluations of the objective by "lbfgs".
    scoring : str, callable or None, default=None
        Scorer, or its name, that early stopping goes by; None is R².
    device : str or None, default=None
        Device to compute on with rows of NumPy's, "cuda" or "cuda:1"; results come back as NumPy arrays.
    dropout : float or list of float, default=0.0
        Fraction of a hidden layer's neurons that each step leaves out, or a list with one for each layer; not for
        "lbfgs".

    Attributes
    ----------
    coefs_ : list of arrays
        Weights (d_in, d_out) of each layer, of X's kind.
    intercepts_ : list of arrays
        Biases (d_out,) of each layer, of X's kind.
    loss_ : float
        Loss of the last epoch or iteration.
    loss_curve_ : list of float
        Loss of each epoch, including the L2 penalty; squared error is the mean over the outputs.
    validation_loss_curve_ : list of float
        Loss of each epoch on the held-out rows, without the L2 penalty.
    validation_scores_ : list of float or None
        Score of each epoch on the held-out rows.
    best_loss_ : float or None
        Lowest loss of an epoch; with early stopping None.
    best_validation_score_ : float or None
        Highest score of an epoch with early stopping, whose parameters are kept; without it None.
    n_iter_ : int
        Number of epochs or iterations of the last fit.
    t_ : int
        Number of rows trained on, each counted once an epoch.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : array of str
        Names of the columns of X, where it is a data frame that names them.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of outputs.
    out_activation_ : str
        scikit-learn's name for the output activation.
    network_ : xpnet.Network
        Network, for use with the rest of xpnet.
    params_ : tuple of Layer
        Parameters of the network, for use with the rest of xpnet.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Parameters._parameter_constraints,
        "loss": [Names(SklearnMLPRegressor._parameter_constraints["loss"][0], OWN_LOSSES, losses.loss)],
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
        dropout: Any = 0.0,
    ) -> None:
        super().__init__(locals())

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        validation_data: Any = None,
    ) -> Self:
        """Fit the network to rows and their targets.

        Args:
            X: Rows (n, d_in), an array of any library of the array API standard, a data frame, or a sparse matrix.
            y: Numbers (n,), or (n, k) for k outputs.
            sample_weight: Weight of each row, (n,).
            X_val: Rows to validate on after each epoch; see `early_stopping`. A pipeline transforms them like X where
                it is a `Pipeline(..., transform_input=["X_val"])`.
            y_val: Their targets.
            sample_weight_val: Weight of each of them.
            validation_data: `(X_val, y_val)` or `(X_val, y_val, sample_weight_val)`; deprecated, since a pipeline
                cannot transform it.

        Returns:
            The estimator itself.

        Raises:
            ValueError: Parameters or data are invalid, arrays are of two libraries or devices, or training diverges.
        """
        return self._fit(X, y, sample_weight, validation_rows(X_val, y_val, sample_weight_val, validation_data))

    @available_if(has_epochs)
    @with_callbacks
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one more epoch on these rows.

        Args:
            X: Rows (n, d_in), as for `fit`.
            y: Targets, as for `fit`.
            sample_weight: Weight of each row, (n,).

        Returns:
            The estimator itself.

        Raises:
            ValueError: As for `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Predict numbers (n,), or (n, k) for several outputs."""
        a, placement = self._outputs(X, "predict")
        return placement.to_home(self._decisions(a, placement.backend))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the mean over the outputs."""
        guess = on_host(self.predict(X))
        if not np.isfinite(guess).all():
            raise ValueError("the predictions for X are not finite; scale X as the rows of the fit were scaled.")
        return float(r2_score(on_host(y), guess, sample_weight=on_host(sample_weight)))

    def _learn_targets(self, targets: np.ndarray, placement: Placement, *, incremental: bool) -> None:
        if targets.dtype.kind in "SU":
            raise TypeError(f"y holds strings, {targets.dtype}; a regression needs numbers.")
        self._check_numbers(targets, 1 if targets.ndim == 1 else targets.shape[1])

    def _check_validation_targets(self, targets: np.ndarray) -> None:
        self._check_numbers(targets, self.n_outputs_)

    def _check_numbers(self, targets: np.ndarray, outputs: int) -> None:
        # Booleans count as numbers, as in scikit-learn.
        numbers = targets.astype(np.float64) if targets.dtype.kind == "b" else targets
        check_targets(numbers, name="y", loss=self.loss, outputs=outputs, xp=np)

    def _task(self, targets: np.ndarray) -> tuple[str, int]:
        return self.loss, 1 if targets.ndim == 1 else targets.shape[1]

    def _targets(self, targets: np.ndarray, dtype: str) -> np.ndarray:
        return targets.astype(dtype)

    def _combined_weights(self, weight: np.ndarray | None, targets: np.ndarray) -> np.ndarray | None:
        return weight

    def _strata(self, samples: Samples) -> np.ndarray | None:
        return None

    def _decisions(self, a: Array, backend: Backend) -> Array:
        return a[:, 0] if self.n_outputs_ == 1 else a

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

"""`MLPClassifier`: scikit-learn's, on the arrays you have."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from xpnet import backends
from xpnet._support.typing import Array
from xpnet.backends import Backend
from xpnet.data import check_weights
from xpnet.estimators.estimator import MLP
from xpnet.estimators.inputs import Place, Rows, on_host
from xpnet.estimators.labels import Labels, labels_in
from xpnet.estimators.parameters import Parameters, has_epochs


class MLPClassifier(ClassifierMixin, MLP):
    """A multi-layer perceptron that classifies: one class a row, or several labels.

    A drop-in for `sklearn.neural_network.MLPClassifier`, with its parameters, methods and fitted attributes; with
    `random_state` an integer it finds the same coefficients, to rounding. Arrays of CuPy, PyTorch, JAX and others are
    computed with where they are.

    Args:
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
        class_weight: A dict with the weight of each class, 1 where it is not in there, or "balanced"; of several
            labels a list with a dict for each.
        scoring: What early stopping goes by, a scorer or its name; None is accuracy.
        device: Where NumPy's rows are sent to be computed with, "cuda" or "cuda:1"; results come back as NumPy's.

    Attributes:
        classes_: The labels, in rising order.
        coefs_: Weights (d_in, d_out) of each layer, of X's kind.
        intercepts_: Biases (d_out,), likewise.
        loss_curve_: The loss of each epoch, L2 included.
        validation_loss_curve_: That of the rows held back, without L2.
        network_: The `xpnet.Network`, for use with the rest of xpnet.
        params_: Its parameters.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Parameters._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }
    _numbers = False
    _labels: Labels

    def __init__(
        self,
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
        class_weight: Any = None,
        scoring: Any = None,
        device: str | None = None,
    ) -> None:
        super().__init__(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Fit to rows and their labels.

        Args:
            X: Rows (n, d_in) of any library that follows the array API standard, a data frame, or sparse.
            y: Labels (n,) of any kind, or a matrix (n, k) of 0 and 1.
            sample_weight: What each row counts for, (n,).
            validation_data: `(X, y)` or `(X, y, sample_weight)` to validate on; see `early_stopping`.

        Raises:
            ValueError: Parameters or data that do not fit, or of two kinds; a training that diverges.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(has_epochs)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go on by one epoch on these rows; `classes` are all that there will be, and needed at the first call."""
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all rows at once; give partial_fit a dict, or sample_weight."
            )
        first, given = not hasattr(self, "_labels"), on_host(classes)
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if not first and classes is not None and not np.array_equal(self._labels.classes, unique_labels(given)):
            raise ValueError(
                f"`classes={given}` is not the same as on last call to partial_fit, was: {self._labels.classes!r}"
            )
        if first:
            several = type_of_target(on_host(y)).startswith("multilabel")
            self._labels = labels_in(on_host(y) if several else given)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The most probable class of each row (n,), or each label as 0 or 1, (n, k)."""
        a, at = self._outputs(X, "predict")
        with at.backend.current():
            decided = at.back(self._labels.decided(a, at.backend))
            return self._labels.named(decided, self.classes_, at.home)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, k), in the order of `classes_`."""
        return self._probabilities(X, "predict_proba")

    def predict_log_proba(self, X: Any) -> Array:
        """Their logarithms."""
        a = self._probabilities(X, "predict_log_proba")
        backend = backends.of(a)
        with backend.current():
            return backend.xp.log(a)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy: the fraction of rows that are right, in all labels where there are several."""
        guess = on_host(self.predict(X))
        return float(accuracy_score(on_host(y), guess, sample_weight=on_host(sample_weight)))

    def _probabilities(self, X: Any, method: str) -> Array:
        """A column for each class; a binary task's network has only one."""
        a, at = self._outputs(X, method)
        if self._labels.kind == "binary":
            with at.backend.current():
                a = at.backend.xp.concat([1 - a, a], axis=1)
        return at.back(a)

    def _learn(self, given: np.ndarray, at: Place, *, incremental: bool) -> None:
        if not hasattr(self, "_labels") or not (self.warm_start or incremental):
            self._labels = labels_in(given)
        else:
            found, known = unique_labels(given), self._labels.classes
            if self.warm_start and not np.array_equal(found, known):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {known}, `y` has {found}"
                )
            self._check_known(found)
        classes = self._labels.classes
        self.classes_ = classes if classes.dtype.kind in "OSU" else at.back(at.backend.asarray(classes))

    def _check_held(self, given: np.ndarray) -> None:
        self._check_known(unique_labels(given))

    def _check_known(self, found: np.ndarray) -> None:
        known = self._labels.classes
        if len(np.setdiff1d(found, known)):
            raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {known}. 'y' has {found}.")

    def _task(self, given: np.ndarray) -> tuple[str, int]:
        return self._labels.loss, self._labels.outputs

    def _targets(self, given: np.ndarray, dtype: str) -> np.ndarray:
        return self._labels.encoded(given)

    def _weighed(self, weight: np.ndarray | None, given: np.ndarray) -> np.ndarray | None:
        if self.class_weight is None:
            return weight
        of_class = self._labels.weights(self.class_weight, given)
        check_weights(of_class, name="class_weight", xp=np)
        return of_class if weight is None else weight * of_class

    def _strata(self, rows: Rows) -> np.ndarray | None:
        return self._labels.encoded(rows.given)[:, 0] if self.n_outputs_ == 1 else None

    def _decided(self, a: Array, backend: Backend) -> Array:
        return self._labels.decided(a, backend)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

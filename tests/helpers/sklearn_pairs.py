"""Pairs of scikit-learn's perceptrons and ours, with the same parameters on the same rows; without it, tests skip."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pytest

from helpers.oracles import distance

neural_network = pytest.importorskip("sklearn.neural_network")
InvalidParameterError = pytest.importorskip("sklearn.utils._param_validation").InvalidParameterError
estimators = pytest.importorskip("xpnet.estimators")

AGREEMENT = 1e-9
"""Largest distance of our parameters from scikit-learn's after ten iterations in float64."""

UNFINISHED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
"""Mark of tests whose trainings are short on purpose."""

TASKS = ("two classes", "classes", "labels", "regression", "regressions", "counts")
"""Names of the tasks; the first three are for the classifier."""

NUMBERS = ("n_iter_", "t_", "n_layers_", "n_outputs_", "loss_", "best_loss_", "best_validation_score_", "loss_curve_")
"""Fitted attributes of both that are numbers, lists of numbers, or None."""

BEFORE_1_9 = find_spec("sklearn.callback") is None
"""Whether scikit-learn is older than version 1.9, which mended faults of its perceptrons."""

RULES: dict[str, dict[str, Any]] = {
    "sgd": dict(solver="sgd", momentum=0.0, learning_rate_init=0.05),
    "momentum": dict(solver="sgd", momentum=0.9, nesterovs_momentum=False, learning_rate_init=0.01),
    "nesterov": dict(solver="sgd", momentum=0.9, learning_rate_init=0.01),
    "adam": dict(solver="adam", beta_1=0.8, beta_2=0.99, epsilon=1e-6, learning_rate_init=0.01),
}
"""Ways to update the parameters batch by batch."""


class Task(NamedTuple):
    """Task: rows with targets, and the estimator they are for."""

    name: str
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    parameters: dict[str, Any]

    @property
    def ours(self) -> type:
        """Our estimator for the task."""
        return getattr(estimators, self.name)

    def pair(self, **parameters: Any) -> tuple[Any, Any]:
        """Our estimator and scikit-learn's, with the same parameters."""
        chosen = dict(hidden_layer_sizes=(7, 6), random_state=3) | self.parameters | parameters
        return self.ours(**chosen), getattr(neural_network, self.name)(**chosen)

    def fitted(self, *, weighted: bool = False, **parameters: Any) -> tuple[Any, Any]:
        """Both estimators, fitted."""
        ours, theirs = self.pair(**parameters)
        weight = self.weight if weighted else None
        return ours.fit(self.X, self.y, weight), theirs.fit(self.X, self.y, weight)


def task(name: str, n: int = 61) -> Task:
    """One of `TASKS`, with few rows that can be learnt in part."""
    rng = np.random.default_rng(7)
    X, weight = rng.normal(size=(n, 5)), rng.uniform(0.2, 3.0, n)
    scores = X[:, :3] * 2 + rng.normal(size=(n, 3))
    if name in ("regression", "regressions", "counts"):
        number = scores[:, 0] + X[:, 1] ** 2
        y = {"regression": number, "regressions": scores[:, :2], "counts": rng.poisson(np.exp(scores[:, 0] / 3))}[name]
        return Task("MLPRegressor", X, y, weight, dict(loss="poisson" if name == "counts" else "squared_error"))
    y = {
        "two classes": np.asarray(["no", "yes"])[(scores[:, 0] > 0).astype(int)],
        "classes": np.asarray([-3, 0, 7])[scores.argmax(axis=1)],
        "labels": (scores > 0).astype(int),
    }[name]
    return Task("MLPClassifier", X, y, weight, {})


def skip_words(name: str) -> None:
    """Skip a task with labels that are words where scikit-learn fails to stop early by them."""
    if name == "two classes" and BEFORE_1_9:
        pytest.skip("scikit-learn before version 1.9 cannot stop early by labels that are words")


def ours(name: str, n: int = 61, **parameters: Any) -> Any:
    """Our estimator for a task, with parameters that scikit-learn's may lack."""
    return task(name, n).pair()[0].set_params(**dict(max_iter=6) | parameters)


def apart(ours: Any, theirs: Any) -> float:
    """Distance of the coefficients and intercepts of two fitted estimators."""
    actual, expected = ((*each.coefs_, *each.intercepts_) for each in (ours, theirs))
    return distance(actual, expected)


def history(estimator: Any) -> list[float]:
    """History of a fit as a flat list of numbers, from its fitted attributes; None is NaN."""
    values = [np.ravel(np.asarray(getattr(estimator, name), float)) for name in (*NUMBERS, "validation_scores_")]
    return np.concatenate(values).tolist()


def spoiled(value: float) -> np.ndarray:
    """Rows with one number replaced by a bad one."""
    X = task("classes").X.copy()
    X[3, 2] = value
    return X


def error_of(call: Callable[[], Any]) -> Exception:
    """Error of a call, of one of the types that scikit-learn raises for mistakes of the user."""
    with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
        call()
    return caught.value


def check_error(ours: Exception, theirs: Exception) -> None:
    """Check that an error has the type of scikit-learn's, the one for parameters or the built-in one, and a message."""
    kinds = type(theirs).__mro__
    assert isinstance(ours, next(k for k in kinds if k is InvalidParameterError or k.__module__ == "builtins"))
    assert len(str(ours)) > 20

"""What rows, targets and weights the estimators refuse, by errors of the types that scikit-learn's raise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.sklearn_pairs import (
    BEFORE_1_9,
    UNFINISHED,
    check_error,
    error_of,
    estimators,
    neural_network,
    spoiled,
    task,
)
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

pytestmark = UNFINISHED

PROBLEM = task("classes")

DIVERGED = r"Solver produced non-finite parameter weights\. The input data may contain large values"

ROWS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "one axis": lambda: (PROBLEM.X[:, 0], PROBLEM.y),
    "three axes": lambda: (PROBLEM.X[:, :, None], PROBLEM.y),
    "no rows": lambda: (PROBLEM.X[:0], PROBLEM.y[:0]),
    "no columns": lambda: (PROBLEM.X[:, :0], PROBLEM.y),
    "strings": lambda: (np.full((61, 5), "a"), PROBLEM.y),
    "complex numbers": lambda: (PROBLEM.X.astype(complex), PROBLEM.y),
    "nothing": lambda: (None, PROBLEM.y),
    "a number": lambda: (3.0, PROBLEM.y),
    "a dictionary": lambda: ({"a": 1}, PROBLEM.y),
    "rows of different lengths": lambda: ([[1, 2], [3]], [0, 1]),
    "no targets": lambda: (PROBLEM.X, None),
    "too few targets": lambda: (PROBLEM.X, PROBLEM.y[:20]),
    "one target": lambda: (PROBLEM.X, 1),
    "targets of three axes": lambda: (PROBLEM.X, np.zeros((61, 2, 2))),
    "targets that are NaN": lambda: (PROBLEM.X, np.where(np.arange(61) == 4, np.nan, 1.0)),
    "complex targets": lambda: (PROBLEM.X, PROBLEM.y + 1j),
    "targets of different lengths": lambda: (PROBLEM.X, [[1, 2], [1]] * 30 + [[1]]),
}

LABELS: dict[str, Callable[[], Any]] = {
    "fractions": lambda: PROBLEM.X[:, 0],
    "several classes a row": lambda: np.stack([PROBLEM.y, PROBLEM.y + 1], axis=1),
    "bytes": lambda: np.full(61, b"a"),
    "what has no order": lambda: np.asarray([1, "a", None] * 20 + [1], object),
}

WEIGHTS: dict[str, Any] = {
    "too few": np.ones(9),
    "two axes": np.ones((61, 1)),
    "NaN": np.full(61, np.nan),
    "infinity": np.full(61, np.inf),
    "all 0": np.zeros(61),
    "strings": ["a"] * 61,
}


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("rows", list(ROWS))
def test_rows_and_targets(name: str, rows: str) -> None:
    """Anything but a matrix of numbers with one target per row is refused."""
    X, y = ROWS[rows]()
    check_error(
        *(error_of(lambda m=module: getattr(m, name)(max_iter=1).fit(X, y)) for module in (estimators, neural_network))
    )


@pytest.mark.parametrize("labels", list(LABELS))
def test_labels(labels: str) -> None:
    """Targets that are no labels are refused by the classifier."""
    y = LABELS[labels]()
    check_error(*(error_of(lambda e=each: e.fit(PROBLEM.X, y)) for each in PROBLEM.pair(max_iter=1)))


@pytest.mark.parametrize("y", [np.full(61, "a"), np.full(61, "a", object)], ids=["strings", "objects"])
def test_numbers(y: np.ndarray) -> None:
    """Targets that are no numbers are refused by the regressor; truth values are numbers."""
    problem = task("regression")
    check_error(*(error_of(lambda e=each: e.fit(PROBLEM.X, y)) for each in problem.pair(max_iter=1)))
    ours, theirs = (each.fit(PROBLEM.X, problem.y > 0).predict(PROBLEM.X) for each in problem.pair(max_iter=1))
    assert np.allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weights", list(WEIGHTS))
def test_weights(weights: str) -> None:
    """Weights that are not one finite number per row, some of them above 0, are refused."""
    if weights == "all 0" and BEFORE_1_9:
        pytest.skip("scikit-learn before 1.9 divides by 0")
    check_error(
        *(error_of(lambda e=each: e.fit(PROBLEM.X, PROBLEM.y, WEIGHTS[weights])) for each in PROBLEM.pair(max_iter=1))
    )


def test_weights_below_0_and_counts_below_0() -> None:
    """They make no sense, which scikit-learn 1.9 does not say."""
    with pytest.raises(ValueError, match="sample_weight must be 0 or more for every sample"):
        PROBLEM.pair()[0].fit(PROBLEM.X, PROBLEM.y, -np.ones(61))
    problem = task("counts")
    with pytest.raises(ValueError, match=r"y holds -1 in row 0 \(counted from 0\); the loss 'poisson' needs counts"):
        problem.pair()[0].fit(problem.X, np.full(61, -1.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_a_place(value: float) -> None:
    """NaN and infinity in X are refused by fit, partial_fit and every answer, with their row and column; sparse too."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    word = {"nan": "NaN", "inf": "infinity", "-inf": "-infinity"}[str(value)]
    ours = PROBLEM.pair(max_iter=1)[0].fit(PROBLEM.X, PROBLEM.y)
    for X in (spoiled(value), spoiled(value).tolist(), scipy_sparse.csr_array(spoiled(value))):
        for call in (
            lambda X=X: ours.fit(X, PROBLEM.y),
            lambda X=X: ours.partial_fit(X, PROBLEM.y),
            lambda X=X: ours.predict(X),
            lambda X=X: ours.predict_proba(X),
            lambda X=X: ours.predict_log_proba(X),
            lambda X=X: ours.score(X, PROBLEM.y),
        ):
            with pytest.raises(ValueError, match=rf"X holds {word} in row 3, column 2 \(counted from 0\)"):
                call()


@pytest.mark.parametrize("rows", ["one axis", "three axes", "no rows", "strings", "complex numbers", "nothing", "few"])
def test_answers(rows: str) -> None:
    """What does not fit the rows that were fitted on is refused by every answer."""
    pair = PROBLEM.fitted(max_iter=1)
    X = PROBLEM.X[:, :2] if rows == "few" else ROWS[rows]()[0]
    for method in ("predict", "predict_proba", "predict_log_proba"):
        actual, expected = (error_of(lambda e=each, m=method: getattr(e, m)(X)) for each in pair)
        check_error(actual, expected)
        assert str(actual) == str(expected)


def test_labels_of_another_form() -> None:
    """After single labels a matrix of several is refused, and after several another number of them."""
    X, labels = PROBLEM.X, task("labels").y
    single = PROBLEM.pair(max_iter=1)[0].fit(X, np.arange(61) % 3)
    with pytest.raises(ValueError, match=r"y has shape \(61, 3\), but earlier labels were one per row; give a vector"):
        single.partial_fit(X, labels)
    several = PROBLEM.pair(max_iter=1)[0].fit(X, labels)
    with pytest.raises(ValueError, match=r"y has shape \(61, 2\) but needs 3 columns, one for each label"):
        several.partial_fit(X, labels[:, :2])


def test_before_fit_there_are_no_answers() -> None:
    """An estimator that was not fitted says so, and has nothing to hand on."""
    for ours, methods in (
        (PROBLEM.pair()[0], ("predict", "predict_proba", "predict_log_proba")),
        (task("regression").pair()[0], ("predict",)),
    ):
        for method in methods:
            with pytest.raises(NotFittedError, match="instance is not fitted yet"):
                getattr(ours, method)(PROBLEM.X)
        with pytest.raises(NotFittedError):
            ours.score(PROBLEM.X, PROBLEM.y)
        assert not hasattr(ours, "params_")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_parameters_that_are_no_longer_finite(solver: str) -> None:
    """A training that diverges is an error that says so in scikit-learn's words, and what to do."""
    problem = task("regression")
    with pytest.raises(ValueError, match=rf"{DIVERGED}.* cost is no longer finite in epoch 1, .*scale the inputs"):
        problem.pair(solver=solver)[0].fit(problem.X * 1e200, problem.y)


def test_predictions_that_are_no_longer_finite() -> None:
    """Where the cost of an epoch is finite, but not what is predicted for held-out rows, it is the same error."""
    X, y = load_iris(return_X_y=True)
    ours = estimators.MLPRegressor(activation="identity", solver="sgd", learning_rate_init=1.0, early_stopping=True)
    with pytest.raises(ValueError, match=rf"{DIVERGED}.* validation cost is no longer finite"):
        ours.set_params(random_state=0).fit(X, y)


def test_a_last_step_that_goes_too_far() -> None:
    """Where the last cost is finite, but not what the step after it leaves behind, it is the same error."""
    problem = task("regression")
    ours = problem.pair(solver="sgd", momentum=0.0, learning_rate_init=1e30, max_iter=1)[0]
    with pytest.raises(ValueError, match=rf"{DIVERGED}.* lower learning_rate_init, or scale X to about 1"):
        ours.fit(problem.X * 1e140, problem.y)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (np.stack([task("regression").y] * 2, axis=1), "y has shape .61, 2. but needs 1 column"),
        (np.full(61, np.nan), "Input y contains NaN"),
    ],
    ids=["columns", "NaN"],
)
def test_a_warm_start_needs_the_same_outputs(y: np.ndarray, sentence: str) -> None:
    """A second fit that does not fit the first one's network is refused."""
    problem = task("regression")
    ours = problem.pair(warm_start=True, max_iter=1)[0].fit(problem.X, problem.y)
    with pytest.raises(ValueError, match=sentence):
        ours.fit(problem.X, y)
    with pytest.raises(ValueError, match="X has 2 features, but MLPRegressor is expecting 5 features"):
        ours.fit(problem.X[:, :2], problem.y)

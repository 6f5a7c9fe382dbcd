"""What rows, targets and weights the estimators refuse, by errors of the types that scikit-learn's raise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.sklearn_pairs import UNFINISHED, estimators, neural_network, refused, same, spoilt, task
from sklearn.exceptions import NotFittedError

pytestmark = UNFINISHED

GIVEN = task("classes")

DIVERGED = r"Solver produced non-finite parameter weights\. The input data may contain large values"

ROWS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "one axis": lambda: (GIVEN.X[:, 0], GIVEN.y),
    "three axes": lambda: (GIVEN.X[:, :, None], GIVEN.y),
    "no rows": lambda: (GIVEN.X[:0], GIVEN.y[:0]),
    "no columns": lambda: (GIVEN.X[:, :0], GIVEN.y),
    "strings": lambda: (np.full((61, 5), "a"), GIVEN.y),
    "complex numbers": lambda: (GIVEN.X.astype(complex), GIVEN.y),
    "nothing": lambda: (None, GIVEN.y),
    "a number": lambda: (3.0, GIVEN.y),
    "a dictionary": lambda: ({"a": 1}, GIVEN.y),
    "rows of different lengths": lambda: ([[1, 2], [3]], [0, 1]),
    "no targets": lambda: (GIVEN.X, None),
    "too few targets": lambda: (GIVEN.X, GIVEN.y[:20]),
    "one target": lambda: (GIVEN.X, 1),
    "targets of three axes": lambda: (GIVEN.X, np.zeros((61, 2, 2))),
    "targets that are NaN": lambda: (GIVEN.X, np.where(np.arange(61) == 4, np.nan, 1.0)),
    "complex targets": lambda: (GIVEN.X, GIVEN.y + 1j),
    "targets of different lengths": lambda: (GIVEN.X, [[1, 2], [1]] * 30 + [[1]]),
}

LABELS: dict[str, Callable[[], Any]] = {
    "fractions": lambda: GIVEN.X[:, 0],
    "several classes a row": lambda: np.stack([GIVEN.y, GIVEN.y + 1], axis=1),
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
    """What is no matrix of numbers with a target a row is refused."""
    X, y = ROWS[rows]()
    same(*(refused(lambda m=module: getattr(m, name)(max_iter=1).fit(X, y)) for module in (estimators, neural_network)))


@pytest.mark.parametrize("labels", list(LABELS))
def test_labels(labels: str) -> None:
    """Targets that are no labels are refused by the classifier."""
    y = LABELS[labels]()
    same(*(refused(lambda e=each: e.fit(GIVEN.X, y)) for each in GIVEN.pair(max_iter=1)))


@pytest.mark.parametrize("y", [np.full(61, "a"), np.full(61, "a", object)], ids=["strings", "objects"])
def test_numbers(y: np.ndarray) -> None:
    """Targets that are no numbers are refused by the regressor; truth values are numbers."""
    given = task("regression")
    same(*(refused(lambda e=each: e.fit(GIVEN.X, y)) for each in given.pair(max_iter=1)))
    ours, theirs = (each.fit(GIVEN.X, given.y > 0).predict(GIVEN.X) for each in given.pair(max_iter=1))
    assert np.allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("weights", list(WEIGHTS))
def test_weights(weights: str) -> None:
    """Weights that are not a finite number a row, some of them above 0, are refused."""
    same(*(refused(lambda e=each: e.fit(GIVEN.X, GIVEN.y, WEIGHTS[weights])) for each in GIVEN.pair(max_iter=1)))


def test_weights_below_0_and_counts_below_0() -> None:
    """They make no sense, which scikit-learn 1.9 does not say."""
    with pytest.raises(ValueError, match="sample_weight must be 0 or more for every sample"):
        GIVEN.pair()[0].fit(GIVEN.X, GIVEN.y, -np.ones(61))
    given = task("counts")
    with pytest.raises(ValueError, match=r"y holds -1 in row 0 \(counted from 0\); the loss 'poisson' needs counts"):
        given.pair()[0].fit(given.X, np.full(61, -1.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_a_place(value: float) -> None:
    """NaN and infinity in X are refused by fit, partial_fit and every answer, with their row and column; sparse too."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    word = {"nan": "NaN", "inf": "infinity", "-inf": "-infinity"}[str(value)]
    ours = GIVEN.pair(max_iter=1)[0].fit(GIVEN.X, GIVEN.y)
    for X in (spoilt(value), spoilt(value).tolist(), scipy_sparse.csr_array(spoilt(value))):
        for call in (
            lambda X=X: ours.fit(X, GIVEN.y),
            lambda X=X: ours.partial_fit(X, GIVEN.y),
            lambda X=X: ours.predict(X),
            lambda X=X: ours.predict_proba(X),
            lambda X=X: ours.predict_log_proba(X),
            lambda X=X: ours.score(X, GIVEN.y),
        ):
            with pytest.raises(ValueError, match=rf"X holds {word} in row 3, column 2 \(counted from 0\)"):
                call()


@pytest.mark.parametrize("rows", ["one axis", "three axes", "no rows", "strings", "complex numbers", "nothing", "few"])
def test_answers(rows: str) -> None:
    """What does not fit the rows that were fitted on is refused by every answer."""
    pair = GIVEN.fitted(max_iter=1)
    X = GIVEN.X[:, :2] if rows == "few" else ROWS[rows]()[0]
    for method in ("predict", "predict_proba", "predict_log_proba"):
        found, wanted = (refused(lambda e=each, m=method: getattr(e, m)(X)) for each in pair)
        same(found, wanted)
        assert str(found) == str(wanted)


def test_labels_of_another_form() -> None:
    """After single labels a matrix of several is refused, and after several another number of them."""
    X, labels = GIVEN.X, task("labels").y
    single = GIVEN.pair(max_iter=1)[0].fit(X, np.arange(61) % 3)
    with pytest.raises(
        ValueError, match=r"y has shape \(61, 3\), but the labels before were single ones; give a vector"
    ):
        single.partial_fit(X, labels)
    several = GIVEN.pair(max_iter=1)[0].fit(X, labels)
    with pytest.raises(ValueError, match=r"y has shape \(61, 2\) but needs 3 columns, one for each label"):
        several.partial_fit(X, labels[:, :2])


def test_before_fit_there_are_no_answers() -> None:
    """An estimator that was not fitted says so, and has nothing to hand on."""
    for ours, methods in (
        (GIVEN.pair()[0], ("predict", "predict_proba", "predict_log_proba")),
        (task("regression").pair()[0], ("predict",)),
    ):
        for method in methods:
            with pytest.raises(NotFittedError, match="instance is not fitted yet"):
                getattr(ours, method)(GIVEN.X)
        with pytest.raises(NotFittedError):
            ours.score(GIVEN.X, GIVEN.y)
        assert not hasattr(ours, "params_")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_parameters_that_are_no_longer_finite(solver: str) -> None:
    """A training that diverges is an error that says so in scikit-learn's words, and what to do."""
    given = task("regression")
    with pytest.raises(ValueError, match=rf"{DIVERGED}.* cost is no longer finite in epoch 1, .*scale the inputs"):
        given.pair(solver=solver)[0].fit(given.X * 1e200, given.y)


def test_a_last_step_that_goes_too_far() -> None:
    """Where the last cost is finite, but not what the step after it leaves behind, it is the same error."""
    given = task("regression")
    ours = given.pair(solver="sgd", momentum=0.0, learning_rate_init=1e30, max_iter=1)[0]
    with pytest.raises(ValueError, match=rf"{DIVERGED}.* lower learning_rate_init, or scale X to about 1"):
        ours.fit(given.X * 1e140, given.y)


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
    given = task("regression")
    ours = given.pair(warm_start=True, max_iter=1)[0].fit(given.X, given.y)
    with pytest.raises(ValueError, match=sentence):
        ours.fit(given.X, y)
    with pytest.raises(ValueError, match="X has 2 features, but MLPRegressor is expecting 5 features"):
        ours.fit(given.X[:, :2], given.y)

"""Rows of one's own to validate on, and scorers of one's own to stop by."""

from typing import Any

import numpy as np
import pytest
from helpers.sklearn_pairs import AGREEMENT, UNFINISHED, apart, ours, task
from sklearn.metrics import f1_score, log_loss, mean_absolute_error, mean_poisson_deviance, mean_squared_error
from sklearn.metrics import make_scorer as scorer

pytestmark = UNFINISHED


def half_deviance(y: np.ndarray, guess: np.ndarray, weight: np.ndarray | None) -> float:
    """The loss of counts."""
    return mean_poisson_deviance(y, guess, sample_weight=weight) / 2


def half_square(y: np.ndarray, guess: np.ndarray, weight: np.ndarray | None) -> float:
    """The loss of numbers, the mean of several outputs'."""
    return mean_squared_error(y, guess, sample_weight=weight) / 2


LOSSES = {
    "two classes": lambda y, a, weight: log_loss(y, a, sample_weight=weight),
    "classes": lambda y, a, weight: log_loss(y, a, sample_weight=weight),
    "regression": half_square,
    "regressions": half_square,
    "counts": half_deviance,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", list(LOSSES))
def test_rows_of_ones_own_to_validate_on(name: str, weighted: bool) -> None:
    """Each epoch they have a loss, without L2, and a score; what is trained stays as it is without them."""
    _, X, y, weight, _ = task(name, 100)
    train, held_out = slice(0, 61), slice(61, 100)
    held_out_weight = weight[held_out] if weighted else None
    actual = ours(name, alpha=0.5)
    actual.fit(X[train], y[train], X_val=X[held_out], y_val=y[held_out], sample_weight_val=held_out_weight)
    assert apart(actual, ours(name, alpha=0.5).fit(X[train], y[train])) == 0
    for epochs in (1, 6):
        then = ours(name, alpha=0.5, max_iter=epochs).fit(X[train], y[train])
        a = then.predict_proba(X[held_out]) if "classes" in name else then.predict(X[held_out])
        loss, score = actual.validation_loss_curve_[epochs - 1], actual.validation_scores_[epochs - 1]
        assert loss == pytest.approx(LOSSES[name](y[held_out], a, held_out_weight), rel=AGREEMENT)
        assert score == pytest.approx(then.score(X[held_out], y[held_out], held_out_weight), rel=AGREEMENT)
    assert len(actual.validation_loss_curve_) == len(actual.validation_scores_) == 6


@pytest.mark.parametrize("weighted", [False, True])
def test_the_tuple_of_before(weighted: bool) -> None:
    """validation_data does what X_val, y_val and sample_weight_val do, and warns the caller of fit."""
    _, X, y, weight, _ = task("classes", 100)
    data = (X[61:], y[61:], weight[61:])[: 3 if weighted else 2]
    with pytest.warns(FutureWarning, match="validation_data is deprecated: .*; give X_val, y_val") as caught:
        actual = ours("classes").fit(X[:61], y[:61], validation_data=data)
    assert [each.filename for each in caught if each.category is FutureWarning] == [__file__]
    expected = ours("classes")
    expected.fit(X[:61], y[:61], X_val=X[61:], y_val=y[61:], sample_weight_val=weight[61:] if weighted else None)
    assert apart(actual, expected) == 0
    assert actual.validation_loss_curve_ == expected.validation_loss_curve_


def test_early_stopping_by_rows_of_ones_own() -> None:
    """They take the place of a part held back, all rows are trained on, and the best epoch's parameters stay."""
    _, X, y, _, _ = task("classes", 200)
    parameters = dict(early_stopping=True, learning_rate_init=0.02, n_iter_no_change=5, max_iter=100)
    actual = ours("classes", **parameters).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    best = int(np.argmax(actual.validation_scores_)) + 1
    assert 5 < actual.n_iter_ == len(actual.validation_scores_) < 100
    assert actual.best_validation_score_ == actual.validation_scores_[best - 1]
    assert apart(actual, ours("classes", learning_rate_init=0.02, max_iter=best).fit(X[:100], y[:100])) == 0


@pytest.mark.parametrize(
    ("name", "scoring", "by_hand"),
    [
        ("classes", "f1_macro", lambda each, X, y: f1_score(y, each.predict(X), average="macro")),
        ("two classes", "neg_log_loss", lambda each, X, y: -log_loss(y, each.predict_proba(X))),
        ("labels", "f1_micro", lambda each, X, y: f1_score(y, each.predict(X), average="micro")),
        ("regression", scorer(mean_absolute_error), lambda each, X, y: mean_absolute_error(y, each.predict(X))),
        ("counts", lambda each, X, y: each.predict(X)[0], lambda each, X, y: each.predict(X)[0]),
    ],
    ids=["f1", "log loss", "labels", "made", "function"],
)
def test_scorers(name: str, scoring: Any, by_hand: Any) -> None:
    """Any scorer judges the validation rows, by the estimator as it is after each epoch."""
    _, X, y, _, _ = task(name, 100)
    actual = ours(name, scoring=scoring).fit(X[:61], y[:61], X_val=X[61:], y_val=y[61:])
    for epochs in (1, 6):
        then = ours(name, max_iter=epochs).fit(X[:61], y[:61])
        assert actual.validation_scores_[epochs - 1] == pytest.approx(by_hand(then, X[61:], y[61:]), rel=AGREEMENT)


def test_a_scorer_stops_it() -> None:
    """Early stopping goes by it; a scorer that takes weights gets those of the rows held back, frames or not."""
    pandas = pytest.importorskip("pandas")
    _, X, y, weight, _ = task("classes", 200)
    seen = []

    def judge(each: Any, rows: Any, targets: Any, sample_weight: Any) -> float:
        seen.append((each.predict(rows).shape, targets.shape, sample_weight.sum()))
        return -len(seen)

    actual = ours("classes", scoring=judge, early_stopping=True, n_iter_no_change=2, max_iter=50)
    actual.fit(pandas.DataFrame(X, columns=list("abcde")), y, weight)
    assert actual.n_iter_ == len(seen) == 4
    assert actual.best_validation_score_ == -1
    assert {shapes for *shapes, _ in map(list, seen) for shapes in shapes} == {(20,)}
    assert actual.feature_names_in_.tolist() == list("abcde")
    assert 0 < seen[0][2] < weight.sum()

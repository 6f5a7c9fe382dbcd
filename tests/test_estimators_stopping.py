"""When the estimators stop, beside scikit-learn's, and what the learning rate does until then."""

import math

import numpy as np
import pytest
from helpers.sklearn_pairs import AGREEMENT, TASKS, UNFINISHED, apart, estimators, history, skip_words, task

from xpnet.estimators.stopping import Improvement, LearningRate

pytestmark = UNFINISHED


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("name", ["classes", "regression"])
def test_rates_of_sgd(name: str, learning_rate: str) -> None:
    """Each rule goes down as scikit-learn's, and stops in the same iteration, without a warning if it could."""
    ours, theirs = task(name).fitted(
        solver="sgd", learning_rate=learning_rate, learning_rate_init=0.2, power_t=0.3, tol=0.02, n_iter_no_change=2
    )
    assert 3 < ours.n_iter_ < 200
    assert history(ours) == pytest.approx(history(theirs), rel=AGREEMENT, nan_ok=True)
    assert apart(ours, theirs) < AGREEMENT


def test_rules_of_sgd_are_not_adams() -> None:
    """Adam holds its rate whatever the rule, as in scikit-learn."""
    ours, theirs = task("classes").fitted(learning_rate="invscaling", max_iter=5)
    constant, _ = task("classes").fitted(max_iter=5)
    assert apart(ours, theirs) < AGREEMENT
    assert apart(ours, constant) == 0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_early_stopping(name: str, weighted: bool) -> None:
    """The same rows are held back, in proportion of classes, and the same scores end it at the same best parameters."""
    skip_words(name)
    ours, theirs = task(name, 150).fitted(
        early_stopping=True, validation_fraction=0.2, learning_rate_init=0.05, n_iter_no_change=4, weighted=weighted
    )
    assert 5 < ours.n_iter_ < 200
    assert history(ours) == pytest.approx(history(theirs), rel=AGREEMENT, nan_ok=True)
    assert apart(ours, theirs) < AGREEMENT
    assert len(ours.validation_loss_curve_) == ours.n_iter_


def test_it_never_stops_where_it_is_not_to() -> None:
    """With an infinite number of iterations to wait it goes on to the last one, and warns on the caller's line."""
    problem = task("classes")
    ours, _ = problem.pair(n_iter_no_change=np.inf, tol=10.0, max_iter=30)
    with pytest.warns(UserWarning, match=r"Maximum iterations \(30\) reached and the optimization hasn't") as seen:
        ours.fit(problem.X, problem.y)
    assert ours.n_iter_ == 30
    assert seen[0].filename == __file__


def test_a_class_with_too_few_rows_to_hold_back() -> None:
    """A class with a single row cannot be in both parts; the message names it as the labels do."""
    problem = task("two classes")
    y = np.where(np.arange(61) == 5, "rare", "usual")
    with pytest.raises(ValueError, match=r"The least populated class(es)? in y ha(s|ve) only 1 member") as caught:
        problem.pair(early_stopping=True)[0].fit(problem.X, y)
    # Versions before 1.8 name no class.
    assert "rare" in str(caught.value) or "['" not in str(caught.value)


def test_too_few_rows_to_hold_back() -> None:
    """Fewer than two rows are none to judge by, in scikit-learn's words."""
    problem = task("regression", 12)
    for each in problem.pair(early_stopping=True, validation_fraction=0.05):
        with pytest.raises(ValueError, match=r"The validation set is too small\. Increase 'validation_fraction'"):
            each.fit(problem.X, problem.y)


def test_a_score_that_is_no_number_is_not_the_best() -> None:
    """After NaN the lowest value is what it was before, and what is lower is found; NaN itself is no reason to stop."""
    watch = Improvement()
    assert watch.update(2.0, 0.1)
    assert not watch.update(2.0, 0.1)
    assert watch.waited == 1
    assert not watch.update(math.nan, 0.1)
    assert (watch.best, watch.waited) == (2.0, 0)
    assert watch.update(1.0, 0.1)


def test_an_adaptive_rate_ends_at_the_smallest() -> None:
    """It is a fifth every time, until it is a millionth or less; then there is nothing left to lower."""
    rate = LearningRate("adaptive", 0.001, 0.5)
    lowered = 0
    while rate.lower():
        lowered += 1
    assert lowered == 5
    assert rate(0) == pytest.approx(0.001 / 5**5)


def test_an_interrupt_keeps_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a fit after the last whole iteration with a warning; the estimator is fitted."""
    problem = task("classes")
    expected, _ = problem.pair(max_iter=2)
    expected.fit(problem.X, problem.y)

    def impatient(watch: Improvement, value: float, tolerance: float, update: object = Improvement.update) -> bool:
        if watch.best < math.inf:
            raise KeyboardInterrupt
        return update(watch, value, tolerance)

    monkeypatch.setattr(Improvement, "update", impatient)
    ours = estimators.MLPClassifier(**expected.get_params())
    with pytest.warns(UserWarning, match="Training interrupted by user") as seen:
        ours.fit(problem.X, problem.y)
    assert seen[0].filename == __file__
    assert ours.n_iter_ == 2
    assert apart(ours, expected) == 0

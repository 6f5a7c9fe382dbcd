"""Trainings that continue, with a warm start and by partial fits, compared with scikit-learn's."""

import numpy as np
import pytest
from helpers.sklearn_pairs import AGREEMENT, RULES, TASKS, UNFINISHED, apart, history, skip_words, task

pytestmark = UNFINISHED

WARM = "warm_start can only be used where `y` has the same classes as in the previous call to fit"
UNKNOWN = "`y` has classes not in `self.classes_`"


@pytest.mark.parametrize("rule", list(RULES))
def test_a_warm_start(rule: str) -> None:
    """Each fit begins at the last one's parameters with a fresh optimizer, and what is told goes on."""
    problem = task("classes", 90)
    ours, theirs = problem.pair(warm_start=True, max_iter=4, **RULES[rule])
    for weight in (None, problem.weight, None):
        for each in (ours, theirs):
            each.fit(problem.X, problem.y, weight)
        assert apart(ours, theirs) < AGREEMENT
        assert history(ours) == pytest.approx(history(theirs), rel=AGREEMENT, nan_ok=True)
    assert len(ours.loss_curve_) == 12


def test_a_warm_start_keeps_the_best() -> None:
    """Where no later score is better the best parameters stay; scikit-learn 1.9 has trained on in their memory."""
    skip_words("two classes")
    problem = task("two classes", 400)
    pair = problem.pair(warm_start=True, early_stopping=True, solver="sgd", max_iter=20, learning_rate_init=0.1)
    for each in pair:
        each.fit(problem.X, problem.y)
    best = pair[0].coefs_
    ours, theirs = (each.set_params(learning_rate_init=10.0, max_iter=3).fit(problem.X, problem.y) for each in pair)
    assert max(ours.validation_scores_[-3:]) < ours.best_validation_score_
    assert history(ours) == pytest.approx(history(theirs), rel=AGREEMENT, nan_ok=True)
    assert all((before == after).all() for before, after in zip(best, ours.coefs_, strict=True))


def test_a_cold_start_forgets() -> None:
    """Without a warm start a second fit is the first one again."""
    problem = task("regression")
    ours, _ = problem.pair(max_iter=4)
    first, second = ours.fit(problem.X, problem.y).coefs_, ours.fit(problem.X, problem.y).coefs_
    assert all((one == other).all() for one, other in zip(first, second, strict=True))
    assert len(ours.loss_curve_) == 4


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("rule", list(RULES))
def test_bit_by_bit(rule: str, learning_rate: str) -> None:
    """Each call is one iteration that goes on where the last one ended, optimizer and learning rate included."""
    problem = task("two classes", 120)
    pair = problem.pair(learning_rate=learning_rate, n_iter_no_change=2, tol=1.0, batch_size=10, **RULES[rule])
    for part in np.array_split(np.arange(120), 9):
        weight = problem.weight[part] if len(part) % 2 else None
        ours, theirs = (
            each.partial_fit(problem.X[part], problem.y[part], weight, classes=["no", "yes"]) for each in pair
        )
        assert apart(ours, theirs) < AGREEMENT
    assert history(ours) == pytest.approx(history(theirs), rel=AGREEMENT, nan_ok=True)


@pytest.mark.parametrize("name", TASKS)
def test_a_fit_can_be_gone_on_with(name: str) -> None:
    """After a fit, of any task, a further iteration goes on with its optimizer."""
    problem = task(name)
    ours, theirs = (each.partial_fit(problem.X, problem.y) for each in problem.fitted(max_iter=5))
    assert apart(ours, theirs) < AGREEMENT
    assert (ours.n_iter_, len(ours.loss_curve_)) == (1, 6)


def test_labels_bit_by_bit() -> None:
    """Matrices of 0 and 1 need no classes beyond their columns; a batch may lack labels."""
    problem = task("labels")
    pair = problem.pair()
    for part in (slice(0, 30), slice(30, 32), slice(32, 61)):
        ours, theirs = (each.partial_fit(problem.X[part], problem.y[part], classes=[0, 1, 2]) for each in pair)
    assert apart(ours, theirs) < AGREEMENT


def test_what_is_watched_may_change() -> None:
    """A warm start that stops by another measure starts to watch anew; scikit-learn's fails."""
    problem = task("classes", 90)
    ours, _ = problem.fitted(max_iter=20, warm_start=True)
    ours.set_params(early_stopping=True).fit(problem.X, problem.y)
    assert ours.best_validation_score_ == max(ours.validation_scores_)
    loss = ours.set_params(early_stopping=False).fit(problem.X, problem.y).best_loss_
    assert loss == min(ours.loss_curve_[-ours.n_iter_ :])


def test_another_solver_begins_with_a_memory_of_its_own() -> None:
    """A partial fit with another solver continues from the parameters alone."""
    problem = task("classes")
    ours, _ = problem.fitted(max_iter=3, solver="sgd")
    expected, _ = problem.fitted(max_iter=3, solver="sgd", warm_start=True)
    ours.set_params(solver="adam").partial_fit(problem.X, problem.y)
    assert apart(ours, expected.set_params(solver="adam", max_iter=1).fit(problem.X, problem.y)) == 0


def test_classes_are_said_at_first() -> None:
    """The first call needs all classes, later ones may repeat them, and other ones are refused, as in scikit-learn."""
    problem = task("classes")
    for each in problem.pair():
        with pytest.raises(ValueError, match=r"classes must be passed on the first call to partial_fit"):
            each.partial_fit(problem.X, problem.y)
        each.partial_fit(problem.X[:9], problem.y[:9], classes=[-3, 0, 7])
        each.partial_fit(problem.X, problem.y, classes=np.asarray([7, 0, -3]))
        with pytest.raises(
            ValueError, match=r"is not the same as on last call to partial_fit, was: array\(\[-3,  0,  7\]\)"
        ):
            each.partial_fit(problem.X, problem.y, classes=[0, 7])
        with pytest.raises(ValueError, match=UNKNOWN):
            each.partial_fit(problem.X, problem.y + 1)


def test_a_warm_start_needs_the_same_classes() -> None:
    """Fewer or other classes than before are refused, as in scikit-learn."""
    problem = task("classes")
    for each in problem.fitted(max_iter=2, warm_start=True):
        for y in (np.where(problem.y == 7, 0, problem.y), problem.y + 1):
            with pytest.raises(ValueError, match=WARM):
                each.fit(problem.X, y)


def test_there_are_no_bits_of_lbfgs() -> None:
    """Without epochs there is no partial_fit, and it is said why, as in scikit-learn."""
    for each in task("classes").pair(solver="lbfgs"):
        assert not hasattr(each, "partial_fit")
        with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as caught:
            _ = each.partial_fit
        assert "lbfgs is not stochastic" in str(caught.value.__cause__)


def test_bit_by_bit_nothing_stops_early() -> None:
    """early_stopping and partial_fit together are refused, as in scikit-learn."""
    problem = task("classes")
    for each in problem.pair(early_stopping=True):
        with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
            each.partial_fit(problem.X, problem.y, classes=[-3, 0, 7])

"""The estimators beside scikit-learn's: the same rows, parameters and seed give the same coefficients."""

from itertools import product

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance
from helpers.sklearn_pairs import AGREEMENT, RULES, TASKS, UNFINISHED, apart, history, task

pytestmark = UNFINISHED

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("name", TASKS)
def test_ten_iterations(name: str, rule: str, activation: str) -> None:
    """Each rule, activation, loss, L2 or none, weights or none, shuffled or not, ends at scikit-learn's parameters."""
    problem = task(name)
    for alpha, weighted, shuffle in product((0.0, 0.5), (False, True), (False, True)):
        ours, theirs = problem.fitted(
            weighted=weighted,
            alpha=alpha,
            shuffle=shuffle,
            activation=activation,
            batch_size=16,
            max_iter=10,
            **RULES[rule],
        )
        assert apart(ours, theirs) < AGREEMENT
        assert history(ours) == pytest.approx(history(theirs), rel=AGREEMENT, nan_ok=True)
        assert ours.out_activation_ == theirs.out_activation_


@pytest.mark.parametrize("sizes", [(), 4, [4], (6, 5, 4), np.asarray([3, 2])], ids=str)
def test_hidden_layers(sizes: object) -> None:
    """None, one as a number, and several of them, in whatever holds them, are drawn and trained as scikit-learn's."""
    ours, theirs = task("classes").fitted(hidden_layer_sizes=sizes, max_iter=10)
    assert apart(ours, theirs) < AGREEMENT


@pytest.mark.parametrize("batch_size", ["auto", 1, 61, 40])
def test_batches(batch_size: object) -> None:
    """Single rows, all of them, and what scikit-learn makes of "auto" are cut alike; so are more than 200 rows."""
    for n in (61, 450):
        ours, theirs = task("two classes", n).fitted(batch_size=batch_size, max_iter=3)
        assert apart(ours, theirs) < AGREEMENT


def test_a_batch_larger_than_the_data_warns() -> None:
    """It is cut to all rows, with scikit-learn's warning, which names the caller's line."""
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample size") as seen:
        ours, theirs = task("classes").fitted(batch_size=100, max_iter=3)
    assert apart(ours, theirs) < AGREEMENT
    assert {warning.filename.rpartition("/")[2] for warning in seen} >= {"sklearn_pairs.py"}


@pytest.mark.parametrize("name", TASKS)
def test_answers(name: str) -> None:
    """Predictions, probabilities and scores, weighted ones too, are scikit-learn's, with their shapes and dtypes."""
    problem = task(name)
    ours, theirs = problem.fitted(max_iter=10)
    guess = ours.predict(problem.X)
    assert guess.dtype == theirs.predict(problem.X).dtype
    if problem.name == "MLPRegressor":
        assert distance(guess, theirs.predict(problem.X)) < AGREEMENT
    else:
        assert (guess == theirs.predict(problem.X)).all()
        assert (ours.classes_ == theirs.classes_).all()
        for method in ("predict_proba", "predict_log_proba"):
            assert distance(getattr(ours, method)(problem.X), getattr(theirs, method)(problem.X)) < AGREEMENT
    for weight in (None, problem.weight):
        score = ours.score(problem.X, problem.y, weight)
        assert score == pytest.approx(theirs.score(problem.X, problem.y, weight), rel=AGREEMENT)


def test_a_generator_is_drawn_from_in_turn() -> None:
    """A RandomState is used up as scikit-learn uses it, so that what is drawn from it afterwards is the same."""
    problem = task("classes")
    states = [np.random.RandomState(5), np.random.RandomState(5)]
    ours, theirs = (
        each.set_params(random_state=state).fit(problem.X, problem.y)
        for each, state in zip(problem.pair(max_iter=4, early_stopping=True), states, strict=True)
    )
    assert apart(ours, theirs) < AGREEMENT
    assert states[0].uniform() == states[1].uniform()


def test_float32_stays() -> None:
    """Rows in float32 are fitted in float32, and end near scikit-learn's float32."""
    problem = task("classes")
    ours, theirs = (each.fit(problem.X.astype(np.float32), problem.y) for each in problem.pair(max_iter=10))
    assert {array.dtype for array in (*ours.coefs_, *ours.intercepts_)} == {np.dtype(np.float32)}
    assert ours.predict_proba(problem.X.astype(np.float32)).dtype == np.float32
    assert apart(ours, theirs) < ROUNDING["float32"]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16", "object"])
def test_other_numbers_become_float64(dtype: str) -> None:
    """Integers, booleans, half floats and objects that are numbers are fitted in float64, bytes without any scaling."""
    problem = task("classes")
    X = np.abs(problem.X * 3).astype("uint8").astype(dtype)
    ours, theirs = (each.fit(X, problem.y) for each in problem.pair(max_iter=10))
    assert ours.coefs_[0].dtype == np.float64
    assert apart(ours, theirs) < AGREEMENT
    assert distance(ours.predict_proba(X), theirs.predict_proba(X)) < AGREEMENT


@pytest.mark.parametrize("rule", ["nesterov", "adam"])
def test_compiled_steps_agree(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """Where it is worth to compile them, the steps are scikit-learn's too."""
    pytest.importorskip("llvmlite")
    monkeypatch.setattr("xpnet.capture.program_cache.SAVED_PER_CALL", 1.0)
    ours, theirs = task("classes").fitted(batch_size=16, max_iter=10, alpha=0.5, weighted=True, **RULES[rule])
    assert ours._progress.checkpoint.engine == "compiled"
    assert apart(ours, theirs) < AGREEMENT

"""Extreme and unusual numbers in the estimators."""

import numpy as np
import pytest
from helpers.sklearn_pairs import estimators

from xpnet import Network, epochs, sgd
from xpnet.errors import DivergenceError
from xpnet.estimators.verbose import LinesReport

MLPClassifier, MLPRegressor = estimators.MLPClassifier, estimators.MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.arange(40) % 3
SOLVER = pytest.mark.parametrize("solver", ["adam", "lbfgs"])


def fitted(weight=None, X=X, y=Y, **terms):
    """A classifier after a few iterations."""
    given = dict(hidden_layer_sizes=(4,), max_iter=4, random_state=0, alpha=0.0) | terms
    with pytest.warns(Warning, match="converge"):
        return MLPClassifier(**given).fit(X, y, weight)


@SOLVER
@pytest.mark.parametrize(("dtype", "size"), [("f4", 1e-40), ("f4", 1e37), ("f4", 1e38), ("f8", 1e-310), ("f8", 3e307)])
def test_weights_of_any_size_fit_alike(solver, dtype, size):
    """Without an L2 term only their proportions count, in loss, coefficients and the scores of early stopping."""
    terms = dict(solver=solver, early_stopping=solver == "adam", X=X.astype("f4"))
    mlp, wanted = fitted(np.full(40, size, dtype), **terms), fitted(np.ones(40), **terms)
    assert mlp.loss_ == pytest.approx(wanted.loss_, rel=1e-5)
    for ours, theirs in zip(mlp.coefs_, wanted.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    if solver == "adam":
        assert mlp.validation_scores_ == pytest.approx(wanted.validation_scores_)


@SOLVER
def test_alpha_counts_beside_the_weights_as_they_came(solver):
    """As in scikit-learn, where it is divided by their sum: ten times the weights is a tenth of alpha."""
    mlp, wanted = (fitted(np.full(40, size), alpha=3.0 * size, solver=solver) for size in (10.0, 1.0))
    for ours, theirs in zip(mlp.coefs_, wanted.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_held_out_rows_need_weight():
    """Early stopping on rows whose weights are all 0 would stop by nothing."""
    weight = np.zeros(40)
    weight[:2] = 1
    with pytest.raises(ValueError, match="holds back have only weights of 0"):
        MLPClassifier(early_stopping=True, random_state=0).fit(X, Y, weight)


@pytest.mark.parametrize("of", ["X", "y", "sample_weight", "X_val"])
def test_masked_numbers_are_refused(of):
    """In rows, targets and weights, to fit and to predict."""
    arrays = dict(X=X, y=Y.astype(float), sample_weight=np.ones(40), X_val=X, y_val=Y.astype(float))
    masked = np.ma.masked_array(arrays[of], arrays[of] == arrays[of].max())
    with pytest.raises(ValueError, match=f"{of} has .*masked number"):
        MLPRegressor().fit(**arrays | {of: masked})
    if of == "X":
        with pytest.raises(ValueError, match="X has 1 masked number"):
            fitted().predict(masked)


def test_frames_of_nullable_numbers_fit():
    """As in scikit-learn, pandas' Float32 is taken like float64."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X).astype("Float32")
    mlp = fitted(X=frame)
    np.testing.assert_allclose(mlp.coefs_[0], fitted(X=X.astype("f4").astype("f8")).coefs_[0])
    assert mlp.predict(frame).shape == (40,)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_each_solver_says_that_it_diverges(solver):
    """In the same words, where scikit-learn's lbfgs has a loss of NaN."""
    large = X.astype("f4") * np.float32(1e30)
    mlp = MLPRegressor(solver=solver, random_state=0, max_iter=5)
    with pytest.raises(ValueError, match=r"Solver produced non-finite parameter weights.* cost is no longer finite"):
        mlp.fit(large, Y.astype("f4"))


def test_a_score_of_predictions_that_are_not_finite_says_so():
    """Not that the input contains NaN, which it does not."""
    mlp = MLPRegressor(solver="lbfgs", activation="identity", random_state=0).fit(X, X[:, 0])
    mlp.coefs_ = [1e200 * w for w in mlp.coefs_]
    with pytest.raises(ValueError, match="the predictions for X are not finite"):
        mlp.score(X, Y)


@pytest.mark.parametrize("rows", ["validation", "test"])
def test_held_out_predictions_that_are_not_finite_end_a_training(rows):
    """Also of rows that are only scored, whose accuracy would be NaN from then on."""
    network, y = Network([3, 1], loss="squared_error"), X[:, 0]
    data, terms = (
        ((X, y, np.clip(X, -1, 1) * 1e308, y), {})
        if rows == "test"
        else ((X, y), {"validation": (np.clip(X, -1, 1) * 1e308, y)})
    )
    with pytest.raises(DivergenceError, match=f"the {rows} cost is no longer finite in epoch 1"):
        next(epochs(network, data, sgd(0.1), batch_size=8, epochs=1, **terms))


def test_a_verbose_fit_prints_no_hundreds_of_digits(capsys):
    """A loss of 1e300 has an exponent; ordinary ones are in scikit-learn's words."""
    report = LinesReport()
    for loss in (1e300, 12345678.5):
        report.iteration(1, loss)
        report.score(-loss)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Iteration 1, loss = 1e+300", "Validation score: -1e+300"]
    assert lines[2:] == ["Iteration 1, loss = 12345678.50000000", "Validation score: -12345678.500000"]

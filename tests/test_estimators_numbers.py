"""Extreme and unusual numbers in the estimators."""

import numpy as np
import pytest

from xpnet.estimators import MLPClassifier, MLPRegressor

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

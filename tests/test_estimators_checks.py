"""scikit-learn's own checks of estimators, all of them, those of arrays included; none is expected to fail."""

from typing import Any

import pytest
from helpers.sklearn_pairs import UNFINISHED, estimators
from sklearn.utils.estimator_checks import parametrize_with_checks

# A probability of 0 has no finite logarithm, which array-api-strict says as NumPy would.
pytestmark = [UNFINISHED, pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")]


@parametrize_with_checks(
    [
        estimators.MLPClassifier(),
        estimators.MLPRegressor(),
        estimators.MLPClassifier(solver="lbfgs", max_iter=20),
        estimators.MLPRegressor(solver="sgd", activation=["tanh"], max_iter=20),
    ]
)
def test_they_hold(estimator: Any, check: Any) -> None:
    """Each holds of both estimators, by each solver."""
    check(estimator)

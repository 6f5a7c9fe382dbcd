"""Multi-layer perceptrons with scikit-learn's interface, on arrays of any library.

from xpnet.estimators import MLPClassifier

MLPClassifier(random_state=0).fit(X, y).predict(X)
"""

from xpnet.errors import MissingExtraError

try:
    import sklearn  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError(
        'xpnet.estimators needs scikit-learn, which is not installed; run pip install "xpnet[sklearn]".'
    ) from error

from xpnet.estimators.classifier import MLPClassifier
from xpnet.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]

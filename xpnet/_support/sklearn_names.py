"""scikit-learn's names for activations and outputs, which the estimators and the conversions share."""

from typing import Any

ACTIVATIONS: dict[str, Any] = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
"""xpnet's name of each of scikit-learn's activations."""

OUTPUTS: dict[Any, str] = {
    "cross_entropy": "softmax",
    "binary_cross_entropy": "logistic",
    "squared_error": "identity",
    "poisson": "exp",
}
"""scikit-learn's name of the output activation that goes with each of xpnet's losses."""

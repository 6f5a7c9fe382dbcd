"""scikit-learn's names for activations and outputs, which the estimators and the conversions share."""

from typing import Any

from xpnet._support.tables import lookup

ACTIVATIONS: dict[str, Any] = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
"""xpnet's name of each of scikit-learn's activations."""

OWN_ACTIVATIONS = ("leaky_relu", "elu", "softplus", "hard_sigmoid")
"""Activations that scikit-learn lacks; xpnet's estimators take them by their own names."""

OUTPUTS: dict[Any, str] = {
    "cross_entropy": "softmax",
    "binary_cross_entropy": "logistic",
    "squared_error": "identity",
    "poisson": "exp",
    "absolute_error": "identity",
    "huber": "identity",
    "pinball": "identity",
}
"""scikit-learn's name of the output activation that goes with each of xpnet's losses."""

OWN_LOSSES = ("absolute_error", "huber", "pinball")
"""Losses that scikit-learn's regressor lacks; xpnet's takes them by their own names."""


def is_own(name: Any, own: tuple[str, ...]) -> bool:
    """Whether a name, perhaps with a number behind a colon, is one of those."""
    return isinstance(name, str) and name.partition(":")[0] in own


def activation_name(name: Any) -> str:
    """xpnet's name of an activation that an estimator names.

    Raises:
        InputError: There is none of that name.
    """
    return str(name) if is_own(name, OWN_ACTIVATIONS) else lookup(NAMED, "activation", name)


NAMED = ACTIVATIONS | {name: name for name in OWN_ACTIVATIONS}
"""xpnet's name of each activation that its estimators take."""

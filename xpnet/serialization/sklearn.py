"""Networks as scikit-learn's perceptrons, its own or those of xpnet.estimators, and back."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from xpnet import backends
from xpnet._support.optional import needed
from xpnet._support.typing import Array, Layer, Params
from xpnet.backends import Backend
from xpnet.equations import losses
from xpnet.errors import InputError
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

with needed("xpnet.serialization.sklearn", "sklearn"):
    from sklearn import neural_network

ACTIVATIONS: dict[str, Any] = {
    "identity": "identity",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
}
"""xpnet's name for each of scikit-learn's activations."""

OUTPUTS: dict[str, losses.LossName] = {
    "softmax": "cross_entropy",
    "logistic": "binary_cross_entropy",
    "identity": "squared_error",
    "exp": "poisson",
}
"""The loss that goes with each of scikit-learn's output activations."""


def from_sklearn(estimator: Any) -> tuple[Network, Params]:
    """A fitted perceptron as a network with its parameters.

    Its labels stay behind: output i stands for the estimator's `classes_[i]`, and of two classes the one output is the
    probability of the second.

    Args:
        estimator: An `MLPClassifier` or `MLPRegressor` of scikit-learn's or of `xpnet.estimators`.

    Returns:
        The network, and copies of the parameters, of the coefficients' kind.

    Raises:
        InputError: It is something else, or not fitted.
    """
    if not hasattr(estimator, "coefs_") or getattr(estimator, "out_activation_", None) not in OUTPUTS:
        raise InputError(
            f"the estimator is a {type(estimator).__name__} without coefs_; "
            "give an MLPClassifier or an MLPRegressor that is fitted."
        )
    given = estimator.activation
    names = ACTIVATIONS[given] if isinstance(given, str) else [ACTIVATIONS[name] for name in given]
    sizes = [estimator.coefs_[0].shape[0], *(w.shape[1] for w in estimator.coefs_)]
    layers = tuple(Layer(w.T, b) for w, b in zip(estimator.coefs_, estimator.intercepts_, strict=True))
    return Network(sizes, names, OUTPUTS[estimator.out_activation_], 1.0), backends.of(layers[0].w).copy(layers)


def to_sklearn(
    network: Network, params: Params, classes: Sequence[Any] | None = None, *, library: ModuleType = neural_network
) -> Any:
    """A network as a fitted `MLPClassifier` or `MLPRegressor`, which can be trained on.

    It answers as `predict` does. Since such estimators do not scale their inputs, the first weights are divided by
    `input_scale`; since they tell two classes apart with one output, a softmax over two becomes one.

    Args:
        network: What it computes.
        params: Its parameters, of any library.
        classes: The labels that its outputs stand for; None numbers them from 0.
        library: Whose estimator it is to be: `sklearn.neural_network`, with NumPy's arrays and one activation for all
            hidden layers, or `xpnet.estimators`, with arrays of the parameters' kind.

    Raises:
        InputError: params, labels or activations that do not fit.
    """
    backend = backends.of(checked_params(network, params)[0].w)
    if library is neural_network:
        backend = backends.resolve("numpy")
        if len(set(network.activation)) > 1:
            raise InputError(
                f"the network {network} has several hidden activations, but scikit-learn's have one for all; "
                "use library=xpnet.estimators."
            )
    labels = _labels(network, classes)
    with backend.current():
        params = backends.moved(params, backend)
        scale = network.input_scale or 1.0
        *before, last = (params[0]._replace(w=params[0].w / scale), *params[1:])
        if labels is not None:
            last = _sorted(last, np.argsort(labels), backend)
        made = _estimator(network, library)
        _make_fitted(made, network, labels, backend.asarray, backends.dtype_name(last.w))
        made.coefs_ = [backend.copy(layer.w.T) for layer in (*before, last)]
        made.intercepts_ = [backend.copy(layer.b) for layer in (*before, last)]
    return made


def _labels(network: Network, classes: Sequence[Any] | None) -> np.ndarray | None:
    """The labels of a network that tells classes apart."""
    outputs = network.sizes[-1]
    if network.model.loss.regression or (network.loss == "binary_cross_entropy" and outputs > 1):
        if classes is not None:
            raise InputError(f"classes are given, but the network {network} does not choose one; leave classes out.")
        return None
    k = max(outputs, 2)
    labels = np.arange(k) if classes is None else np.asarray(classes)
    if labels.shape != (k,) or len(np.unique(labels)) != k:
        raise InputError(f"classes is {list(labels)}, but the network {network} needs {k} different labels.")
    return labels


def _sorted(last: Layer, order: np.ndarray, backend: Backend) -> Layer:
    """The last layer for classes in rising order, as estimators have them, and with one output for two."""
    if last.b.shape[0] == 1:
        # σ(−z) = 1 − σ(z)
        return last if order[0] == 0 else Layer(-last.w, -last.b)
    w, b = backend.take(tuple(last), backend.asarray(order))
    # exp(z₁) / (exp(z₀) + exp(z₁)) = σ(z₁ − z₀)
    return Layer(w[1:, :] - w[:1, :], b[1:] - b[:1]) if len(order) == 2 else Layer(w, b)


def _estimator(network: Network, library: ModuleType) -> Any:
    """An estimator that is not fitted, with the network's hidden layers."""
    spelled = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    names = [spelled[name] for name in network.activation] or ["relu"]
    given = {"hidden_layer_sizes": network.sizes[1:-1], "activation": names[0] if len(set(names)) == 1 else names}
    if network.model.loss.regression:
        return library.MLPRegressor(loss=network.loss, **given)
    return library.MLPClassifier(**given)


def _make_fitted(
    made: Any, network: Network, labels: np.ndarray | None, asarray: Callable[..., Array], dtype: str
) -> None:
    """Have an estimator set up all that it has after a fit, by one step on rows of zeros, and forget that step."""
    outputs = network.sizes[-1]
    if labels is not None:
        y = np.sort(labels)
    elif network.model.loss.regression:
        y = np.ones((1, outputs))[:, 0] if outputs == 1 else np.ones((1, outputs))
    else:
        y = np.eye(outputs, dtype=np.int64)
    x = asarray(np.zeros((len(y), network.sizes[0])), dtype)
    known = {} if network.model.loss.regression else {"classes": y if labels is not None else np.arange(outputs)}
    made.partial_fit(x, y if y.dtype.kind in "OSU" else asarray(y), **known)
    # Where scikit-learn 1.9 and xpnet.estimators keep the optimizer's memory; it is made anew where it is missing.
    vars(made).pop("_optimizer", None)
    if hasattr(made, "_progress"):
        made._progress = type(made._progress)()
    made.loss_curve_, made.best_loss_, made.n_iter_, made.t_ = [], np.inf, 0, 0

"""scikit-learn: networks as its perceptrons or those of xpnet.estimators, and back."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from xpnet import backends
from xpnet._support.optional import needed
from xpnet._support.sklearn_names import ACTIVATIONS, OUTPUTS, OWN_ACTIVATIONS, OWN_LOSSES, activation_name, is_own
from xpnet._support.tables import lookup
from xpnet._support.typing import Array, Layer, Params
from xpnet.backends import Backend
from xpnet.errors import InputError
from xpnet.training.class_names import names_of
from xpnet.training.network import Network
from xpnet.training.placement import checked_params

with needed("xpnet.serialization.sklearn", "sklearn"):
    from sklearn import neural_network

SKLEARN_ACTIVATIONS = {name: sklearn_name for sklearn_name, name in ACTIVATIONS.items()}
"""scikit-learn's name of each of xpnet's activations."""

SKLEARN_OUTPUTS = {loss: output for loss, output in OUTPUTS.items() if loss not in OWN_LOSSES}
"""scikit-learn's output activation of each loss that it has too."""

LOSSES_BY_OUTPUT = {output: loss for loss, output in SKLEARN_OUTPUTS.items()}
"""The loss that goes with each of scikit-learn's output activations, where the estimator names none of xpnet's own."""


def from_sklearn(estimator: Any) -> tuple[Network, Params]:
    """Network and parameters of a fitted perceptron.

    Output i stands for the estimator's `classes_[i]`, and of two classes the one output is the probability of the
    second; labels that are words or numbers are the network's `classes`.

    Args:
        estimator: An `MLPClassifier` or `MLPRegressor` of scikit-learn's or of `xpnet.estimators`.

    Returns:
        The network, and copies of the parameters as arrays of the coefficients' library.

    Raises:
        InputError: The estimator is of another kind, or not fitted.
    """
    if not hasattr(estimator, "coefs_") or getattr(estimator, "out_activation_", None) not in LOSSES_BY_OUTPUT:
        raise InputError(
            f"the estimator is a {type(estimator).__name__} without coefs_; "
            "give an MLPClassifier or an MLPRegressor that is fitted."
        )
    single = isinstance(estimator.activation, str)
    names = [activation_name(name) for name in ([estimator.activation] if single else estimator.activation)]
    own: Any = getattr(estimator, "loss", None)
    loss = own if is_own(own, OWN_LOSSES) else LOSSES_BY_OUTPUT[estimator.out_activation_]
    sizes = [estimator.coefs_[0].shape[0], *(w.shape[1] for w in estimator.coefs_)]
    layers = tuple(Layer(w.T, b) for w, b in zip(estimator.coefs_, estimator.intercepts_, strict=True))
    labels = getattr(estimator, "classes_", ())
    classes = names_of(backends.of(labels).to_host(labels)) if len(labels) else None
    dropout = getattr(estimator, "dropout", 0.0)
    network = Network(sizes, names[0] if single else names, loss, 1.0, classes, dropout=dropout)
    return network, backends.of(layers[0].w).copy(layers)


def to_sklearn(
    network: Network, params: Params, classes: Sequence[Any] | None = None, *, library: ModuleType = neural_network
) -> Any:
    """Fitted `MLPClassifier` or `MLPRegressor` made from a network, whose training can be continued.

    It predicts as `Network.predict` does. Since such estimators do not scale their inputs, the first weights are
    divided by `input_scale`; since they tell two classes apart with one output, a softmax over two becomes one.

    Args:
        network: The network.
        params: Its parameters, of any library.
        classes: The labels that its outputs stand for; None takes the network's `classes`.
        library: The module of the estimator: `sklearn.neural_network`, with NumPy arrays and one activation for all
            hidden layers, or `xpnet.estimators`, with arrays of the parameters' library.

    Raises:
        InputError: params, labels or activations do not fit.
    """
    backend = backends.of(checked_params(network, params)[0].w)
    if library is neural_network:
        backend = backends.resolve("numpy")
        if len(set(network.activation)) > 1:
            raise InputError(
                f"the network {network} has several hidden activations, but scikit-learn has one for all; "
                "use library=xpnet.estimators."
            )
        if is_own(network.loss, OWN_LOSSES) or any(is_own(name, OWN_ACTIVATIONS) for name in network.activation):
            raise InputError(
                f"the network {network} with loss {network.loss!r} has an activation or a loss that scikit-learn "
                "lacks; use library=xpnet.estimators."
            )
    lookup(OUTPUTS, "loss", network.model.loss.name, "counterpart in scikit-learn")
    labels = _labels(network, classes)
    with backend.current():
        network, params = network.folded(backends.moved(params, backend))
        scale = network.input_scale or 1.0
        *before, last = (params[0]._replace(w=params[0].w / scale), *params[1:])
        if labels is not None:
            last = _sorted(last, np.argsort(labels), backend)
        estimator = _estimator(network, library)
        _fit_to_zeros(estimator, network, labels, backend.asarray, backends.dtype_name(last.w))
        estimator.coefs_ = [backend.copy(layer.w.T) for layer in (*before, last)]
        estimator.intercepts_ = [backend.copy(layer.b) for layer in (*before, last)]
    return estimator


def _labels(network: Network, classes: Sequence[Any] | None) -> np.ndarray | None:
    """Labels of a network that tells classes apart; None for one that does not."""
    outputs = network.sizes[-1]
    if network.model.loss.regression or (network.loss == "binary_cross_entropy" and outputs > 1):
        if classes is not None:
            raise InputError(f"classes came, but the network {network} does not choose one; leave classes out.")
        return None
    k = max(outputs, 2)
    classes = network.classes if classes is None else classes
    labels = np.arange(k) if classes is None else np.asarray(classes)
    if labels.shape != (k,) or len(np.unique(labels)) != k:
        raise InputError(f"classes is {list(labels)}, but the network {network} needs {k} different labels.")
    return labels


def _sorted(last: Layer, order: np.ndarray, backend: Backend) -> Layer:
    """Last layer for classes in ascending order, as estimators have them, and with one output for two."""
    if last.b.shape[0] == 1:
        # σ(−z) = 1 − σ(z)
        return last if order[0] == 0 else Layer(-last.w, -last.b)
    w, b = backend.take(tuple(last), backend.asarray(order))
    # exp(z₁) / (exp(z₀) + exp(z₁)) = σ(z₁ − z₀)
    return Layer(w[1:, :] - w[:1, :], b[1:] - b[:1]) if len(order) == 2 else Layer(w, b)


def _estimator(network: Network, library: ModuleType) -> Any:
    """Estimator that is not fitted, with the network's hidden layers."""
    names = [
        name
        if is_own(name, OWN_ACTIVATIONS)
        else lookup(SKLEARN_ACTIVATIONS, "activation", name, "counterpart in scikit-learn")
        for name in network.activation
    ] or ["relu"]
    parameters: dict[str, Any] = {"hidden_layer_sizes": network.sizes[1:-1]}
    parameters["activation"] = names[0] if len(set(names)) == 1 else names
    if network.dropout and library is not neural_network:
        parameters["dropout"] = network.dropout
    if network.model.loss.regression:
        return library.MLPRegressor(loss=network.loss, **parameters)
    return library.MLPClassifier(**parameters)


def _fit_to_zeros(
    estimator: Any, network: Network, labels: np.ndarray | None, asarray: Callable[..., Array], dtype: str
) -> None:
    """Give an estimator all attributes of a fitted one, by one step on rows of zeros that leaves no trace."""
    outputs = network.sizes[-1]
    if labels is not None:
        y = np.sort(labels)
    elif network.model.loss.regression:
        y = np.ones((1, outputs))[:, 0] if outputs == 1 else np.ones((1, outputs))
    else:
        y = np.eye(outputs, dtype=np.int64)
    x = asarray(np.zeros((len(y), network.sizes[0])), dtype)
    classes = {} if network.model.loss.regression else {"classes": y if labels is not None else np.arange(outputs)}
    estimator.partial_fit(x, y if y.dtype.kind in "OSU" else asarray(y), **classes)
    # Where scikit-learn 1.9 and xpnet.estimators keep the optimizer's state; without it they begin a new one.
    vars(estimator).pop("_optimizer", None)
    if hasattr(estimator, "_progress"):
        estimator._progress = type(estimator._progress)()
    estimator.loss_curve_, estimator.best_loss_, estimator.n_iter_, estimator.t_ = [], np.inf, 0, 0

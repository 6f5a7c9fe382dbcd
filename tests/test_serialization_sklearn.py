"""A network as scikit-learn's perceptron answers as before and can be trained on; a perceptron as a network, too."""

from importlib import import_module
from itertools import product

import numpy as np
import pytest
from helpers.oracles import FUNCTIONS, distance, host, on

import xpnet
from xpnet import Layer, backends, serialization
from xpnet._support.sklearn_names import OWN_ACTIVATIONS, OWN_LOSSES
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import InputError

pytest.importorskip("sklearn", reason="needs scikit-learn")

CLOSE = 1e-6
"""How far answers may be apart."""

LIBRARY = pytest.mark.parametrize("library", ["sklearn.neural_network", "xpnet.estimators"])
RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 12))
TARGETS = {
    "softmax": (RNG.integers(4, size=60), {}),
    "words": (np.array(["cat", "dog", "owl"])[RNG.integers(3, size=60)], {}),
    "binary": (RNG.integers(2, size=60), {}),
    "multilabel": (RNG.integers(2, size=(60, 3)), {}),
    "numbers": (RNG.normal(size=60), {}),
    "several numbers": (RNG.normal(size=(60, 2)), {}),
    "counts": (RNG.poisson(2.0, 60).astype(float), {"loss": "poisson"}),
}
"""Targets of every kind, and what the estimator is told of them."""


def randomized(network):
    """Parameters whose biases are not 0."""
    rng = np.random.default_rng(5)
    return tuple(Layer(w, rng.normal(0, 0.3, b.shape)) for w, b in network.init(1, dtype="float64"))


def answers(estimator, x, outputs):
    """An estimator's answers as a network has them, a column an output."""
    if not hasattr(estimator, "classes_"):
        return estimator.predict(x).reshape(len(x), outputs)
    return estimator.predict_proba(x)[:, -outputs:]


@LIBRARY
@pytest.mark.parametrize("kind", list(TARGETS))
def test_an_estimator_becomes_a_network(library, kind):
    """Fitted to targets of every kind, by scikit-learn or by xpnet, it is a network with the same answers."""
    y, options = TARGETS[kind]
    name = "MLPRegressor" if kind in ("numbers", "several numbers", "counts") else "MLPClassifier"
    made = getattr(import_module(library), name)(
        hidden_layer_sizes=(9, 7), activation="tanh", solver="lbfgs", max_iter=300, tol=1e-2, random_state=0, **options
    )
    network, params = serialization.from_sklearn(made.fit(X, y))
    a = network.predict(params, X)
    assert distance(answers(made, X, a.shape[1]), a) < CLOSE
    params[0].w[...] = 0
    assert distance(answers(made, X, a.shape[1]), a) < CLOSE


@LIBRARY
@pytest.mark.parametrize(("activation", "loss"), list(product(FUNCTIONS, LOSSES)))
def test_a_network_becomes_an_estimator(library, activation, loss):
    """With every activation and loss, with hidden layers and without; and it comes back with the same answers."""
    if library == "sklearn.neural_network" and (loss in OWN_LOSSES or activation in OWN_ACTIVATIONS):
        network = xpnet.Network([12, 9, 7, 4], activation, loss)
        with pytest.raises(InputError, match=r"that scikit-learn lacks; use library=xpnet\.estimators"):
            serialization.to_sklearn(network, network.init())
        return
    for hidden, outputs in product(([], [9, 7]), (1, 2, 4)):
        if (loss, outputs) == ("cross_entropy", 1):
            continue
        network = xpnet.Network([12, *hidden, outputs], activation, loss, 16.0)
        params = randomized(network)
        a = network.predict(params, X * 16)
        made = serialization.to_sklearn(network, params, library=import_module(library))
        assert type(made).__module__.startswith(library.partition(".")[0])
        assert distance(answers(made, X * 16, outputs), a) < CLOSE
        back, found = serialization.from_sklearn(made)
        assert back.loss == loss or (loss, outputs, back.loss) == ("cross_entropy", 2, "binary_cross_entropy")
        assert distance(back.predict(found, X * 16), a[:, -back.sizes[-1] :]) < CLOSE


@LIBRARY
@pytest.mark.parametrize(
    ("network", "classes"),
    [
        (xpnet.Network([12, 3]), ["owl", "cat", "dog"]),
        (xpnet.Network([12, 2]), ["yes", "no"]),
        (xpnet.Network([12, 1], loss="binary_cross_entropy"), ["yes", "no"]),
        (xpnet.Network([12, 1], loss="binary_cross_entropy"), [-1, 1]),
    ],
)
def test_labels_are_the_users(library, network, classes):
    """Each output keeps its label, whatever order the estimator has them in."""
    params = randomized(network)
    a = network.predict(params, X)
    a = np.hstack([1 - a, a]) if a.shape[1] == 1 else a
    made = serialization.to_sklearn(network, params, classes, library=import_module(library))
    assert made.classes_.tolist() == sorted(classes)
    assert distance(made.predict_proba(X), a[:, np.argsort(classes)]) < CLOSE
    assert made.predict(X).tolist() == [classes[i] for i in a.argmax(axis=1)]


@LIBRARY
def test_it_can_be_trained_on(library):
    """An epoch more is the same as that of an estimator that had these coefficients all along, its optimizer new."""
    made = import_module(library)
    y, _ = TARGETS["softmax"]
    options = dict(hidden_layer_sizes=(9,), random_state=0, warm_start=True)
    with pytest.warns(match="hasn't converged yet"):
        before = made.MLPClassifier(max_iter=3, **options).fit(X, y)
    converted = serialization.to_sklearn(*serialization.from_sklearn(before), library=made)
    assert (converted.n_iter_, converted.loss_curve_) == (0, [])
    converted.set_params(random_state=0).partial_fit(X, y)
    with pytest.warns(match="hasn't converged yet"):
        before.set_params(max_iter=1).fit(X, y)
    assert distance(tuple(converted.coefs_), tuple(before.coefs_)) < CLOSE
    assert len(converted.loss_curve_) == 1


def test_arrays_stay_where_they_are(backend, float_dtype):
    """xpnet's estimators have arrays of the parameters' library, scikit-learn's have NumPy's."""
    estimators = import_module("xpnet.estimators")
    network = xpnet.Network([12, 9, 4], "tanh", input_scale=16.0)
    params = on(backend, randomized(network), float_dtype)
    made = serialization.to_sklearn(network, params, library=estimators)
    there = backends.of(made.coefs_[0])
    assert (there.xp, there.device) == (backend.xp, backend.device)
    x = backend.asarray(X.astype(float_dtype))
    assert distance(host(backend, made.predict_proba(x)), host(backend, network.predict(params, x))) < CLOSE
    assert isinstance(serialization.to_sklearn(network, params).coefs_[0], np.ndarray)


def test_an_activation_for_each_layer_is_xpnets_alone():
    """scikit-learn's estimators have one for all hidden layers, so such a network goes only into xpnet's."""
    network = xpnet.Network([12, 9, 7, 4], ["tanh", "relu"])
    params = randomized(network)
    with pytest.raises(InputError, match="has several hidden activations, but scikit-learn has one for all"):
        serialization.to_sklearn(network, params)
    made = serialization.to_sklearn(network, params, library=import_module("xpnet.estimators"))
    assert distance(made.predict_proba(X), network.predict(params, X)) < CLOSE
    assert serialization.from_sklearn(made)[0].activation == ("tanh", "relu")


def test_dropout_goes_with_xpnets_estimators():
    """It is a parameter of xpnet's estimators, which predict without it as scikit-learn's do, and comes back."""
    network = xpnet.Network([12, 9, 7, 4], "tanh", dropout=[0.2, 0.5])
    params = randomized(network)
    made = serialization.to_sklearn(network, params, library=import_module("xpnet.estimators"))
    assert made.dropout == (0.2, 0.5)
    assert serialization.from_sklearn(made)[0].dropout == (0.2, 0.5)
    for each in (made, serialization.to_sklearn(network, params)):
        assert distance(each.predict_proba(X), network.predict(params, X)) < CLOSE


def test_what_scikit_learn_has_not_got_is_a_sentence(monkeypatch):
    """An activation or a loss that is new in xpnet has no counterpart, and neither way is it a KeyError."""
    monkeypatch.setitem(ACTIVATIONS, "softsign", ACTIVATIONS["tanh"]._replace(name="softsign"))
    monkeypatch.setitem(LOSSES, "cauchy", LOSSES["squared_error"]._replace(name="cauchy"))
    network = xpnet.Network([12, 9, 3], "softsign")
    with pytest.raises(InputError, match=r"^activation 'softsign' has no counterpart in scikit-learn; it can be iden"):
        serialization.to_sklearn(network, network.init())
    network = xpnet.Network([12, 9, 3], loss="cauchy")
    with pytest.raises(InputError, match=r"^loss 'cauchy' has no counterpart in scikit-learn; it can be cross_entropy"):
        serialization.to_sklearn(network, network.init())
    made = serialization.to_sklearn(xpnet.Network([12, 9, 3]), xpnet.Network([12, 9, 3]).init())
    with pytest.raises(InputError, match=r"^activation is 'gelu'; it can be identity, logistic"):
        serialization.from_sklearn(made.set_params(activation="gelu"))


def test_what_does_not_fit_is_refused():
    """Estimators of other kinds or without a fit, and labels that do not go with the outputs, have their sentences."""
    neural_network = import_module("sklearn.neural_network")
    for estimator in (neural_network.MLPClassifier(), neural_network.BernoulliRBM(), 3):
        with pytest.raises(InputError, match=rf"the estimator is a {type(estimator).__name__} without coefs_"):
            serialization.from_sklearn(estimator)
    network = xpnet.Network([12, 3])
    for classes in (["cat", "dog"], ["cat", "dog", "cat"]):
        with pytest.raises(InputError, match="needs 3 different labels"):
            serialization.to_sklearn(network, network.init(), classes)
    network = xpnet.Network([12, 3], loss="squared_error")
    with pytest.raises(InputError, match="does not choose one; leave classes out"):
        serialization.to_sklearn(network, network.init(), [1, 2, 3])

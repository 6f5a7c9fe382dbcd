"""What the loop learns with each loss, against scikit-learn's measures where it is installed."""

import numpy as np
import pytest

import xpnet
from xpnet import Data, Network
from xpnet.data import load


def last(network, data, optimizer, epochs=30, **arguments):
    """The last epoch of a training with seed 0."""
    return list(xpnet.epochs(network, data, optimizer, batch_size=16, epochs=epochs, **arguments))[-1]


def halves(x, y):
    """The first half to train on, the second to test."""
    n = len(x) // 2
    return Data(x[:n], y[:n], x[n:], y[n:])


def features(n=400, seed=6):
    """Random rows, and the generator that goes on from there."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5)), rng


def test_digits_by_softmax_regression():
    """Without hidden layers the digits are learnt to 93 %."""
    data = load("digits")
    assert last(Network([64, 10], input_scale=data.scale), data, xpnet.adam(0.01)).test_accuracy > 0.93


def test_digits_by_three_layers():
    """Two hidden layers with activations of their own learn them to 95 %."""
    data = load("digits")
    network = Network([64, 32, 16, 10], ["tanh", "relu"], input_scale=data.scale)
    assert last(network, data, xpnet.adam(0.01)).test_accuracy > 0.95


@pytest.mark.parametrize("outputs", [1, 3])
def test_regression(outputs):
    """A smooth function is learnt to an R² of 0.9; the R² is the variance-weighted one."""
    x, rng = features()
    y = np.sin(x @ rng.normal(size=(5, outputs))) * np.arange(1, outputs + 1)
    data, network = halves(x, y), Network([5, 32, outputs], "tanh", "squared_error")
    epoch = last(network, data, xpnet.adam(0.01), epochs=60)
    guess = network.predict(epoch.params, data.x_test)
    errors, spread = (guess - data.y_test) ** 2, (data.y_test - data.y_test.mean(axis=0)) ** 2
    assert epoch.test_accuracy == pytest.approx(1 - errors.sum() / spread.sum())
    assert epoch.train_accuracy > epoch.test_accuracy > 0.9


def test_r2_is_scikit_learns():
    """R² of several outputs equals scikit-learn's r2_score with its variance-weighted mean."""
    metrics = pytest.importorskip("sklearn.metrics")
    x, rng = features()
    network, y = Network([5, 3], loss="squared_error"), rng.normal(size=(400, 3)) * [1, 10, 100]
    params = network.init(dtype="float64")
    wanted = metrics.r2_score(y, network.predict(params, x), multioutput="variance_weighted")
    assert network.score(params, x, y) == pytest.approx(wanted)


def test_one_yes_or_no():
    """A vector of 0 and 1 is learnt by one sigmoid."""
    x, rng = features()
    y = (x @ rng.normal(size=5) > 0).astype(int)
    epoch = last(Network([5, 1], loss="binary_cross_entropy"), halves(x, y), xpnet.sgd(0.5))
    assert epoch.test_accuracy > 0.95


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_several_labels(dtype):
    """A matrix of 0 and 1, whatever its dtype, is learnt by a sigmoid each; all of a row's must be right."""
    x, rng = features()
    y = (x @ rng.normal(size=(5, 3)) > 0).astype(dtype)
    data, network = halves(x, y), Network([5, 3], loss="binary_cross_entropy")
    epoch = last(network, data, xpnet.sgd(0.5))
    right = (network.classify(epoch.params, data.x_test) == data.y_test).all(axis=1)
    assert epoch.test_accuracy == pytest.approx(right.mean())
    assert epoch.test_accuracy > 0.9


def test_counts():
    """Poisson's loss finds the rates that counts were drawn with."""
    x, rng = features(2000)
    w = np.asarray([0.3, -0.2, 0.5, 0.0, 0.1])
    y = rng.poisson(np.exp(1 + x @ w))
    network = Network([5, 1], loss="poisson")
    epoch = last(network, (x, y), xpnet.adam(lambda progress: 0.01 / (1 + progress)))
    assert epoch.params[0].w[0] == pytest.approx(w, abs=0.05)
    assert epoch.params[0].b[0] == pytest.approx(1, abs=0.05)
    assert epoch.train_accuracy > 0.3

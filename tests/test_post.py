"""The post's program as published, slip and all, so that what is said of it can be run; xpnet computes otherwise."""

import os
from pathlib import Path

import numpy as np
import pytest

from xpnet.data import load, mnist

PUBLISHED = (80.23, 84.81, 85.63)
"""Test accuracy in percent after each epoch."""

ROOT = os.environ.get(mnist.VARIABLE, "")


def sigmoid(z):
    """σ(z) = 1 / (1 + exp(−z))."""
    return 1 / (1 + np.exp(-z))


def softmax(z):
    """exp(zᵢ) / Σₖ exp(zₖ) of each column."""
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def feedforward(w, b, x):
    """The activations of every layer for columns x."""
    a = [x, sigmoid(w[0] @ x + b[0])]
    a.append(sigmoid(w[1] @ a[1] + b[1]))
    a.append(softmax(w[2] @ a[2] + b[2]))
    return a


def learn(w, b, x, y, learning_rate):
    """Go down the gradient of one sample: each layer's weights change before the layer below has used them."""
    a = feedforward(w, b, x)
    dC_dz = a[3] - y
    for layer in (2, 1, 0):
        w[layer] -= learning_rate * dC_dz @ a[layer].T
        b[layer] -= learning_rate * dC_dz
        if layer:
            # The post's σ′(a) = σ(a)(1 − σ(a)), which is not the derivative.
            dC_dz = sigmoid(a[layer]) * (1 - sigmoid(a[layer])) * (w[layer].T @ dC_dz)


@pytest.mark.mnist
@pytest.mark.slow
@pytest.mark.skipif(
    not ROOT or not mnist.idx_files(Path(ROOT, "mnist")), reason=f"{mnist.VARIABLE} names no folder with MNIST"
)
def test_the_published_form_meets_the_published_accuracy():
    """784-32-32-10 on raw pixels, a sample at a time in the order of the file, learns as published to 0.3 points."""
    data = load("mnist")
    rng = np.random.default_rng(80085)
    w = [rng.normal(0, 1 / np.sqrt(d_in), (d_out, d_in)) for d_in, d_out in ((784, 32), (32, 32), (32, 10))]
    b = [np.zeros((len(rows), 1)) for rows in w]
    labels = np.eye(10)[:, :, None]

    found = []
    # Raw pixels drive z so far below 0 that exp(−z) overflows to infinity, and a to 0, as it should.
    with np.errstate(over="ignore"):
        for _ in PUBLISHED:
            for x, label in zip(data.x_train, data.y_train, strict=True):
                learn(w, b, x[:, None].astype(float), labels[label], learning_rate=0.003)
            guessed = feedforward(w, b, data.x_test.T.astype(float))[-1].argmax(axis=0)
            found.append(100 * np.mean(guessed == data.y_test))
    assert found == pytest.approx(PUBLISHED, abs=0.3)

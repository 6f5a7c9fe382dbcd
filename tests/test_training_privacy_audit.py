"""Whoever looks for inserted rows in a trained network finds no more than the claimed ε allows.

The one-run audit of Steinke, Nasr and Jagielski (2023), "Privacy Auditing with One (1) Training Run": each of m rows
is inserted with probability 1/2 by itself, r of them are guessed to be in or out from the trained network, and the
number v of right guesses bounds ε from below.
"""

import numpy as np
import pytest

import xpnet
from xpnet import Network, Privacy
from xpnet.data import load
from xpnet.training.privacy import Spent, epsilon

M, GUESSES, DELTA = 1000, 200, 1e-5
BATCH, EPOCHS = 128, 8


def p_value(v, eps):
    """Probability of v or more right guesses if (ε, δ) holds, by the paper's theorem for approximate privacy."""
    binom = pytest.importorskip("scipy.stats").binom
    q = 1 / (1 + np.exp(-eps))
    # P[v > Binomial(r, q) ≥ v − i] for each i
    below = np.cumsum(binom.pmf(v - np.arange(1, v + 1), GUESSES, q))
    alpha = max(0.0, *(below / np.arange(1, v + 1)))
    return binom.sf(v - 1, GUESSES, q) + alpha * DELTA * 2 * M


def lower_bound(v):
    """Largest ε that so many right guesses refute with 95 % confidence."""
    grid = np.arange(0, 12, 0.01)
    refuted = [eps for eps in grid if p_value(v, eps) < 0.05]
    return max(refuted, default=0.0)


def rows():
    """Digits with M more columns, of zeros, and M rows that are 1 in one of these and have a random label."""
    rng, digits = np.random.default_rng(0), load("digits")
    x = np.hstack([digits.x_train / 16, np.zeros((len(digits.x_train), M))])
    canaries = np.hstack([np.zeros((M, 64)), 4 * np.eye(M)])
    return x, digits.y_train, canaries, rng.integers(10, size=M), rng.random(M) < 0.5


def right_guesses(sigma):
    """Right guesses about a training with that noise, and q and the number of its steps.

    A row's own column of weights, which no other row touches, moves by its own gradients and the noise.
    """
    x, y, canaries, labels, inserted = rows()
    data = np.vstack([x, canaries[inserted]]), np.concatenate([y, labels[inserted]])
    network = Network([64 + M, 10])
    params = tuple(xpnet.Layer(np.zeros_like(w), b) for w, b in network.init(0))
    settings = Privacy(noise_multiplier=sigma, insecure_seed=1, delta=DELTA)
    last = (
        xpnet.epochs(network, data, xpnet.sgd(2.0), batch_size=BATCH, epochs=EPOCHS, params=params, privacy=settings)
        .history()
        .last
    )
    a = network.predict(last.params, canaries)
    order = np.argsort(a[np.arange(M), labels])
    half = GUESSES // 2
    v = int(inserted[order[-half:]].sum() + (~inserted[order[:half]]).sum())
    return v, BATCH / len(data[0]), last.checkpoint.steps


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_what_is_found_is_less_than_what_is_claimed(sigma):
    """With 95 % confidence; and it is more than nothing, so that the rows are looked for where they would be seen."""
    pytest.importorskip("dp_accounting")
    v, q, steps = right_guesses(sigma)
    assert 0 < lower_bound(v) < epsilon([Spent(q, sigma, steps)], DELTA)


def test_a_training_without_noise_is_caught():
    """Its rows give away more than the ε that σ = 2 would have."""
    pytest.importorskip("dp_accounting")
    v, q, steps = right_guesses(0.0)
    assert lower_bound(v) > epsilon([Spent(q, 2.0, steps)], DELTA)


def test_the_audits_bound_is_the_papers():
    """Of 200 right guesses in 200 it can conclude ln(0.05^(1/200) / (1 − 0.05^(1/200))), less a little for δ."""
    q = 0.05 ** (1 / GUESSES)
    pytest.importorskip("scipy")
    assert lower_bound(GUESSES) == pytest.approx(np.log(q / (1 - q)), abs=0.1)
    assert lower_bound(GUESSES // 2) == 0

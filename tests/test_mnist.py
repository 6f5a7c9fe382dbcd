"""What trainings on MNIST reach: the defaults, the post's network, and two configurations with published results."""

import os
import statistics
import tracemalloc
from pathlib import Path

import pytest
from helpers.commands import trained

import xpnet
from xpnet.data import load, mnist

ROOT = os.environ.get(mnist.VARIABLE, "")

pytestmark = [
    pytest.mark.mnist,
    pytest.mark.skipif(
        not ROOT or not mnist.idx_files(Path(ROOT, "mnist")), reason=f"{mnist.VARIABLE} names no folder with MNIST"
    ),
]


def accuracy(folder, *flags, last=1):
    """The median test accuracy of the last epochs of a training."""
    found = [epoch["test_accuracy"] for epoch in trained(folder, "--data", "mnist", *flags)]
    print(f"{' '.join(flags) or 'defaults'}: {found}")
    return statistics.median(found[-last:])


def nielsen(folder, hidden, l2):
    """The same of his third chapter's trainings: sigmoid layers, cross-entropy, ten samples a step, 30 epochs."""
    network = ("--hidden", hidden, "--activation", "sigmoid", "--l2", l2)
    rule = ("--optimizer", "sgd", "--batch-size", "10", "--learning-rate", "0.5")
    return accuracy(folder, *network, *rule, "--epochs", "30", last=5)


def test_two_epochs_of_the_defaults(tmp_path):
    """The defaults reach 96 % after two epochs."""
    assert accuracy(tmp_path, "--epochs", "2") >= 0.96


def test_one_epoch_of_the_post(tmp_path):
    """The post's network, with the right derivative and scaled inputs, reaches 92.5 % in its first epoch."""
    assert accuracy(tmp_path, "--preset", "post", "--epochs", "1") >= 0.925


def test_images_stay_bytes():
    """An epoch needs less memory beside the data than the training images take as bytes: there is no copy as floats."""
    data = load("mnist")
    network = xpnet.Network([784, 16, 10], input_scale=data.scale)
    tracemalloc.start()
    try:
        for _ in xpnet.epochs(network, data, xpnet.adam(), batch_size=1000, epochs=1):
            pass
        assert tracemalloc.get_traced_memory()[1] < data.x_train.size
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_the_defaults(tmp_path):
    """`--data mnist` alone reaches 98 %."""
    assert accuracy(tmp_path) >= 0.98


@pytest.mark.slow
def test_thirty_hidden_neurons(tmp_path):
    """784-30-10 reaches 94.5 %, as published and re-run."""
    assert nielsen(tmp_path, "30", "0") >= 0.945


@pytest.mark.slow
def test_a_hundred_hidden_neurons(tmp_path):
    """784-100-10 with L2 reaches 97.2 %, as published and re-run."""
    assert nielsen(tmp_path, "100", "1e-4") >= 0.972


@pytest.mark.slow
def test_dropout_costs_no_accuracy(tmp_path):
    """784-512-512-10 of sigmoid neurons, 30 epochs: with dropout 0.5 three seeds' mean is at least that without."""
    # Trained alike, by that of the recipes tried in which held-out training rows gained most by it, 98.38 % against
    # 98.32 %. With ReLU and the rate 0.001 they lost, 98.41 % against 98.55 %.
    network = ("--hidden", "512,512", "--activation", "sigmoid", "--epochs", "30", "--batch-size", "128")
    rule = ("--optimizer", "adam", "--learning-rate", "0.004", "--schedule", "cosine")
    with_it, without = (
        statistics.mean(accuracy(tmp_path, *network, *rule, "--dropout", fraction, "--seed", seed) for seed in "012")
        for fraction in ("0.5", "0")
    )
    assert with_it >= without


@pytest.mark.slow
def test_a_private_training_reaches_94_percent(tmp_path):
    """784-128-10 with ε ≤ 3 at δ = 1e-5: the median of three runs, whose noise nobody can draw again."""
    pytest.importorskip("dp_accounting")
    network = ("--hidden", "128", "--activation", "tanh", "--epochs", "40", "--batch-size", "4096")
    rule = ("--learning-rate", "6", "--optimizer", "momentum", "--clip-norm", "0.1", "--target-epsilon", "3")
    last = [trained(tmp_path, "--data", "mnist", *network, *rule)[-1] for _ in range(3)]
    print([(epoch["test_accuracy"], epoch["epsilon"]) for epoch in last])
    assert max(epoch["epsilon"] for epoch in last) <= 3
    assert statistics.median(epoch["test_accuracy"] for epoch in last) >= 0.94

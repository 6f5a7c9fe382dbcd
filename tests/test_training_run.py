"""One training: its blocks, its running metrics, its rates, and what every step of it must come to."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance

import xpnet
from xpnet import Network, backends
from xpnet.backends import Backend
from xpnet.backends.base import BLOCK_WORK
from xpnet.training import rows as rows_module
from xpnet.training import run as training

TOLERANCE = ROUNDING["float64"]


def rows(n=10, seed=2):
    """Random rows with labels and weights."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)), rng.integers(3, size=n), rng.uniform(0.5, 2, n)


def by_hand(network, x, y, weight, batch_size, rate, epochs, l2):
    """Plain SGD in the rows' own order, with the costs and wrong answers of each batch before its step."""
    params, told = network.init(0, dtype="float64"), []
    for _ in range(epochs):
        costs, wrong = [], 0
        for start in range(0, len(x), batch_size):
            batch = slice(start, start + batch_size)
            costs.append(network.cost(params, x[batch], y[batch], weight=weight[batch], l2=l2))
            wrong += np.sum(network.classify(params, x[batch]) != y[batch])
            found = network.gradients(params, x[batch], y[batch], weight=weight[batch], l2=l2)
            params = tuple(
                layer._replace(w=layer.w - rate * g.w, b=layer.b - rate * g.b)
                for layer, g in zip(params, found, strict=True)
            )
        told.append((params, costs, wrong))
    return told


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 64])
def test_an_epoch_is_its_steps(batch_size):
    """Without shuffling, SGD by hand gives the same parameters, running accuracy and mean of the batches' costs."""
    network, (x, y, weight) = Network([4, 5, 3], "tanh"), rows()
    wanted = by_hand(network, x, y, weight, batch_size, 0.3, 2, 0.01)
    sizes = [min(batch_size, 10 - start) for start in range(0, 10, batch_size)]
    found = xpnet.epochs(
        network, (x, y), xpnet.sgd(0.3), batch_size=batch_size, epochs=2, weight=weight, l2=0.01, shuffle=False
    )
    for epoch, (params, costs, wrong) in zip(found, wanted, strict=True):
        assert distance(epoch.params, params) < TOLERANCE
        assert epoch.cost == pytest.approx(np.average(costs, weights=sizes), rel=TOLERANCE)
        assert epoch.train_accuracy == pytest.approx(1 - wrong / 10)
        assert epoch.seconds > 0
        assert epoch.samples_per_second == pytest.approx(10 / epoch.seconds)


def test_a_block_is_bounded():
    """A block is bounded by its work where the network is large, and by its steps where it is small."""
    x, y, _ = rows()

    def steps(*sizes, batch_size):
        network = Network([4, *sizes, 3])
        made = xpnet.epochs(network, (x, y), xpnet.sgd(), batch_size=batch_size, epochs=1)
        return made.training.block_steps

    assert steps(5, batch_size=1) == training.BLOCK_STEPS
    assert steps(1000, 1000, batch_size=4) == int(BLOCK_WORK["cpu"] / (6 * 1_009_003 * 4))
    assert steps(100_000, batch_size=10_000) == 1


def test_a_gpus_block_holds_more():
    """On a CUDA device a block of a large network holds as many steps as keep it busy, not one."""
    x, y, _ = rows()
    training_ = xpnet.epochs(Network([4, 1000, 1000, 3]), (x, y), xpnet.sgd(), batch_size=1000, epochs=1).training
    assert training_.block_steps == 1
    on_gpu = training_._replace(backend=Backend("cupy", np, "cuda:1"))
    assert on_gpu.block_steps == min(training.BLOCK_STEPS, int(BLOCK_WORK["cuda"] / (6 * 1_009_003 * 1000)))
    assert on_gpu.block_steps > 100


def test_blocks_of_one_step_change_nothing(monkeypatch):
    """How the steps are cut into blocks changes no parameter and no metric."""
    network, (x, y, weight) = Network([4, 5, 3]), rows(31)
    ways = []
    for steps in (1, 2, 500):
        monkeypatch.setattr(training, "BLOCK_STEPS", steps)
        made = xpnet.epochs(network, (x, y), xpnet.adam(0.1), batch_size=4, epochs=2, weight=weight)
        ways.append([(epoch.params, epoch.cost, epoch.train_accuracy) for epoch in made][-1])
    assert distance(ways[0][0], ways[2][0]) == distance(ways[1][0], ways[2][0]) == 0
    assert [way[1:] for way in ways] == [pytest.approx(ways[2][1:], rel=TOLERANCE)] * 3


def test_schedules_are_asked_at_the_middle_of_blocks(monkeypatch):
    """A schedule is asked once a block, for the progress at its middle, and the epoch tells the last answer."""
    monkeypatch.setattr(training, "BLOCK_STEPS", 2)
    asked = []

    def schedule(progress):
        asked.append(progress)
        return 0.1 / (1 + progress)

    x, y, _ = rows()
    made = list(xpnet.epochs(Network([4, 3]), (x, y), xpnet.sgd(schedule), batch_size=2, epochs=2))
    assert asked == pytest.approx([0.2, 0.6, 0.9, 1.2, 1.6, 1.9])
    assert [epoch.learning_rate for epoch in made] == pytest.approx([0.1 / 1.9, 0.1 / 2.9])


def test_a_schedule_is_the_rate_of_each_block(monkeypatch):
    """Two epochs under a schedule are one epoch at each of its rates."""
    (x, y, _), network = rows(), Network([4, 3])

    def run(rate, epochs, **more):
        made = xpnet.epochs(network, (x, y), xpnet.momentum(rate), batch_size=5, epochs=epochs, **more)
        return list(made)[-1].checkpoint

    first = run(0.5, 1)
    wanted = run(0.01, 2, resume=first)
    found = run(lambda progress: 0.5 if progress < 1 else 0.01, 2)
    assert distance(found.params, wanted.params) == 0


def test_the_short_last_batch_is_a_step():
    """Eleven rows in batches of four are three steps an epoch."""
    x, y, _ = rows(11)
    made = list(xpnet.epochs(Network([4, 3]), (x, y), xpnet.sgd(), batch_size=4, epochs=2))
    assert [epoch.checkpoint.steps for epoch in made] == [3, 6]


def test_test_rows_are_evaluated_after_the_epoch():
    """The test accuracy is the score of the parameters that the epoch ends with, and changes no parameter."""
    (x, y, _), (x_test, y_test, _), network = rows(30), rows(20, seed=9), Network([4, 3])
    data = xpnet.Data(x, y, x_test, y_test)
    plain = list(xpnet.epochs(network, (x, y), xpnet.sgd(), batch_size=4, epochs=2))
    for epoch, alone in zip(xpnet.epochs(network, data, xpnet.sgd(), batch_size=4, epochs=2), plain, strict=True):
        assert epoch.test_accuracy == network.score(epoch.params, x_test, y_test)
        assert alone.test_accuracy is None
        assert distance(epoch.params, alone.params) == 0


def test_a_batch_without_weight_changes_nothing():
    """Where all weights of a batch are 0 its step changes nothing, and nothing becomes NaN."""
    (x, y, _), network = rows(8), Network([4, 3])
    weight = np.asarray([1.0] * 4 + [0.0] * 4)

    def params(n):
        given = dict(batch_size=4, epochs=1, weight=weight[:n], shuffle=False)
        return next(xpnet.epochs(network, (x[:n], y[:n]), xpnet.sgd(), **given)).params

    assert np.isfinite(params(8)[0].w).all()
    assert distance(params(8), params(4)) == 0


class Asynchronous(Backend):
    """NumPy as if on a device of its own: what a block measures is not to be had before somebody waits for it.

    Attributes:
        told: What the loop has it do, in order.
    """

    def __init__(self):
        super().__init__("asynchronous", np)
        self.told = []

    def run_block(self, step, carry, data, rows):
        """Hand out metrics that are still to come."""
        self.told.append("block")
        carry, metrics = super().run_block(step, carry, data, rows)
        return carry, tuple(Pending(metric) for metric in metrics)

    def synchronize(self):
        """Wait."""
        self.told.append("synchronize")

    def to_host(self, array):
        """Wait for what is still to come."""
        if not isinstance(array, Pending):
            return array
        self.told.append("read")
        return array.value


class Pending:
    """An array whose numbers nothing but `to_host` gives out."""

    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("shown", [False, True], ids=["quiet", "with a bar"])
def test_nothing_waits_before_the_epochs_end_but_a_bar(monkeypatch, shown):
    """All blocks are handed out, the next order is drawn, and only then the device is waited for."""
    backend, (x, y, _) = Asynchronous(), rows()
    draw, uploaded = rows_module.drawn, []

    def drawn(*arguments):
        backend.told.append("order")
        return draw(*arguments)

    def on_device(self, number, dtype=None):
        uploaded.append(number)
        return np.asarray(number, dtype or self.dtype)

    bar = SimpleNamespace(shown=shown, update=lambda batch_size, costs, errors: None)
    monkeypatch.setattr(backends, "resolve", lambda *names: backend)
    monkeypatch.setattr("xpnet.training.memory_rows.drawn", drawn)
    monkeypatch.setattr("xpnet.training.loop.Bar", lambda *about: nullcontext(bar))
    monkeypatch.setattr(training, "BLOCK_STEPS", 2)
    monkeypatch.setattr(training.Training, "on_device", on_device)
    made = xpnet.epochs(Network([4, 3]), (x, y), xpnet.sgd(0.5), batch_size=2, epochs=2, backend="numpy")
    block, end = ["block", "read", "read"] if shown else ["block"], ["order", "synchronize"] + ["read"] * 6
    next(made)
    assert backend.told == ["order", *block * 3, *end]
    next(made)
    assert backend.told == ["order", *block * 3, *end, *block * 3, *end]
    assert uploaded.count(0.5) == 2, "a rate that stays goes to the device once an epoch"


def test_an_order_drawn_ahead_is_not_lost():
    """Whoever stops after an epoch, and goes on from its checkpoint, gets the order that was drawn meanwhile."""
    x, y, _ = rows(40)
    given = dict(batch_size=8, epochs=3, seed=5)
    whole = list(xpnet.epochs(Network([4, 3]), (x, y), xpnet.sgd(), **given))
    first = next(xpnet.epochs(Network([4, 3]), (x, y), xpnet.sgd(), **given))
    others = list(xpnet.epochs(Network([4, 3]), (x, y), xpnet.sgd(), resume=first.checkpoint, **given))
    for epoch, wanted in zip([first, *others], whole, strict=True):
        assert distance(epoch.params, wanted.params) == 0
        assert epoch.checkpoint.order == wanted.checkpoint.order

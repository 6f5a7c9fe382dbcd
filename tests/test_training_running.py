"""Running numbers: what a training with batches in its own order had right of its last rows, at each point."""

import numpy as np
import pytest
from helpers.oracles import ROUNDING

import xpnet
from xpnet.training.running import LAST, POINTS, running_numbers

TOLERANCE = ROUNDING["float64"]


def test_each_point_is_the_mean_of_the_last_rows():
    """Counted row by row: all batches that it takes for a thousand rows, or all of the epoch so far."""
    rng = np.random.default_rng(0)
    blocks = [(7, rng.random(150), rng.integers(8, size=150)), (7, rng.random(160), rng.integers(8, size=160))]
    blocks.append((3, rng.random(1), rng.integers(4, size=1)))
    n = 7 * 310 + 3
    rows = [(cost, error / size) for size, costs, errors in blocks for cost, error in zip(costs, errors, strict=True)
            for _ in range(size)]  # fmt: skip
    found = running_numbers(blocks, n, float(n))
    assert len(found) == POINTS
    assert [point.rows for point in found] == sorted({point.rows for point in found})
    assert found[-1].rows == n
    for point in found:
        assert point.last == point.rows or LAST <= point.last < LAST + 7
        costs, wrong = np.mean(rows[point.rows - point.last : point.rows], axis=0)
        assert point.cost == pytest.approx(costs, rel=TOLERANCE)
        assert point.accuracy == pytest.approx(1 - wrong, abs=TOLERANCE)


def test_a_long_epoch_looks_back_from_point_to_point():
    """Every row then counts in some point."""
    blocks = [(1000, np.arange(400.0), np.zeros(400))]
    found = running_numbers(blocks, 400_000, 400_000.0)
    assert len(found) == POINTS
    starts = [point.rows - point.last for point in found]
    assert all(start <= before.rows for start, before in zip(starts[1:], found, strict=False))


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_epochs_have_them(loss):
    """The first is the first batch's accuracy or R², and one over the whole epoch is the epoch's own."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 3)), rng.integers(2, size=50)
    y = y if loss == "cross_entropy" else y.astype(float)[:, None]
    network = xpnet.Network([3, 2 if loss == "cross_entropy" else 1], loss=loss)
    start = network.init(0, dtype="float64")
    epochs = xpnet.epochs(network, (x, y), xpnet.sgd(0.1), batch_size=10, epochs=2, params=start, shuffle=False)
    for epoch in epochs:
        assert [(point.rows, point.last) for point in epoch.running] == [(n, n) for n in range(10, 51, 10)]
        assert epoch.running[-1].cost == pytest.approx(epoch.cost)
        assert epoch.running[-1].accuracy == pytest.approx(epoch.train_accuracy)
        if epoch.number == 1 and loss == "cross_entropy":
            assert epoch.running[0].accuracy == network.score(start, x[:10], y[:10])
        assert epoch.record()["running"]["cost"] == [point.cost for point in epoch.running]


def test_a_private_training_has_none():
    """Of its rows nobody is told more than the epoch's own numbers."""
    privacy = xpnet.Privacy(noise_multiplier=1.0, insecure_seed=0)
    x, y = np.eye(6), np.arange(6) % 2
    (epoch,) = xpnet.epochs(xpnet.Network([6, 2]), (x, y), xpnet.sgd(0.1), batch_size=2, epochs=1, privacy=privacy)
    assert epoch.running == ()
    assert "running" not in epoch.record()

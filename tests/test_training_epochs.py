"""The loop on one library: what it takes, what it holds back, when it stops, and what it leaves alone."""

from itertools import pairwise

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance

import xpnet
from xpnet import Data, Network
from xpnet._support.trees import map_arrays
from xpnet.data import load
from xpnet.errors import DivergenceError
from xpnet.training.rows import validation_split

TOLERANCE = ROUNDING["float64"]


def rows(n=40, seed=4):
    """Random rows with labels that can be learnt in part."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, (x[:, 0] > 0).astype(int) + (rng.uniform(size=n) < 0.3)


def run(network, data, optimizer=None, **arguments):
    """All epochs of a short training."""
    given = dict(batch_size=8, epochs=3) | arguments
    return list(xpnet.epochs(network, data, optimizer or xpnet.sgd(0.3), **given))


NETWORK = Network([4, 6, 3], "tanh")


def test_tuples_lists_and_data():
    """(x, y), lists of numbers and a Data without test rows are the same training."""
    x, y = rows()
    wanted = run(NETWORK, (x, y))[-1].params
    assert [len(layer) for layer in wanted] == [2, 2]
    for data in (Data(x, y), [x, y], (x.tolist(), y.tolist())):
        assert distance(run(NETWORK, data)[-1].params, wanted) == 0


def test_data_frames():
    """pandas' frames and series are rows and labels."""
    pandas = pytest.importorskip("pandas")
    x, y = rows()
    found = run(NETWORK, (pandas.DataFrame(x), pandas.Series(y)))[-1].params
    assert distance(found, run(NETWORK, (x, y))[-1].params) == 0


@pytest.mark.parametrize(("dtype", "wanted"), [("float32", "float32"), ("float64", "float64"), ("int64", "float32")])
def test_dtypes(dtype, wanted):
    """The parameters have x's dtype, float32 where x is integers, and another where one is named."""
    x, y = rows()
    assert run(NETWORK, (x.astype(dtype), y))[-1].params[0].w.dtype == wanted
    assert run(NETWORK, (x.astype(dtype), y), dtype="float64")[-1].params[1].b.dtype == np.float64


def test_bytes_are_scaled():
    """uint8 is divided by 255 in the step, so that training on bytes is training on their fractions."""
    y = rows()[1]
    x = np.random.default_rng(0).integers(0, 256, (40, 4), dtype=np.uint8)
    made = [run(NETWORK, (rows, y), dtype="float64")[-1] for rows in (x, x / 255)]
    assert distance(made[0].params, made[1].params) < TOLERANCE


def test_seeds():
    """The same seed gives the same training bit for bit, another one another."""
    one, again, other = (run(NETWORK, rows(), seed=seed)[-1].params for seed in (1, 1, 2))
    assert distance(one, again) == 0
    assert distance(one, other) > 0.1


def test_every_epoch_has_its_own_order():
    """Shuffled rows come in another order each epoch, from a generator whose state goes on; others never do."""
    shuffled, plain = (run(NETWORK, rows(), batch_size=1, shuffle=shuffle) for shuffle in (True, False))
    assert distance(shuffled[0].params, plain[0].params) > 1e-3
    orders = [str(epoch.checkpoint.order) for epoch in shuffled]
    assert len(set(orders)) == 3
    assert len({str(epoch.checkpoint.order) for epoch in plain}) == 1


def test_it_starts_from_given_params():
    """Parameters of the caller's are where it starts, and they, the rows and the weights stay as they were."""
    x, y = rows()
    weight, params = np.ones(40), NETWORK.init(9, dtype="float64")
    kept = map_arrays(np.copy, (x, y, weight, params))
    found = run(NETWORK, (x, y), params=params, weight=weight, seed=1)[-1].params
    assert distance((x, y, weight, params), kept) == 0
    assert distance(found, run(NETWORK, (x, y), seed=1)[-1].params) > 0.1
    assert distance(run(NETWORK, (x, y), xpnet.sgd(0.0), params=params)[-1].params, params) == 0


def test_params_are_copies_that_stay():
    """An epoch's parameters do not change when later epochs are trained; nor do those when it is written to."""
    calm = run(NETWORK, rows())
    kept, wild = [], []
    for epoch in xpnet.epochs(NETWORK, rows(), xpnet.sgd(0.3), batch_size=8, epochs=3):
        kept.append(map_arrays(np.copy, epoch.params))
        wild.append(epoch.params)
    assert distance(tuple(wild), tuple(kept)) == 0
    assert distance(tuple(kept), tuple(epoch.params for epoch in calm)) == 0
    for one, other in pairwise(wild):
        assert not np.shares_memory(one[0].w, other[0].w)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.0, 0), (0.1, 4), (0.25, 10), (0.01, None), (0.99, None)])
def test_validation_rows(fraction, held_out):
    """The fraction of held-out rows is rounded, every row is on one side, and a side without rows is refused."""
    if held_out is None:
        with pytest.raises(ValueError, match=rf"validation_fraction is {fraction}, which holds back \d+ of 40 rows"):
            run(NETWORK, rows(), validation_fraction=fraction)
        return
    kept, held = validation_split(40, fraction, seed=3)
    assert len(held) == held_out
    assert sorted([*kept, *held]) == list(range(40))


def test_an_order_of_ones_own():
    """Each epoch takes the next order that is given, of the rows that are trained on, in place of the seed's."""
    x, y = rows()
    orders = [np.random.default_rng(seed).permutation(40) for seed in range(3)]
    found = run(NETWORK, (x, y), order=iter(orders))
    for number, order in enumerate(orders):
        start = found[number - 1].params if number else NETWORK.init(0, dtype="float64")
        alone = run(NETWORK, (x[order], y[order]), params=start, shuffle=False, epochs=1)[-1]
        assert distance(found[number].params, alone.params) == 0
    kept, _ = validation_split(40, 0.25, seed=0)
    order = orders[0][orders[0] < 30]
    held = run(NETWORK, (x, y), order=iter([order]), validation_fraction=0.25, epochs=1)[-1]
    alone = run(NETWORK, (x[kept][order], y[kept][order]), shuffle=False, epochs=1)[-1]
    assert distance(held.params, alone.params) == 0


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [([], "order has ended"), ([np.arange(39)], r"order gave an array of shape \(39,\); .* 40 rows")],
)
def test_an_order_that_does_not_fit(orders, sentence):
    """An order of too few rows, or none, is refused with what it must give."""
    with pytest.raises(ValueError, match=sentence):
        run(NETWORK, rows(), order=iter(orders))


@pytest.mark.parametrize("weighted", [True, False], ids=["weights", "no weights"])
def test_validation_rows_of_ones_own(weighted):
    """Rows that are given are validated on as held-out rows are, with their weights or without, and stop it early."""
    (x, y), (x_held, y_held) = rows(), rows(12, seed=7)
    weight = np.random.default_rng(0).uniform(0.5, 2, 12) if weighted else None
    held = (x_held, y_held, weight) if weighted else (x_held, y_held)
    found = run(NETWORK, (x, y), validation=held, patience=1, epochs=50)
    assert len(found) < 50
    for epoch, other in zip(found, run(NETWORK, (x, y), epochs=len(found)), strict=True):
        assert distance(epoch.params, other.params) == 0
        assert epoch.validation_cost == pytest.approx(NETWORK.cost(epoch.params, x_held, y_held, weight=weight))
        assert epoch.validation_accuracy == NETWORK.score(epoch.params, x_held, y_held)


@pytest.mark.parametrize("l2_of", ["mean", "sum"])
def test_the_penalty_of_an_epoch(l2_of):
    """What L2 adds to the cost is the mean of that over the batches, each counted by its rows."""
    found = run(NETWORK, rows(), xpnet.sgd(0.0), l2=0.1, l2_of=l2_of, batch_size=16, epochs=1)[-1]
    squares = sum((w**2).sum() for w, _ in NETWORK.init(0, dtype="float64"))
    shares = {"mean": 1, "sum": np.average([1 / 16, 1 / 16, 1 / 8], weights=[16, 16, 8])}
    assert found.penalty == pytest.approx(0.05 * squares * shares[l2_of])
    assert found.cost - found.penalty == pytest.approx(run(NETWORK, rows(), xpnet.sgd(0.0), batch_size=16)[0].cost)
    assert run(NETWORK, rows())[-1].penalty == 0


def test_validation_is_evaluated_and_not_trained_on():
    """Validation cost and accuracy are the network's on the held-out rows, without L2 but with their weights."""
    x, y = rows()
    weight = np.random.default_rng(0).uniform(0.5, 2, 40)
    kept, held = validation_split(40, 0.25, seed=5)
    found = run(NETWORK, (x, y), validation_fraction=0.25, seed=5, weight=weight, l2=0.01, shuffle=False)
    alone = run(NETWORK, (x[kept], y[kept]), seed=5, weight=weight[kept], l2=0.01, shuffle=False)
    for epoch, other in zip(found, alone, strict=True):
        assert distance(epoch.params, other.params) == 0
        assert epoch.cost == other.cost
        cost = NETWORK.cost(epoch.params, x[held], y[held], weight=weight[held])
        assert epoch.validation_cost == pytest.approx(cost, rel=TOLERANCE)
        assert epoch.validation_accuracy == NETWORK.score(epoch.params, x[held], y[held])
        assert other.validation_cost is other.validation_accuracy is None


@pytest.mark.parametrize("patience", [1, 3])
@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_patience(patience, fraction):
    """It stops after exactly so many epochs without a lower cost, and keeps the parameters of the best."""
    rates = xpnet.sgd(lambda progress: 0.3 if progress < 4 else 30.0)
    found = run(NETWORK, rows(), rates, epochs=30, patience=patience, validation_fraction=fraction)
    costs = [epoch.validation_cost if fraction else epoch.cost for epoch in found]
    best = int(np.argmin(costs))
    assert 1 < len(found) < 30
    assert len(found) == best + 1 + patience
    assert [epoch.checkpoint.waited for epoch in found[best:]] == list(range(patience + 1))
    for epoch in found[best:]:
        assert distance(epoch.best_params, found[best].params) == 0
        assert epoch.checkpoint.best_cost == costs[best]
    assert distance(found[-1].params, found[best].params) > 0


@pytest.mark.parametrize(("patience", "words"), [(1, "1 epoch"), (2, "2 epochs")])
@pytest.mark.parametrize(("fraction", "cost"), [(0.0, "cost"), (0.25, "validation cost")])
def test_early_stopping_says_why_and_what_is_kept(patience, words, fraction, cost):
    """The iterator's `stopped` is None until patience has run out; then it names the cost and the best epoch."""
    rates = xpnet.sgd(lambda progress: 0.3 if progress < 4 else 30.0)
    options = dict(batch_size=8, epochs=30, validation_fraction=fraction, patience=patience)
    going = xpnet.epochs(NETWORK, rows(), rates, **options)
    for _ in range(3):
        next(going)
        assert going.stopped is None
    *_, last = going
    best = last.number - patience
    assert going.stopped == f"{words} without a lower {cost}; epoch {best} is kept"
    assert last.checkpoint.best_epoch == best
    # As does one that is resumed from there.
    assert xpnet.epochs(NETWORK, rows(), rates, resume=last.checkpoint, **options).stopped == going.stopped


def test_a_training_that_has_all_its_epochs_has_not_stopped():
    """Whether with patience left or without any."""
    for patience in (None, 30):
        options = dict(batch_size=8, epochs=3, patience=patience)
        going = xpnet.epochs(NETWORK, rows(), xpnet.sgd(0.1), **options)
        assert list(going)[-1].number == 3
        assert going.stopped is None


def test_without_patience_the_last_is_the_best():
    """Where nothing stops early the parameters to use are the last ones."""
    for epoch in run(NETWORK, rows(), xpnet.sgd(3.0), validation_fraction=0.25):
        assert epoch.best_params is epoch.params


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("optimizer", [xpnet.sgd(1e30), xpnet.adam(1e30), xpnet.momentum(1e10)])
def test_divergence(loss, optimizer):
    """A cost that is no longer finite is one error that names epoch and rate, with no warning of NumPy's before it."""
    data = load("digits")
    network = Network([64, 32, 10], loss=loss, input_scale=16.0)
    y = data.y_train if loss == "cross_entropy" else np.eye(10)[data.y_train]
    wanted = r"the cost is no longer finite in epoch \d, at learning rate 1e\+\d0; use a lower one, or scale the inputs"
    with pytest.raises(DivergenceError, match=wanted):
        run(network, (data.x_train, y), optimizer)


def test_divergence_of_the_validation_rows():
    """The last step of an epoch can be the one too many: then it is their cost that is no longer finite."""
    x = np.random.default_rng(0).normal(4.0, 2.0, (150, 4))
    network, last = Network([4, 100, 1], "identity", "squared_error"), []
    training = xpnet.epochs(
        network, (x, x[:, 0]), xpnet.nesterov(1.0), batch_size=135, epochs=20, validation_fraction=0.1
    )
    with pytest.raises(
        DivergenceError, match=r"the validation cost is no longer finite in epoch \d, at learning rate 1;"
    ):
        last.extend(training)
    assert len(training) == 20 - len(last) > 0


def test_weights_are_repetitions():
    """A weight of 3 is a row that stands there three times."""
    (x, y), times = rows(), np.random.default_rng(1).integers(1, 4, 40)
    weighted = run(NETWORK, (x, y), weight=times, batch_size=40, l2=0.01)
    repeated = run(NETWORK, (np.repeat(x, times, axis=0), np.repeat(y, times)), batch_size=int(times.sum()), l2=0.01)
    for one, other in zip(weighted, repeated, strict=True):
        assert distance(one.params, other.params) < TOLERANCE
        assert one.cost == pytest.approx(other.cost, rel=TOLERANCE)


def test_l2_draws_weights_in_and_spares_biases():
    """Where the costs' gradients vanish, each step leaves 1 − η λ of the weights, and the biases as they are."""
    network, x = Network([2, 1], loss="squared_error"), np.zeros((4, 2))
    params = (network.init(dtype="float64")[0]._replace(b=np.asarray([5.0])),)
    found = run(network, (x, np.full(4, 5.0)), xpnet.sgd(0.1), params=params, l2=0.5, batch_size=2, epochs=2)
    assert distance(found[-1].params[0].w, 0.95**4 * params[0].w) < TOLERANCE
    assert found[-1].params[0].b.tolist() == [5.0]

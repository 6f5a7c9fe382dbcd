"""Training on rows that are on disk: it comes to what rows in memory come to."""

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, host
from helpers.threads_as_ranks import together

import xpnet
from xpnet import Data, Network, backends
from xpnet.data import Stored
from xpnet.errors import DataError, DeviceError, InputError

TOLERANCE = ROUNDING["float64"]

TINY = 0.004
"""Megabytes of a chunk that holds some fifty of the rows here."""


def arrays(n=500, k=3, seed=1):
    """Random inputs with labels that can be learnt, and weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    return x, np.argmax(x[:, :k] + 0.3 * rng.normal(size=(n, k)), axis=1), rng.uniform(0.5, 2, n)


def on_disk(folder, **named):
    """The arrays in files, each cut into two of them."""
    held = []
    for name, array in named.items():
        paths = [folder / f"{name}-{i}.npy" for i in range(2)]
        for path, part in zip(paths, np.split(array, [len(array) // 3]), strict=True):
            np.save(path, part)
        held.append(Stored(*paths))
    return held


def trained(data, network=None, **arguments):
    """All epochs of a short training."""
    given = dict(batch_size=8, epochs=2, dtype="float64", chunk_size=TINY) | arguments
    return list(xpnet.epochs(network or Network([6, 7, 3], "tanh"), data, xpnet.adam(0.01), **given))


@pytest.mark.parametrize("size", [40, 10**6])
def test_in_their_own_order_they_are_rows_in_memory(tmp_path, size):
    """Without shuffling a training is bit for bit the same, with weights, L2, and rows to validate and to test on."""
    x, y, weight = arrays()
    held, labels, x_test, y_test = on_disk(tmp_path, x=x, y=y, x_test=x[:90], y_test=y[:90])
    given = dict(weight=weight, l2=0.01, shuffle=False, chunk_size=size * 1e-4)
    wanted = trained(Data(x, y, x[:90], y[:90]), validation=(x[100:160], y[100:160], weight[100:160]), **given)
    held_out = (Stored(*held.paths), Stored(*labels.paths), weight)
    found = trained(Data(held, labels, x_test, y_test), validation=held_out, **given)
    wanted_whole = trained(Data(x, y), validation=(x, y, weight), **given)
    for one, other, whole in zip(found, wanted, wanted_whole, strict=True):
        assert distance(one.params, other.params) == 0
        assert one.cost == pytest.approx(other.cost, rel=TOLERANCE)
        assert (one.train_accuracy, one.test_accuracy) == (other.train_accuracy, other.test_accuracy)
        assert one.validation_cost == pytest.approx(whole.validation_cost, rel=TOLERANCE)
        assert one.validation_accuracy == pytest.approx(whole.validation_accuracy)
        assert one.checkpoint.steps == other.checkpoint.steps


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_on_every_library(tmp_path, name):
    """Each engine of each library comes to NumPy's numbers from the same files."""
    try:
        backend = backends.resolve(name)
    except DeviceError as error:
        pytest.skip(str(error))
    x, y, _ = arrays(200)
    data = on_disk(tmp_path, x=x, y=y)
    (wanted,) = trained(data, epochs=1, validation_fraction=0.2, engine="plain")
    for engine in backend.engines:
        if not backend.missing(engine):
            (found,) = trained(data, epochs=1, validation_fraction=0.2, backend=name, engine=engine)
            assert distance(host(backend, found.params), wanted.params) < 1e-10
            assert found.validation_cost == pytest.approx(wanted.validation_cost, rel=1e-10)


@pytest.mark.parametrize("count", [2, 3])
def test_shared_chunks(tmp_path, count):
    """Members of a training read the same chunks, and come to what one comes to."""
    x, y, _ = arrays()
    data = on_disk(tmp_path, x=x, y=y)
    given = dict(validation_fraction=0.1)
    wanted = trained(data, **given)[-1]
    for found in together(count, lambda member: trained(data, average=member, **given)[-1]):
        assert distance(found.params, wanted.params) < TOLERANCE
        assert found.validation_cost == pytest.approx(wanted.validation_cost, rel=TOLERANCE)


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    """Two epochs and two are four, bit for bit."""
    x, y, _ = arrays()
    data = on_disk(tmp_path, x=x, y=y)
    whole = trained(data, epochs=4)
    begun = trained(data, epochs=2)
    assert distance(trained(data, epochs=4, resume=begun[-1].checkpoint)[-1].params, whole[-1].params) == 0


def test_regression_from_disk(tmp_path):
    """R² stands where accuracy does, of the training rows and of others."""
    x, _, _ = arrays()
    y = x @ np.random.default_rng(3).normal(size=(6, 2))
    held, targets = on_disk(tmp_path, x=x, y=y)
    network = Network([6, 2], loss="squared_error")
    found = trained((held, targets), network, shuffle=False, validation=(held, targets))
    wanted = trained((x, y), network, shuffle=False, validation=(x, y))
    for one, other in zip(found, wanted, strict=True):
        assert one.train_accuracy == pytest.approx(other.train_accuracy, rel=TOLERANCE)
        assert one.validation_accuracy == pytest.approx(other.validation_accuracy, rel=TOLERANCE)


def test_sorted_rows_are_learnt_too(tmp_path):
    """Files sorted by class, many chunks long, train to what rows in memory do, within three points of a hundred."""
    x, y, _ = arrays(6000)
    order = np.argsort(y, kind="stable")
    data = on_disk(tmp_path, x=x[order], y=y[order])
    given = dict(epochs=3, validation=(x, y))
    found, wanted = (trained(source, **given)[-1].validation_accuracy for source in (data, (x, y)))
    assert wanted > 0.8
    assert found > wanted - 0.03


def test_what_a_file_holds_is_checked_when_it_is_read(tmp_path):
    """A number that is none, far behind the first rows, is refused with its file and place."""
    x, y, _ = arrays()
    x[333, 2] = np.nan
    data = on_disk(tmp_path, x=x, y=y)
    made = xpnet.epochs(Network([6, 3]), data, xpnet.sgd(), batch_size=8, epochs=1, chunk_size=TINY)
    with pytest.raises(DataError, match=r"x-1\.npy, row 167 \(from 0\): x holds NaN in row 333, column 2"):
        next(made)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(network=Network([7, 3])), "x has 6 columns, but the network"),
        (dict(network=Network([6, 2])), r"y holds the label 2; labels of 2 classes"),
        (dict(order=iter([])), "order is for rows in memory; those on disk are shuffled chunk by chunk"),
        (dict(chunk_size=0), "chunk_size is 0; it must be above 0, in megabytes"),
        (dict(weight=np.ones(7)), r"weight has 7 rows but x has 500"),
        (dict(weight=-np.ones(500)), r"weight must be 0 or more"),
        (dict(validation_fraction=0.001), r"validation_fraction is 0\.001, which holds back 0 of 500 rows"),
        (dict(validation_fraction=0.9999), r"which holds back 500 of 500 rows"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, arguments, words):
    """The sentence is that of rows in memory where there is one."""
    x, y, _ = arrays()
    with pytest.raises(InputError, match=words):
        trained(on_disk(tmp_path, x=x, y=y), **arguments)


def test_targets_may_lie_elsewhere_than_inputs(tmp_path):
    """Targets in memory go with inputs on disk, and the other way round."""
    x, y, _ = arrays()
    held, labels = on_disk(tmp_path, x=x, y=y)
    for one, other in (((held, y), (held, labels)), ((x, labels), (x, y))):
        assert distance(trained(one)[-1].params, trained(other)[-1].params) == 0

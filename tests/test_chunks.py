"""Rows on disk: every one trained on once an epoch, chunk by chunk, to what rows in memory come to."""

import threading

import numpy as np
import pytest
from oracles import ROUNDING, distance, host
from parties import together

import xpnet
from xpnet import Data, Network, backends
from xpnet._typing import Batch
from xpnet.backends.numpy import NumpyBackend
from xpnet.chunks import RUNS, Source, StoredRows, cut
from xpnet.data import Stored
from xpnet.errors import DataError, DeviceError, InputError
from xpnet.losses import LOSSES

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


def numbered(n, **arguments):
    """Rows in the host's memory, as if they were on disk, whose only input is their number."""
    x = np.arange(n, dtype=float)[:, None]
    source = Source(x, x, None, Batch)
    return StoredRows(backends.resolve("numpy"), source, **arguments)


def epoch_of(rows, order, batch_size=8, steps=3):
    """The numbers of the rows that each step of an epoch is made of."""
    found = []
    for data, batches, _ in rows.pieces(order, batch_size, steps):
        found += [data.x[batch, 0].astype(int).tolist() for batch in batches]
    return found


STATE = np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize(("n", "kept", "held"), [(100, 8, 0), (100, 8, 2), (7, 8, 2), (90, 9, 1), (23, 8, 3)])
def test_runs_hold_every_row_once(n, kept, held):
    """All but the last are as long as is asked for, and what is held back follows each."""
    train, back = cut(n, kept, held)
    rows = [row for start, stop in (*train, *back) for row in range(start, stop)]
    assert sorted(rows) == list(range(n))
    assert all(stop - start == kept for start, stop in train[:-1])
    assert all(stop - start == held for start, stop in back[:-1])
    assert abs(np.sum(back[:, 1] - back[:, 0]) - n * held / (kept + held)) <= 1


@pytest.mark.parametrize("n", [3, 8, 64, 500, 515])
@pytest.mark.parametrize("size", [1, 50, 10**6])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_has_every_row_once(n, size, shuffle):
    """In whole batches, but for one; without shuffling in their own order."""
    rows = numbered(n, batch_size=8, size=size)
    found = epoch_of(rows, rows.ordered(STATE, shuffle, None))
    numbers = [number for batch in found for number in batch]
    assert sorted(numbers) == list(range(n))
    assert (numbers == sorted(numbers)) is (not shuffle or n == 1)
    assert sorted(len(batch) for batch in found) == sorted([8] * (n // 8) + [n % 8] * bool(n % 8))


def test_epochs_are_shuffled_anew():
    """The same state gives the same order, the next one another, of chunks and within them."""
    rows = numbered(500, batch_size=8, size=160)
    first = rows.ordered(STATE, True, None)
    again, second = rows.ordered(STATE, True, None), rows.ordered(first.state, True, None)
    assert epoch_of(rows, first) == epoch_of(rows, again)
    assert epoch_of(rows, first) != epoch_of(rows, second)
    assert not np.array_equal(first.rows, second.rows)
    assert first.within != second.within


def test_a_chunk_mixes_runs_from_everywhere():
    """Its rows come from as many places as it has runs, and a batch mixes them."""
    rows = numbered(4096, batch_size=4, size=RUNS * 8)
    found = epoch_of(rows, rows.ordered(STATE, True, None), batch_size=4)
    chunks = np.asarray(found).reshape(-1, RUNS * 8)
    assert all(len({number // 8 for number in chunk}) == RUNS for chunk in chunks)
    assert np.mean([np.ptp(chunk) for chunk in chunks]) > 4096 / 2
    assert np.mean([len({number // 8 for number in batch}) for batch in found]) > 3.5


def test_blocks_do_not_pass_the_ends_of_chunks():
    """Their middles are where they are in the epoch, whichever chunk they are of."""
    rows = numbered(320, batch_size=8, size=160)
    pieces = list(rows.pieces(rows.ordered(STATE, True, None), 8, 100))
    assert [len(batches) for _, batches, _ in pieces] == [20, 20]
    assert [middle for *_, middle in pieces] == [80, 240]


@pytest.mark.parametrize("size", [40, 10**6])
def test_in_their_own_order_they_are_rows_in_memory(tmp_path, size):
    """Without shuffling a training is bit for bit the same, with weights, L2, and rows to validate and to test on."""
    x, y, weight = arrays()
    held, labels, x_test, y_test = on_disk(tmp_path, x=x, y=y, x_test=x[:90], y_test=y[:90])
    given = dict(weight=weight, l2=0.01, shuffle=False, chunk_size=size * 1e-4)
    wanted = trained(Data(x, y, x[:90], y[:90]), validation=(x[100:160], y[100:160], weight[100:160]), **given)
    held_back = (Stored(*held.paths), Stored(*labels.paths), weight)
    found = trained(Data(held, labels, x_test, y_test), validation=held_back, **given)
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
        here = backends.resolve(name)
    except DeviceError as error:
        pytest.skip(str(error))
    x, y, _ = arrays(200)
    data = on_disk(tmp_path, x=x, y=y)
    (wanted,) = trained(data, epochs=1, validation_fraction=0.2, engine="plain")
    for engine in here.engines:
        if not here.missing(engine):
            (found,) = trained(data, epochs=1, validation_fraction=0.2, backend=name, engine=engine)
            assert distance(host(here, found.params), wanted.params) < 1e-10
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


def test_the_last_rows_of_each_run_are_held_back(tmp_path):
    """A tenth of them, from everywhere; none is trained on."""
    rows = numbered(1000, batch_size=9, size=9 * RUNS)
    train, held = rows.split(0.1, seed=0)
    back = [int(number) for part in held.parts(slice) for number in part.x[:, 0]]
    assert len(back) == len(held) == 100
    assert back[:3] == [9, 19, 29]
    numbers = {number for batch in epoch_of(train, train.ordered(STATE, True, None), 9) for number in batch}
    assert numbers == set(range(1000)) - set(back)
    assert rows.split(0.0, seed=0) == (rows, None)


def test_all_rows_in_order_part_by_part():
    """Each part a chunk, and of each part a share."""
    rows = numbered(500, batch_size=8, size=160)
    parts = [part.x[:, 0].astype(int).tolist() for part in rows.parts(slice)]
    assert [number for part in parts for number in part] == list(range(500))
    assert len(parts) == 4
    shares = [part.x[:, 0].astype(int).tolist() for part in rows.parts(lambda n: slice(n // 2, n))]
    assert shares == [part[len(part) // 2 :] for part in parts]


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "cross_entropy"])
def test_the_worst_error_is_that_of_rows_in_memory(loss):
    """Of a regression the squares about the mean, whichever runs they are added up in."""
    y = np.random.default_rng(0).gamma(2.0, size=(301, 2)) + 100
    source = Source(y, y, None, Batch)
    found = StoredRows(backends.resolve("numpy"), source, batch_size=8, size=40).worst(LOSSES[loss])
    assert found == pytest.approx(np.sum((y - y.mean(axis=0)) ** 2) if loss != "cross_entropy" else 301)


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


def test_two_chunks_are_in_memory_and_the_next_is_read_ahead():
    """Buffers for two are made a pass; the second is filled while the first is used, a third not before it is left."""
    made, read = [], threading.Semaphore(0)

    class Counting(NumpyBackend):
        def buffer(self, shape, dtype):
            made.append(shape)
            return super().buffer(shape, dtype)

    def encode(x, y):
        read.release()
        return Batch(x, y)

    x = np.arange(500.0)[:, None]
    rows = StoredRows(Counting(), Source(x, x, None, encode), batch_size=8, size=160)
    pieces = rows.pieces(rows.ordered(STATE, False, None), 8, 1000)
    first = next(pieces)
    assert made == [(160, 1)] * 4, "inputs and targets of two chunks"
    # A row for the shapes, and runs of eight rows: of the chunk that is used, and of the one that is read meanwhile.
    assert all(read.acquire(timeout=10) for _ in range(1 + 2 * 20))
    assert not read.acquire(timeout=0.1)
    assert first.data.x[:, 0].tolist() == list(range(160))
    pieces.close()


def test_what_a_file_holds_is_checked_when_it_is_read(tmp_path):
    """A number that is none, far behind the first rows, is told with its file and place."""
    x, y, _ = arrays()
    x[333, 2] = np.nan
    data = on_disk(tmp_path, x=x, y=y)
    made = xpnet.epochs(Network([6, 3]), data, xpnet.sgd(), batch_size=8, epochs=1, chunk_size=TINY)
    with pytest.raises(DataError, match=r"x-0\.npy … from row 3\d\d on: x holds NaN in row \d+, column 2"):
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

"""Replay: bit for bit what the function gives, in buffers that are used again, without making arrays."""

import os
import tracemalloc

import numpy as np
import pytest
from helpers.differences import outcomes, ran, refusal, same_bits
from helpers.oracles import ROUNDING, distance, on, problem, targets
from helpers.random_functions import functions
from hypothesis import HealthCheck, given, settings

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture import plan
from xpnet.capture.engines import thread_count
from xpnet.capture.engines.replay import Replay
from xpnet.equations import step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.step import State, training_step
from xpnet.errors import CaptureError

NUMPY = backends.resolve("numpy")
REPLAY, PLAIN = NUMPY.with_engine("replay"), NUMPY.with_engine("plain")
OPTIMIZERS = {"sgd": sgd(), "momentum": momentum(), "nesterov": nesterov(), "adam": adam(), "adamw": adamw()}


def started(given, optimizer, l2=None, dtype="float32"):
    """A first carry."""
    params = on(NUMPY, given.params, dtype)
    rate = np.asarray(0.01, dtype)
    return params, State(optimizer.init(params, xp=np), np.asarray(0, np.int32), rate, l2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_step_is_replayed_bit_for_bit(optimizer, loss, activation, dtype):
    """Steps of one row and of several, with and without weights and L2, equal plain NumPy's."""
    given_, rule = problem(loss, activation), OPTIMIZERS[optimizer]
    run = training_step(given_.model, rule)
    batch = on(NUMPY, given_.batch, dtype)
    for size, data, l2 in ((1, batch, None), (3, batch._replace(weight=None), np.asarray(0.01, dtype))):
        rows = np.random.default_rng(0).integers(5, size=(6, size))
        carry = started(given_, rule, l2, dtype)
        with NUMPY.current():
            replayed, expected = (
                backend.run_block(run, backend.copy(carry), data, rows) for backend in (REPLAY, PLAIN)
            )
        assert all(map(same_bits, arrays_in(replayed), arrays_in(expected)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(functions())
def test_any_function_is_replayed_bit_for_bit(drawn):
    """Functions of random operations on arrays of any shape and dtype give the same bits, signs of zeros included."""
    try:
        expected = ran(PLAIN, drawn)
        replayed = ran(REPLAY, drawn)
    except (CaptureError, ValueError, IndexError):
        # NumPy meets numbers in a later step that it has no result for, or replay leaves the function to it.
        return
    assert all(map(same_bits, replayed, expected))
    assert drawn.refused is None or refusal(REPLAY, drawn) == "compared, and refused with one more step"


@pytest.mark.slow
def test_many_functions_are_replayed_bit_for_bit():
    """As many functions as XPNET_FUNCTIONS says, or ten thousand: none differs, and no error is another's."""
    count = int(os.environ.get("XPNET_FUNCTIONS", "10000"))
    assert [(seed, what) for seed, what in outcomes("replay", range(count)) if what[0].isupper()] == []


GENERATOR = np.random.default_rng(0)
MATRIX, NEGATIVE_ZEROS = GENERATOR.normal(size=(8, 33)), np.full((8, 3), -0.0)
MANY = GENERATOR.integers(8, size=(2000, 4))
ONE = ((0,),)


def scaled(factor):
    """One over the product of the rows and a number."""
    return lambda c, b, xp: (c, (1 / (abs(b[0]) * 0.0), 1 / (abs(b[0]) * factor)))


@pytest.mark.parametrize(
    ("function", "data", "rows"),
    [
        pytest.param(scaled(-0.0), MATRIX, ONE, id="a number that is -0.0"),
        pytest.param(
            lambda c, b, xp: (c, (xp.full_like(b[0], 0.0), xp.full_like(b[0], -0.0))), MATRIX, ONE, id="full of -0.0"
        ),
        pytest.param(lambda c, b, xp: (c, (xp.sum(b[0], axis=0),)), NEGATIVE_ZEROS, ONE, id="a sum over one number"),
        pytest.param(lambda c, b, xp: (c, (b[0].T @ -abs(b[0]),)), np.eye(8), ONE, id="a product over one number"),
        pytest.param(
            lambda c, b, xp: (c, (b[0].T @ -abs(b[0]),)), MATRIX * 1e-170, ONE, id="a product over one that underflows"
        ),
        pytest.param(lambda c, b, xp: (c, (xp.clip(b[0], 0, 1),)), NEGATIVE_ZEROS, ONE, id="clip"),
        pytest.param(lambda c, b, xp: (c, (xp.clip(b[0], b[0], 1),)), NEGATIVE_ZEROS, ONE, id="clip by an array"),
        pytest.param(lambda c, b, xp: (c, (xp.clip(b[0], xp.nan, 1),)), MATRIX, ONE, id="clip by NaN"),
        pytest.param(lambda c, b, xp: (c, (xp.sum(b[0]) ** 2,)), MATRIX, MANY, id="a scalar's square"),
        pytest.param(lambda c, b, xp: (c, (xp.sum(abs(b[0])) ** 0.5,)), MATRIX, MANY, id="a scalar's root"),
        pytest.param(lambda c, b, xp: (c, (1.7 ** xp.sum(b[0]),)), MATRIX, MANY, id="a number's power"),
        pytest.param(lambda c, b, xp: (c, (xp.sum(b[0])[...] ** 2,)), MATRIX, MANY, id="the square without axes"),
        pytest.param(lambda c, b, xp: (c, (b[0] ** 2, b[0] ** 2.0)), MATRIX, MANY, id="squares by 2 and by 2.0"),
        pytest.param(
            lambda c, b, xp: (c, (xp.pow(b[0], xp.full(b[0].shape, 2.0)),)),
            GENERATOR.normal(size=(8, 30_000)),
            ((0, 1),),
            id="a power of an array",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.astype(b[0], xp.float64).T @ b[0], b[0].T @ b[0])),
            MATRIX,
            (range(8),),
            id="a product with a copy",
        ),
        pytest.param(
            lambda c, b, xp: (c, ((b[0] - 0.5).T @ (b[0] - 0.5),)), MATRIX, (range(8),), id="a product of twins"
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.sum(xp.sum(xp.permute_dims(b[0], (2, 1, 0)), axis=0), axis=0),)),
            GENERATOR.normal(size=(8, 40, 30)),
            (range(8),),
            id="a sum of a sum in another order",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.sum(xp.expand_dims(b[0].T, axis=1), axis=2),)),
            MATRIX,
            (range(8),),
            id="a new axis",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.sum(xp.full_like(b[0].T, 0.1), axis=1),)), MATRIX, (range(8),), id="full in order"
        ),
        pytest.param(lambda c, b, xp: (c, (b[0].T,)), GENERATOR.normal(size=(4, 3, 2)), ONE, id="three axes turned"),
        pytest.param(lambda c, b, xp: (c, (b[0] ** 2, b[0] < 300)), MATRIX > 0, ONE, id="booleans"),
        pytest.param(
            lambda c, b, xp: (c, (xp.mean(b[0], axis=1),)), np.full((8, 3), 2**62), ONE, id="mean of integers"
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.mean(b[0], axis=1), xp.mean(b[0]))), MATRIX.astype("float32"), MANY, id="mean"
        ),
        pytest.param(
            lambda c, b, xp: (c, (b[0] < 300, b[0] >= 300, b[0] != -1, -1 / b[0])),
            np.arange(1, 9, dtype=np.uint8),
            ONE,
            id="integers out of range",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.clip(b[0], -1, 5), xp.clip(b[0], 3, None), xp.where(b[0] > 4, b[0], 300))),
            np.arange(8, dtype=np.uint8),
            (range(8),),
            id="bounds out of range",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.where(b[0], 1.0, 2.0), xp.where(xp.astype(b[0], xp.float64), b[0], 7))),
            np.arange(8) % 3,
            (range(8),),
            id="where on numbers",
        ),
        pytest.param(lambda c, b, xp: (c, (xp.full_like(b[0], xp.nan, dtype=xp.int64),)), MATRIX, ONE, id="NaN cast"),
        pytest.param(lambda c, b, xp: (c, (xp.exp(b[0]),)), np.arange(8, dtype=np.uint8), ONE, id="float16"),
    ],
)
def test_every_bit_is_numpys(function, data, rows):
    """What once differed: signs of zeros, powers, layouts of sums, copies beside BLAS, numbers a dtype has not."""
    rows = np.asarray(rows)
    carry = (np.zeros(1),)
    with np.errstate(all="ignore"):
        (_, replayed), (_, expected) = (
            backend.run_block(function, NUMPY.copy(carry), (data,), rows) for backend in (REPLAY, PLAIN)
        )
    assert all(map(same_bits, replayed, expected))


@pytest.mark.parametrize("power", [2, 0.5, -1, 3])
def test_a_carry_is_alike_in_every_step(power):
    """A number that is carried is an array without axes, and a matrix lies in C order, from the first step on."""

    def step(carry, batch, *, xp):
        number, matrix = carry
        matrix, total = (matrix.T + xp.sum(matrix, axis=0)).T, xp.sum(matrix @ matrix)
        return (0.1 + (number / 2) ** power * xp.sum(number), matrix / 9), (total,)

    carry = (np.asarray(0.3), np.asfortranarray(GENERATOR.normal(size=(33, 33)) / 40))
    replayed, expected = (
        arrays_in(backend.run_block(step, tuple(map(np.array, carry)), (MATRIX,), MANY[:20]))
        for backend in (REPLAY, PLAIN)
    )
    assert all(map(same_bits, replayed, expected))


def test_products_are_the_same_with_as_many_threads():
    """The one exception: small products have one thread of BLAS, and are what plain NumPy gives with one."""

    def step(carry, batch, *, xp):
        return carry, (batch[0] @ batch[0].T,)

    data, rows = (GENERATOR.normal(size=(120, 100)),), np.arange(120)[None]
    made = plan(step, (np.zeros(1),), data)
    assert 0 < made.largest_product < thread_count.WORTH_THREADS
    with thread_count.of_blas(made):
        _, expected = PLAIN.run_block(step, (np.zeros(1),), data, rows)
    _, replayed = REPLAY.run_block(step, (np.zeros(1),), data, rows)
    assert same_bits(replayed[0], expected[0])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda c, b, xp: ((c[0] + 0.5,), (xp.sum(b[0]),)),
            r"Array 0 of the carry comes in as 2 int32 and goes",
        ),
        (lambda c, b, xp: ((xp.sum(c[0]),), (xp.sum(b[0]),)), r"goes out as scalar int64; it must stay the same"),
        (lambda c, b, xp: ((c[0], c[0]), (xp.sum(b[0]),)), r"with other arrays than it came in with"),
        (lambda c, b, xp: xp.sum(b[0]), r"must give a carry and its results, as a pair"),
    ],
)
def test_a_carry_that_changes_its_form_is_refused(function, message):
    """The next step would be another function; plain NumPy runs it, if it can."""
    with pytest.raises(CaptureError, match=message):
        REPLAY.run_block(function, (np.ones(2, np.int32),), (MATRIX,), np.asarray([[0, 1]]))


def test_steady_state_allocates_nothing():
    """A thousand steps leave less than 64 KiB behind."""
    given_ = problem("cross_entropy")
    run, here = training_step(given_.model, sgd()), NUMPY.with_engine("replay")
    batch, carry = on(NUMPY, given_.batch, "float32"), started(given_, sgd())
    rows = np.random.default_rng(0).integers(5, size=(100, 4))
    carry, _ = here.run_block(run, carry, batch, rows)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10):
            carry, _ = here.run_block(run, carry, batch, rows)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 64 * 1024


def test_values_that_change_places_are_not_lost():
    """A carry whose arrays are exchanged is exchanged, not overwritten."""

    def swap(carry, batch, *, xp):
        a, b = carry
        return (b, a), (xp.sum(a + batch[0]),)

    carry = (np.zeros((2, 2)), np.ones((2, 2)))
    (a, b), _ = NUMPY.with_engine("replay").run_block(swap, carry, (np.ones((4, 2)),), np.asarray([[0, 1]]))
    assert (a.sum(), b.sum()) == (4, 0)


@pytest.mark.parametrize("engine", ["replay", "compiled"])
def test_constants_stay(engine):
    """An array of one number is there in every step, in the carry, in the results and in between."""
    if engine == "compiled":
        pytest.importorskip("numba")

    def run(carry, batch, *, xp):
        total = xp.sum(xp.exp(batch[0] - xp.max(batch[0])))
        seven = xp.full_like(total, 7.0)
        return (xp.zeros_like(carry[0]), carry[1] + total * seven, seven), (seven, xp.ones_like(carry[0]))

    carry, data = (np.full((3, 2), 5.0), np.zeros(()), np.ones(())), (np.arange(8.0).reshape(4, 2),)
    rows = np.asarray([[0, 1], [2, 3], [0, 3]])
    for _ in range(2):
        found, wanted = (
            here.run_block(run, NUMPY.copy(carry), data, rows)
            for here in (NUMPY.with_engine(engine), NUMPY.with_engine("plain"))
        )
        assert distance(found, wanted) < ROUNDING["float64"]


def test_arrays_that_are_one_are_kept_apart():
    """Two places of a carry that hold the same array are updated each for itself."""

    def count(carry, batch, *, xp):
        a, b = carry
        return (a + 1, b + 2), (xp.sum(batch[0]),)

    zeros = np.zeros(3)
    (a, b), _ = NUMPY.with_engine("replay").run_block(count, (zeros, zeros), (np.ones((4, 2)),), np.asarray([[0]] * 5))
    assert (a[0], b[0]) == (5, 10)


def test_rows_outside_the_data_are_refused():
    """An index is checked before it is used."""
    with pytest.raises(IndexError, match="rows are from 0 to 9, but the data have 4"):
        NUMPY.run_block(lambda c, b, xp: (c, (xp.sum(b[0]),)), (np.ones(1),), (np.ones((4, 2)),), np.asarray([[0, 9]]))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("rows", [3, 8, 10])
def test_mapping_is_the_function_itself(loss, rows):
    """Whole chunks from a plan and the rest as it is: the same rows, bit for bit, in the same order."""
    given_ = problem(loss)
    x = np.random.default_rng(5).normal(size=(rows, 6))
    y = targets(loss, rows, np.random.default_rng(6))
    for function, data in ((step.answers(given_.model), x), (step.measures(given_.model), (x, y))):
        found = NUMPY.with_engine("replay").map_rows(function, given_.params, data, 4)
        wanted = NUMPY.with_engine("plain").map_rows(function, given_.params, data, 4)
        assert all(np.array_equal(a, b) for a, b in zip(arrays_in((found,)), arrays_in((wanted,)), strict=True))


def test_a_plan_can_be_read():
    """Its text has a line an operation, with shapes, buffers, source lines, and the memory it saves."""
    given_ = problem("cross_entropy")
    found = plan(training_step(given_.model, sgd()), started(given_, sgd()), on(NUMPY, given_.batch, "float32"))
    text = str(found)
    assert "bytes saved" in text
    assert "backprop.py:" in text
    assert len(text.splitlines()) == len(found.graph.operations) + 2
    assert sum(found.memory().sizes) < sum(o.output.nbytes for o in found.graph.operations)
    assert isinstance(Replay(found), Replay)


def test_buffers_are_kept_for_each_thread():
    """Threads that predict at the same time do not disturb each other."""
    from concurrent.futures import ThreadPoolExecutor

    given_ = problem("cross_entropy")
    answer, here = step.answers(given_.model), NUMPY.with_engine("replay")
    inputs = [np.random.default_rng(i).normal(size=(400, 6)) for i in range(8)]
    wanted = [here.map_rows(answer, given_.params, x, 4) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: here.map_rows(answer, given_.params, x, 4), inputs * 5))
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted * 5, strict=True))


def test_copies_are_made_of_what_cannot_be_written_to():
    """Read-only and strided arrays in a carry stay as they are."""
    base = np.zeros((4, 6))
    frozen = np.zeros((2, 3))
    frozen.flags.writeable = False

    def add(carry, batch, *, xp):
        return map_arrays(lambda array: array + 1, carry), (xp.sum(batch[0]),)

    (a, b), _ = NUMPY.run_block(add, (base[:, ::2], frozen), (np.ones((4, 2)),), np.asarray([[0, 1]]))
    assert (a.sum(), b.sum(), base.sum(), frozen.sum()) == (12, 6, 0, 0)


def test_data_in_any_order_are_the_same():
    """Columns that lie end to end, or every other row, are put in order once, and trained on as they are."""

    def add(carry, batch, *, xp):
        return (carry[0] + xp.sum(batch[0] @ batch[0].T),), (xp.sum(batch[0]),)

    x, here = np.random.default_rng(0).normal(size=(8, 3)), NUMPY.with_engine("replay")
    for data in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
        for rows in (np.asarray([[0, 5]]), np.asarray([[3, 1]])):
            found, wanted = (here.run_block(add, (np.zeros(()),), (given_,), rows) for given_ in (data, x))
            assert all(np.array_equal(a, b) for a, b in zip(arrays_in(found), arrays_in(wanted), strict=True))

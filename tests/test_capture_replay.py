"""Replay: bit for bit what the function gives, in buffers that are used again, without making arrays."""

import tracemalloc

import numpy as np
import pytest
from helpers.differences import same_bits
from helpers.oracles import ROUNDING, distance, on, problem, targets

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture import plan
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


def started(case, optimizer, l2=None, dtype="float32"):
    """A first carry."""
    params = on(NUMPY, case.params, dtype)
    rate = np.asarray(0.01, dtype)
    return params, State(optimizer.init(params, xp=np), np.asarray(0, np.int32), rate, l2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_step_is_replayed_bit_for_bit(optimizer, loss, activation, dtype):
    """Steps of one row and of several, with and without weights and L2, equal plain NumPy's."""
    case, rule = problem(loss, activation), OPTIMIZERS[optimizer]
    run = training_step(case.model, rule)
    batch = on(NUMPY, case.batch, dtype)
    for size, data, l2 in ((1, batch, None), (3, batch._replace(weight=None), np.asarray(0.01, dtype))):
        rows = np.random.default_rng(0).integers(5, size=(6, size))
        carry = started(case, rule, l2, dtype)
        with NUMPY.current():
            replayed, expected = (
                backend.run_block(run, backend.copy(carry), data, rows) for backend in (REPLAY, PLAIN)
            )
        assert all(map(same_bits, arrays_in(replayed), arrays_in(expected)))


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
        REPLAY.run_block(function, (np.ones(2, np.int32),), (np.ones((4, 3)),), np.asarray([[0, 1]]))


@pytest.mark.parametrize(
    "function",
    [
        lambda c, b, xp: (c, (b[0] << 1,)),
        lambda c, b, xp: (c, (b[0].sum(axis=0),)),
        lambda c, b, xp: (c, (xp.sum(b[0], dtype=xp.float64),)),
        lambda c, b, xp: ((c[0] + 0.5,), (xp.sum(b[0]),)),
    ],
)
def test_what_cannot_be_captured_is_left_to_numpy(function):
    """The choice of an engine asks the same check: plain for what replay would refuse, however much work it is."""
    carry, data = (np.ones(2, np.int32),), (np.ones((4, 3), np.int64),)
    assert NUMPY.choose(function, carry, data, 2, 10**12) == "plain"
    PLAIN.run_block(function, carry, data, np.asarray([[0, 1]]))


def test_steady_state_allocates_nothing():
    """A thousand steps leave less than 64 KiB behind."""
    case = problem("cross_entropy")
    run, backend = training_step(case.model, sgd()), REPLAY
    batch, carry = on(NUMPY, case.batch, "float32"), started(case, sgd())
    rows = np.random.default_rng(0).integers(5, size=(100, 4))
    carry, _ = backend.run_block(run, carry, batch, rows)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10):
            carry, _ = backend.run_block(run, carry, batch, rows)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 64 * 1024


def test_what_is_written_over_is_the_same_array():
    """NumPy needs no time to find out that a call's result takes the place of its operand."""
    recorded = plan(lambda carry, batch, *, xp: (carry, (xp.exp(-batch[0] * 2.0),)), (np.ones(3),), (np.ones((4, 3)),))
    memory = recorded.memory()
    inputs = [np.ones(value.shape) for value in recorded.graph.inputs]
    arrays = memory.arrays(recorded.graph, inputs, memory.scratch())
    negative, product, power = (arrays[operation.output] for operation in recorded.graph.operations)
    assert negative is product is power


def test_values_that_change_places_are_not_lost():
    """A carry whose arrays are exchanged is exchanged, not overwritten."""

    def swap(carry, batch, *, xp):
        a, b = carry
        return (b, a), (xp.sum(a + batch[0]),)

    carry = (np.zeros((2, 2)), np.ones((2, 2)))
    (a, b), _ = REPLAY.run_block(swap, carry, (np.ones((4, 2)),), np.asarray([[0, 1]]))
    assert (a.sum(), b.sum()) == (4, 0)


@pytest.mark.parametrize("engine", ["replay", "compiled"])
def test_constants_stay(engine):
    """An array of one number is there in every step, in the carry, in the results and in between."""
    if engine == "compiled":
        pytest.importorskip("llvmlite")

    def run(carry, batch, *, xp):
        total = xp.sum(xp.exp(batch[0] - xp.max(batch[0])))
        seven = xp.full_like(total, 7.0)
        return (xp.zeros_like(carry[0]), carry[1] + total * seven, seven), (seven, xp.ones_like(carry[0]))

    carry, data = (np.full((3, 2), 5.0), np.zeros(()), np.ones(())), (np.arange(8.0).reshape(4, 2),)
    rows = np.asarray([[0, 1], [2, 3], [0, 3]])
    for _ in range(2):
        replayed, expected = (
            backend.run_block(run, NUMPY.copy(carry), data, rows) for backend in (NUMPY.with_engine(engine), PLAIN)
        )
        assert distance(replayed, expected) < ROUNDING["float64"]


def test_arrays_that_are_one_are_kept_apart():
    """Two places of a carry that hold the same array are updated each for itself."""

    def count(carry, batch, *, xp):
        a, b = carry
        return (a + 1, b + 2), (xp.sum(batch[0]),)

    zeros = np.zeros(3)
    (a, b), _ = REPLAY.run_block(count, (zeros, zeros), (np.ones((4, 2)),), np.asarray([[0]] * 5))
    assert (a[0], b[0]) == (5, 10)


def test_rows_outside_the_data_are_refused():
    """An index is checked before it is used."""
    with pytest.raises(IndexError, match="rows are from 0 to 9, but the data have 4"):
        NUMPY.run_block(lambda c, b, xp: (c, (xp.sum(b[0]),)), (np.ones(1),), (np.ones((4, 2)),), np.asarray([[0, 9]]))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("rows", [3, 8, 10])
def test_mapping_is_the_function_itself(loss, rows):
    """Whole chunks from a plan and the rest as it is: the same rows, bit for bit, in the same order."""
    case = problem(loss)
    x = np.random.default_rng(5).normal(size=(rows, 6))
    y = targets(loss, rows, np.random.default_rng(6))
    for function, data in ((step.answers(case.model), x), (step.measures(case.model), (x, y))):
        replayed = REPLAY.map_rows(function, case.params, data, 4)
        expected = PLAIN.map_rows(function, case.params, data, 4)
        assert all(np.array_equal(a, b) for a, b in zip(arrays_in((replayed,)), arrays_in((expected,)), strict=True))


def test_a_plan_can_be_read():
    """Its text has a line per operation, with shapes, buffers, source lines, and the memory it saves."""
    case = problem("cross_entropy")
    planned = plan(training_step(case.model, sgd()), started(case, sgd()), on(NUMPY, case.batch, "float32"))
    text = str(planned)
    assert "bytes saved" in text
    assert "backprop.py:" in text
    assert len(text.splitlines()) == len(planned.graph.operations) + 2
    assert sum(planned.memory().sizes) < sum(o.output.nbytes for o in planned.graph.operations)
    assert isinstance(Replay(planned), Replay)


def test_buffers_are_kept_for_each_thread():
    """Threads that predict at the same time do not disturb each other."""
    from concurrent.futures import ThreadPoolExecutor

    case = problem("cross_entropy")
    answer, backend = step.answers(case.model), REPLAY
    inputs = [np.random.default_rng(i).normal(size=(400, 6)) for i in range(8)]
    expected = [backend.map_rows(answer, case.params, x, 4) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        replayed = list(pool.map(lambda x: backend.map_rows(answer, case.params, x, 4), inputs * 5))
    assert all(np.array_equal(a, b) for a, b in zip(replayed, expected * 5, strict=True))


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

    x, backend = np.random.default_rng(0).normal(size=(8, 3)), REPLAY
    for data in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
        for rows in (np.asarray([[0, 5]]), np.asarray([[3, 1]])):
            replayed, expected = (backend.run_block(add, (np.zeros(()),), (case,), rows) for case in (data, x))
            assert all(np.array_equal(a, b) for a, b in zip(arrays_in(replayed), arrays_in(expected), strict=True))

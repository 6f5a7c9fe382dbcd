"""CUDA's kernels and launches, from plans: on a CPU, with what stands in for a device."""

import gc
import weakref
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import PLAIN, both, program, ran, stand_in
from helpers.oracles import ROUNDING, distance, on, problem
from helpers.random_functions import SIMPLE, arrays_for, body, functions
from hypothesis import HealthCheck, Phase, given, seed, settings

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.partial_step import WeightedSums, partial_step
from xpnet.equations.step import State, Sums, training_step
from xpnet.errors import CaptureError, DeviceError, EngineWarning
from xpnet.training.data_parallel import NOTHING

pytestmark = pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")

OPTIMIZERS = (sgd(0.01), momentum(0.003), nesterov(0.003), adam(0.003), adamw(0.003))


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """The stand-in, in the place of CuPy and nvmath."""
    return stand_in(tmp_path, monkeypatch)


def training(optimizer, loss, activation, dtype="float64", weighted=False, l2=False):
    """A step, its carry and its data."""
    given_ = problem(loss, activation)
    params, batch = on(PLAIN, (given_.params, given_.batch), dtype)
    batch = batch if weighted else batch._replace(weight=None)
    rate, l2 = np.asarray(optimizer.learning_rate, dtype), np.asarray(0.01, dtype) if l2 else None
    carry = (params, State(optimizer.init(params, xp=np), np.asarray(0, np.int32), rate, l2))
    return training_step(given_.model, optimizer), carry, batch


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_steps_are_the_plain_ones(driver, loss, activation):
    """Every loss and activation with an optimizer in turn, weights and L2 too, whichever thread comes first."""
    turn = list(LOSSES).index(loss) + list(ACTIVATIONS).index(activation)
    step, carry, data = training(OPTIMIZERS[turn % 5], loss, activation, weighted=turn % 2 == 1, l2=turn % 3 == 0)
    rows = np.random.default_rng(0).integers(5, size=(5, 1 + turn % 3))
    driver.backwards = turn % 2 == 0
    found, wanted = both(driver, step, carry, data, rows)
    assert distance(found, wanted) < ROUNDING["float64"]


@pytest.mark.parametrize("weighted", [True, False])
def test_both_parts_of_a_step_are_the_plain_ones(driver, weighted):
    """Sums over a batch, which leave the parameters alone, and an update that is fed with no rows."""
    _, (params, state), data = training(adam(0.01), "cross_entropy", "tanh", weighted=weighted, l2=True)
    made, number = partial_step(problem("cross_entropy", "tanh").model, adam(0.01)), np.zeros(())
    carry = (params, state, WeightedSums(Sums(map_arrays(np.zeros_like, params), number, number), number))
    found, wanted = both(driver, made.add, carry, data, np.asarray([[3, 0, 1]]))
    assert distance(found, wanted) < ROUNDING["float64"]
    found, wanted = both(driver, made.update, (params, state, wanted[0][2]), None, NOTHING)
    assert distance(found, wanted) < ROUNDING["float64"]


def test_graphs_and_single_launches_are_one_thing(driver):
    """A block of more steps than a graph holds, by graphs of many and of one, and launch by launch: bit for bit."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "sigmoid", "float32")
    rows = np.random.default_rng(0).integers(5, size=(70, 2))
    made = program(step, carry, data, 2)
    found = ran(driver, made, carry, data, rows)
    assert driver.launched.count("graph") == 2 + 6
    singly = ran(driver, program(step, carry, data, 2, graphs=False), carry, data, rows)
    for a, b in zip(arrays_in(found), arrays_in(singly), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_second_block_goes_on(driver):
    """Fewer steps on the same data use the graphs that are there; more steps, or other data, need new ones."""
    step, carry, data = training(adam(0.01), "squared_error", "tanh", "float64")
    rows = np.random.default_rng(0).integers(5, size=(35, 2))
    made, held = program(step, carry, data, 2), [driver.array(array) for array in arrays_in(data)]
    arrays = [driver.array(array) for array in arrays_in(carry)]
    first, _ = made.run(arrays, held, rows[:33])
    launched = len(driver.launched)
    second, _ = made.run(first, held, rows[33:])
    assert driver.launched[launched:] == ["graph", "graph"]
    (after, _), _ = PLAIN.run_block(step, PLAIN.copy(carry), data, rows), None
    assert distance(filled(carry, [np.array(array) for array in second]), after) < ROUNDING["float64"]
    # The arrays that came out of the first block are still its own.
    (after, _), _ = PLAIN.run_block(step, PLAIN.copy(carry), data, rows[:33]), None
    assert distance(filled(carry, [np.array(array) for array in first]), after) < ROUNDING["float64"]


def test_images_stay_bytes(driver):
    """uint8 images are scaled where they are fetched: the data on the device are the bytes that came."""
    from xpnet import Network
    from xpnet.training.placement import encoded

    x = np.random.default_rng(0).integers(256, size=(6, 5)).astype(np.uint8)
    network = Network([5, 4, 3])
    data = encoded(network, PLAIN, "float32", x, np.array([0, 1, 2, 0, 1, 2]))
    rule = sgd(0.1)
    params = network.init(0)
    carry = (params, State(rule.init(params, xp=np), np.asarray(0, np.int32), np.asarray(0.1, np.float32), None))
    found, wanted = both(driver, training_step(network.model, rule), carry, data, np.array([[0, 3], [1, 2]]))
    assert distance(found, wanted) < ROUNDING["float32"]


@seed(3)
@settings(max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(functions(kinds=SIMPLE))
def test_any_function_is_the_same(driver, drawn):
    """Functions of random operations on arrays of random shapes come to the plain numbers, up to rounding."""
    carry, data = arrays_for(drawn)
    with np.errstate(all="ignore"):
        found, wanted = both(driver, body(drawn), carry, data, drawn.rows)
    for a, b in zip(arrays_in(found), arrays_in(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_what_has_no_kernel_is_refused_with_its_line(driver):
    """An operation that C++ has no function for is an error that names it and says which engine can do it."""

    def step(carry, batch, *, xp):
        return carry, (xp.sum(xp.logaddexp(batch[0], carry[0])),)

    carry, data = (np.ones(3),), (np.ones((4, 3)),)
    with pytest.raises(CaptureError, match=r"logaddexp of float64 at test_capture_cuda\.py:\d+ .* use engine plain"):
        program(step, carry, data, 2)


def cupys(driver, engine):
    """The CuPy backend on the stand-in."""
    return import_module("xpnet.backends.cupy").CupyBackend(SimpleNamespace(id=0)).with_engine(engine)


@pytest.mark.parametrize("engine", ["replay", "compiled"])
def test_the_backend_runs_blocks(driver, engine):
    """CuPy's backend has the kernels run blocks, one by one or as graphs; a program is made once, for any data."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "sigmoid")
    rows = np.random.default_rng(0).integers(5, size=(3, 2))
    backend, data = cupys(driver, engine), map_arrays(driver.array, data)
    made = driver.modules
    for _ in range(2):
        data = map_arrays(driver.array, data)
        held = weakref.ref(data.x)
        after, metrics = backend.run_block(step, map_arrays(driver.array, carry), data, rows)
    assert driver.modules == made + 1
    assert ("graph" in driver.launched) == (engine == "compiled")
    wanted = PLAIN.run_block(step, PLAIN.copy(carry), map_arrays(np.array, data), rows)
    assert distance(map_arrays(np.array, (after, metrics)), wanted) < ROUNDING["float64"]
    del data
    assert held() is None, "a program keeps the data of a training that is over"


def test_a_device_that_cannot_capture_runs_plain(driver):
    """Whatever a capture fails with, engine plain goes on, and a warning of the engine's says why in one line."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "tanh")
    backend, carry, data = cupys(driver, "compiled"), map_arrays(driver.array, carry), map_arrays(driver.array, data)
    driver.broken = RuntimeError("CUDA_ERROR_NOT_SUPPORTED: operation not supported\nmore")
    wanted = r"^CuPy cannot capture these steps \(CUDA_ERROR.*supported\); engine plain runs them instead\.$"
    with pytest.warns(EngineWarning, match=wanted):
        backend.prepare(step, carry, data, 2)
    assert backend.engine == "plain"


def test_synchronizing_leaves_other_threads_captures_alone(driver):
    """What waits does so for its own stream: to wait for a device breaks off whatever is captured there."""
    cupys(driver, "compiled").synchronize()
    assert driver.launched == ["wait for the default stream"]


def test_a_capture_collects_no_garbage(driver, monkeypatch):
    """What frees another program's handles in a capture would break it off, so that none is collected meanwhile."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "sigmoid")
    seen, multiply = [], type(driver.cublas).gemm_ex

    def watched(*arguments):
        if driver.captured is not None:
            seen.append(gc.isenabled())
        multiply(*arguments)

    monkeypatch.setattr(type(driver.cublas), "gemm_ex", watched)
    ran(driver, program(step, carry, data, 2), carry, data, np.zeros((3, 2), int))
    assert seen
    assert not any(seen)
    assert gc.isenabled()


def test_a_program_gives_its_handle_back_once(driver):
    """cuBLAS's handle is given back when its program is let go of, or before the interpreter takes modules apart."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "sigmoid")
    made = program(step, carry, data, 2)
    (watching,) = (each for each in weakref.finalize._registry if each.peek()[0] is made._products)
    assert watching.atexit
    del made
    gc.collect()
    assert driver.cublas.destroyed == [1]


def test_the_first_error_of_a_capture_is_told(driver, monkeypatch):
    """Where a product breaks a capture off, its own error is told, not the one that ending the capture then raises."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "tanh")
    backend, carry, data = cupys(driver, "compiled"), map_arrays(driver.array, carry), map_arrays(driver.array, data)
    multiply = type(driver.cublas).gemm_ex

    def refused(*arguments):
        driver.refuse("a product that cuBLAS has no kernel for")
        multiply(*arguments)

    monkeypatch.setattr(type(driver.cublas), "gemm_ex", refused)
    with pytest.warns(EngineWarning, match=r"these steps \(a product that cuBLAS has no kernel for while a graph"):
        backend.prepare(step, carry, data, 2)
    assert backend.engine == "plain"
    assert driver.captured is None


def test_the_engine_is_a_graph_where_steps_can_be_captured(driver, monkeypatch):
    """Without nvmath, and for what has no kernel, steps are run plain, and the backend says what it lacks."""
    step, carry, data = training(sgd(0.1), "cross_entropy", "sigmoid")
    backend = cupys(driver, "plain")
    assert backend.choose(step, carry, data, 2, 100) == "compiled"

    def unknown(carry, batch, *, xp):
        return carry, (xp.sum(xp.logaddexp(batch.x, 0.0)),)

    assert backend.choose(unknown, carry, data, 2, 100) == "plain"
    monkeypatch.setattr("xpnet.backends.base.find_spec", lambda name: None)
    assert backend.choose(step, carry, data, 2, 100) == "plain"
    with pytest.raises(DeviceError, match="engine compiled needs nvmath-python; run pip install nvmath-python"):
        backend.with_engine("compiled")

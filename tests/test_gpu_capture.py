"""What only a GPU can show: graphs that are really captured, and arrays that stay where they are."""

import warnings
from functools import partial

import numpy as np
import pytest
from helpers.oracles import distance, host, problem

from xpnet import Network, backends, sgd
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.equations.step import State, training_step
from xpnet.errors import DeviceError

pytestmark = pytest.mark.gpu

FLOAT32 = 1e-5
"""How far a hundred captured steps may be from plain ones: ‖a − b‖ / ‖b‖, for every array."""


def on_device(name, device="cuda", engine="plain"):
    """A backend on a GPU, or a skip that says why there is none."""
    try:
        return backends.resolve(name, device).with_engine(engine)
    except DeviceError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("engine", ["replay", "compiled"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "identity"])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "squared_error", "poisson"])
def test_captured_steps_are_the_plain_ones(engine, activation, loss):
    """A hundred steps in float32 come to the plain parameters, and nothing has fallen back on plain steps."""
    example, rule = problem(loss, activation), sgd(0.01)
    plain, captured = on_device("cupy"), on_device("cupy", engine=engine)
    step, rows = training_step(example.model, rule), np.random.default_rng(0).integers(5, size=(100, 3))
    results = []
    for backend in (captured, plain):
        with backend.current():
            params, batch = map_arrays(partial(backend.asarray, dtype="float32"), (example.params, example.batch))
            numbers = [backend.asarray(np.asarray(number)) for number in (np.int32(0), np.float32(0.01))]
            carry = (backend.copy(params), State(rule.init(params, xp=backend.xp), *numbers, None))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                backend.prepare(step, carry, batch, 3)
            (after, _), _ = backend.run_block(step, carry, batch, rows)
            results.append(host(backend, after))
    assert captured.engine == engine
    assert distance(*results) < FLOAT32


@pytest.mark.parametrize("name", ["cupy", "torch", "jax"])
@pytest.mark.parametrize("device", ["cuda:0", "cuda:1"])
def test_answers_stay_on_their_device(name, device):
    """What is asked with arrays of a device is answered with arrays of that device."""
    backend = on_device(name, device)
    network = Network([4, 3])
    with backend.current():
        params = network.init(0, backend=name, device=device)
        x = backend.asarray(np.ones((5, 4), np.float32))
        assert backends.of(network.predict(params, x)).device_name == device
        assert {backends.of(array).device_name for array in arrays_in(params)} == {device}

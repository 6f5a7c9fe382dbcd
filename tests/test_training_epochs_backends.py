"""The loop on every backend: the same training from one seed, where the arrays are or where it is asked to be."""

from functools import lru_cache

import numpy as np
import pytest
from helpers.oracles import distance, host

import xpnet
from xpnet import Data, Network, backends
from xpnet._support.trees import map_arrays
from xpnet.backends import BACKENDS, dtype_name
from xpnet.data import load
from xpnet.schedules import Cosine

APART = {"float32": 1e-4, "float64": 1e-10}
"""How far trainings of a hundred steps may be apart, by dtype."""

RULES = {
    "sgd": xpnet.sgd(Cosine(0.3, 5, 1)),
    "momentum": xpnet.momentum(Cosine(0.1, 5, 1)),
    "nesterov": xpnet.nesterov(Cosine(0.1, 5, 1)),
    "adam": xpnet.adam(Cosine(0.01, 5, 1)),
    "adamw": xpnet.adamw(Cosine(0.01, 5, 1)),
}
NETWORK = Network([64, 16, 10], input_scale=16.0)
LIBRARIES = [name for name in BACKENDS if name != "numpy"]


def run(data, rule="sgd", **arguments):
    """Three epochs with everything: sample weights, L2, held-out rows, a schedule and a short last batch."""
    weight = np.random.default_rng(8).uniform(0.5, 2, data.x_train.shape[0]).astype("float32")
    there = backends.of(data.x_train).asarray(weight)
    given = dict(batch_size=40, epochs=3, weight=there, l2=1e-3, validation_fraction=0.2) | arguments
    return list(xpnet.epochs(NETWORK, data, RULES[rule], **given))


@lru_cache
def on_numpy(rule, dtype):
    """The same in NumPy."""
    return run(load("digits"), rule, dtype=dtype)


def on_backend(backend):
    """The digits in a backend's arrays, inputs as bytes and labels as integers of 32 bits."""
    data = load("digits")
    arrays = (data.x_train, data.y_train.astype("int32"), data.x_test, data.y_test.astype("int32"))
    return Data(*map_arrays(backend.asarray, arrays), data.input_scale)


@pytest.mark.parametrize("rule", RULES)
def test_one_seed_is_one_training(backend, float_dtype, rule):
    """With one seed every backend comes to the same parameters and the same numbers as NumPy."""
    found, wanted = run(on_backend(backend), rule, dtype=float_dtype), on_numpy(rule, float_dtype)
    apart = APART[float_dtype]
    for epoch, other in zip(found, wanted, strict=True):
        carried = [(one.params, one.checkpoint.slots) for one in (epoch, other)]
        assert distance(host(backend, carried[0]), carried[1]) < apart
        assert (epoch.cost, epoch.validation_cost) == pytest.approx((other.cost, other.validation_cost), rel=apart)
        for name in ("train_accuracy", "validation_accuracy", "test_accuracy"):
            assert getattr(epoch, name) == pytest.approx(getattr(other, name), abs=2e-3 if apart > 1e-9 else 1e-9)


def test_the_arrays_decide(backend, float_dtype):
    """Without a backend or device, the parameters are of the rows' library, on their device and in their dtype."""
    rng = np.random.default_rng(0)
    x, y = backend.asarray(rng.normal(size=(20, 4)).astype(float_dtype)), backend.asarray(np.arange(20) % 3)
    for epoch in xpnet.epochs(Network([4, 3]), (x, y), xpnet.adam(), batch_size=8, epochs=2):
        for array in (epoch.params[0].w, epoch.best_params[0].b, epoch.checkpoint.slots[1][0].w):
            there = backends.of(array)
            assert (there.xp, there.device, dtype_name(array)) == (backend.xp, backend.device, float_dtype)


def test_params_are_copies_that_stay(backend):
    """An epoch's parameters are as they were after all later epochs, on every backend."""
    data, kept, made = on_backend(backend), [], []
    for epoch in xpnet.epochs(NETWORK, data, xpnet.sgd(), batch_size=200, epochs=3):
        kept.append(map_arrays(np.copy, host(backend, epoch.params)))
        made.append(epoch.params)
    assert distance(tuple(host(backend, params) for params in made), tuple(kept)) == 0


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("arguments", [dict(), dict(device="auto")], ids=["backend", "backend and device"])
def test_numpy_input_goes_where_it_is_asked_to(request, name, arguments):
    """NumPy rows are trained on by the backend that is named, which comes to NumPy's parameters."""
    if request.config.getoption("--backend") not in (None, name):
        pytest.skip(f"not {name}")
    try:
        there = backends.resolve(name, arguments.get("device"))
    except backends.DeviceError as error:
        pytest.skip(str(error))
    found = run(load("digits"), backend=name, dtype="float64", **arguments)[-1].params
    assert backends.of(found[0].w).name == name
    assert distance(host(there, found), on_numpy("sgd", "float64")[-1].params) < APART["float64"]


def test_its_arrays_come_to_numpy_if_asked(backend, float_dtype):
    """Rows of any library are trained on in NumPy where NumPy is named."""
    found = run(on_backend(backend), backend="numpy", dtype=float_dtype)[-1].params
    assert isinstance(found[0].w, np.ndarray)
    assert distance(found, on_numpy("sgd", float_dtype)[-1].params) == 0


def test_a_checkpoint_goes_on_elsewhere(backend, float_dtype):
    """A training that began in NumPy goes on on any backend, to NumPy's parameters."""
    done, wanted = on_numpy("adam", float_dtype)[0].checkpoint, on_numpy("adam", float_dtype)[-1].params
    found = run(on_backend(backend), "adam", dtype=float_dtype, resume=done, engine="auto")
    assert [epoch.number for epoch in found] == [2, 3]
    assert distance(host(backend, found[-1].params), wanted) < APART[float_dtype]

"""Engines: chosen when the loop is called, kept by checkpoints, prepared before the first epoch, the same training."""

import sys

import numpy as np
import pytest
from helpers.oracles import distance, host

import xpnet
from xpnet import Network, backends
from xpnet._support.trees import arrays_in
from xpnet.backends.numpy import NumpyBackend
from xpnet.capture.engines.cpu import cache
from xpnet.data import load
from xpnet.errors import DeviceError, InputError

ENGINES = NumpyBackend.engines

APART = 1e-10
"""How far trainings of some ninety steps in float64 may be apart."""

NETWORK = Network([64, 16, 10], input_scale=16.0)


def run(epochs=2, backend="numpy", **arguments):
    """A training on the digits that nobody has listened to yet; its last batch is short."""
    given = dict(batch_size=50, l2=1e-3, dtype="float64") | arguments
    return xpnet.epochs(NETWORK, load("digits"), xpnet.adam(), epochs=epochs, backend=backend, **given)


def told(epoch):
    """What it was trained to, as numbers and parameters."""
    return epoch.cost, epoch.train_accuracy, epoch.test_accuracy


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_every_engine_is_the_same_training(name):
    """Each engine that a library has, and auto, come to the numbers of NumPy's plain one, up to rounding."""
    try:
        backend = backends.resolve(name)
    except DeviceError as error:
        pytest.skip(str(error))
    wanted = list(run(engine="plain"))[-1]
    for engine in ("auto", *backend.engines):
        try:
            found = list(run(backend=name, engine=engine))[-1]
        except DeviceError as error:
            assert "pip install" in str(error)  # noqa: PT017 (llvmlite need not be installed)
            continue
        assert distance(host(backend, found.params), wanted.params) < APART
        assert told(found) == pytest.approx(told(wanted), rel=APART)


@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_an_epoch_tells_its_engine(engine):
    """The engine that is asked for is known before the first epoch, and stands in every checkpoint."""
    made = run(engine=engine)
    assert made.training.backend.engine == engine
    assert [epoch.checkpoint.engine for epoch in made] == [engine, engine]


def test_auto_is_what_the_backend_chooses(monkeypatch):
    """The backend is shown the training as it will be run, once, and its answer is the engine."""
    shown = []

    def choose(self, step, carry, data, batch_size, steps):
        (_, after), _ = step(carry, self.take(data, np.arange(batch_size)), xp=self.xp)
        shown.append((int(after.count), data.x.shape, batch_size, steps))
        return "plain"

    monkeypatch.setattr(NumpyBackend, "choose", choose)
    for engine in (None, "auto"):
        assert next(run(epochs=3, engine=engine)).checkpoint.engine == "plain"
    assert shown == [(1, (1437, 64), 50, 3 * 29)] * 2


@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_a_checkpoint_keeps_its_engine(engine):
    """A training goes on with the engine that it began with, unless another is asked for."""
    done = next(run(engine=engine)).checkpoint
    assert run(resume=done).training.backend.engine == engine
    for other in ("plain", "replay"):
        assert run(resume=done, engine=other).training.backend.engine == other


def test_an_engine_that_the_library_has_not():
    """The backend's sentence is the loop's."""
    strict = pytest.importorskip("array_api_strict")
    data = (strict.asarray(np.eye(4)), strict.asarray(np.arange(4) % 3))
    with pytest.raises(InputError, match=r"array_api_strict has no engine replay: use plain\."):
        xpnet.epochs(Network([4, 3]), data, xpnet.sgd(), batch_size=2, epochs=1, engine="replay")


def test_a_checkpoint_whose_engine_cannot_be_had(monkeypatch):
    """The message says what it was trained with, why that is not available, and how to go on all the same."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    done = next(run(engine="plain")).checkpoint
    wanted = (
        "the checkpoint was trained with engine {0}, which is not available: {1}.*"
        r'\. With engine="auto" it continues with another, whose results are equal to rounding\.'
    )
    with pytest.raises(DeviceError, match=wanted.format("compiled", "engine compiled needs llvmlite; run pip install")):
        run(resume=done._replace(engine="compiled"))
    with pytest.raises(InputError, match=wanted.format("lost", "numpy has no engine lost")):
        run(resume=done._replace(engine="lost"))
    assert next(run(resume=done._replace(engine="compiled"), engine="auto")).number == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_backend_is_prepared_before_the_first_epoch(monkeypatch, engine):
    """When the first epoch is asked for, for whole batches and the short last one, which is not worth a compiler."""
    if engine == "compiled":
        pytest.importorskip("llvmlite")
    prepared = []

    def prepare(self, step, carry, data, batch_size):
        prepared.append((self.engine, data.x.shape, batch_size))

    monkeypatch.setattr(NumpyBackend, "prepare", prepare)
    made = run(engine=engine)
    assert prepared == []
    done = list(made)[-1].checkpoint
    rarely = "replay" if engine == "compiled" else engine
    assert prepared == [(engine, (1437, 64), 50), (rarely, (1437, 64), 37)]
    assert list(run(resume=done)) == []
    assert len(prepared) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_three_and_three_epochs_are_six(engine, tmp_path, monkeypatch):
    """Bit for bit, with nothing compiled before, and with everything found on disk."""
    if engine == "compiled":
        pytest.importorskip("llvmlite")
    monkeypatch.setenv("XPNET_CACHE_DIR", str(tmp_path))
    found = []
    for _ in ("cold", "warm"):
        cache.folder.cache_clear()
        for name in [name for name in sys.modules if name.startswith("xpnet_plan")]:
            monkeypatch.delitem(sys.modules, name)
        done = list(run(epochs=3, engine=engine))[-1].checkpoint
        found += [list(run(epochs=6, resume=done))[-1], list(run(epochs=6, engine=engine))[-1]]
    first, *others = (arrays_in((epoch.params, epoch.checkpoint.slots)) for epoch in found)
    for other in others:
        assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    cache.folder.cache_clear()


def test_auto_compiles_what_wins_the_compilation_back():
    """A long training is compiled, a short one and a small one are replayed; a resumed one stays with its engine."""
    pytest.importorskip("llvmlite")
    x, y = np.zeros((2560, 784), "float32"), np.arange(2560) % 10

    def engine(hidden, epochs, resume=None):
        given = dict(batch_size=128, epochs=epochs, resume=resume)
        return xpnet.epochs(Network([784, hidden, 10]), (x, y), xpnet.adam(), **given).training.backend.engine

    assert [engine(128, epochs) for epochs in (1, 1000)] == ["replay", "compiled"]
    assert engine(1, 10) == "replay"
    first = next(xpnet.epochs(Network([784, 128, 10]), (x, y), xpnet.adam(), batch_size=128, epochs=1))
    assert engine(128, 1000, first.checkpoint) == "replay"

"""PyTorch's and JAX's arrays on the CPU: NumPy's engines run on them where they lie, and give their own kind back."""

import sys
import tracemalloc
from functools import partial

import numpy as np
import pytest
from helpers.random_functions import KINDS, arrays_for, body, function, quiet

import xpnet
from xpnet import Data, Network, backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Batch
from xpnet.backends import Backend, dtype_name
from xpnet.backends.base import CAPTURED
from xpnet.backends.numpy import NumpyBackend
from xpnet.capture.engines.cpu.compiled import can_compile
from xpnet.data import load
from xpnet.errors import CaptureError, DeviceError

NETWORK = Network([64, 16, 10], input_scale=16.0)
NUMPY = backends.resolve("numpy")
ENGINES = ["replay", pytest.param("compiled", marks=pytest.mark.skipif(not can_compile(), reason="needs llvmlite"))]

FUNCTIONS = 60
"""Random functions per engine."""


@pytest.fixture(params=["torch", "jax"])
def library(request: pytest.FixtureRequest) -> Backend:
    """Each library whose CPU arrays NumPy sees."""
    named = request.config.getoption("--backend")
    if named not in (None, request.param):
        pytest.skip(f"not {request.param}")
    try:
        return backends.resolve(request.param)
    except DeviceError as error:
        pytest.skip(str(error))


def digits(backend: Backend) -> Data:
    """The digits in a backend's arrays; labels of 32 bits, which JAX has too."""
    data = load("digits")
    arrays = (data.x_train, data.y_train.astype("int32"), data.x_test, data.y_test.astype("int32"))
    return Data(*map_arrays(backend.asarray, arrays), data.input_scale)


def train(backend: Backend, data=None, **arguments):
    """Two epochs with sample weights, L2, held-out rows and a short last batch, on the backend's arrays."""
    data = digits(backend) if data is None else data
    weight = backend.asarray(np.random.default_rng(8).uniform(0.5, 2, data.x_train.shape[0]).astype("float32"))
    settings = dict(batch_size=50, epochs=2, l2=1e-3, validation_fraction=0.2, weight=weight) | arguments
    return list(xpnet.epochs(NETWORK, data, xpnet.adam(), **settings))


def on_host(backend: Backend, tree):
    """Arrays of a tree, in NumPy."""
    return [np.array(backend.to_host(array)) for array in arrays_in(tree)]


def assert_same_bits(found, wanted) -> None:
    """Two lists of arrays are the same to the last bit."""
    assert [(array.dtype, array.shape) for array in found] == [(array.dtype, array.shape) for array in wanted]
    assert all(one.tobytes() == other.tobytes() for one, other in zip(found, wanted, strict=True))


def assert_same_training(backend: Backend, found, wanted) -> None:
    """Two trainings have the same numbers, parameters and optimizer state, to the last bit."""
    for epoch, other in zip(found, wanted, strict=True):
        for name in ("cost", "penalty", "train_accuracy", "test_accuracy", "validation_cost", "validation_accuracy"):
            assert getattr(epoch, name) == getattr(other, name), name
        trees = [(one.params, one.best_params, one.checkpoint.slots) for one in (epoch, other)]
        assert_same_bits(on_host(backend, trees[0]), on_host(NUMPY, trees[1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_is_numpys_bit_for_bit(library, engine, dtype):
    """Epochs, validations and test scores are NumPy's own; parameters and state are of the rows' kind."""
    found, wanted = (train(backend, engine=engine, dtype=dtype) for backend in (library, NUMPY))
    assert_same_training(library, found, wanted)
    for epoch in found:
        assert epoch.checkpoint.engine == engine
        for array in arrays_in((epoch.params, epoch.best_params, epoch.checkpoint.slots)):
            assert (backends.of(array).name, dtype_name(array)) == (library.name, dtype)


def test_auto_chooses_as_on_numpy(library):
    """The engine of a short and of a long training is the one that it has in NumPy."""
    x, y = np.zeros((2560, 784), "float32"), np.arange(2560, dtype="int32") % 10
    for count in (1, 1000):
        chosen = [
            xpnet.epochs(
                Network([784, 128, 10]),
                tuple(map(backend.asarray, (x, y))),
                xpnet.adam(),
                batch_size=128,
                epochs=count,
            ).training.backend
            for backend in (library, NUMPY)
        ]
        assert [backend.name for backend in chosen] == [library.name, "numpy"]
        assert chosen[0].engine == chosen[1].engine
        assert str(chosen[0]).startswith(f"{library.name} {library.version} ({chosen[0].engine}")


def test_rows_and_parameters_are_not_copied(library):
    """A training reads the rows where they lie, and hands PyTorch the memory that it has trained in."""
    rng = np.random.default_rng(0)
    x = library.asarray(rng.normal(size=(20_000, 100)).astype("float32"))
    y = library.asarray(rng.integers(10, size=20_000).astype("int32"))
    begun = xpnet.epochs(Network([100, 10]), (x, y), xpnet.sgd(), batch_size=100, epochs=3, engine="replay")
    assert np.shares_memory(begun.training.train.batch.x, library.to_host(x))
    next(begun)
    tracemalloc.start()
    epoch = next(begun)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 4
    w = np.zeros((3, 2), "float32")
    if library.name == "torch":
        (own,) = library.from_views((w,))
        assert own.data_ptr() == w.ctypes.data
    assert type(epoch.params[0].w) is type(x)


def test_jax_takes_memory_that_begins_at_a_cache_line(library):
    """Such memory is JAX's from then on, without a copy."""
    if library.name != "jax":
        pytest.skip("PyTorch takes any memory")
    raw = np.zeros(64 + 4000, np.uint8)
    array = raw[-raw.ctypes.data % 64 :][:4000].view("float32")
    (own,) = library.from_views((array,))
    assert own.unsafe_buffer_pointer() == array.ctypes.data


@pytest.mark.parametrize("engine", ENGINES)
def test_no_array_that_comes_in_is_written_to(library, engine):
    """Neither a carry nor data, rows or parameters: an array that somebody else has stays as it is."""
    backend = library.with_engine(engine)
    w, x = (backend.asarray(np.ones(shape, "float32")) for shape in ((3, 2), (6, 3)))

    def step(carry, batch, *, xp):
        (w,) = carry
        return (w - 0.5 * (batch.x.T @ (batch.x @ w)),), (xp.sum(w),)

    rows = np.arange(6).reshape(3, 2)
    first, _ = backend.run_block(step, (w,), Batch(x, None), rows)
    before = on_host(backend, first)
    backend.run_block(step, first, Batch(x, None), rows)
    assert_same_bits(on_host(backend, first), before)
    assert_same_bits(on_host(backend, (w, x)), [np.ones((3, 2), "float32"), np.ones((6, 3), "float32")])
    params = NETWORK.init(1, backend=library.name)
    before = on_host(backend, params)
    done = train(library, params=params, engine=engine)
    assert_same_bits(on_host(backend, params), before)
    last = on_host(backend, done[0].params)
    train(library, params=done[0].params, engine=engine)
    assert_same_bits(on_host(backend, done[0].params), last)


def test_a_donated_array_is_taken_from_nobody():
    """A training goes on with rows that JAX was told to reuse meanwhile: memory that is read is not reused."""
    jax = pytest.importorskip("jax")
    data = digits(backends.resolve("jax"))
    begun = xpnet.epochs(NETWORK, data, xpnet.adam(), batch_size=50, epochs=2, engine="replay")
    first = next(begun)
    jax.jit(lambda x: x * 0, donate_argnums=0)(data.x_train).block_until_ready()
    wanted = list(xpnet.epochs(NETWORK, digits(NUMPY), xpnet.adam(), batch_size=50, epochs=2, engine="replay"))
    assert_same_training(backends.resolve("jax"), [first, next(begun)], wanted)


@pytest.mark.parametrize("layout", ["transposed", "sliced", "with history", "expanded"])
def test_tensors_of_any_layout(layout):
    """Whatever the strides and the history of a tensor, the training is that of the same numbers in NumPy."""
    torch = pytest.importorskip("torch")
    data = load("digits")
    x = {
        "transposed": torch.from_numpy(np.ascontiguousarray(data.x_train.T.astype("float32"))).T,
        "sliced": torch.from_numpy(np.repeat(data.x_train.astype("float32"), 2, axis=1))[:, ::2],
        "with history": torch.from_numpy(data.x_train.astype("float32")).requires_grad_() * 1,
        "expanded": torch.from_numpy(data.x_train[:1].astype("float32")).expand(len(data.x_train), -1),
    }[layout]
    y = torch.from_numpy(data.y_train)
    there, numpys = Data(x, y, None, None), Data(x.detach().numpy().copy(), data.y_train, None, None)
    for engine in NUMPY.engines[: 3 if can_compile() else 2][1:]:
        found, wanted = train(backends.of(x), there, engine=engine), train(NUMPY, numpys, engine=engine)
        assert_same_training(backends.of(x), found, wanted)


def test_a_training_goes_on_elsewhere(library):
    """An epoch in one library, one in the other, one in NumPy: with the same engine, three epochs of NumPy's."""
    other = backends.resolve(pytest.importorskip("jax" if library.name == "torch" else "torch").__name__)
    wanted, done = train(NUMPY, epochs=3, engine="replay"), None
    for number, backend in enumerate((library, other, NUMPY), 1):
        (epoch,) = train(backend, epochs=number, resume=done, engine=None if done else "replay")
        assert_same_training(backend, [epoch], wanted[number - 1 : number])
        done = epoch.checkpoint


def test_a_private_training(library):
    """Batches are drawn, clipped and noised as in NumPy, to the same bits."""
    privacy = xpnet.Privacy(noise_multiplier=1.0, clip_norm=1.0, insecure_seed=1)
    found, wanted = (
        train(backend, privacy=privacy, engine="replay", weight=None, validation_fraction=0.0)
        for backend in (library, NUMPY)
    )
    assert_same_training(library, found, wanted)


class Alone:
    """Link of a data-parallel training of one process."""

    def __init__(self):
        self.kinds = set()

    def agree(self, about):
        """With nobody."""

    def share(self, n):
        """All rows."""
        return slice(0, n)

    def __call__(self, sums):
        """Its own sums."""
        self.kinds.add(backends.of(sums).name)
        return sums


def test_what_travels_between_processes_is_of_the_rows_kind(library):
    """The link of a data-parallel training gets the library's arrays, as it does from the library's own engines."""
    links = Alone(), Alone()
    found, wanted = (
        train(backend, average=link, engine="replay") for backend, link in zip((library, NUMPY), links, strict=True)
    )
    assert_same_training(library, found, wanted)
    assert [link.kinds for link in links] == [{library.name}, {"numpy"}]


@pytest.mark.parametrize("rows", ["sparse", "stored"])
def test_other_rows(library, rows, tmp_path):
    """Rows that are sparse, or on disk, are trained on as in NumPy."""
    data = load("digits")
    if rows == "sparse":
        x = pytest.importorskip("scipy.sparse").csr_array(data.x_train)
    else:
        np.save(tmp_path / "x.npy", data.x_train)
        x = xpnet.data.Stored(tmp_path / "x.npy")

    def run(backend):
        given = dict(batch_size=50, epochs=2, engine="replay", backend=backend.name, dtype="float64", chunk_size=0.05)
        return list(xpnet.epochs(NETWORK, (x, data.y_train.astype("int32")), xpnet.adam(), **given))

    assert_same_training(library, run(library), run(NUMPY))


@pytest.mark.parametrize("engine", ENGINES)
def test_random_functions(library, engine):
    """Whatever a function does, a block and a map give NumPy's bits, or are refused as in NumPy."""
    refused = 0
    for seed in range(FUNCTIONS):
        drawn = function(seed, KINDS)
        carry, data = arrays_for(drawn)
        if any(array.dtype.name not in ("float32", "float64", "int32", "bool") for array in (*carry, *data)):
            continue
        rows = np.zeros((2, len(data[0])), np.intp) if data else np.zeros((2, 1), np.intp)
        answers = []
        for backend in (NUMPY, library):
            own = backend.with_dtypes("float64").with_engine(engine)
            with own.current(), quiet():
                try:
                    arrays = map_arrays(own.asarray, arrays_for(drawn))
                    answers.append(on_host(own, own.run_block(body(drawn), *arrays, rows)))
                except CaptureError as error:
                    answers.append(str(error))
        refused += isinstance(answers[0], str)
        if isinstance(answers[0], str) or isinstance(answers[1], str):
            assert answers[0] == answers[1]
        else:
            for one, other in zip(*answers, strict=True):
                np.testing.assert_array_equal(one, other)
    assert refused < FUNCTIONS / 2


@pytest.mark.parametrize("name", ["predict", "classify"])
def test_answers_are_numpys(library, name):
    """Predictions are NumPy's bits, of the rows' kind, for one row and for more than a chunk."""
    params = NETWORK.init(3, dtype="float64")
    rng = np.random.default_rng(0)
    for n in (1, 7, 5000):
        x = rng.normal(size=(n, 64))
        found = getattr(NETWORK, name)(params, library.with_dtypes("float64").asarray(x))
        assert backends.of(found).name == library.name
        np.testing.assert_array_equal(library.to_host(found), getattr(NETWORK, name)(params, x))


def test_what_numpy_has_not():
    """Tensors of bfloat16 are left to torch; an engine of NumPy's that is asked for refuses them, with a way out."""
    torch = pytest.importorskip("torch")
    x = torch.randn(20, 64).to(torch.bfloat16)
    data = (x, torch.arange(20) % 10)
    run = partial(xpnet.epochs, NETWORK, data, xpnet.sgd(), batch_size=10, epochs=1)
    assert run().training.backend.engine == "plain"
    assert next(run()).params[0].w.dtype == torch.float32
    with pytest.raises(
        CaptureError, match=r"NumPy cannot read torch's arrays of torch.bfloat16 .*; use engine plain\.$"
    ):
        run(engine="replay")
    assert NETWORK.predict(NETWORK.init(), x).dtype == torch.float32


def test_what_cannot_be_captured_is_left_to_the_library(library):
    """Auto is then torch operation by operation, and JAX's own compiler."""

    def step(carry, batch, *, xp):
        return carry + xp.cumulative_sum(batch.x)[-1], (carry,)

    carry, data = library.asarray(np.float32(0)), Batch(library.asarray(np.ones(3, "float32")), None)
    chosen = library.choose(step, carry, data, 2, 10**9)
    assert chosen == {"torch": "plain", "jax": "jit"}[library.name]
    after, _ = library.with_engine(chosen).run_block(step, carry, data, np.asarray([[0, 1], [2, 0]]))
    assert float(after) == 4
    with pytest.raises(CaptureError, match="cumulative_sum"):
        library.run_block(step, carry, data, np.asarray([[0, 1]]))


def test_histories_are_written(library):
    """Where a derivative of the answers is asked for the library answers itself, also with rows that have none."""
    x = library.asarray(np.random.default_rng(0).normal(size=(5, 64)).astype("float32"))
    params = NETWORK.init(1, backend=library.name)
    if library.name == "torch":
        params[0].w.requires_grad_()
        NETWORK.predict(params, x)[:, 0].sum().backward()
        slope = params[0].w.grad
    else:
        jax = pytest.importorskip("jax")
        slope = jax.grad(lambda params: NETWORK.predict(params, x)[:, 0].sum())(params)[0].w
    assert library.to_host(slope).any()


def test_jax_goes_on_from_what_its_compiler_began(monkeypatch):
    """Older versions called JAX's compiler compiled: without llvmlite such a training goes on with it, as jit."""
    pytest.importorskip("jax")
    backend = backends.resolve("jax")
    (done,) = train(backend, epochs=1, engine="jit")
    assert done.checkpoint.engine == "jit"
    old = done.checkpoint._replace(engine="compiled")
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    (epoch,) = train(backend, epochs=2, resume=old)
    assert epoch.checkpoint.engine == "jit"
    with pytest.raises(DeviceError, match="llvmlite"):
        train(NUMPY, epochs=2, resume=old)


def test_the_engines_are_numpys(library):
    """What they need is what they need in NumPy, and nothing else runs them."""
    assert library.engines[-2:] == CAPTURED
    assert library.needs == NumpyBackend.needs
    for engine in library.engines:
        if engine == "compiled" and not can_compile():
            continue
        target = library.with_engine(engine)
        assert isinstance(target.computing, NumpyBackend) == (engine in CAPTURED)
        assert target.computing.engine == engine

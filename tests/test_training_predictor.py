"""Predictors: networks bound to their parameters."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, on

from xpnet import Network, backends
from xpnet.backends import dtype_name
from xpnet.capture.engines import thread_count
from xpnet.equations.losses import LOSSES
from xpnet.errors import DeviceError, InputError
from xpnet.training import predictor as predictors
from xpnet.training import served
from xpnet.training.served import ROWS, ROWS_OF_LARGE

NAMES = ["plain", "replay", *(["compiled"] if find_spec("llvmlite") else [])]
ENGINES = pytest.mark.parametrize("engine", NAMES)
COUNTS = [0, 1, 2, 3, 4, 5, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 7, 5 * ROWS_OF_LARGE + 3]
NETWORK = Network((6, 5, 3))
X = np.random.default_rng(0).normal(size=(max(COUNTS), 6)).astype("float32")


@ENGINES
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(6, 5, 4, 3), (6, 700, 600, 3), (6, 2)])
def test_as_predict_for_any_number_of_rows(engine, loss, dtype, sizes):
    """It predicts what predict does, for no row, one, a few and many, on networks small and large."""
    network = Network(sizes, "tanh", loss)
    params, x = network.init(1, dtype=dtype), X.astype(dtype)
    predict = network.predictor(params, engine=engine)
    assert predict.engine == engine
    for n in COUNTS:
        a = predict(x[:n])
        assert (a.shape, a.dtype) == ((n, sizes[-1]), dtype)
        assert not n or distance(a, network.predict(params, x[:n])) < 10 * ROUNDING[dtype]


@ENGINES
def test_arrays_of_every_kind(backend, float_dtype, engine):
    """Whatever library the parameters are of, rows of another go in and predictions of theirs come out."""
    try:
        predict = NETWORK.predictor(on(backend, NETWORK.init(1, dtype=float_dtype), float_dtype), engine=engine)
    except (DeviceError, InputError) as error:
        pytest.skip(str(error))
    wanted = NETWORK.predict(NETWORK.init(1, dtype=float_dtype), X[:9].astype(float_dtype))
    for kind in (backend, backends.resolve("numpy")):
        for n in (0, 1, 9):
            a = predict(on(kind, X[:n], float_dtype))
            found = backends.of(a)
            assert (found.xp, found.device, dtype_name(a)) == (kind.xp, kind.device, float_dtype)
            assert a.shape == (n, 3)
            assert not n or distance(kind.to_host(a), wanted[:n]) < 10 * ROUNDING[float_dtype]


def test_auto_follows_from_what_is_installed(monkeypatch):
    """It is compiled with llvmlite, replayed without, and says so where that is named."""
    params = NETWORK.init()
    assert NETWORK.predictor(params).engine == ("compiled" if "compiled" in NAMES else "replay")
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    assert NETWORK.predictor(params).engine == "replay"
    with pytest.raises(DeviceError, match=r"^engine compiled needs llvmlite; run pip install llvmlite\.$"):
        NETWORK.predictor(params, engine="compiled")
    with pytest.raises(InputError, match=r"^engine is 'fast'; it can be auto, plain, replay, compiled or jit\.$"):
        NETWORK.predictor(params, engine="fast")


def test_the_compiler_of_jax():
    """It predicts where the parameters are JAX's, and is refused where they are not."""
    with pytest.raises(InputError, match=r"^numpy has no engine jit: use plain, replay or compiled\.$"):
        NETWORK.predictor(NETWORK.init(), engine="jit")
    jax = backends.resolve("jax") if find_spec("jax") else pytest.skip("needs jax")
    params = NETWORK.init(1, backend="jax")
    predict = NETWORK.predictor(params, engine="jit")
    assert predict.engine == "jit"
    assert distance(jax.to_host(predict(jax.asarray(X[:9]))), NETWORK.predict(NETWORK.init(1), X[:9])) < 1e-6


@ENGINES
def test_parameters_are_copied(engine):
    """What happens to the parameters afterwards does not count, unlike with predict."""
    params = NETWORK.init(1)
    predict = NETWORK.predictor(params, engine=engine)
    before = predict(X[:40])
    params[0].w[...] = 0
    assert np.array_equal(predict(X[:40]), before)


@ENGINES
@pytest.mark.parametrize("n", [1, 2, ROWS, 5 * ROWS])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_refused(engine, n, number):
    """Any number that is not finite is named with its place, in whichever row; the next rows are none the worse."""
    params = NETWORK.init(1)
    predict = NETWORK.predictor(params, engine=engine)
    wanted = predict(X[:n])
    for row in {0, n // 2, n - 1}:
        x = X[:n].copy()
        x[row, 4] = number
        with pytest.raises(InputError, match=f"in row {row}, column 4"):
            predict(x)
        assert np.array_equal(predict(X[:n]), wanted)
        # Fewer rows than the buffers have are not judged by what is left in them.
        assert np.isfinite(predict(X[: max(1, n - 1)])).all()


@ENGINES
def test_numbers_whose_squares_overflow_are_finite(engine):
    """Large rows are taken."""
    predict = NETWORK.predictor(NETWORK.init(1), engine=engine)
    x = np.full((2, 6), 1e25, "float32")
    assert predict(x).shape == (2, 3)


@ENGINES
@pytest.mark.parametrize("scale", [None, 255.0, 1.0])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float64", "float16", ">f4"])
def test_rows_of_other_dtypes_and_layouts(monkeypatch, engine, scale, dtype):
    """Rows are converted and scaled as predict does it, a chunk at a time, however they lie in memory."""
    network = Network((6, 5, 3), input_scale=scale)
    params = network.init(1)
    predict = network.predictor(params, engine=engine)
    monkeypatch.setattr(predictors, "chunk_rows", lambda network: 11)
    base = (abs(X[:60]) * 20).astype(dtype)
    for x in (base[:40], base[::-2], np.asfortranarray(base[:3]), base[:12].tolist()):
        assert distance(predict(x), network.predict(params, x)) < 10 * ROUNDING["float32"]


def test_lists_frames_and_what_is_wrong():
    """What predict takes it takes, and what predict refuses it refuses in the same words."""
    params = NETWORK.init(1)
    predict = NETWORK.predictor(params)
    assert predict([[0.5] * 6]).shape == (1, 3)
    for x in (X[0], X[:2, :5], np.array([["a"] * 6]), X[:2] * 1j, 3):
        with pytest.raises(InputError) as ours:
            predict(x)
        with pytest.raises(InputError) as theirs:
            NETWORK.predict(params, x)
        assert str(ours.value) == str(theirs.value)
    (w, b), last = params
    with pytest.raises(InputError, match="params have weights of shapes"):
        NETWORK.predictor([(w[:, :5], b), last])
    with pytest.raises(InputError, match=r"^b of layer 1 holds NaN in row 0 \(counted from 0\)"):
        NETWORK.predictor([(w, b * np.nan), last])


def test_sparse_rows():
    """SciPy's sparse rows are made dense."""
    sparse = pytest.importorskip("scipy.sparse")
    params = NETWORK.init(1)
    assert distance(NETWORK.predictor(params)(sparse.csr_array(X[:5])), NETWORK.predict(params, X[:5])) < 1e-6


@ENGINES
def test_threads_share_it(engine):
    """Many threads that ask at the same time each get what one alone gets."""
    params = NETWORK.init(1)
    predict = NETWORK.predictor(params, engine=engine)
    rows = [X[i % 50 : i % 50 + 1 + 7 * (i % 9)] for i in range(300)]
    wanted = [predict(x) for x in rows]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(predict, rows))
    assert all(map(np.array_equal, found, wanted))


@pytest.mark.skipif("compiled" not in NAMES, reason="llvmlite is not installed")
@pytest.mark.parametrize("n", [ROWS, 10 * ROWS, 10 * ROWS + 3, 33 * ROWS + 5])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, n):
    """Rows are shared among threads in pieces; which thread does one never shows, nor where it begins."""
    params, x = NETWORK.init(1), np.resize(X, (n, 6))
    predict = NETWORK.predictor(params, engine="compiled")
    wanted = predict(x)
    monkeypatch.setattr(served, "EACH", 1)
    monkeypatch.setattr(served, "PIECE", 1)
    monkeypatch.setattr(thread_count, "EACH", 1)
    for threads in (2, 3):
        monkeypatch.setattr(served, "team_for", lambda work, threads=threads: threads)
        assert np.array_equal(predict(x), wanted)
        x[n // 2, 0] = np.nan
        with pytest.raises(InputError, match=f"NaN in row {n // 2}"):
            predict(x)
        x[n // 2, 0] = 1.0
        wanted = predict(x)


@ENGINES
def test_another_process_can_have_it(engine):
    """Pickled, as joblib sends it, it is made anew with the same parameters."""
    predict = NETWORK.predictor(NETWORK.init(1), engine=engine)
    again = pickle.loads(pickle.dumps(predict))
    assert again.engine == engine
    assert np.array_equal(again(X[:5]), predict(X[:5]))


def test_auto_is_chosen_anew_where_it_is_unpickled(monkeypatch):
    """A predictor that was not told its engine does with what the other process has installed."""
    pickled = pickle.dumps(NETWORK.predictor(NETWORK.init(1)))
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    assert pickle.loads(pickled).engine == "replay"


@ENGINES
@pytest.mark.parametrize("dtype", ["float16", ">f4", "longdouble"])
def test_parameters_of_other_dtypes(engine, dtype):
    """Parameters that are converted before anything is computed with them are predicted with as predict does it."""
    params = tuple((w.astype(dtype), b.astype(dtype)) for w, b in NETWORK.init(1))
    predict = NETWORK.predictor(params, engine=engine)
    for n in (1, 9):
        wanted = NETWORK.predict([(w.astype("float64"), b.astype("float64")) for w, b in params], X[:n])
        for a in (predict(X[:n]), NETWORK.predict(params, X[:n]), NETWORK.predict(params, X[:n])):
            assert distance(a, wanted) < 10 * ROUNDING["float32"]
            assert a.dtype == ("float64" if dtype == "longdouble" else "float32")


def test_gradients_flow_through_torch():
    """Rows whose history PyTorch records are predicted by its own operations."""
    torch = pytest.importorskip("torch")
    x = torch.asarray(X[:3]).requires_grad_()
    NETWORK.predictor(NETWORK.init(1))(x)[:, 0].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_within_jit():
    """A function of rows that calls it can be compiled by JAX."""
    jax = pytest.importorskip("jax")
    predict = NETWORK.predictor(NETWORK.init(1))
    assert distance(np.asarray(jax.jit(predict)(X[:3])), predict(X[:3])) < 1e-6

"""Standardized networks train on columns of mean 0 and deviation 1, and take and give numbers as they are."""

import numpy as np
import pytest

import xpnet
from xpnet import Network, Standardization, serialization
from xpnet.data import Stored
from xpnet.errors import InputError, ModelFileError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)) * [1.0, 1000.0, 0.01] + [0.0, 5000.0, -3.0]
Y = X @ [2.0, 0.003, 50.0] * 40 + 900


def network(target=True, loss="squared_error", outputs=1):
    """A network that standardizes its inputs and, if asked for, its targets."""
    target_scale = Standardization.of(Y) if target else None
    return Network([3, 5, outputs], "tanh", loss, Standardization.of(X), target_scale=target_scale)


def trained(net, x=X, y=Y, **arguments):
    """Its parameters after a few epochs."""
    steps = dict(batch_size=16, epochs=3, seed=0, dtype="float64") | arguments
    return xpnet.epochs(net, (x, y), xpnet.adam(1e-2), **steps).history().last.params


def test_means_and_deviations_are_those_of_the_columns(tmp_path):
    """In memory, on disk and of one column; of a constant column the deviation is 1."""
    found = Standardization.of(np.column_stack([X, np.full(80, 7.0)]))
    np.testing.assert_allclose(found.mean, [*X.mean(axis=0), 7], rtol=1e-12)
    np.testing.assert_allclose(found.deviation, [*X.std(axis=0), 1], rtol=1e-12)
    for number, part in enumerate((X[:7], X[7:8], X[8:])):
        np.save(tmp_path / f"{number}.npy", part)
    stored = Standardization.of(Stored(*(tmp_path / f"{number}.npy" for number in range(3))))
    np.testing.assert_allclose(stored.deviation, X.std(axis=0), rtol=1e-12)
    assert len(Standardization.of(Y).mean) == 1


def test_it_trains_as_on_standardized_rows():
    """To the same parameters as another network on rows and targets that were standardized by hand."""
    plain = Network([3, 5, 1], "tanh", "squared_error")
    x, y = (X - X.mean(axis=0)) / X.std(axis=0), (Y - Y.mean()) / Y.std()
    params, by_hand = trained(network()), trained(plain, x, y)
    for a, b in zip(params, by_hand, strict=True):
        np.testing.assert_allclose(a.w, b.w, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        network().predict(params, X), plain.predict(by_hand, x) * Y.std() + Y.mean(), rtol=1e-9, atol=1e-9
    )
    assert network().score(params, X, Y) == pytest.approx(plain.score(by_hand, x, y), rel=1e-9)
    assert network().cost(params, X, Y) == pytest.approx(plain.cost(by_hand, x, y), rel=1e-9)


@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_every_way_of_predicting_agrees(engine):
    """The predictor and folded parameters give what `predict` gives, to rounding."""
    net = network()
    params = trained(net, engine=engine)
    a = net.predict(params, X)
    np.testing.assert_allclose(net.predictor(params, engine=engine)(X), a, rtol=1e-8)
    plain, folded = net.folded(params)
    assert (plain.input_scale, plain.target_scale) == (1.0, None)
    np.testing.assert_allclose(plain.predict(folded, X), a, rtol=1e-8)
    same, unchanged = plain.folded(folded)
    assert same is plain
    assert unchanged is folded


def test_a_file_keeps_it(tmp_path):
    """A saved network standardizes by the same numbers, and its training can go on."""
    net = network()
    *_, epoch = xpnet.epochs(net, (X, Y), xpnet.adam(1e-2), batch_size=16, epochs=2, seed=0)
    serialization.save(tmp_path / "m", net, epoch.params, epoch.checkpoint)
    model = serialization.load(tmp_path / "m")
    assert model.network == net
    resumed = xpnet.epochs(model.network, (X, Y), xpnet.adam(1e-2), batch_size=16, epochs=3, resume=model.checkpoint)
    whole = xpnet.epochs(net, (X, Y), xpnet.adam(1e-2), batch_size=16, epochs=3, seed=0)
    assert np.array_equal(resumed.history().last.params[0].w, whole.history().last.params[0].w)


@pytest.mark.parametrize(
    "scale", [{"mean": [1.0]}, {"mean": [1.0], "deviation": [0.0]}, {"mean": "1", "deviation": []}]
)
def test_a_damaged_one_is_refused(tmp_path, scale, monkeypatch):
    """A file whose standardization is none."""
    monkeypatch.setattr("xpnet.serialization.saved.asdict", lambda net: {**vars(net), "input_scale": scale})
    net = Network([1, 2], input_scale=1.0)
    serialization.save(tmp_path / "m", net, net.init())
    with pytest.raises(ModelFileError, match="m is damaged"):
        serialization.load(tmp_path / "m")


def test_it_leaves_in_other_formats(tmp_path):
    """ONNX, PyTorch and scikit-learn take and give numbers as they are."""
    net = network()
    params = trained(net)
    a = net.predict(params, X)
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    module = serialization.to_torch(net, params)
    np.testing.assert_allclose(module(torch.asarray(X)).detach().numpy(), a, rtol=1e-8)
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    np.testing.assert_allclose(serialization.to_sklearn(net, params).predict(X), a[:, 0], rtol=1e-8)
    pytest.importorskip("onnx", reason="needs onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    xpnet.onnx.export(tmp_path / "m.onnx", net, params)
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["a"], {"x": X})[0], a, rtol=1e-8)


def test_what_does_not_fit_is_refused():
    """Columns, targets and inputs that cannot be standardized."""
    for arguments, words in (
        (dict(sizes=[4, 2], input_scale=Standardization.of(X)), "input_scale has 3 columns, but the network has 4"),
        (dict(sizes=[3, 2], target_scale=Standardization.of(Y)), "has targets of a scale of their own"),
        (dict(sizes=[3, 1], loss="poisson", target_scale=Standardization.of(Y)), "has targets of a scale of their own"),
        (dict(sizes=[3, 1], input_scale="auto"), "must be a number above 0, or a Standardization"),
        (dict(sizes=[3, 1], loss="squared_error", target_scale=2.0), "give a Standardization"),
    ):
        with pytest.raises(InputError, match=words):
            Network(**arguments)
    for mean, deviation in (([1.0], [0.0]), ([1.0], []), ([np.nan], [1.0]), ("a", [1.0])):
        with pytest.raises(InputError):
            Standardization(mean, deviation)


def test_sparse_rows_are_refused():
    """They would not stay sparse."""
    sparse = pytest.importorskip("scipy.sparse", reason="needs SciPy")
    net = network()
    with pytest.raises(InputError, match=r"x is sparse, but a standardized network takes it dense; use x\.toarray\(\)"):
        net.predict(net.init(), sparse.csr_array(X))


def test_the_command_standardizes(tmp_path):
    """A flag is enough where columns and targets differ by thousands; the model file predicts numbers as they are."""
    from helpers.commands import process

    np.savez(tmp_path / "d.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    flags = ["--data", "d.npz", "--standardize", "--epochs", 60, "--batch-size", 8, "--save", "m"]
    answer = process("xpnet.train", *flags, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    model = serialization.load(tmp_path / "m")
    assert model.network.score(model.params, X, Y) > 0.9
    assert np.corrcoef(model.network.predict(model.params, X)[:, 0], Y)[0, 1] > 0.9

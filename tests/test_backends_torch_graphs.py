"""Torch's graphs: what is captured when, on buffers of their own, and what happens where it cannot be.

On the CPU with a stand-in for `torch.cuda`; what a GPU computes is tested in `test_gpu.py`.
"""

import gc
import weakref

import numpy as np
import pytest
from helpers.oracles import PAIRS, distance, host

import xpnet
from xpnet import Network, backends
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Batch
from xpnet.backends import Backend
from xpnet.errors import EngineWarning

torch = pytest.importorskip("torch")
torch_backend = pytest.importorskip("xpnet.backends.torch")
torch_graphs = pytest.importorskip("xpnet.backends.torch_graphs")

ROWS = np.asarray([[0, 1], [2, 0], [1, 1]])
CAPTURE = [
    "stream 1 waits for default",
    "on stream 1",
    "default waits for stream 1",
    "on default",
    "capture on stream 1",
]


@pytest.fixture
def cuda(monkeypatch):
    """A stand-in for torch.cuda."""
    from helpers.fake_cuda_graphs import Cuda

    return Cuda(monkeypatch)


@pytest.fixture
def simulated(monkeypatch, cuda):
    """Torch on the CPU with the engines of CUDA devices alone; auto chooses it too."""
    monkeypatch.setattr(torch_backend, "SharedTorchBackend", torch_backend.TorchBackend)
    monkeypatch.setattr(torch_backend.TorchBackend, "engines", ("plain", "compiled"))
    return backends.resolve("torch").with_engine("compiled")


def count(carry, batch, *, xp):
    """A step that adds up rows."""
    return carry + xp.sum(batch.x), (carry, xp.sum(batch.x))


def rows_of(simulated, scale=1.0):
    """Three rows and a carry."""
    x = simulated.asarray(scale * np.arange(6, dtype="float32").reshape(3, 2))
    return simulated.asarray(np.float32(0)), Batch(x, None)


def test_cuda_devices_have_graphs():
    """On a CUDA device steps are captured unless plain is asked for; on the CPU NumPy's engines serve."""
    backend = torch_backend.TorchBackend(torch.device("cuda", 1))
    assert (backend.engines, backend.engine) == (("plain", "compiled"), "compiled")
    assert backend.choose(None, None, None, 1, 1) == "compiled"
    assert backend.with_engine("plain").engine == "plain"
    cpu = backends.resolve("torch")
    assert (cpu.engines, cpu.engine, cpu.with_engine("replay").computing.name) == (
        ("plain", "replay", "compiled"),
        "replay",
        "numpy",
    )


def test_a_block_is_captured_once_and_launched_from_then_on(cuda, simulated):
    """The steps run on a stream beside, are captured there, and only then launched where the training is."""
    carry, data = rows_of(simulated)
    for _ in range(2):
        after, metrics = simulated.run_block(count, carry, data, ROWS)
        assert float(after) == 6 + 10 + 10
        assert [metric.tolist() for metric in metrics] == [[0, 6, 16], [6, 10, 10]]
    assert float(carry) == 0
    assert cuda.log == [*CAPTURE, "replay", "replay"]


def test_each_shape_and_each_data_set_is_captured_for_itself(cuda, simulated, monkeypatch):
    """A short last batch and other rows have graphs of their own, and a long block is launched in pieces."""
    monkeypatch.setattr(torch_graphs, "GRAPH_STEPS", 2)
    carry, data = rows_of(simulated)
    carry, (before, _) = simulated.run_block(count, carry, data, np.tile(ROWS, (2, 1))[:5])
    assert before.tolist() == [0, 6, 16, 26, 32]
    assert cuda.log == [*CAPTURE, *CAPTURE, "replay", "replay", "replay"]
    simulated.run_block(count, carry, data, ROWS[:1, :1])
    assert cuda.log.count("capture on stream 1") == 3
    _, other = rows_of(simulated, scale=2.0)
    after, _ = simulated.run_block(count, carry, other, ROWS[:1])
    assert float(after - carry) == 12
    assert len([line for line in cuda.log if line.startswith("capture")]) == 4
    simulated.precision = "tf32"
    simulated.run_block(count, carry, other, ROWS[:1])
    assert len([line for line in cuda.log if line.startswith("capture")]) == 5


def test_what_a_block_gives_stays(simulated):
    """Later blocks overwrite neither a carry nor metrics that were handed out."""
    carry, data = rows_of(simulated)
    first, metrics = simulated.run_block(count, carry, data, ROWS)
    simulated.run_block(count, first, data, ROWS[::-1])
    assert float(first) == 26
    assert [metric.tolist() for metric in metrics] == [[0, 6, 16], [6, 10, 10]]


def test_a_step_may_change_places(simulated):
    """What lies in one buffer can come to lie in another, as it was or turned round."""

    def swap(carry, batch, *, xp):
        a, b, c = carry
        return (b, a, c.T), (xp.sum(batch.x),)

    _, data = rows_of(simulated)
    square = simulated.asarray(np.arange(4, dtype="float32").reshape(2, 2))
    carry = (simulated.asarray(np.ones(2, "float32")), simulated.asarray(np.zeros(2, "float32")), square)
    (a, b, c), _ = simulated.run_block(swap, carry, data, ROWS)
    assert (a.tolist(), b.tolist(), c.tolist()) == ([0, 0], [1, 1], square.T.tolist())


def test_graphs_go_with_their_step(simulated):
    """Nothing that is kept keeps the step, so that its graphs and data are freed with it."""
    carry, data = rows_of(simulated)

    def step(carry, batch, *, xp):
        return carry + xp.sum(batch.x), (carry,)

    simulated.run_block(step, carry, data, ROWS)
    freed = weakref.ref(torch_graphs.step_graphs(step, carry, data, simulated.device, simulated.precision))
    assert freed() is not None
    del step
    gc.collect()
    assert freed() is None


def train(engine, network, y, optimizer):
    """Two epochs with sample weights, L2, several blocks and a short last batch."""
    rng = np.random.default_rng(5)
    x, weight = rng.normal(size=(23, 4)), rng.uniform(0.5, 2, 23)
    settings = dict(batch_size=4, epochs=2, weight=weight, l2=0.01, backend="torch", engine=engine, dtype="float64")
    return list(xpnet.epochs(network, (x, y), optimizer, **settings))


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_every_training_can_be_captured(simulated, cuda, monkeypatch, loss, activation):
    """No activation and no loss reads a number or brings one to the device, and launches do what the steps did."""
    monkeypatch.setattr(torch_graphs, "GRAPH_STEPS", 2)
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=23)
    y = {
        "cross_entropy": labels,
        "binary_cross_entropy": np.eye(3, dtype="int64")[labels],
        "poisson": rng.poisson(2.0, (23, 3)).astype(float),
    }.get(loss, rng.normal(size=(23, 3)))
    for optimizer in (xpnet.sgd(0.01), xpnet.nesterov(0.01), xpnet.adamw(0.01)):
        cuda.log.clear()
        network = Network([4, 5, 3], activation, loss)
        result, wanted = (train(engine, network, y, optimizer) for engine in ("auto", "plain"))
        assert "replay" in cuda.log
        for epoch, other in zip(result, wanted, strict=True):
            assert (epoch.checkpoint.engine, other.checkpoint.engine) == ("compiled", "plain")
            assert (epoch.cost, epoch.train_accuracy) == (other.cost, other.train_accuracy)
            one, two = (arrays_in((e.params, e.checkpoint.slots)) for e in (epoch, other))
            assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_the_standard_namespace_could_not_be_captured(simulated):
    """array-api-compat brings a number to the device for its `maximum`, which is why torch's namespace has its own."""
    import array_api_compat.torch as standard

    def step(carry, batch, *, xp):
        return standard.maximum(carry, 0.0), (carry,)

    carry, data = rows_of(simulated)
    with pytest.warns(EngineWarning, match="cannot capture .* not permitted"):
        simulated.run_block(step, carry, data, ROWS)


def test_what_cannot_be_captured_is_run_plain(simulated, cuda):
    """One warning gives the first reason in a line, then the engine is plain, and the training is the same."""

    def step(carry, batch, *, xp):
        return carry + float(xp.sum(batch.x)), (carry,)

    carry, data = rows_of(simulated)
    wanted = r"^torch cannot capture these steps as a CUDA graph \(operation not permitted when stream is capturing: "
    with pytest.warns(EngineWarning, match=wanted + r"\S*\); engine plain runs them instead\.$") as caught:
        after, _ = simulated.run_block(step, carry, data, ROWS)
    assert len(caught) == 1
    assert float(after) == 26
    assert (simulated.engine, cuda.current.name) == ("plain", "default")
    after, _ = simulated.run_block(step, after, data, ROWS)
    assert float(after) == 52


def test_a_checkpoint_tells_the_engine_that_it_came_to(simulated, cuda, monkeypatch):
    """A training whose capture fails is saved as the plain one that it is."""

    def broken(*arguments, **named):
        raise RuntimeError("CUDA driver error: operation not supported")

    monkeypatch.setattr(torch.cuda, "graph", broken)
    with pytest.warns(EngineWarning, match=r"\(CUDA driver error: operation not supported\)"):
        first, second = train("auto", Network([4, 3]), np.arange(23) % 3, xpnet.sgd(0.1))
    assert (first.checkpoint.engine, second.checkpoint.engine) == ("plain", "plain")
    plain = train("plain", Network([4, 3]), np.arange(23) % 3, xpnet.sgd(0.1))
    assert distance(host(simulated, second.params), host(simulated, plain[-1].params)) == 0


@pytest.mark.parametrize("function", ["maximum", "minimum"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("number", [0.0, -0.0, 0.1, 80.0, 1, -3, float("inf"), float("nan"), 1e-38])
def test_a_number_is_as_good_as_an_array(function, dtype, number):
    """The larger and the smaller one of an array and a number, on either side, are those of two arrays, NaN too."""
    import array_api_compat.torch as standard

    ours, theirs = getattr(backends.resolve("torch").xp, function), getattr(standard, function)
    values = [-3, 0, 1, 80] if dtype == "int32" else [-3, -0.0, 0.0, 0.1, 1, 1e30, np.nan, np.inf, -np.inf]
    x = torch.asarray(np.asarray(values, dtype))
    for result, wanted in (
        (ours(x, number), theirs(x, number)),
        (ours(number, x), theirs(number, x)),
        (ours(x, x.flip(0)), theirs(x, x.flip(0))),
    ):
        assert result.dtype == wanted.dtype
        np.testing.assert_array_equal(result.numpy(), wanted.numpy())


def test_small_arrays_go_to_the_device_without_waiting(monkeypatch):
    """They are pinned first and sent without blocking; large ones, which are data, go as they are."""
    sent = []
    real = torch.Tensor.to

    def to(tensor, *arguments, **named):
        if named.get("non_blocking"):
            sent.append((arguments, tensor.dtype, tensor.nbytes))
            return tensor
        return real(tensor, *arguments, **named)

    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: sent.append("pinned") or tensor)
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(Backend, "asarray", lambda simulated, array, dtype=None: sent.append("as it is"))
    backend = torch_backend.TorchBackend(torch.device("cuda", 1))
    backend.asarray(np.arange(3), "int32")
    backend.asarray(np.asarray(0.5, "float32"))
    backend.asarray(np.zeros(torch_backend.PINNED + 1, "uint8"))
    device = (torch.device("cuda", 1),)
    assert sent == ["pinned", (device, torch.int32, 12), "pinned", (device, torch.float32, 4), "as it is"]

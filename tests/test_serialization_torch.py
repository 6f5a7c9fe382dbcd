"""A network as PyTorch's module answers as before, and comes back as it was."""

from importlib import import_module
from itertools import product

import numpy as np
import pytest
from helpers.oracles import FUNCTIONS, distance, host, on

import xpnet
from xpnet import Layer, backends, serialization
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import InputError

torch = pytest.importorskip("torch", reason="needs torch")
nn = torch.nn

CLOSE = {"float32": 1e-6, "float64": 1e-14}
"""How far a module's answers may be from `predict`, by dtype."""

SIZES = (12, 9, 7, 4)


def randomized(network, dtype="float32"):
    """Parameters whose biases are not 0."""
    rng = np.random.default_rng(5)
    return tuple(Layer(w, rng.normal(0, 0.3, b.shape).astype(dtype)) for w, b in network.init(1, dtype=dtype))


def rows(dtype="float32"):
    """Random rows."""
    return np.random.default_rng(2).normal(size=(50, 12)).astype(dtype)


def answers(module, x):
    """What a module makes of rows, as NumPy's."""
    with torch.no_grad():
        return module(torch.asarray(x)).numpy()


@pytest.mark.parametrize("dtype", list(CLOSE))
@pytest.mark.parametrize(("activation", "loss"), list(product(FUNCTIONS, LOSSES)))
def test_answers_are_those_of_predict(activation, loss, dtype):
    """With every activation and loss, scaled inputs and others; and the network comes back to the last bit."""
    for scale in (1.0, 16.0):
        network = xpnet.Network(SIZES, activation, loss, scale)
        params, x = randomized(network, dtype), rows(dtype) * scale
        module = serialization.to_torch(network, params)
        assert distance(answers(module, x), network.predict(params, x)) < CLOSE[dtype]
        back, found = serialization.from_torch(module, None if LOSSES[loss].dC_dz is None else loss)
        assert back == network
        assert distance(host(backends.of(found[0].w), found), params) == 0


def test_parameters_of_any_library(backend):
    """The module has copies of them, and trains without changing what it was made from."""
    network = xpnet.Network(SIZES)
    params, x = on(backend, randomized(network), "float32"), rows()
    kept = host(backend, backend.copy(params))
    module = serialization.to_torch(network, params)
    assert distance(answers(module, x), network.predict(kept, x)) < CLOSE["float32"]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert distance(host(backend, params), kept) == 0


def test_the_file_opens_in_torch(tmp_path):
    """What `save` wrote is PyTorch's tensors by their names, which answer as they are."""
    opened = pytest.importorskip("safetensors.torch")
    network = xpnet.Network(SIZES, input_scale=16.0)
    params, x = randomized(network), rows()
    serialization.save(tmp_path / "m.safetensors", network, params)
    tensors = opened.load_file(tmp_path / "m.safetensors")
    there = tuple(Layer(tensors[f"{i}.w"], tensors[f"{i}.b"]) for i in range(3))
    assert distance(network.predict(there, torch.asarray(x)).numpy(), network.predict(params, x)) < CLOSE["float32"]
    assert distance(answers(serialization.to_torch(network, there), x), network.predict(params, x)) < CLOSE["float32"]


def test_bytes_are_divided():
    """A network for images takes their bytes as a module too, and shows what it divides by."""
    network = xpnet.Network([12, 4], input_scale=255.0)
    params, x = randomized(network), np.random.default_rng(0).integers(256, size=(9, 12)).astype(np.uint8)
    module = serialization.to_torch(network, params)
    assert distance(answers(module, x), network.predict(params, x)) < CLOSE["float32"]
    assert "(0): Divide(255)" in str(module)


def test_the_tables_cover_the_registries(monkeypatch):
    """Each activation and each loss has a module; one without it is a sentence."""
    tables = import_module("xpnet.serialization.torch")
    assert (set(tables.ACTIVATIONS), set(tables.OUTPUTS)) == (set(ACTIVATIONS), set(LOSSES))
    monkeypatch.setitem(ACTIVATIONS, "softsign", ACTIVATIONS["tanh"]._replace(name="softsign"))
    monkeypatch.setitem(LOSSES, "cauchy", LOSSES["squared_error"]._replace(name="cauchy"))
    for network, sentence in {
        xpnet.Network(SIZES, "softsign"): r"^activation 'softsign' has no PyTorch module; it can be sigmoid, tanh",
        xpnet.Network(SIZES, loss="cauchy"): r"^loss 'cauchy' has no PyTorch module; it can be cross_entropy",
    }.items():
        with pytest.raises(InputError, match=sentence):
            serialization.to_torch(network, network.init())


def test_numbers_of_activations_come_back():
    """A slope or α of one's own is the module's, and comes back; a Softplus of another sharpness has no name."""
    network = xpnet.Network([12, 9, 7, 5, 4], ["leaky_relu:0.25", "elu:0.5", "elu"], "huber:0.5", 1.0)
    params = randomized(network)
    module = serialization.to_torch(network, params)
    assert distance(answers(module, rows()), network.predict(params, rows())) < CLOSE["float32"]
    assert serialization.from_torch(module, "huber:0.5")[0] == network
    assert serialization.from_torch(nn.Sequential(nn.Linear(3, 2), nn.Hardsigmoid(), nn.Linear(2, 1)))[
        0
    ].activation == ("hard_sigmoid",)
    with pytest.raises(InputError, match=r"the module holds Softplus\(beta=2.0, .*out of place"):
        serialization.from_torch(nn.Sequential(nn.Linear(3, 2), nn.Softplus(beta=2.0), nn.Linear(2, 1)))


def test_dropout_and_a_leading_flatten():
    """Dropout behind an activation comes and goes, a leading Flatten is dropped; elsewhere they have no place."""
    network = xpnet.Network([12, 9, 7, 4], ["tanh", "identity"], input_scale=1.0, dropout=[0.5, 0.2])
    params = randomized(network)
    module = serialization.to_torch(network, params)
    assert [part.p for part in module if isinstance(part, nn.Dropout)] == [0.5, 0.2]
    assert distance(answers(module, rows()), network.predict(params, rows())) < CLOSE["float32"]
    back, found = serialization.from_torch(nn.Sequential(nn.Flatten(), *module))
    assert back == network
    assert distance(host(backends.of(found[0].w), found), params) == 0
    linear, last = nn.Linear(12, 9), nn.Linear(9, 4)
    for wrong in (
        [nn.Dropout(0.5), linear, last],
        [linear, nn.Dropout(0.5), nn.ReLU(), last],
        [linear, nn.Dropout(0.5), nn.Dropout(0.5), last],
        [linear, last, nn.Dropout(0.5)],
        [linear, nn.Flatten(), last],
    ):
        with pytest.raises(InputError, match=r"the module holds .* out of place"):
            serialization.from_torch(nn.Sequential(*wrong))


def test_the_callers_random_numbers_are_left_alone():
    """Making a module draws nothing from PyTorch's global generator."""
    before = torch.get_rng_state()
    network = xpnet.Network(SIZES)
    serialization.to_torch(network, network.init())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_module_of_ones_own():
    """One that ends with its logits and lacks some biases is a network with a softmax, if the caller says so."""
    generator = torch.Generator().manual_seed(1)
    module = nn.Sequential(nn.Linear(12, 9, bias=False), nn.Tanh(), nn.Linear(9, 7), nn.Linear(7, 4))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    network, params = serialization.from_torch(module, loss="cross_entropy")
    assert network == xpnet.Network([12, 9, 7, 4], ["tanh", "identity"], input_scale=1.0)
    wanted = torch.softmax(module(torch.asarray(rows())), dim=1).detach().numpy()
    assert distance(network.predict(params, rows()), wanted) < CLOSE["float32"]
    assert serialization.from_torch(module)[0].loss == "squared_error"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(2, 2), r"the module is a Linear; give a Sequential"),
        (nn.Sequential(), r"the module holds no Linear layer"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Dropout()),
            r"holds Dropout\(p=0.5.*a network has Linear",
        ),
        (nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.Linear(2, 2)), r"holds GELU"),
        (nn.Sequential(nn.Linear(2, 2), nn.ReLU()), r"holds ReLU\(\) out of place"),
        (nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), r"holds ReLU\(\) out of place"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1), nn.Linear(2, 2)), r"holds Softmax\(dim=1\) out of"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=0)), r"holds Softmax\(dim=0\) out of"),
        (nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh(), nn.Linear(2, 2)), r"holds Tanh\(\) out of"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 2)), r"out_features=3.* cannot be followed by .*in_features=2"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_other_modules_are_refused(module, message):
    """What a network has no place for is named as PyTorch prints it."""
    with pytest.raises(InputError, match=message):
        serialization.from_torch(module)
    with pytest.raises(InputError, match="params have weights of shapes"):
        serialization.to_torch(xpnet.Network([2, 2]), xpnet.Network([3, 2]).init())

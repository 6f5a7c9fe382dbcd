"""The ONNX graph of a network gives in onnxruntime what `predict` and a predictor give here."""

import json
from itertools import product

import array_api_compat
import numpy as np
import pytest
from helpers.oracles import FUNCTIONS, distance, on

import xpnet
from xpnet import Layer
from xpnet._support.trees import map_arrays
from xpnet.equations import step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import InputError, MissingExtraError

exported = pytest.importorskip("xpnet.onnx", reason="needs onnx", exc_type=MissingExtraError)
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

CLOSE = {"float32": 1e-6, "float64": 1e-14}
"""How far onnxruntime's answers may be from `predict`, by dtype."""

SIZES = (12, 9, 7, 4)


def randomized(network: xpnet.Network, dtype: str = "float32") -> xpnet.Params:
    """Parameters whose biases are not 0."""
    rng = np.random.default_rng(5)
    return tuple(Layer(w, rng.normal(0, 0.3, b.shape).astype(dtype)) for w, b in network.init(1, dtype=dtype))


def answers(model, x: np.ndarray) -> np.ndarray:
    """What onnxruntime makes of rows."""
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (a,) = session.run(["a"], {"x": x})
    return a


def rows(n: int, columns: int, dtype: str = "float32") -> np.ndarray:
    """Random rows."""
    return np.random.default_rng(n).normal(size=(n, columns)).astype(dtype)


@pytest.mark.parametrize("n", [1, 7, 1000])
@pytest.mark.parametrize(("activation", "loss"), list(product(FUNCTIONS, LOSSES)))
def test_answers_are_those_of_predict(activation, loss, n):
    """Every activation with every loss, on one row, seven and a thousand, with and without scaled inputs."""
    for scale, dtype in product((None, 16.0), CLOSE):
        network = xpnet.Network(SIZES, activation, loss, scale)
        params, x = randomized(network, dtype), rows(n, 12, dtype) * (scale or 1)
        found = answers(exported.model(network, params), x)
        assert found.dtype == dtype
        for expected in (network.predict(params, x), network.predictor(params)(x)):
            assert distance(found, expected) < CLOSE[dtype]


def test_numbers_of_activations_are_attributes():
    """A slope or α of one's own is in the graph, and the model tells its loss with its number."""
    network = xpnet.Network([12, 9, 7, 4], ["leaky_relu:0.25", "elu:0.5"], "pinball:0.9")
    params, x = randomized(network), rows(7, 12)
    made = exported.model(network, params)
    assert distance(answers(made, x), network.predict(params, x)) < CLOSE["float32"]
    assert {one.key: one.value for one in made.metadata_props} == {"loss": "pinball:0.9"}


@pytest.mark.parametrize("loss", list(LOSSES))
def test_forward_is_pure(loss):
    """The forward pass itself, traced with ndonnx's arrays, becomes a graph that answers as the short one does."""
    ndonnx = pytest.importorskip("ndonnx", reason="needs ndonnx")
    network = xpnet.Network(SIZES, ["sigmoid", "tanh"], loss, 16.0)
    params, x = randomized(network), rows(7, 12) * 16
    traced = ndonnx.argument(shape=("n", 12), dtype=ndonnx.float32)
    there = map_arrays(ndonnx.asarray, params)
    a, _ = step.forward(network.model, there, traced, xp=array_api_compat.array_namespace(traced))
    long, short = ndonnx.build({"x": traced}, {"a": a[-1]}), exported.model(network, params)
    assert distance(answers(long, x), answers(short, x)) < CLOSE["float32"]
    assert len(short.graph.node) < len(long.graph.node) / 3


def test_the_tables_cover_the_registries(monkeypatch):
    """Each activation and each loss has its nodes; one without it is a sentence."""
    assert (set(exported.ACTIVATIONS), set(exported.OUTPUTS)) == (set(ACTIVATIONS), set(LOSSES))
    monkeypatch.setitem(ACTIVATIONS, "softsign", ACTIVATIONS["tanh"]._replace(name="softsign"))
    monkeypatch.setitem(LOSSES, "cauchy", LOSSES["squared_error"]._replace(name="cauchy"))
    for network, sentence in {
        xpnet.Network(SIZES, "softsign"): r"^activation 'softsign' has no ONNX node; it can be sigmoid, tanh",
        xpnet.Network(SIZES, loss="cauchy"): r"^loss 'cauchy' has no ONNX node; it can be cross_entropy",
    }.items():
        with pytest.raises(InputError, match=sentence):
            exported.model(network, network.init())


def test_the_graph_is_short():
    """Scaling is one node, each layer a Gemm and its activation, which identity does without."""
    network = xpnet.Network([12, 9, 7, 5, 4], ["sigmoid", "identity", "relu"], input_scale=255.0)
    graph = exported.model(network, network.init()).graph
    kinds = " ".join(f"{node.output[0]}={node.op_type}" for node in graph.node)
    assert kinds == "a0=Div z1=Gemm a1=Sigmoid a2=Gemm z3=Gemm a3=Relu z4=Gemm a=Softmax"
    assert {tensor.name for tensor in graph.initializer} == {"scale", *(f"{p}{i}" for p in "wb" for i in range(1, 5))}


def test_the_graph_says_what_it_is():
    """Input and output are named and of any number of rows; opset, producer, loss and labels are written down."""
    network = xpnet.Network([12, 4])
    model = exported.model(network, network.init())
    values = {value.name: value.type.tensor_type for value in (*model.graph.input, *model.graph.output)}
    shapes = {name: [side.dim_param or side.dim_value for side in kind.shape.dim] for name, kind in values.items()}
    assert shapes == {"x": ["n", 12], "a": ["n", 4]}
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", exported.OPSET)]
    assert (model.producer_name, model.producer_version) == ("xpnet", xpnet.__version__)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about == {"loss": "cross_entropy", "labels": "[0, 1, 2, 3]"}


@pytest.mark.parametrize("labels", [["cat", "dog"], (7, 9), np.array([-1, 1]), np.array(["no", "yes"])])
def test_labels_are_the_users(labels):
    """Names and numbers come back from the metadata as they were."""
    network = xpnet.Network([3, 2])
    about = {entry.key: entry.value for entry in exported.model(network, network.init(), labels=labels).metadata_props}
    assert json.loads(about["labels"]) == list(labels)


def test_a_regression_has_no_labels():
    """Its outputs are numbers, unless somebody names them."""
    network = xpnet.Network([3, 2], loss="squared_error")
    assert [entry.key for entry in exported.model(network, network.init()).metadata_props] == ["loss"]
    assert len(exported.model(network, network.init(), labels=["north", "east"]).metadata_props) == 2


def test_parameters_of_any_library(backend, tmp_path):
    """The file is the same wherever the parameters lie."""
    network = xpnet.Network([12, 9, 4])
    for name, params in {"here": on(backend, network.init(3), "float32"), "host": network.init(3)}.items():
        exported.export(tmp_path / name, network, params)
    assert (tmp_path / "here").read_bytes() == (tmp_path / "host").read_bytes()


def test_what_does_not_fit_is_refused(tmp_path, monkeypatch):
    """Labels for other outputs, parameters of another network and more than a file can hold leave no file."""
    network = xpnet.Network([12, 4])
    params = network.init()
    with pytest.raises(InputError, match=r"labels has 3 entries, but the network 12-4 \(softmax\) has 4 outputs"):
        exported.export(tmp_path / "m.onnx", network, params, labels="abc")
    with pytest.raises(InputError, match="params have weights of shapes"):
        exported.export(tmp_path / "m.onnx", xpnet.Network([12, 5]), params)
    with pytest.raises(InputError, match="No such file"):
        exported.export(tmp_path / "none" / "m.onnx", network, params)
    monkeypatch.setattr(exported, "MOST_BYTES", 100)
    with pytest.raises(InputError, match=r"the parameters take 0\.0 GiB, but an ONNX file holds less than 2"):
        exported.export(tmp_path / "m.onnx", network, params)
    assert list(tmp_path.iterdir()) == []


def test_the_path_comes_first_as_in_save(tmp_path):
    """The order of version 0.1 is taken with a warning, and writes the same; any other is a sentence."""
    network = xpnet.Network([12, 4])
    params = network.init()
    exported.export(tmp_path / "new", network, params)
    with pytest.warns(DeprecationWarning, match=r"use export\(path, network, params\), as in save"):
        exported.export(network, params, str(tmp_path / "old"))
    assert (tmp_path / "old").read_bytes() == (tmp_path / "new").read_bytes()
    for arguments in ((params, network, "m"), ("m", params, network), (3, network, params)):
        with pytest.raises(InputError, match=r"^export got \(.*, …\) but .* in the order export\(path, network, par"):
            exported.export(*arguments)

"""Names of classes: kept in a network, saved with it, and with it on every way out."""

import json
from importlib import import_module

import numpy as np
import pytest

import xpnet
from xpnet import serialization
from xpnet.errors import InputError, MissingExtraError, ModelFileError
from xpnet.training.class_names import names_of

KINDS = {
    "words": ["nein", "ja", "ä\n"],
    "numbers": [7, -3, 2**40],
    "fractions": [0.5, 1.0, 1e300],
    "NumPy's": np.array(["a", "b", "c"]),
    "NumPy's numbers": np.array([3, 1, 2]),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_they_are_saved(tmp_path, kind):
    """A model file gives back the same names, of the same types, as Python has them."""
    network = xpnet.Network([2, 3], classes=KINDS[kind])
    assert list(network.classes) == list(KINDS[kind])
    assert network.class_names == [str(name) for name in network.classes]
    assert type(network.classes[0]) in (str, int, float)
    serialization.save(tmp_path / "m", network, network.init())
    again = serialization.load(tmp_path / "m").network
    assert again == network
    assert list(map(type, again.classes)) == list(map(type, network.classes))


def test_without_names_they_are_numbers():
    """From 0, as many as outputs, of one output two; a regression has none."""
    assert xpnet.Network([2, 3]).class_names == ["0", "1", "2"]
    assert xpnet.Network([2, 1], loss="binary_cross_entropy").class_names == ["0", "1"]
    assert xpnet.Network([2, 3], loss="squared_error").class_names == []


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (["a", "b"], r"classes is \['a', 'b'\]; give 3 different names"),
        (["a", "b", "a"], "different names"),
        (["a", "b", 1], "all of them words or all numbers"),
        ([None, "a", "b"], "words"),
        ([b"a", b"b", b"c"], "words"),
        ([0.5, 1.0, np.nan], "numbers"),
        ([], "give 3"),
        (range(1000), r"classes is \[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …\] of 1000; give 3"),
        (3, "classes is 3; give 3 different names"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_list_of_names(classes, sentence):
    """Names are as many as classes, different, and all words or all numbers."""
    with pytest.raises(InputError, match=sentence):
        xpnet.Network([2, 3], classes=classes)


def test_numbers_have_no_names():
    """A regression has no classes."""
    with pytest.raises(InputError, match="classes came, but loss='squared_error' predicts numbers; leave classes out"):
        xpnet.Network([2, 3], loss="squared_error", classes=["a", "b", "c"])


@pytest.mark.parametrize("classes", [["a"], "abc", ["a", "a", "b"], ["a", 1, 2], [[1], [2], [3]], [None] * 3, {"a": 1}])
def test_a_file_with_other_names_is_damaged(tmp_path, classes):
    """Names that no network has are refused by load."""
    network = xpnet.Network([2, 3])
    serialization.save(tmp_path / "m", network, network.init())
    raw = (tmp_path / "m").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    about = json.loads(header["__metadata__"]["xpnet"])
    about["network"]["classes"] = classes
    header["__metadata__"]["xpnet"] = json.dumps(about)
    text = json.dumps(header).encode()
    (tmp_path / "m").write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + int.from_bytes(raw[:8], "little") :])
    with pytest.raises(ModelFileError, match="m is damaged"):
        serialization.load(tmp_path / "m")


def test_names_of_labels():
    """A classifier's labels are names, unless they are the numbers from 0, a single one, or none that a file holds."""
    assert names_of(np.array(["no", "yes"])) == ("no", "yes")
    assert names_of(np.array([False, True])) == (False, True)
    for labels in ([0, 1, 2], np.arange(4), ["a"], [b"a", b"b"], np.array([(1, 2)], object)):
        assert names_of(labels) is None


@pytest.mark.parametrize("library", ["sklearn.neural_network", "xpnet.estimators"])
@pytest.mark.parametrize(
    "labels", [["no", "yes"], [-1, 3], [False, True], [1.0, 2.0, 5.0], list("cab"), [0, 1]], ids=str
)
@pytest.mark.filterwarnings("ignore:.*converge")
def test_labels_of_an_estimator_survive(tmp_path, library, labels):
    """As a network, in a file, and as an estimator of either library again, they are what they were."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.choice(np.asarray(labels), size=60)
    mlp = import_module(library).MLPClassifier((4,), max_iter=3, random_state=0).fit(X, y)
    network, params = serialization.from_sklearn(mlp)
    assert network.classes == (None if labels == [0, 1] and type(labels[0]) is int else tuple(sorted(labels)))
    if library == "xpnet.estimators":
        assert mlp.network_ == network
    serialization.save(tmp_path / "m", network, params)
    read = serialization.load(tmp_path / "m")
    for other in ("sklearn.neural_network", "xpnet.estimators"):
        again = serialization.to_sklearn(read.network, read.params, library=import_module(other))
        assert again.predict(X).tolist() == mlp.predict(X).tolist()
        assert again.classes_.dtype == mlp.classes_.dtype


def test_onnx_has_them():
    """The graph's metadata have a network's names, of one output two."""
    onnx = pytest.importorskip("xpnet.onnx", reason="needs onnx", exc_type=MissingExtraError)
    for network in (
        xpnet.Network([2, 3], classes=["c", "a", "b"]),
        xpnet.Network([2, 1], loss="binary_cross_entropy", classes=["no", "yes"]),
    ):
        about = {entry.key: entry.value for entry in onnx.model(network, network.init()).metadata_props}
        assert json.loads(about["labels"]) == list(network.classes)


def test_c_has_them():
    """The header has them as an array of strings."""
    network = xpnet.Network([2, 1], loss="binary_cross_entropy", classes=["no", "yes"])
    assert 'model_labels[2] = {"no", "yes"};' in serialization.to_c(network, network.init())

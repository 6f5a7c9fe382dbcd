"""Saved models come back as they were, and a file that is not one is told apart in a sentence."""

import contextlib
import json
import sys

import numpy as np
import pytest
import safetensors.numpy

import xpnet
from xpnet import serialization
from xpnet.backends import dtype_name, moved
from xpnet.errors import InputError, MissingExtraError, ModelFileError

NETWORK = xpnet.Network([4, 3, 2], input_scale=2.0)
ROWS = np.random.default_rng(5).normal(size=(20, 4))
LABELS = (ROWS[:, 0] > 0).astype(np.int64)


def epochs(number, **options):
    """A few epochs on a few rows."""
    options = {"batch_size": 8, "epochs": number, "validation_fraction": 0.2} | options
    return list(xpnet.epochs(NETWORK, (ROWS, LABELS), xpnet.adam(0.1), **options))


def arrays(tree):
    """All arrays in nested tuples."""
    return [array for branch in tree for array in arrays(branch)] if isinstance(tree, tuple) else [tree]


@pytest.fixture
def path(tmp_path):
    """A file with a model that could be trained on."""
    epoch = epochs(2)[-1]
    path = tmp_path / "model.safetensors"
    serialization.save(path, NETWORK, epoch.params, epoch.checkpoint, {"hidden": [3]})
    return path


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_comes_back(tmp_path, dtype):
    """Network, parameters, checkpoint and configuration are the same after a round trip, to the last bit."""
    epoch = epochs(3, dtype=dtype)[-1]
    serialization.save(tmp_path / "m", NETWORK, epoch.params, epoch.checkpoint, {"seed": 0})
    model = serialization.load(tmp_path / "m")
    assert model.network == NETWORK
    assert model.configuration == {"seed": 0}
    for field, value in epoch.checkpoint._asdict().items():
        came = getattr(model.checkpoint, field)
        if isinstance(value, tuple):
            for one, other in zip(arrays(came), arrays(value), strict=True):
                assert dtype_name(one) == dtype
                np.testing.assert_array_equal(one, other)
        else:
            assert came == value


def test_parameters_of_any_library_are_saved(backend, tmp_path):
    """Parameters on a device are written as they are there."""
    params = NETWORK.init(1)
    serialization.save(tmp_path / "m", NETWORK, moved(params, backend))
    for one, other in zip(arrays(serialization.load(tmp_path / "m").params), arrays(params), strict=True):
        np.testing.assert_array_equal(one, other)


def test_parameters_alone_leave_no_checkpoint(tmp_path):
    """A model that was saved without a checkpoint has none."""
    serialization.save(tmp_path / "m", NETWORK, NETWORK.init(0))
    assert serialization.load(tmp_path / "m").checkpoint is None


def test_the_best_parameters_are_the_ones_to_use(tmp_path):
    """Where patience kept better parameters, those are the model's, and the last ones are still there to go on from."""
    *_, last = epochs(40, patience=3)
    assert last.best_params is not last.params
    serialization.save(tmp_path / "m", NETWORK, last.best_params, last.checkpoint)
    model = serialization.load(tmp_path / "m")
    np.testing.assert_array_equal(model.params[0].w, last.best_params[0].w)
    np.testing.assert_array_equal(model.checkpoint.params[0].w, last.params[0].w)


def test_another_order_of_arguments_is_a_sentence(tmp_path):
    """The path comes first; parameters are the epoch's, not the epoch, and fit the network."""
    epoch = epochs(1)[-1]
    path, params = tmp_path / "m", epoch.params
    for arguments in ((NETWORK, params, path), (params, NETWORK, path), (path, params, NETWORK), (3, NETWORK, params)):
        with pytest.raises(InputError, match=r"^save got \(.*, …\) but .* in the order save\(path, network, params\)"):
            serialization.save(*arguments)
    with pytest.raises(InputError, match=r"params is a.* Epoch; give .*epoch\.params"):
        serialization.save(path, NETWORK, epoch)
    with pytest.raises(InputError, match="params have weights of shapes"):
        serialization.save(path, xpnet.Network([4, 2]), params)
    assert not path.exists()


def test_other_programs_can_read_it(path):
    """The file holds plain arrays named by layer, whatever reads safetensors can read."""
    assert {"0.w", "0.b", "1.w", "1.b"} < set(safetensors.numpy.load_file(path))


def test_a_truncated_file_is_no_model(path):
    """However much of a file is lost, the sentence is about the file."""
    whole = path.read_bytes()
    for kept in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(ModelFileError, match="is no readable model"):
            serialization.load(path)


def test_other_files_are_no_models(tmp_path):
    """Random bytes, another program's tensors, a folder and nothing at all are told apart."""
    noise, foreign = tmp_path / "noise", tmp_path / "foreign"
    noise.write_bytes(np.random.default_rng(0).bytes(1000))
    safetensors.numpy.save_file({"x": np.zeros(3)}, foreign)
    for name, sentence in {
        noise: "is no readable model",
        foreign: "was not written by xpnet",
        tmp_path: "is no readable model",
        tmp_path / "none": "is no readable model: No such file",
    }.items():
        with pytest.raises(ModelFileError, match=sentence):
            serialization.load(name)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3"])
def test_tensors_that_numpy_lacks_are_another_programs(tmp_path, dtype):
    """A file with types of language models is told apart without reading what NumPy cannot hold."""
    header = json.dumps({"x": {"dtype": dtype, "shape": [0], "data_offsets": [0, 0]}}).encode()
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelFileError, match="was not written by xpnet"):
        serialization.load(tmp_path / "m")


@pytest.mark.parametrize("seed", range(20))
def test_bytes_changed_at_random_are_no_other_error(path, seed):
    """A file whose header lost some bytes is a model or a ModelFileError, never another exception."""
    rng, whole = np.random.default_rng(seed), path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    for _ in range(20):
        changed = bytearray(whole)
        changed[int(rng.integers(8 + header))] = int(rng.integers(256))
        path.write_bytes(changed)
        with contextlib.suppress(ModelFileError):
            serialization.load(path)


def rewritten(path, change):
    """The file with its metadata or tensors changed."""
    with safetensors.safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["xpnet"])
    tensors = safetensors.numpy.load_file(path)
    change(about, tensors)
    safetensors.numpy.save_file(tensors, path, {"xpnet": json.dumps(about)})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda about, tensors: about.update(format=99), "is damaged, or .*: it needs file format 99"),
        (lambda about, tensors: tensors.pop("1.w"), "is damaged: it lacks '1.w'"),
        (lambda about, tensors: tensors.pop("optimizer.0.0.w"), "is damaged"),
        (lambda about, tensors: about.pop("network"), "is damaged: .*network"),
        (lambda about, tensors: about["network"].update(loss="hinge"), "is damaged, or .*: it needs the loss 'hinge'"),
        (lambda about, tensors: tensors.update({"0.w": np.zeros((2, 2))}), "is damaged: params have weights of shapes"),
    ],
)
def test_a_changed_file_is_damaged(path, change, sentence):
    """Whatever is missing or does not fit is named."""
    rewritten(path, change)
    with pytest.raises(ModelFileError, match=sentence):
        serialization.load(path)


@pytest.mark.parametrize(
    ("name", "module", "package"), [("to_torch", "torch", "torch"), ("from_sklearn", "sklearn", "scikit-learn")]
)
def test_without_the_other_library_it_says_what_to_install(monkeypatch, name, module, package):
    """What is for another library asks for it when it is used, not before."""
    monkeypatch.delitem(sys.modules, f"xpnet.serialization.{module}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=f"needs {package}, which is not installed; run pip install {package}"):
        getattr(serialization, name)


def test_what_there_is_not_is_no_attribute():
    """A library that there is nothing for is told as any other misspelt name."""
    with pytest.raises(AttributeError, match=r"'xpnet\.serialization' has no attribute 'to_keras'"):
        _ = serialization.to_keras

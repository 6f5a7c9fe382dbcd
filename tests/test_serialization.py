"""Saved models come back as they were, and a file that is not one is told apart in a sentence."""

import contextlib
import errno
import gzip
import json
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from helpers.hostile import HOSTILE, places

import xpnet
from xpnet import serialization
from xpnet.backends import dtype_name, moved
from xpnet.errors import InputError, MissingExtraError, ModelFileError
from xpnet.serialization import saved

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
    # The checksum of what a modified xpnet would have written.
    tensors.pop("sha256")
    text = json.dumps(about)
    tensors["sha256"] = saved._checksum(text, tensors)
    safetensors.numpy.save_file(tensors, path, {"xpnet": text})


def both_dtypes(about, tensors):
    """Weights of one dtype and biases of another."""
    tensors["0.w"] = tensors["0.w"].astype("float32")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda about, tensors: about.update(format=99), "is damaged, or .*: it needs file format 99"),
        (lambda about, tensors: tensors.pop("1.w"), "is damaged: it lacks '1.w'"),
        (lambda about, tensors: tensors.pop("optimizer.0.0.w"), "is damaged"),
        (lambda about, tensors: about.pop("network"), "is damaged: .*network"),
        (lambda about, tensors: about["network"].update(loss="hinge"), "is damaged, or .*: it needs the loss 'hinge'"),
        (lambda about, tensors: tensors.update(x=np.zeros(2)), "is damaged: it holds x, which belongs to nothing"),
        (both_dtypes, "is damaged: the parameters are float32 and float64"),
        (
            lambda about, tensors: about["training"].update(order=3),
            "is damaged: order of the training is 3, not a stat",
        ),
        (lambda about, tensors: tensors.update({"0.w": np.zeros((2, 2))}), "is damaged: params have weights of shapes"),
    ],
)
def test_a_changed_file_is_damaged(path, change, sentence):
    """Whatever is missing or does not fit is named."""
    rewritten(path, change)
    with pytest.raises(ModelFileError, match=sentence):
        serialization.load(path)


def numbers_of(path):
    """Place of the first tensor in a file."""
    return 8 + int.from_bytes(path.read_bytes()[:8], "little")


def test_no_single_bit_of_a_file_can_be_flipped(path):
    """Wherever a bit is flipped, in the numbers or in the metadata, the file is refused."""
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    for at in rng.choice(len(whole), 400, replace=False):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        with pytest.raises(ModelFileError):
            serialization.load(path)


def test_flipped_numbers_are_called_damaged(path):
    """The sentence says that it is the contents which are not as they were saved."""
    whole = bytearray(path.read_bytes())
    whole[numbers_of(path)] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ModelFileError, match="is damaged: its checksum is not that of its contents"):
        serialization.load(path)


def test_a_file_is_the_same_each_time(path):
    """The same model is the same bytes, whatever order its tensors are handed on in."""
    model = serialization.load(path)
    again = path.with_name("again")
    for _ in range(5):
        serialization.save(again, model.network, model.params, model.checkpoint, model.configuration)
        assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_parameters_that_are_not_finite_are_neither_saved_nor_loaded(path, number):
    """The sentence names the layer; a good file that was there stays."""
    whole, params = path.read_bytes(), [(w.copy(), b.copy()) for w, b in NETWORK.init(0)]
    params[1][0][0, 1] = number
    with pytest.raises(InputError, match=r"the weights of layer 2 are not finite.*nothing to save"):
        serialization.save(path, NETWORK, params)
    assert path.read_bytes() == whole
    rewritten(path, lambda about, tensors: tensors.update({"0.b": np.full(3, number)}))
    with pytest.raises(ModelFileError, match="is damaged: the biases of layer 1 are not finite"):
        serialization.load(path)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "float16", "bool"])
def test_parameters_of_another_dtype_are_not_loaded(path, dtype):
    """All tensors are of the one floating dtype of the training."""
    rewritten(path, lambda about, tensors: tensors.update({"1.w": tensors["1.w"].astype(dtype)}))
    with pytest.raises(ModelFileError, match=f"is damaged: the parameters are .*{dtype}"):
        serialization.load(path)


def test_parameters_of_another_dtype_are_converted_or_refused(path):
    """Numbers of half precision are saved in single precision; what has no real floating-point numbers is not saved."""
    half = [(w.astype("float16"), b.astype("float16")) for w, b in NETWORK.init(0)]
    serialization.save(path, NETWORK, half)
    saved = serialization.load(path).params
    assert all(np.array_equal(a, b) and b.dtype == np.float32 for a, b in zip(half[0], saved[0], strict=True))
    for dtype in ("int32", "bool"):
        with pytest.raises(InputError, match=f"params hold {dtype} but need real floating-point numbers"):
            serialization.save(path, NETWORK, [(w.astype(dtype), b.astype(dtype)) for w, b in half])


def test_any_value_anywhere_in_the_metadata_is_usable_or_refused(path):
    """No value at any place is another error, loaded or resumed from, and no message is long or has control codes."""
    with safetensors.safe_open(path, framework="numpy") as file:
        text = file.metadata()["xpnet"]
    count, messages = len(list(places(json.loads(text)))), []
    for place in range(count):
        for value in HOSTILE:

            def change(about, tensors, place=place, value=value):
                holder, key = list(places(about))[place]
                holder[key] = value

            rewritten(path, change)
            try:
                model = serialization.load(path)
                model.network.predict(model.params, ROWS)
                if model.checkpoint.epoch < 5:
                    epochs(model.checkpoint.epoch + 1, resume=model.checkpoint)
            except InputError as error:
                messages.append(str(error))
            rewritten(path, lambda about, tensors: (about.clear(), about.update(json.loads(text))))
    assert len(messages) > count * len(HOSTILE) / 2
    assert all(len(message) < 1000 and message.isprintable() for message in messages)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_metadata_that_are_nested_are_damaged(path, depth):
    """However deep, which Python's reader of JSON has an error of its own for."""
    tensors = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file(tensors, path, {"xpnet": "[" * depth + "]" * depth})
    with pytest.raises(ModelFileError, match=r"is damaged: (its metadata are nested|the metadata are a list)"):
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


def written(path, kind):
    """A file of another kind."""
    with open(path, "wb") as file:
        if kind == "an .npz file of data":
            np.savez(file, x=np.eye(3))
        elif kind == "a zip archive, as PyTorch's files are":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("archive/data.pkl", b"")
        elif kind == "a .npy array":
            np.save(file, np.eye(3))
        elif kind == "a single IDX file":
            file.write(gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x05"))
        elif kind == "a pickle, which is never read: it can run any program":
            pickle.dump({"model": list(range(300))}, file)
        else:
            file.write("x,y\n1,β\n".encode())


@pytest.mark.parametrize(
    "kind",
    [
        "an .npz file of data",
        "a zip archive, as PyTorch's files are",
        "a .npy array",
        "a single IDX file",
        "a pickle, which is never read: it can run any program",
        "a text file",
    ],
)
def test_a_file_of_another_kind_is_named_as_what_it_is(tmp_path, kind):
    """Whatever its name, by its first bytes; as where data and model are exchanged."""
    written(tmp_path / "m", kind)
    with pytest.raises(ModelFileError, match=f"m is no model: it is {kind}; name a file that --save or save wrote"):
        serialization.load(tmp_path / "m")


def test_what_there_is_not_is_no_attribute():
    """A library that there is nothing for is told as any other misspelt name."""
    with pytest.raises(AttributeError, match=r"'xpnet\.serialization' has no attribute 'to_keras'"):
        _ = serialization.to_keras


def test_what_cannot_be_opened_is_said_in_the_systems_words(tmp_path, monkeypatch):
    """A folder, a FIFO and a file that may not be read are named as what they are."""
    with pytest.raises(ModelFileError, match="is no readable model: Is a directory"):
        serialization.load(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ModelFileError, match="is no readable model: it is a FIFO; copy what it gives into"):
        serialization.load(tmp_path / "fifo")
    (tmp_path / "private").write_bytes(b"")

    def refuse(*arguments, **more):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ModelFileError, match="private is no readable model: Permission denied"):
        serialization.load(tmp_path / "private")

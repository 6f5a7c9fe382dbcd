"""`python -m xpnet.export` writes a model that another program answers with, or says why not and writes nothing."""

import numpy as np
import pytest
from helpers.commands import process, process_without, sentence, trained

from xpnet import export, serialization
from xpnet.data import load
from xpnet.errors import InputError


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A model of the digits after five epochs."""
    folder = tmp_path_factory.mktemp("model")
    trained(folder, "--epochs", 5, "--save", folder / "digits.safetensors")
    return folder / "digits.safetensors"


def test_the_file_answers_for_the_model(path, tmp_path, capsys):
    """On pixels as the data hold them onnxruntime finds every digit that the model finds."""
    pytest.importorskip("onnx", reason="needs onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    export.main([str(path), str(tmp_path / "digits.onnx")])
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'digits.onnx'}: 64-128-10 (relu, softmax), ONNX opset 17",
        "input x, float32 (n, 64), divided by 16 within",
        "output a, float32 (n, 10)",
    ]
    x, model = load("digits").x_test, serialization.load(path)
    session = runtime.InferenceSession(tmp_path / "digits.onnx", providers=["CPUExecutionProvider"])
    (a,) = session.run(["a"], {"x": x.astype(np.float32)})
    np.testing.assert_array_equal(a.argmax(axis=1), model.network.classify(model.params, x))


def test_a_header_says_what_it_takes(path, tmp_path, capsys):
    """Its names begin with the file's."""
    export.main([str(path), str(tmp_path / "my digits.h")])
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'my digits.h'}: 64-128-10 (relu, softmax), C header, a row at a time",
        "input x, float32 (n, 64), divided by 16 within",
        "output a, float32 (n, 10)",
    ]
    assert "my_digits_predict(const float *x, float *a)" in (tmp_path / "my digits.h").read_text(encoding="utf-8")


def test_mistakes_leave_no_file(path, tmp_path, monkeypatch):
    """A truncated model, none at all, another ending and a folder that is not there are told in a sentence."""
    pytest.importorskip("onnx", reason="needs onnx")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half").write_bytes(path.read_bytes()[:5000])
    for arguments, message in (
        (["half", "m.onnx"], "half is no readable model"),
        (["none", "m.onnx"], "none is no readable model: No such file"),
        ([str(path), "m.tflite"], r"m\.tflite does not end in \.onnx"),
        ([str(path), "none/m.onnx"], r"cannot write none/m\.onnx: there is no folder none"),
        ([str(path)], "the following arguments are required: FILE"),
    ):
        with pytest.raises(InputError, match=message):
            export.main(arguments)
    assert [file.name for file in tmp_path.iterdir()] == ["half"]


def test_the_process_says_what_is_wrong(tmp_path):
    """It exits with 2 and one sentence."""
    pytest.importorskip("onnx", reason="needs onnx")
    assert "is no readable model" in sentence(process("xpnet.export", "none", "m.onnx", cwd=tmp_path))


def test_without_onnx_it_says_what_to_install(path, tmp_path):
    """The sentence is one line, with the command."""
    answer = process_without("onnx", "xpnet.export", path, tmp_path / "m.onnx")
    assert sentence(answer) == "xpnet.onnx needs onnx, which is not installed; run pip install onnx."

"""Models that other versions wrote: older ones load, and newer ones are told apart in a sentence.

The files and predictions in tests/files come from xpnet 0.1.0 at commit b1965e2: `digits` was trained for 2 epochs by
`python -m xpnet.train --epochs 2 --hidden 5,4 --activation tanh,relu --validation-fraction 0.2 --engine plain --seed 3`
and resumed for a third, `regression` as in `regression_epochs`, for 5 epochs and resumed to 7.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from helpers.commands import trained
from helpers.oracles import ROUNDING, distance

import xpnet
from xpnet import serialization
from xpnet.data import load
from xpnet.errors import ModelFileError, ModelFileWarning

FILES = Path(__file__).parent / "files"
PREDICTIONS = json.loads((FILES / "predictions-0.1.json").read_text(encoding="utf-8"))
ROWS = np.arange(36.0).reshape(12, 3) % 7 - 3
"""The inputs of the regression."""


def regression_epochs(epochs, **options):
    """The regression's training, as version 0.1.0 was asked for it."""
    network = xpnet.Network([3, 4, 1], ["sigmoid"], "squared_error", 2.0)
    y = ROWS[:, :1] * ROWS[:, 1:2] / 4
    options |= dict(batch_size=4, seed=1, dtype="float64", engine="plain", validation_fraction=0.25)
    return network, list(xpnet.epochs(network, (ROWS, y), xpnet.momentum(0.5), epochs=epochs, **options))


def test_a_regression_of_0_1_loads_and_resumes():
    """Network, best parameters and configuration are there, predict as they did, and the training resumes as it did."""
    with pytest.warns(ModelFileWarning, match="without a checksum, by xpnet 0.1.0"):
        model = serialization.load(FILES / "regression-0.1.safetensors")
    network, before = regression_epochs(5)
    assert model.network == network
    assert (model.configuration, model.checkpoint.epoch) == ({"rate": 0.5}, 5)
    wanted = PREDICTIONS["regression"]
    assert distance(network.predict(model.params, ROWS), np.array(wanted["saved"])) < ROUNDING["float64"]
    _, after = regression_epochs(7, resume=model.checkpoint)
    assert [epoch.number for epoch in after] == [6, 7]
    assert distance(network.predict(after[-1].params, ROWS), np.array(wanted["resumed"])) < ROUNDING["float64"]
    assert distance(before[-1].params, model.checkpoint.params) < ROUNDING["float64"]


def test_a_training_of_0_1_loads_and_resumes(tmp_path):
    """A model that the command saved predicts as it did, and `--resume` trains its third epoch as it did."""
    path, x = tmp_path / "digits.safetensors", load("digits").x_test[:6]
    shutil.copy(FILES / "digits-0.1.safetensors", path)
    with pytest.warns(ModelFileWarning, match="To save it again adds one"):
        model = serialization.load(path)
    assert str(model.network) == "64-5-4-10 (tanh, relu, softmax)"
    wanted = PREDICTIONS["digits"]
    assert distance(model.network.predict(model.params, x), np.array(wanted["saved"])) < ROUNDING["float32"]
    with pytest.warns(ModelFileWarning):
        (line,) = trained(tmp_path, "--resume", path, "--epochs", 3)
    assert line["epoch"] == 3
    model = serialization.load(path)
    assert distance(model.network.predict(model.params, x), np.array(wanted["resumed"])) < ROUNDING["float32"]


def rewritten(path, version, change):
    """The regression's file as another version would have written it, with its metadata or tensors changed."""
    with safetensors.safe_open(FILES / "regression-0.1.safetensors", framework="numpy") as file:
        about = json.loads(file.metadata()["xpnet"]) | {"xpnet": version}
    tensors = safetensors.numpy.load_file(FILES / "regression-0.1.safetensors")
    change(about, tensors)
    safetensors.numpy.save_file(tensors, path, {"xpnet": json.dumps(about)})
    return path


NEEDS = {
    "it needs file format 2": lambda about, tensors: about.update(format=2),
    "it needs a network with skips": lambda about, tensors: about["network"].update(skips=0.1),
    "it needs the activation 'gelu' and the loss 'hinge'": lambda about, tensors: about["network"].update(
        activation=["gelu"], loss="hinge"
    ),
    "it needs a training with noise": lambda about, tensors: about["training"].update(noise=[1]),
    "params have weights of shapes": lambda about, tensors: tensors.update({"0.w": np.zeros((4, 5))}),
}
"""What a file can ask of its reader, each with a file that does."""


@pytest.mark.parametrize("needed", NEEDS)
@pytest.mark.parametrize("version", ["0.1.1", "0.2.0.dev1", "0.10.0", "1.0"])
def test_a_model_of_a_newer_version_is_not_called_damaged(tmp_path, needed, version):
    """The sentence names the version that wrote it, this one, and whatever this one lacks."""
    path = rewritten(tmp_path / "m", version, NEEDS[needed])
    with pytest.raises(ModelFileError) as caught:
        serialization.load(path)
    assert str(caught.value).startswith(
        f"{path} was written by xpnet {version}, this is {xpnet.__version__}; update xpnet to read it: {needed}"
    )


@pytest.mark.parametrize("needed", NEEDS)
@pytest.mark.parametrize("version", [xpnet.__version__, "0.0.9", "", None])
def test_a_model_of_no_newer_version_is_damaged(tmp_path, needed, version):
    """Whatever cannot be understood in a file of this version or an older one is no matter of updating."""
    path = rewritten(tmp_path / "m", version, NEEDS[needed])
    with pytest.raises(ModelFileError, match=f"m is damaged(, or was written by a modified xpnet)?: {needed}"):
        serialization.load(path)


def test_a_newer_version_alone_is_no_obstacle(tmp_path):
    """A file of a newer version that needs nothing new is read."""
    path = rewritten(tmp_path / "m", "7.0", lambda about, tensors: None)
    with pytest.warns(ModelFileWarning):
        assert serialization.load(path).checkpoint.epoch == 5

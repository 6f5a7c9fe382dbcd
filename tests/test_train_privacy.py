"""`python -m xpnet.train` trains privately, says how and how much of the rows that gives away, and saves no more."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.commands import logged, process, process_without, sentence, trained
from safetensors import safe_open

from xpnet import serialization, train
from xpnet._cli.configuration import Configuration
from xpnet._cli.presets import configure
from xpnet._cli.resume import resumed
from xpnet.data import load
from xpnet.errors import InputError

FLAGS = ("--noise-multiplier", "2", "--epochs", "2", "--batch-size", "256", "--hidden", "8")


@pytest.fixture
def accounting():
    """Accountant, which is not installed everywhere."""
    return pytest.importorskip("dp_accounting")


def test_its_lines_say_what_is_private_and_what_is_not(accounting, capsys):
    """How each step protects a row, which numbers do not, and ε in every epoch's line."""
    train.main([*FLAGS, "--clip-norm", "0.5", "--delta", "1e-4"])
    _, settings, private, *epochs = capsys.readouterr().out.splitlines()
    assert "gradients of rows clipped to 0.5, batches of about 256 rows" in settings
    assert private.startswith("private: each row in a batch with probability 0.1781, noise σ 2; not private: cost ")
    assert ["at δ 0.0001" in line for line in epochs] == [True, True]


def test_log_model_and_summary_have_epsilon(accounting, tmp_path, capsys):
    """The same number; of the private rows the model has neither digest nor order nor scores."""
    model = tmp_path / "m"
    lines = trained(tmp_path, *FLAGS, "--save", model)
    spent = [line["epsilon"] for line in lines]
    assert 0 < spent[0] < spent[1]
    saved = serialization.load(model)
    assert (saved.checkpoint.epsilon, saved.checkpoint.delta) == (spent[1], 1e-5)
    assert saved.configuration["fingerprint"] == ""
    assert load("digits").fingerprint() not in model.read_bytes().decode("latin-1")
    with safe_open(model, framework="numpy") as file:
        assert json.loads(file.metadata()["xpnet"])["training"]["order"] == {}
    assert saved.history[-1]["cost"] is None
    answer = process("xpnet.predict", model).stdout
    assert f"private for each training row: ε {spent[1]:.3f} at δ 1e-05" in answer
    assert "epoch 2: test " in answer


def test_a_resumed_command_goes_on_spending(accounting, tmp_path):
    """With the same settings; more epochs than a target allows take a larger one, and nothing else may change."""
    model = tmp_path / "m"
    trained(tmp_path, *FLAGS, "--save", model)
    lines = trained(tmp_path, "--resume", model, "--epochs", "3")
    whole = trained(tmp_path, *FLAGS, "--epochs", "3")
    # The log is a new one: of the epochs before, the model has the numbers.
    assert [line["epsilon"] for line in lines] == pytest.approx([line["epsilon"] for line in whole])
    for flags in (("--delta", "1e-4"), ("--noise-multiplier", "3"), ("--clip-norm", "2"), ("--target-epsilon", "9")):
        with pytest.raises(InputError, match="contradicts"):
            train.main(["--resume", str(model), "--epochs", "5", *flags])


def test_a_target_may_grow():
    """A private model that is resumed may be told another ε to end with; another kind of model may not."""
    kept = configure({"target_epsilon": 3.0})
    assert resumed(kept.__dict__, {"target_epsilon": 4.0, "epochs": 40}, None, "m") == replace(
        kept, target_epsilon=4.0, epochs=40
    )
    with pytest.raises(InputError, match="--target-epsilon 4 contradicts m, which was trained without it"):
        resumed(configure({}).__dict__, {"target_epsilon": 4.0}, None, "m")


def test_models_without_these_flags_resume():
    """Those of before private training."""
    new = ("target_epsilon", "noise_multiplier", "delta")
    before = {name: value for name, value in configure({}).__dict__.items() if name not in new}
    assert resumed(before, {}, None, "m") == Configuration(**before)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--delta", "1e-5"), "--delta goes with --target-epsilon or --noise-multiplier"),
        (("--noise-multiplier", "0"), "--noise-multiplier 0 protects nobody"),
        (("--noise-multiplier", "1", "--target-epsilon", "1"), "either noise_multiplier or target_epsilon"),
        ((*FLAGS, "--class-weight", "balanced"), "weight does not go with privacy"),
        ((*FLAGS, "--validation-fraction", "0.1"), "validation_fraction does not go with privacy"),
        ((*FLAGS, "--patience", "1"), "patience does not go with privacy"),
        ((*FLAGS, "--dropout", "0.1"), "dropout does not go with privacy"),
        ((*FLAGS, "--batch-size", "1438"), "probability batch_size / n"),
        ((*FLAGS, "--delta", "1"), "delta is 1"),
    ],
)
def test_what_cannot_be_private_is_refused(flags, words):
    """In one sentence, before anything is trained."""
    with pytest.raises(InputError, match=words) as error:
        train.main(list(flags))
    assert "\n" not in str(error.value)


def test_rows_on_disk_are_refused(tmp_path):
    """Their order is not drawn row by row."""
    np.save(tmp_path / "x_train.npy", np.eye(6))
    np.save(tmp_path / "y_train.npy", np.arange(6) % 2)
    with pytest.raises(InputError, match="rows on disk"):
        train.main([*FLAGS, "--batch-size", "2", "--data", str(tmp_path)])


def test_a_missing_accountant_is_told_before_the_training():
    """Not after an epoch, whose ε it would be asked for."""
    message = sentence(process_without("dp_accounting", "xpnet.train", *FLAGS))
    assert message == "a private training needs dp-accounting, which is not installed; run pip install dp-accounting."


def test_standardization_is_said_not_to_be_private(accounting, capsys):
    """Mean and deviation of the columns are taken from the private rows, and the model keeps them."""
    train.main([*FLAGS, "--epochs", "1", "--standardize"])
    assert "the mean and deviation of its columns, in a model" in capsys.readouterr().out


def test_the_report_says_so_too(accounting, tmp_path):
    """With ε, and that the page is to be kept like the rows."""
    pytest.importorskip("matplotlib")
    train.main([*FLAGS, "--plot", str(tmp_path / "p"), "--log", str(tmp_path / "log"), "--quiet"])
    page = (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
    epsilon = logged(tmp_path / "log")[-1]["epsilon"]
    assert f"Trained privately, with ε = {epsilon:.3f} at δ = 1e-05 for each training row." in page
    assert "are not private" in page
    # The rows that stand out are what is to be hidden.
    assert not {"telling-samples.png", "gradient-norm-curves.png"} & {path.name for path in (tmp_path / "p").iterdir()}
    assert all("gradient_norms" not in record for record in logged(tmp_path / "log"))

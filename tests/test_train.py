"""`python -m xpnet.train` trains what its flags say, and tells it in lines, a log and a saved model."""

import re
import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import PYTHON, logged, process, trained

import xpnet
from xpnet import serialization, train
from xpnet._cli.configuration import Configuration
from xpnet.data import load
from xpnet.errors import InputError

ONE = ("--epochs", "1")


def test_the_defaults_learn_the_digits(tmp_path):
    """Without any flag 96 % of the test digits are right."""
    assert trained(tmp_path)[-1]["test_accuracy"] >= 0.96


def test_the_first_lines_say_what_is_trained_where_on_what_and_how(capsys):
    """Version, library, engine, device, network, parameters and data; then the settings; then a line per epoch."""
    train.main(["--epochs", "2", "--hidden", "32,16", "--activation", "tanh,relu"])
    first, second, *epochs = capsys.readouterr().out.splitlines()
    assert first == (
        f"xpnet {xpnet.__version__}, numpy {np.__version__} (replay) on cpu: 64-32-16-10 (tanh, relu, softmax), "
        "2,778 parameters; digits: 1,437 rows, 360 to test"
    )
    assert second == (
        "adam, learning rate 0.003, batches of 32 rows, 2 epochs, seed 0 (train: each row scored before its step)"
    )
    assert [line.split()[:2] for line in epochs] == [["epoch", "1"], ["epoch", "2"]]


def test_lines_end_with_the_last_rows_where_there_is_no_bar(capsys, monkeypatch):
    """A pipe sees the running accuracy of the last thousand rows in each epoch's line; a terminal in the bar."""
    train.main([*ONE])
    assert re.search(r"samples/s  last 1,021 rows \d\d\.\d\d%\n$", capsys.readouterr().out)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    train.main([*ONE])
    assert capsys.readouterr().out.endswith("samples/s\n")


def test_lines_do_not_repeat_the_accuracy_of_a_short_epoch(tmp_path, capsys):
    """Where the last thousand rows are all of the epoch, their accuracy is "train"."""
    np.savez(tmp_path / "few.npz", x_train=np.random.default_rng(0).normal(size=(90, 3)), y_train=np.arange(90) % 3)
    train.main(["--data", str(tmp_path / "few.npz"), *ONE])
    assert capsys.readouterr().out.endswith("samples/s\n")


def test_the_log_has_a_line_per_epoch(tmp_path):
    """Accuracies are fractions, seconds and rate those of training alone."""
    lines = trained(tmp_path, "--epochs", "3")
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert set(line) == {
            *("epoch", "cost", "train_accuracy", "test_accuracy"),
            *("learning_rate", "seconds", "samples_per_second", "test_cost", "running"),
        }
        assert list(line["running"]) == ["rows", "last", "cost", "accuracy"]
        assert line["running"]["rows"][-1] == 1437
        assert 0 <= line["train_accuracy"] <= 1
        assert 0 <= line["test_accuracy"] <= 1
        assert line["samples_per_second"] == pytest.approx(1437 / line["seconds"])


def test_validation_has_its_columns_in_the_log(tmp_path):
    """Held-out rows have a cost and an accuracy of their own."""
    (line,) = trained(tmp_path, *ONE, "--validation-fraction", "0.1", "--patience", "2")
    assert line["validation_cost"] > 0
    assert 0 <= line["validation_accuracy"] <= 1


def test_early_stopping_is_told(tmp_path, capsys):
    """Each line has the cost that it goes by, and the last one says that it stopped, why, and what the file has."""
    model = tmp_path / "m"
    train.main(["--epochs", "60", "--patience", "2", "--validation-fraction", "0.1", "--save", str(model)])
    *lines, last = capsys.readouterr().out.splitlines()[2:]
    costs = [float(line.partition("validation cost ")[2].split()[0]) for line in lines]
    best = 1 + int(np.argmin(costs))
    assert len(lines) == best + 2 < 60
    assert last == f"stopped: 2 epochs without a lower validation cost; epoch {best} is kept"
    saved = serialization.load(model)
    assert saved.checkpoint.best_cost == pytest.approx(costs[best - 1], abs=1e-4)
    digits, score = load("digits"), saved.history[best - 1]["test_accuracy"]
    assert saved.network.score(saved.params, digits.x_test, digits.y_test) == pytest.approx(score)


@pytest.mark.parametrize(
    "flags",
    [
        ("--hidden", "none"),
        ("--hidden", "8,8", "--activation", "sigmoid"),
        ("--activation", "identity"),
        ("--optimizer", "sgd", "--momentum", "0.5"),
        ("--optimizer", "nesterov"),
        ("--optimizer", "adamw", "--l2", "0.001"),
        ("--schedule", "step:1:0.5"),
        ("--schedule", "inverse-scaling"),
        ("--schedule", "cosine"),
        ("--batch-size", "1000"),
        ("--seed", "7", "--dtype", "float64"),
        ("--backend", "numpy", "--device", "cpu"),
        ("--device", "auto"),
        ("--engine", "plain"),
        ("--engine", "auto"),
        ("--precision", "fp32"),
        ("--preset", "post"),
    ],
    ids=" ".join,
)
def test_every_flag_trains(tmp_path, flags):
    """Two epochs of training end with a finite cost that is lower than the first."""
    first, second = trained(tmp_path, "--epochs", "2", *flags)
    assert second["cost"] < first["cost"]


@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_the_engine_that_is_used_is_shown_and_saved(tmp_path, capsys, engine):
    """It stands in the first line, and in the model."""
    train.main(["--engine", engine, *ONE, "--save", str(tmp_path / "m")])
    assert f"numpy {np.__version__} ({engine}) on cpu:" in capsys.readouterr().out
    assert serialization.load(tmp_path / "m").checkpoint.engine == engine


def test_the_preset_takes_the_posts_network(capsys):
    """Two hidden layers of 32, sigmoid."""
    train.main(["--preset", "post", *ONE])
    assert ": 64-32-32-10 (sigmoid, softmax)," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("y", "loss", "word"),
    [
        (np.arange(40) % 3, "cross_entropy", "train"),
        (np.stack([np.arange(40) % 2, np.arange(40) // 20], axis=1), "binary_cross_entropy", "train"),
        (np.linspace(-1, 1, 40), "squared_error", "train"),
    ],
)
def test_ones_own_data_choose_the_loss(tmp_path, y, loss, word):
    """A file with rows and targets is trained on, with or without rows to test on."""
    x = np.random.default_rng(4).normal(size=(40, 3))
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y)
    (line,) = trained(tmp_path, "--data", tmp_path / "own.npz", *ONE, "--save", tmp_path / "m")
    assert "test_accuracy" not in line
    assert serialization.load(tmp_path / "m").network.loss == loss


def test_a_folder_of_npy_files(tmp_path, capsys):
    """It is read in chunks of the size that is asked for, which a resumed training keeps to."""
    digits = load("digits")
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.save(tmp_path / f"{name}.npy", getattr(digits, name))
    model = tmp_path / "m"
    flags = ("--data", tmp_path, "--chunk-size", "0.02", "--epochs", "3", "--save", model)
    *_, line = trained(tmp_path, *flags, "--batch-size", "32", "--learning-rate", "0.01")
    assert line["test_accuracy"] > 0.9
    train.main(["--resume", str(model), "--epochs", "4"])
    assert f"; {tmp_path.name}: 1,437 rows, 360 to test" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"--chunk-size 2 contradicts .* trained with 0\.02"):
        train.main(["--resume", str(model), "--epochs", "5", "--chunk-size", "2"])


def test_quiet_prints_nothing(tmp_path):
    """Neither stdout nor stderr gets a byte."""
    answer = process("xpnet.train", "--quiet", *ONE)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_there_is_no_bar_without_a_terminal():
    """What a script reads holds lines, and nothing on stderr."""
    answer = process("xpnet.train", *ONE)
    assert (answer.returncode, answer.stderr, answer.stdout.count("\n")) == (0, "", 3)


def test_a_log_is_new_for_a_new_training(tmp_path):
    """Lines of an earlier training with the same log are gone."""
    trained(tmp_path, "--epochs", "2")
    assert len(trained(tmp_path, *ONE)) == 1
    assert len(logged(tmp_path / "log.jsonl")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell's pipe")
def test_a_reader_that_goes_away_is_no_error():
    """`| head -1` shows a line and no traceback."""
    line = " ".join(map(repr, [*PYTHON, "-m", "xpnet.train", "--epochs", "300"]))
    answer = subprocess.run(f"{line} | head -1", shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert answer.stdout.count("\n") == 1
    assert answer.stderr == ""


def test_a_training_ends_when_its_time_is_up(tmp_path):
    """It exits with 0, says which epoch is kept and how to go on, and writes what it was to write."""
    answer = process("xpnet.train", "--epochs", 10**6, "--max-seconds", 1.5, "--save", "m", "--log", "l", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    last = answer.stdout.splitlines()[-1]
    assert last.startswith("time is up after epoch ")
    kept = serialization.load(tmp_path / "m").checkpoint.epoch
    assert f"m holds epoch {kept}. To go on: python -m xpnet.train --resume m" in last
    assert len((tmp_path / "l").read_text().splitlines()) == kept


def test_rare_classes_can_count_as_much():
    """Balanced weights give every class the same sum, and weights of rows stay a factor."""
    y = np.asarray([0] * 90 + [1] * 10)
    data = xpnet.Data(np.zeros((100, 2), "f4"), y)
    configuration = Configuration(class_weight="balanced")
    network = configuration.network(data)
    weights = configuration.weights(data, network)
    assert [weights[y == label].sum() for label in (0, 1)] == pytest.approx([50, 50])
    twice = configuration.weights(data._replace(weight=np.full(100, 2.0)), network)
    np.testing.assert_allclose(twice, 2 * weights)
    with pytest.raises(InputError, match="--class-weight goes with classes"):
        configuration.weights(data, xpnet.Network([2, 1], loss="squared_error"))

"""A training that stopped goes on bit for bit, however it stopped."""

import contextlib
import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest
from helpers.commands import PYTHON, logged, process, sentence
from helpers.hostile import HOSTILE

import xpnet
from xpnet import serialization, train
from xpnet._support.trees import arrays_in
from xpnet.errors import InputError, ModelFileError, XpnetError

SMALL = ("--hidden", "16", "--quiet")


def arrays(path):
    """All arrays of a saved model."""
    model = serialization.load(path)
    tensors = (model.params, model.checkpoint.params, model.checkpoint.slots)
    return arrays_in(tensors)


def assert_same(one, other):
    """Two saved models hold the same bits."""
    for a, b in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--optimizer", "sgd"),
        ("--optimizer", "nesterov", "--schedule", "cosine:6:1"),
        ("--optimizer", "adamw", "--validation-fraction", "0.2", "--patience", "4", "--l2", "1e-4"),
    ],
    ids=["defaults", "sgd", "cosine", "patience"],
)
def test_three_and_three_epochs_are_six(tmp_path, flags):
    """A resumed training ends with the same parameters and the same optimizer state as one that never stopped."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train.main([*SMALL, *flags, "--epochs", "6", "--save", str(whole), "--log", str(tmp_path / "whole.jsonl")])
    log = ["--log", str(tmp_path / "parts.jsonl"), "--quiet"]
    train.main([*SMALL, *flags, "--epochs", "3", "--save", str(parts), *log])
    train.main(["--resume", str(parts), "--epochs", "6", *log])
    assert_same(whole, parts)
    assert whole.read_bytes() == parts.read_bytes()
    timed = ("seconds", "samples_per_second")
    one, other = (
        [{name: value for name, value in line.items() if name not in timed} for line in logged(tmp_path / name)]
        for name in ("whole.jsonl", "parts.jsonl")
    )
    assert one == other


def test_resuming_without_flags_ends_where_it_was_meant_to(tmp_path):
    """The number of epochs is restored too; with nothing left to do it says so."""
    path = tmp_path / "m"
    train.main([*SMALL, "--epochs", "2", "--save", str(path)])
    with pytest.raises(InputError, match="has its 2 epochs; ask for more with --epochs 4"):
        train.main(["--resume", str(path), "--quiet"])


def test_what_stopped_early_is_not_resumed(tmp_path):
    """Patience that was lost is not found again by asking for more epochs."""
    path = tmp_path / "m"
    train.main([*SMALL, "--patience", "1", "--learning-rate", "0.3", "--epochs", "60", "--save", str(path)])
    with pytest.raises(InputError, match="stopped early after epoch"):
        train.main(["--resume", str(path), "--epochs", "99", "--quiet"])


def test_a_resumed_model_may_be_saved_elsewhere(tmp_path):
    """With --save the file that was resumed stays as it is."""
    train.main([*SMALL, "--epochs", "1", "--save", str(tmp_path / "one")])
    before = (tmp_path / "one").read_bytes()
    train.main(["--resume", str(tmp_path / "one"), "--epochs", "2", "--save", str(tmp_path / "two"), "--quiet"])
    assert (tmp_path / "one").read_bytes() == before
    assert serialization.load(tmp_path / "two").checkpoint.epoch == 2


def test_changed_data_are_found_out(tmp_path):
    """A file of the same name with other rows in it is not trained on further."""
    rng = np.random.default_rng(3)
    rows = {"x_train": rng.normal(size=(20, 3)), "y_train": np.arange(20) % 2}
    np.savez(tmp_path / "d.npz", **rows)
    train.main([*SMALL, "--data", str(tmp_path / "d.npz"), "--epochs", "1", "--save", str(tmp_path / "m")])
    np.savez(tmp_path / "d.npz", **(rows | {"x_train": rows["x_train"] + 1}))
    with pytest.raises(InputError, match=r"d\.npz changed since .*m was trained on them"):
        train.main(["--resume", str(tmp_path / "m"), "--epochs", "2", "--quiet"])


def begun(path, *flags):
    """A training in a process of its own, once it has saved its first epoch."""
    line = [*PYTHON, "-m", "xpnet.train", *SMALL, *flags, "--save", str(path)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)
    return process


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
def test_a_killed_training_is_readable_and_goes_on(tmp_path):
    """After kill -9 at any moment the last complete epoch is there, and resuming it ends as if nothing had happened."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train.main([*SMALL, "--epochs", "60", "--save", str(whole)])
    rng = np.random.default_rng(11)
    for _ in range(4):
        flags = ("--resume", killed) if killed.exists() else ("--epochs", "60")
        line = [*PYTHON, "-m", "xpnet.train", "--quiet", *map(str, flags)]
        line += [] if killed.exists() else ["--hidden", "16", "--save", str(killed)]
        process = subprocess.Popen(line)
        time.sleep(0.6 + rng.random() / 3)
        process.kill()
        process.wait()
        if killed.exists():
            serialization.load(killed)
    if not killed.exists():
        train.main([*SMALL, "--epochs", "60", "--save", str(killed)])
    elif serialization.load(killed).checkpoint.epoch < 60:
        train.main(["--resume", str(killed), "--quiet"])
    assert_same(whole, killed)


@pytest.mark.skipif(os.name != "posix", reason="SIGINT to a process is POSIX's")
def test_control_c_keeps_the_last_complete_epoch(tmp_path):
    """It exits with 130 within two seconds, says what is kept, and the file can be resumed."""
    process = begun(tmp_path / "m", "--epochs", "100000")
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert process.returncode == 130
    assert said.startswith("xpnet: interrupted after epoch ")
    assert said.count("\n") == 1
    done = serialization.load(tmp_path / "m").checkpoint.epoch
    assert f"holds epoch {done}." in said
    train.main(["--resume", str(tmp_path / "m"), "--epochs", str(done + 1), "--quiet"])


def test_one_command_serves_every_start(tmp_path, capsys):
    """`--resume-or-start` starts where there is no file, resumes where there is one, and accepts a finished one."""
    path, whole = tmp_path / "m", tmp_path / "whole"
    train.main([*SMALL, "--schedule", "cosine:4", "--epochs", "4", "--save", str(whole)])
    begin = [*SMALL, "--schedule", "cosine:4", "--resume-or-start", str(path), "--epochs"]
    for epochs in "24":
        train.main([*begin, epochs])
        assert serialization.load(path).checkpoint.epoch == int(epochs)
    assert_same(whole, path)
    before = path.read_bytes()
    train.main([*begin[:2], *begin[3:], "4"])
    assert capsys.readouterr().out == f"{path} has its 4 epochs; ask for more with --epochs 8.\n"
    assert path.read_bytes() == before


def test_a_cosine_without_its_length_is_the_one_that_was_begun(tmp_path):
    """The same flags go on, though the length is saved with the schedule."""
    path = tmp_path / "m"
    process = begun(path, "--schedule", "cosine", "--epochs", "5000")
    process.kill()
    process.communicate()
    with pytest.raises(InputError, match="cosine:5000 ends after 5000 epochs, but --epochs is 6000"):
        train.main([*SMALL, "--schedule", "cosine", "--epochs", "6000", "--resume-or-start", str(path)])


@pytest.mark.parametrize("flag", ["save", "resume"])
def test_resume_or_start_names_both_files(flag):
    """Another flag for one of them is refused."""
    with pytest.raises(InputError, match=f"--resume-or-start reads and writes m; leave --{flag} out"):
        train.main(["--resume-or-start", "m", f"--{flag}", "n"])


@pytest.mark.parametrize(
    ("command", "again"),
    [(["--epochs", "2", "--save", "m"], ["--resume", "m", "--mpi"]), (["--resume-or-start", "m"], None)],
)
def test_the_command_that_goes_on(command, again):
    """After --save it is --resume of that file, after --resume-or-start the same once more."""
    options, _ = train.parse([*command, "--mpi"])
    start = ["mpiexec", "-n", "2", "python", "-m", "xpnet.train"]
    assert options.resuming([*start, *command, "--mpi"]) == [*start, *(again or [*command, "--mpi"])]


def test_an_interrupt_names_the_file_that_holds_the_epoch(tmp_path, monkeypatch):
    """Before the first new epoch that is the file that was resumed, not the one still to be written."""
    train.main([*SMALL, "--epochs", "1", "--save", str(tmp_path / "one")])

    def interrupted(*arguments, **options):
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "epochs", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"interrupted after epoch 1; .*one holds epoch 1\."):
        train.main(["--resume", str(tmp_path / "one"), "--epochs", "2", "--save", str(tmp_path / "two"), "--quiet"])
    with pytest.raises(KeyboardInterrupt, match=r"interrupted after epoch 0\."):
        train.main([*SMALL, "--save", str(tmp_path / "three")])


def test_the_engine_goes_on_too(tmp_path, capsys):
    """Without the flag it is the saved one, another is refused, and auto has one chosen anew."""
    path = str(tmp_path / "m")
    train.main([*SMALL, "--engine", "plain", "--epochs", "1", "--save", path])
    train.main(["--resume", path, "--epochs", "2"])
    train.main(["--resume", path, "--epochs", "3", "--engine", "plain"])
    assert capsys.readouterr().out.count("(plain) on cpu:") == 2
    wanted = f"--engine replay contradicts {path}, which was trained with plain; leave the flag out, or start anew"
    with pytest.raises(InputError, match=re.escape(wanted)):
        train.main(["--resume", path, "--epochs", "4", "--engine", "replay"])
    train.main(["--resume", path, "--epochs", "4", "--engine", "auto", "--quiet"])
    assert serialization.load(path).checkpoint.engine == "replay"


def test_only_models_are_resumed(tmp_path):
    """A file that is none is told in a sentence, and nothing is written."""
    (tmp_path / "m").write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="m is no model: it is a text file"):
        train.main(["--resume", str(tmp_path / "m")])
    network = xpnet.Network([64, 10])
    serialization.save(tmp_path / "m", network, network.init(), configuration={"hidden": []})
    with pytest.raises(InputError, match="holds parameters only, no training that could go on"):
        train.main(["--resume", str(tmp_path / "m")])
    answer = process("xpnet.train", "--resume", tmp_path / "none")
    assert "none is no readable model: No such file" in sentence(answer)


def test_a_setting_that_no_flag_could_have_had_is_refused(tmp_path):
    """Whatever a file holds as a setting, the command resumes, or says in a short sentence why not."""
    path, messages = tmp_path / "m", []
    train.main([*SMALL, "--epochs", "1", "--save", str(path)])
    model = serialization.load(path)
    for name in model.configuration:
        for value in HOSTILE:
            settings = model.configuration | {name: value}
            serialization.save(path, model.network, model.params, model.checkpoint, settings)
            with contextlib.suppress(XpnetError):
                train.main(["--resume", str(path), "--epochs", "2", "--quiet"])
            if type(value) is not type(model.configuration[name]) and not isinstance(value, int | float | None):
                # A word is a column or a file, which these data lack.
                expected = XpnetError if model.configuration[name] is None else ModelFileError
                with pytest.raises(expected) as caught:
                    train.main(["--resume", str(path), "--epochs", "2", "--quiet"])
                messages.append(str(caught.value))
    assert len(messages) > 100
    assert all(len(message) < 1000 and message.isprintable() for message in messages)


def test_a_resumed_report_has_the_epochs_before(tmp_path):
    """The report's table begins with the first epoch, though there is no log of it; its seconds are not known then."""
    pytest.importorskip("matplotlib", reason="needs Matplotlib")
    model, log = str(tmp_path / "m"), ("--log", str(tmp_path / "l"))
    train.main([*SMALL, "--epochs", "2", "--save", model, *log])
    for epochs, flags, fact in (("4", log, "seconds of training"), ("5", (), "seconds since it was resumed")):
        folder = tmp_path / epochs
        train.main(["--resume", model, "--epochs", epochs, "--plot", str(folder), "--quiet", *flags])
        page = (folder / "report.html").read_text(encoding="utf-8")
        table = page.partition("<th>epoch")[2].partition("</table>")[0]
        assert [row[0] for row in re.findall(r"<tr><td>(\d+)", table)] == list("12345")[: int(epochs)]
        assert f"<dt>epochs</dt><dd>{epochs}</dd>" in page
        assert f"<dt>{fact}</dt>" in page


def test_what_is_no_log_is_not_gone_on_with(tmp_path):
    """A file with other lines is told before the training, and left as it is."""
    model, log = str(tmp_path / "m"), tmp_path / "l"
    train.main([*SMALL, "--epochs", "1", "--save", model])
    log.write_text("no log\n")
    with pytest.raises(InputError, match="l is not the log of a training"):
        train.main(["--resume", model, "--epochs", "2", "--log", str(log), "--quiet"])
    assert log.read_text() == "no log\n"
    assert serialization.load(model).checkpoint.epoch == 1

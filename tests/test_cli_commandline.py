"""Whatever a user can mend is one sentence on stderr and the exit code 2, from the parser's errors to the disk's."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import PYTHON, process, sentence

from xpnet import serialization, train
from xpnet._cli import commandline
from xpnet._cli.commandline import Parser, formatted
from xpnet.errors import DataWarning, XpnetError

WRONG = [
    (["--frobnicate"], r"unrecognized arguments: --frobnicate; .* --help lists all flags"),
    (["--epochs", "many"], r"argument --epochs: 'many' is not a whole number"),
    (["--l2", "a"], r"argument --l2: 'a' is not a number"),
    (["--epochs", "0"], r"epochs is 0; it must be 1 or more"),
    (["--batch-size", "0"], r"batch_size is 0; it must be 1 or more"),
    (["--seed", "-1"], r"seed is -1; it must be 0 or more"),
    (["--l2", "-1"], r"l2 is -1\.0; it must be 0 or more"),
    (["--learning-rate", "-1"], r"learning_rate is -1\.0"),
    (["--patience", "0"], r"patience is 0; it must be 1 or more"),
    (["--validation-fraction", "1.5"], r"validation_fraction is 1\.5"),
    (["--optimizer", "lion"], r"argument --optimizer: invalid choice: 'lion'"),
    (["--activation", "gelu"], r"activation is 'gelu', whose derivative is no function of a"),
    (["--activation", "softsign"], r"activation is 'softsign'; it can be sigmoid, tanh, relu, identity"),
    (["--activation", "relu,tanh"], r"activation has 2 names for 1 hidden layers"),
    (["--hidden", "0"], r"sizes is \[64, 0, 10\]; it needs two or more positive integers"),
    (["--hidden", "a,b"], r"argument --hidden: 'a' is not a whole number"),
    (["--schedule", "linear"], r"--schedule linear is not constant"),
    (["--schedule", "cosine:2:3"], r"warm_up"),
    (["--momentum", "0.5"], r"--momentum goes with --optimizer sgd"),
    (["--data", "nothing.npz"], r"nothing\.npz"),
    (["--data", "fashion"], r"fashion"),
    (["--device", "tpu"], r"device 'tpu' is not one of cpu, cuda"),
    (["--backend", "numpy", "--device", "cuda"], r"NumPy has no device cuda"),
    (["--backend", "mxnet"], r"argument --backend: invalid choice: 'mxnet'"),
    (["--precision", "half"], r"argument --precision: invalid choice: 'half'"),
    (["--precision", "tf32"], r"precision tf32 needs a GPU, but numpy computes on cpu"),
    (["--engine", "fast"], r"argument --engine: invalid choice: 'fast'"),
    (["--backend", "torch", "--engine", "jit"], r"torch has no engine jit: use plain|backend torch cannot"),
    (["--dtype", "float16"], r"argument --dtype: invalid choice: 'float16'"),
    (["--save", "none/m"], r"cannot write none/m: there is no folder none"),
    (["--save", ""], r"cannot write \.: it is a folder"),
    (["--log", "none/l"], r"cannot write none/l: No such file"),
    (["--resume", "none"], r"none is no readable model"),
    (["--optimizer", "sgd", "--learning-rate", "1e30"], r"the cost is no longer finite in epoch 1, at learning rate"),
]


@pytest.mark.parametrize(("flags", "message"), WRONG, ids=[" ".join(flags) for flags, _ in WRONG])
def test_every_mistake_has_its_sentence(flags, message, tmp_path, monkeypatch):
    """Each is raised as an error that the commands print; nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(XpnetError, match=message):
        train.main([*flags, "--quiet"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", [["--frobnicate"], ["--epochs", "many"], ["--data", "nothing.npz"]], ids=" ".join)
def test_a_process_prints_the_sentence_and_exits_with_2(flags, tmp_path):
    """One line on stderr, nothing on stdout, no traceback."""
    sentence(process("xpnet.train", *flags, cwd=tmp_path))


def test_a_mistake_leaves_an_old_log_alone(tmp_path):
    """A log is begun anew when the training is, not by a command that trains nothing."""
    log = tmp_path / "log"
    log.write_text("old\n")
    with pytest.raises(XpnetError):
        train.main(["--epochs", "0", "--log", str(log)])
    assert log.read_text() == "old\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_is_a_sentence():
    """A log that can no longer be written is told as any other mistake."""
    answer = process("xpnet.train", "--quiet", "--epochs", "1", "--log", "/dev/full")
    assert sentence(answer) == "cannot write /dev/full: No space left on device."


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes stdout")
def test_a_closed_stdout_is_no_error():
    """Whoever closes stdout wants no lines, and gets the training."""
    line = " ".join(map(repr, [*PYTHON, "-m", "xpnet.train", "--epochs", "1"]))
    answer = subprocess.run(f"{line} >&-", shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
def test_a_gpu_that_cannot_be_had_names_each_candidate(tmp_path):
    """Where nothing can serve, each library has a line with its reason and the command that mends it."""
    answer = process("xpnet.train", "--device", "cuda")
    assert answer.returncode == 2
    first, *lines = answer.stderr.splitlines()
    assert first.startswith("xpnet: no backend can use device cuda")
    assert [line.split(":")[0].strip() for line in lines] == ["cupy", "torch", "jax"]
    assert "pip install" in lines[0]


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    """What is a fault of the program's is not dressed up as the user's."""

    def fault(arguments):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        commandline.run(fault)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (XpnetError("a sentence."), 2, "xpnet: a sentence.\n"),
        (KeyboardInterrupt(), 130, "xpnet: interrupted.\n"),
        (KeyboardInterrupt("interrupted after epoch 3."), 130, "xpnet: interrupted after epoch 3.\n"),
    ],
)
def test_the_way_out(monkeypatch, capsys, error, status, said):
    """Errors exit with 2, Ctrl-C with 130, each with its sentence."""
    monkeypatch.setattr(sys, "argv", ["xpnet"])

    def fail(arguments):
        raise error

    with pytest.raises(SystemExit) as left:
        commandline.run(fail)
    assert left.value.code == status
    assert capsys.readouterr().err == said


def test_a_bad_file_is_named(tmp_path):
    """A reader's complaint begins with the file, and comes once."""
    np.savez(tmp_path / "own.npz", x_train=np.full((4, 2), np.nan), y_train=np.array([0, 1, 0, 1]))
    assert "own.npz: x_train holds NaN in row 0" in sentence(process("xpnet.train", "--data", tmp_path / "own.npz"))


def test_a_warning_about_an_engine_is_one_line():
    """What a command has to say about an engine is a sentence of its own; other warnings tell where they come from."""
    code = (
        "import warnings; from xpnet import errors; from xpnet._cli import commandline\n"
        "def main(arguments):\n"
        "    warnings.warn('it runs plain.', errors.EngineWarning)\n"
        "    warnings.warn('other.', RuntimeWarning)\n"
        "commandline.run(main)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = answer.stderr.splitlines()[:2]
    assert first == "xpnet: it runs plain."
    assert second.endswith("RuntimeWarning: other.")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932", "gbk", "latin-1"])
def test_a_console_that_lacks_a_letter_shows_another(encoding):
    """The doctor's ‖ and − end no command, whatever the console's letters are."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    answer = process("xpnet.doctor", "--backend", "numpy", env=environment, encoding=encoding)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk to write to")
@pytest.mark.parametrize("command", ["xpnet.train --epochs 1", "xpnet.doctor --backend numpy", "xpnet"])
def test_output_to_a_full_disk_is_a_sentence(command):
    """Not a traceback."""
    with open("/dev/full", "w") as full:
        line = [*PYTHON, "-m", *command.split()]
        answer = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert (answer.returncode, answer.stderr) == (2, "xpnet: cannot write the output: No space left on device.\n")


@pytest.mark.skipif(os.name != "posix", reason="streams are closed by a shell")
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_a_training_needs_no_streams(closed, tmp_path):
    """Without stdout or stderr, as a service may be started, all epochs are trained and saved."""
    line = shlex.join([*PYTHON, "-m", "xpnet.train", "--epochs", "2", "--save", str(tmp_path / "m")])
    assert subprocess.run(f"{line} {closed}", shell=True, timeout=100, check=False).returncode == 0
    assert serialization.load(tmp_path / "m").checkpoint.epoch == 2


def test_a_message_holds_nothing_that_moves_the_terminal(capsys):
    """Escape codes of a file are spelled out, and a long value is cut."""
    with pytest.raises(SystemExit):
        commandline.leave(2, "\x1b]0;owned\x07" + "A" * 100_000)
    said = capsys.readouterr().err
    assert said.startswith("xpnet: \\x1b]0;owned\\x07AAA")
    assert len(said) < 2100


def test_a_tilde_is_the_home_folder_in_every_argument(monkeypatch, tmp_path):
    """Where no shell has replaced it, as in --save=~/m and on Windows, every command's parser does."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    flags = Parser("command", "", "")
    flags.add_argument("file")
    flags.add_argument("--save")
    for arguments in (["~/rows.npz", "--save=~/m"], ["~/rows.npz", "--save", "~/m"]):
        parsed = flags.parse_args(arguments)
        assert [Path(parsed.file), Path(parsed.save)] == [tmp_path / "rows.npz", tmp_path / "m"]
    assert flags.parse_args(["a~b", "--save=x=~"]).save == "x=~"


def test_warnings_reach_the_terminal_without_control_characters():
    """What a file has put into a warning is escaped and shortened as in an error."""
    line = formatted(str)(DataWarning("\x1b]0;owned\x07" + "A" * 10_000), DataWarning)
    assert line.startswith("xpnet: \\x1b]0;owned\\x07AAA")
    assert len(line) < 1100

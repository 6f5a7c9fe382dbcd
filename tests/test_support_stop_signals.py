"""A signal that asks a command to end leaves the last complete epoch, no temporary file, and a line that says more."""

import io
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from helpers.commands import PYTHON

from xpnet import serialization, train
from xpnet._cli import commandline
from xpnet._support import stop_signals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals to a process are POSIX's")


def started(*words, **options):
    """A process with both streams."""
    return subprocess.Popen([*PYTHON, *map(str, words)], stdout=-1, stderr=-1, text=True, **options)


@pytest.mark.parametrize("number", stop_signals.STOPPING, ids=lambda number: number.name)
def test_a_signal_ends_a_training_with_its_last_epoch(tmp_path, number):
    """It exits with 128 and the number, leaves no temporary file, and what the line says to do goes on."""
    model, log = tmp_path / "m", tmp_path / "l"
    process = started("-m", "xpnet.train", "--hidden", 8, "--epochs", 100_000, "--save", model, "--log", log, "--quiet")
    while not log.exists() or log.read_text().count("\n") < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.count("\n")) == (128 + number, "", 1), err
    done = serialization.load(model).checkpoint.epoch
    happened, _, command = err.rstrip("\n").partition(" To go on: ")
    cause = "interrupted" if number == signal.SIGINT else f"stopped by {number.name}"
    assert happened == f"xpnet: {cause} after epoch {done}; {model} holds epoch {done}."
    assert command == f"python -m xpnet.train --resume {model} --log {log} --quiet"
    train.main([*shlex.split(command)[3:], "--epochs", str(done + 2)])
    assert serialization.load(model).checkpoint.epoch == done + 2
    assert sorted(tmp_path.iterdir()) == [log, model]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["xpnet.train", "xpnet.predict", "xpnet"])
def test_a_signal_among_the_imports_is_a_line(tmp_path, command, number):
    """Not a traceback, although no line of the command has run."""
    (tmp_path / "array_api_compat").mkdir()
    slow = "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    (tmp_path / "array_api_compat" / "__init__.py").write_text(slow)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = started("-m", command, env=os.environ | {"PYTHONPATH": path})
    assert process.stdout.readline() == "importing\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    cause = "interrupted" if number == signal.SIGINT else "stopped by SIGTERM"
    assert (process.returncode, err) == (128 + number, f"xpnet: {cause}.\n")


DOWNLOADING = """
import sys, time
from pathlib import Path
from xpnet._cli import commandline
from xpnet.data import download

def slow(url, path, most, given_up):
    path.write_bytes(b"half")
    print("downloading", flush=True)
    time.sleep(60)

download._transfer = slow
commandline.run(lambda arguments: download.fetch_files({"a": 10**9}, Path(sys.argv[1]), lambda path, name: None))
"""


def test_a_download_that_is_stopped_leaves_nothing(tmp_path):
    """Its folder is removed."""
    process = started("-c", DOWNLOADING, tmp_path)
    process.stdout.readline()
    process.terminate()
    assert process.communicate(timeout=20)[1] == "xpnet: stopped by SIGTERM.\n"
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


STUBBORN = """
import time
from xpnet._cli import commandline

def command(arguments):
    try:
        print("working", flush=True)
        time.sleep(60)
    finally:
        print("closing", flush=True)
        time.sleep(2.5)

commandline.run(command)
"""


def test_a_second_signal_stops_at_once():
    """What takes long to close is not waited for."""
    process = started("-c", STUBBORN)
    process.stdout.readline()
    process.terminate()
    process.stdout.readline()
    time.sleep(stop_signals.REPEAT + 0.1)
    process.terminate()
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == -signal.SIGTERM


def test_a_signal_that_is_sent_twice_is_one():
    """`timeout` and closing terminals do, and mean no second one."""
    process = started("-c", STUBBORN)
    process.stdout.readline()
    process.terminate()
    process.stdout.readline()
    process.terminate()
    assert process.communicate(timeout=20)[1] == "xpnet: stopped by SIGTERM.\n"
    assert process.returncode == 128 + signal.SIGTERM


def test_a_command_leaves_the_handlers_as_they_were(monkeypatch, capsys):
    """A handler of the user's is not replaced, an ignored signal stays ignored, and afterwards all are as before."""
    monkeypatch.setattr(sys, "argv", ["xpnet"])

    def own(number, frame):
        """A handler of the user's."""

    before = {number: signal.getsignal(number) for number in stop_signals.STOPPING}
    during = {}
    signal.signal(signal.SIGUSR1, own)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit):
            commandline.run(lambda arguments: during.update({n: signal.getsignal(n) for n in before}))
        assert during[signal.SIGUSR1] is own
        assert during[signal.SIGHUP] == signal.SIG_IGN
        assert during[signal.SIGTERM] not in (before[signal.SIGTERM], own)
        with pytest.raises(SystemExit) as left:
            commandline.run(lambda arguments: signal.raise_signal(signal.SIGTERM))
        assert left.value.code == 128 + signal.SIGTERM
        after = {number: signal.getsignal(number) for number in before}
        assert after == before | {signal.SIGUSR1: own, signal.SIGHUP: signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capsys.readouterr().err == "xpnet: stopped by SIGTERM.\n"
    assert not stop_signals.asked()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_waits_for_what_is_done_together(monkeypatch, capsys, number):
    """It takes effect at the end of the context; one that the process ignores is ignored there too."""
    monkeypatch.setattr(sys, "argv", ["xpnet"])
    done = []

    def save(arguments=()):
        with stop_signals.uninterrupted():
            signal.raise_signal(number)
            done.append("saved")
        done.append("went on")

    with pytest.raises(SystemExit) as left:
        commandline.run(save)
    assert (left.value.code, done) == (128 + number, ["saved"])
    before = signal.signal(number, signal.SIG_IGN)
    try:
        save()
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_signal_comes_between_lines(monkeypatch, capsys):
    """Where nothing is buffered, a line is printed whole too, and the next one stands below it."""

    class Unbuffered(io.StringIO):
        def write(self, text):
            super().write(text)
            if text.startswith("epoch   2"):
                signal.raise_signal(signal.SIGTERM)
            return len(text)

    monkeypatch.setattr(sys, "argv", ["xpnet", "--epochs", "3"])
    monkeypatch.setattr(sys, "stdout", Unbuffered())
    with pytest.raises(SystemExit) as left:
        commandline.run(train.main)
    assert left.value.code == 128 + signal.SIGTERM
    assert [line.split()[:2] for line in sys.stdout.getvalue().splitlines()[2:]] == [["epoch", "1"], ["epoch", "2"]]
    assert sys.stdout.getvalue().endswith("\n")
    assert capsys.readouterr().err == "xpnet: stopped by SIGTERM after epoch 2.\n"


@pytest.mark.parametrize(
    ("orig_argv", "argv", "wanted"),
    [
        (["python", "-m", "xpnet.train", "--epochs", "2"], ["-m", "--epochs", "2"], True),
        (["python", "-W", "error", "-mxpnet"], ["-m"], True),
        (["python", "-m", "pytest", "-m", "xpnet"], ["-m", "-m", "xpnet"], False),
        (["python", "-m", "mine.xpnet"], ["-m"], False),
        (["python", "/bin/xpnet", "train"], ["/bin/xpnet", "train"], True),
        (["python", "mine.py", "-m", "xpnet"], ["mine.py", "-m", "xpnet"], False),
        (["python"], [""], False),
    ],
)
def test_a_command_is_told_from_a_library(monkeypatch, orig_argv, argv, wanted):
    """Only where Python looks for a module of this package, or runs its script, signals are answered on import."""
    monkeypatch.setattr(sys, "orig_argv", orig_argv)
    monkeypatch.setattr(sys, "argv", argv)
    assert stop_signals.is_command() is wanted

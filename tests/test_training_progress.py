"""The progress bar: on a terminal only, with the running cost and the accuracy over the last samples."""

import contextlib
import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.commands import PYTHON

from xpnet.training import progress
from xpnet.training.progress import LAST, Bar, Pace, compile_notice, is_watched, iterating


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def on_terminal(monkeypatch) -> Terminal:
    """A terminal in the place of stderr; pytest would take it away again between a fixture and its test."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


def shown(bar: Bar) -> str:
    """What stands behind the bar."""
    assert bar.shown
    return bar._bar.postfix.split(" left, ")[1]


def test_it_shows_cost_and_accuracy(monkeypatch):
    """Behind the bar stand the last block's mean cost and the accuracy of the samples so far."""
    terminal = on_terminal(monkeypatch)
    with Bar(True, "epoch 1/2", 100, True, Pace(1000)) as bar:
        assert bar.shown
        bar.update(10, np.asarray([1.0, 2.0]), np.asarray([4.0, 1.0]))
        assert shown(bar) == "last 20: 75.0%, cost 1.5000"
        bar.update(5, np.asarray([0.5]), np.asarray([5.0]))
        assert shown(bar) == "last 25: 60.0%, cost 0.5000"
        assert bar._bar.n == 25
    assert "epoch 1/2" in terminal.getvalue()


def test_it_looks_back_on_the_last_samples(monkeypatch):
    """Older batches fall out once the later ones hold a thousand samples, so that the accuracy follows the training."""
    on_terminal(monkeypatch)
    with Bar(True, "epoch", 10_000, True, Pace(1000)) as bar:
        bar.update(100, np.ones(30), np.full(30, 100.0))
        assert shown(bar).startswith(f"last {LAST}: 0.0%,")
        bar.update(100, np.ones(5), np.zeros(5))
        assert shown(bar).startswith(f"last {LAST}: 50.0%,")
        bar.update(150, np.ones(20), np.zeros(20))
        assert shown(bar).startswith("last 1050: 100.0%,")


def test_it_shows_the_time_left_of_the_whole_training(monkeypatch):
    """It counts all epochs, by the time that those so far have taken, and whatever went on between them."""
    on_terminal(monkeypatch)
    clock = iter([100.0, 120.0, 130.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(time=lambda: next(clock)))
    pace = Pace(4000)
    for left in ("01:00", "00:30"):
        with Bar(True, "epoch", 1000, True, pace) as bar:
            bar.update(100, np.ones(10), np.ones(10))
            assert bar._bar.postfix.startswith(f"{left} left, ")


def test_a_regression_has_no_accuracy(monkeypatch):
    """Where there are no right answers, the cost stands alone."""
    on_terminal(monkeypatch)
    with Bar(True, "epoch", 10, False, Pace(1000)) as bar:
        bar.update(10, np.asarray([0.25]), np.asarray([4.0]))
        assert shown(bar) == "cost 0.2500"


@pytest.mark.parametrize("wanted", [True, False])
def test_nothing_without_a_terminal(monkeypatch, wanted):
    """A pipe or a file gets no bar, whether one is wanted or not."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Bar(wanted, "epoch", 10, True, Pace(1000)) as bar:
        assert not bar.shown
    assert sys.stderr.getvalue() == ""


def test_nothing_on_a_terminal_where_it_is_not_wanted(monkeypatch):
    """A terminal gets no bar unless one is wanted."""
    terminal = on_terminal(monkeypatch)
    with Bar(False, "epoch", 10, True, Pace(1000)) as bar:
        assert not bar.shown
    assert terminal.getvalue() == ""


def test_compiling_is_told_as_long_as_it_lasts(monkeypatch):
    """A terminal says so meanwhile and holds nothing of it afterwards; on another stderr it says nothing."""
    terminal = on_terminal(monkeypatch)
    with compile_notice(True):
        assert terminal.getvalue().strip() == "compiling …"
    assert terminal.getvalue().split("\r")[-2].isspace()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with compile_notice(True):
        pass
    assert sys.stderr.getvalue() == ""
    terminal = on_terminal(monkeypatch)
    with compile_notice(False):
        pass
    assert terminal.getvalue() == ""


def test_a_training_on_a_terminal_shows_it():
    """On a terminal of 80 columns the bar has room for accuracy and cost on stderr; the lines go to stdout as ever."""
    termios = pytest.importorskip("termios")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    flags = {"epochs": "2", "batch-size": "1", "hidden": "512,512", "engine": "replay"}
    line = [*PYTHON, "-m", "xpnet.train", *(part for flag, value in flags.items() for part in (f"--{flag}", value))]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # Linux ends a terminal that nobody holds with an error.
            while part := os.read(ours, 4096):
                drawn += part
        os.close(ours)
        lines = process.stdout.read().splitlines()
    assert [text.split()[0] for text in lines] == ["xpnet", "adam,", "epoch", "epoch"]
    assert re.search(r"epoch 1/2: +\d+%.*left, last 1000: \d+\.\d%, cost \d\.\d{4}", drawn.decode())


def test_iterations_show_the_latest_loss(capsys):
    """Each iteration's loss is shown behind the bar."""
    with iterating(2, "network") as show:
        show(0.5)
        show(0.25)
    shown = capsys.readouterr()
    assert shown.out == ""
    last = shown.err.rpartition("\r")[2]
    assert last.startswith("network: 100%")
    assert "2/2" in last
    assert "loss 0.250000" in last


def test_a_bar_is_watched_on_a_terminal_and_in_a_notebook(monkeypatch):
    """Neither a pipe nor a missing stderr shows one to anybody; a kernel's stderr is shown below the cell."""
    assert not is_watched()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert is_watched()
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_watched()
    monkeypatch.undo()
    kernel = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    assert is_watched()

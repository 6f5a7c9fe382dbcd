"""What makes one training of many processes, piece by piece, without MPI."""

import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
from helpers.commands import PYTHON, process, sentence

from xpnet import distributed
from xpnet.distributed.affinity import divide_processors
from xpnet.distributed.mpi import library, name, takes_device_memory
from xpnet.distributed.ranks import Alone
from xpnet.errors import InputError, MissingExtraError

posix = pytest.mark.skipif(os.name != "posix", reason="needs a shell")


@pytest.mark.parametrize(
    ("masks", "wanted"),
    [
        ([{0, 1}, {0, 1}], [({0}, 1), ({1}, 1)]),
        ([set(range(8))] * 3, [({0, 1}, 2), ({2, 3, 4}, 3), ({5, 6, 7}, 3)]),
        ([{0, 1, 2}], [({0, 1, 2}, 3)]),
        ([{0, 1}, {2, 3}], [({0, 1}, 2), ({2, 3}, 2)]),
        ([{4, 5}, {4, 5}, {6}], [({4}, 1), ({5}, 1), ({6}, 1)]),
        ([{0, 1}] * 3, [({0, 1}, 1)] * 3),
    ],
    ids=["one each", "unequal parts", "alone", "bound by the launcher", "bound in part", "more ranks than processors"],
)
def test_processors_are_divided(masks, wanted):
    """Ranks that may use the same processors divide them; where there are too few, each has a single thread."""
    masks = [frozenset(mask) for mask in masks]
    assert [divide_processors(masks, number) for number in range(len(masks))] == wanted


@posix
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a system that binds processes")
def test_a_rank_keeps_to_its_processors():
    """All its threads run there, those that were there before too, and BLAS has no more than it is given."""
    code = """
import os, threading, time
import numpy as np
from threadpoolctl import threadpool_info
from xpnet.distributed.affinity import pin_to, usable_processors

stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
first = min(usable_processors())
assert pin_to(frozenset({first}), 1) == 1
masks = [os.sched_getaffinity(int(task)) for task in os.listdir("/proc/self/task")]
stop.set()
thread.join()
assert len(masks) > 1 and all(mask == {first} for mask in masks), masks
assert all(pool["num_threads"] == 1 for pool in threadpool_info() if pool["user_api"] == "blas")
"""
    subprocess.run([*PYTHON, "-c", code], check=True, timeout=60)


WITNESS = """
import os, signal
from xpnet.distributed.watchdog import Watchdog
watchdog = Watchdog()
watchdog.announce("first words")
watchdog.announce("last words")
{}
"""


@posix
@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "last words\n"),
        ("os._exit(0)", "last words\n"),
        ("watchdog.announce(''); os._exit(0)", ""),
        ("watchdog.dismiss()", ""),
        ("watchdog.dismiss(); watchdog.dismiss(); watchdog.announce('more')", ""),
    ],
    ids=["killed", "gone", "nothing to say", "dismissed", "dismissed twice"],
)
def test_a_watchdog_has_the_last_word(end, words):
    """What was to be said is said once the process is gone, unless it has dismissed its watchdog."""
    line = [*PYTHON, "-c", WITNESS.format(end)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as started:
        assert started.communicate(timeout=60)[1] == words


def test_without_mpi4py(monkeypatch):
    """The sentence says what to install."""
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MissingExtraError, match=r"needs mpi4py and an MPI library; run pip install mpi4py mpich\.$"):
        library()


def test_the_command_without_mpi4py(tmp_path):
    """One line on stderr, and status 2."""
    (tmp_path / "mpi4py.py").write_text("raise ModuleNotFoundError(name='mpi4py')")
    answer = process(
        "xpnet.train", "--mpi", env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    )
    assert sentence(answer) == "training over MPI needs mpi4py and an MPI library; run pip install mpi4py mpich."


def fake_mpi(monkeypatch, size=1, error=None):
    """A stand-in for mpi4py, whose import raises the error if there is one."""

    class Package(ModuleType):
        def __getattr__(self, name):
            if name == "MPI":
                if error is not None:
                    raise error
                return SimpleNamespace(
                    COMM_WORLD=SimpleNamespace(size=size), get_vendor=lambda: ("Open MPI", (5, 0, 3))
                )
            raise AttributeError(name)

    monkeypatch.setitem(sys.modules, "mpi4py", Package("mpi4py"))


@pytest.mark.parametrize("error", [RuntimeError("cannot load MPI library"), ImportError("libmpi.so.40: cannot open")])
def test_mpi4py_without_a_library(monkeypatch, error):
    """However mpi4py says it, the sentence is what to install."""
    fake_mpi(monkeypatch, error=error)
    with pytest.raises(MissingExtraError, match=r"^mpi4py finds no MPI library; run pip install mpich, or load the"):
        library()


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_another_launcher_is_found_out(monkeypatch, variable):
    """Several processes that each see one alone would be as many trainings."""
    fake_mpi(monkeypatch)
    monkeypatch.setenv(variable, "4")
    with pytest.raises(InputError, match=r"^4 processes were started together, but to Open MPI 5\.0\.3 each is alone"):
        library()
    fake_mpi(monkeypatch, size=4)
    assert name(library()) == "Open MPI 5.0.3"


def test_a_library_that_cannot_be_asked_takes_no_device_memory(tmp_path):
    """It is asked by a function that it need not have."""
    assert not takes_device_memory(SimpleNamespace(__file__=str(tmp_path / "none.so")))
    assert not takes_device_memory(SimpleNamespace(__file__=None))


def test_alone_there_is_nothing_to_agree_on():
    """A process without others asks nobody."""
    with distributed.joined(False) as alone:
        assert isinstance(alone, Alone)
        assert alone.agree({"a": "b"}) is None
        assert (alone.first, alone.average, alone.placed(None, "cuda")) == (True, None, "cuda")
        assert alone.in_turn(lambda: 3) == 3

"""Ranks under mpiexec: what one computes they compute, what one meets is told, and a death is too."""

import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest
from helpers import rank_trainings as shared_trainings
from helpers.commands import ROOT, logged
from helpers.mpi_ranks import LIMIT, ran, ranks, said
from helpers.oracles import distance

import xpnet
from xpnet import serialization, train

TRAIN = ("-m", "xpnet.train", "--mpi")
COUNTS = pytest.mark.parametrize("count", [2, 3])

CLOSE = {"float64": 1e-12, "float32": 1e-6}
"""How far n ranks may be from one after three epochs."""

SECONDS = 5
"""How soon after a death all must have stopped; the launcher itself takes a part of one."""

posix = pytest.mark.skipif(os.name != "posix", reason="needs processes that can be killed")


@COUNTS
def test_ranks_compute_what_one_does(tmp_path, count):
    """Parameters and slots after three epochs, and all that the last one tells."""
    answer = ran(ranks(count, ROOT / "tests/helpers/rank_trainings.py", tmp_path / "found.npz"))
    assert (answer.returncode, answer.stderr, answer.stdout) == (0, "", "")
    with np.load(tmp_path / "found.npz") as found:
        for name in shared_trainings.trainings():
            wanted = shared_trainings.trained(name)
            arrays = [found[key] for key in sorted(found) if key.split("/")[0] == name]
            tolerance = CLOSE[str(wanted[0].dtype)]
            for one, other in zip(arrays, wanted, strict=True):
                assert distance(one, other) < tolerance, name


@COUNTS
def test_the_command_prints_saves_and_logs_once(tmp_path, count):
    """Rank 0 alone prints: the network, the settings, the ranks and how their sums travel, then a line per epoch."""
    model, log = tmp_path / "m.safetensors", tmp_path / "log.jsonl"
    answer = ran(ranks(count, *TRAIN, "--epochs", "2", "--save", model, "--log", log))
    assert answer.stderr == ""
    first, settings, second, *epochs = answer.stdout.splitlines()
    assert settings.startswith("adam, learning rate ")
    assert first.startswith(f"xpnet {xpnet.__version__}, numpy")
    assert re.fullmatch(rf"{count} ranks on \S+, 1 thread each; their sums go straight to \S+ [\d.]+", second)
    assert [line.split()[:2] for line in epochs] == [["epoch", "1"], ["epoch", "2"]]
    assert [line["epoch"] for line in logged(log)] == [1, 2]
    assert serialization.load(model).checkpoint.epoch == 2


def test_one_rank_is_a_training_as_any_other(tmp_path):
    """Without a launcher the command trains alone."""
    answer = subprocess.run(
        ranks(1, *TRAIN, "--epochs", "1")[3:], capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert "1 rank on " in answer.stdout


DYING = """
import os, signal, sys, time
from xpnet import train
from xpnet.distributed import Ranks

agree, victim = Ranks.agree, int(sys.argv[1])

def dying(self, about):
    if self.rank == victim and "the outcome of epoch 5" in about:
        print(f"killed {os.getpid()} at {time.time()}", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    agree(self, about)

Ranks.agree = dying
train.main(sys.argv[2:])
"""
"""The command, where a rank is killed when it has trained a fifth epoch."""


@posix
@pytest.mark.parametrize(("victim", "later"), [(0, 3), (1, 1)])
def test_a_rank_that_is_killed_is_named_and_its_training_goes_on(tmp_path, victim, later):
    """The others stop at once; the last model is whole, and on another number of ranks it comes to the same end."""
    model, flags = tmp_path / "m.safetensors", ("--mpi", "--dtype", "float64", "--activation", "tanh", "--epochs")
    answer = ran(ranks(2, "-c", DYING, victim, *flags, 6, "--save", model))
    ended = time.time()
    assert answer.returncode != 0
    pid, killed = re.search(r"killed (\d+) at ([\d.]+)", answer.stderr).groups()
    assert ended - float(killed) < SECONDS
    (sentence,) = said(answer.stderr)
    assert re.match(rf"rank {victim} of 2 on \S+ \(process {pid}\) is gone without a word: killed, or out of", sentence)
    remedy = f"--resume {model} goes on from the last epoch that was saved, on any number of ranks."
    assert sentence.endswith(f"The others are stopped; {remedy}")
    assert serialization.load(model).checkpoint.epoch == 4
    assert ran(ranks(later, *TRAIN, "--resume", model, "--epochs", 6)).returncode == 0
    train.main([*flags[1:], "6", "--save", str(tmp_path / "alone"), "--quiet"])
    found, wanted = (serialization.load(path).checkpoint for path in (model, tmp_path / "alone"))
    assert found.epoch == wanted.epoch == 6
    assert distance((found.params, found.slots), (wanted.params, wanted.slots)) < CLOSE["float64"]


STOPPING = """
import os, signal, sys
from xpnet import train
from xpnet.distributed import Ranks

agree, victim, epoch = Ranks.agree, int(sys.argv.pop(1)), sys.argv.pop(1)

def stopping(self, about):
    if self.rank == victim and f"the outcome of epoch {epoch}" in about:
        os.kill(os.getpid(), signal.SIGTERM)
    agree(self, about)

Ranks.agree = stopping
train.run(train.main)
"""
"""The command, where a rank gets a signal when it has trained an epoch."""


@posix
@pytest.mark.parametrize("victim", [0, 1])
def test_a_signal_to_one_rank_stops_all_at_the_same_place(tmp_path, victim):
    """None has an error of another; the first one says which epoch is saved, and how to go on."""
    model = tmp_path / "m.safetensors"
    answer = ran(ranks(2, "-c", STOPPING, victim, 5, "--mpi", "--epochs", 50, "--save", model))
    assert answer.returncode == 128 + signal.SIGTERM
    assert said(answer.stderr) == [
        f"stopped by SIGTERM after epoch 4; {model} holds epoch 4. "
        f"To go on: mpiexec -n 2 python -m xpnet.train --resume {model} --mpi"
    ]
    assert serialization.load(model).checkpoint.epoch == 4


def test_processes_that_train_alone_are_told(tmp_path):
    """Without --mpi each of those that a launcher starts together says so, and both save to one file unharmed."""
    model = tmp_path / "m.safetensors"
    answer = ran(ranks(2, "-m", "xpnet.train", "--epochs", 20, "--save", model))
    assert answer.returncode == 0
    line = "2 processes were started together, but this one trains alone; --mpi joins them."
    assert said(answer.stderr) == [line, line]
    assert serialization.load(model).checkpoint.epoch == 20


ALONE = """
from xpnet import train
train.main(["--epochs", "1"])
print("trained", flush=True)
"""
"""The command without --mpi, which says when it has ended and can no longer be the one that a signal stops."""


@posix
def test_a_rank_that_waits_for_one_without_the_flag_can_be_stopped():
    """The one that trains alone says so, and the other, which MPI has not joined with any, ends by SIGTERM."""
    launcher, _, _, *line = ranks(1, *TRAIN, "--epochs", 1)
    words = [launcher, "-n", "1", *line, ":", *ranks(1, "-c", ALONE)[1:]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for answer in process.stdout:
            if answer == "trained\n":
                break
        process.terminate()
        _, stderr = process.communicate(timeout=20)
    line, *more = said(stderr)
    assert line == "2 processes were started together, but this one trains alone; --mpi joins them."
    # Where it has not come as far as MPI yet.
    assert more in ([], ["stopped by SIGTERM."])


def differing(first, second):
    """A launch of two ranks with flags of their own."""
    launcher, _, _, *line = ranks(1, *TRAIN, "--epochs", 1)
    return [launcher, "-n", "1", *line, *first, ":", "-n", "1", *line, *second]


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ((), ("--seed", "1"), "--seed is 1 on rank 1 (HOST) but 0 on rank 0. All ranks must train the same"),
        (("--hidden", "4"), ("--hidden", "5"), "--hidden is 5 on rank 1 (HOST) but 4 on rank 0"),
        ((), ("--engine", "plain"), "the engine is plain on rank 1 (HOST) but replay on rank 0"),
        (("--epochs", "0"), ("--epochs", "0"), "epochs is 0; it must be 1 or more."),
        (("--bogus",), ("--bogus",), "unrecognized arguments: --bogus"),
    ],
    ids=["seeds", "networks", "engines", "what is wrong for all", "flags that there are not"],
)
def test_what_differs_or_does_not_fit_is_told_once(first, second, sentence):
    """One sentence and status 2, before anything is trained."""
    answer = ran(differing(first, second))
    assert answer.returncode == 2
    (line,) = said(answer.stderr)
    assert re.sub(r"\(\S+\)", "(HOST)", line).startswith(sentence)
    assert "epoch   1" not in answer.stdout


OLDER = "import numpy, sys; numpy.__version__ = '0.9'; from xpnet import train; train.run(train.main)"
"""The command with another NumPy, as it says."""


def test_versions_that_differ_are_told():
    """Before the data are read, with what each rank has."""
    launcher, _, _, *line = ranks(1, *TRAIN)
    *python, _, _ = ranks(1, "-c", OLDER)[3:]
    answer = ran([launcher, "-n", "1", *line, ":", "-n", "1", *python, "-c", OLDER, "--mpi"])
    assert answer.returncode == 2
    (sentence,) = said(answer.stderr)
    assert re.match(rf"NumPy is 0\.9 on rank 1 \(\S+\) but {np.__version__} on rank 0\. All ranks must", sentence)


def test_data_that_differ_are_told(tmp_path):
    """Files of one name with other contents, as on machines that do not share a disk."""
    rng = np.random.default_rng(0)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "own.npz", x_train=rng.normal(size=(20, 3)), y_train=np.arange(20) % 2)
    launcher, _, _, *line = ranks(1, *TRAIN, "--epochs", 1, "--data", "own.npz")
    line = [launcher, "-n", "1", "-wdir", tmp_path / "one", *line, ":", "-n", "1", "-wdir", tmp_path / "other", *line]
    answer = ran(list(map(str, line)))
    assert answer.returncode == 2
    (sentence,) = said(answer.stderr)
    assert re.match(r"the training data is another on rank 1 \(\S+\) than on rank 0", sentence)


def test_what_only_one_rank_meets_stops_the_others(tmp_path):
    """It is told with its rank; here the first cannot write, and the other waits for it in the first epoch."""
    model = tmp_path / "nowhere" / "m"
    answer = ran(ranks(2, *TRAIN, "--save", model))
    assert answer.returncode == 2
    (sentence,) = said(answer.stderr)
    assert re.fullmatch(rf"rank 0 of 2 on \S+: cannot write {model}: there is no folder {model.parent}\.", sentence)


def test_processes_that_do_not_see_each_other():
    """Started by another MPI's launcher, each would be a training of its own; that is refused."""
    answer = ran(ranks(1, *TRAIN)[3:], env=os.environ | {"OMPI_COMM_WORLD_SIZE": "4"})
    assert answer.returncode == 2
    (sentence,) = said(answer.stderr)
    assert sentence.startswith("4 processes were started together, but to MPICH")


def test_without_an_mpi_library():
    """mpi4py alone is not enough; the sentence says what to install."""
    answer = ran(ranks(1, *TRAIN)[3:], env=os.environ | {"MPI4PY_LIBMPI": "/nowhere/libmpi.so"})
    assert answer.returncode == 2
    assert said(answer.stderr) == [
        "mpi4py finds no MPI library; run pip install mpich, or load the cluster's own (module load …)."
    ]

"""Ranks with a GPU each add up by NCCL: xpnet's own way, run by two processes on the stand-in for a device."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import ROOT
from helpers.cuda_on_cpu import can_compile
from helpers.mpi_ranks import ran, ranks
from helpers.oracles import distance

from xpnet import serialization, train

pytestmark = pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")
TESTS = ROOT / "tests"
TRAIN = ("-m", "xpnet.train", "--epochs", "2", "--hidden", "16", "--activation", "tanh", "--dtype", "float64")


@pytest.fixture
def environment(tmp_path):
    """A machine with two GPUs, NCCL, and a driver that shows them."""
    library = tmp_path / "libcuda.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, TESTS / "device" / "libcuda.c"], check=True)
    folders = (TESTS / "device", TESTS, ROOT)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "LD_LIBRARY_PATH": str(tmp_path),
        "XPNET_STAND_IN_NCCL": "1",
    }


def parameters(path: Path) -> list[np.ndarray]:
    """A saved model's."""
    return [array for layer in serialization.load(path).checkpoint.params for array in layer]


@pytest.mark.parametrize("engine", ["plain", "compiled"])
def test_two_ranks_train_one_network(tmp_path, environment, engine, capsys):
    """Each on a GPU of its own, they come to what one process comes to on the CPU, and say how their sums travel."""
    together, alone = tmp_path / "two.safetensors", tmp_path / "one.safetensors"
    arguments = (*TRAIN, "--mpi", "--backend", "cupy", "--device", "cuda", "--engine", engine, "--save", together)
    answer = ran(ranks(2, *arguments), env=environment)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "their sums go from GPU to GPU by NCCL" in answer.stdout
    assert f"({engine}) on cuda:0" in answer.stdout
    train.main([*TRAIN[2:], "--quiet", "--backend", "numpy", "--engine", "plain", "--save", str(alone)])
    for one, other in zip(parameters(together), parameters(alone), strict=True):
        assert distance(one, other) < 1e-10


CALLS = """
import sys
import cupy
from mpi4py import MPI
from xpnet import backends
from xpnet.distributed.allreduce import choose_allreduce
world = MPI.COMM_WORLD
backend = backends.resolve("cupy", f"cuda:{1 - world.rank}")
add, way = choose_allreduce(MPI, world, backend)
with backend.current():
    sums = cupy.asarray([1.0 + world.rank, 2.0])
    again = add(sums)
    sums *= 2
    assert add(sums) is sums is again
    found = sums.get().tolist()
lines = world.gather(f"{way}: {found}")
if world.rank == 0:
    print(*lines, sep="\\n")
"""


def test_sums_are_added_on_each_ranks_own_device(environment):
    """A communicator belongs to the device whose arrays it adds, not to the one that was current when it was made."""
    answer = ran(ranks(2, "-c", CALLS), env=environment)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == ["from GPU to GPU by NCCL: [12.0, 16.0]"] * 2


def test_ranks_on_one_gpu_go_another_way(environment):
    """NCCL takes no two ranks on one GPU; their sums go through the host's memory to MPI."""
    answer = ran(ranks(2, "-c", CALLS.replace("1 - world.rank", "0")), env=environment)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert all(line.startswith("through a buffer of the host") and line.endswith("[12.0, 16.0]") for line in lines)

"""Data four times as large as the memory that a training may have."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from helpers.commands import PYTHON, logged

import xpnet
from xpnet.data import load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which limits memory and tells of it")

LIMIT, CHUNK = 200, 16
"""Megabytes that the process may have for its data, of which Python and NumPy's BLAS need the most, and of a chunk."""

ROWS, COLUMNS = 4 * LIMIT * 2**20 // (4 * 256), 256
"""Of the inputs, in float32."""

LIMITED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT * 2**20},) * 2)
if len(sys.argv) == 2:
    import numpy
    numpy.load(sys.argv[1])
from xpnet import train
train.main(sys.argv[1:])
with open("/proc/self/status") as status:
    print(*(line for line in status if line.startswith("VmHWM")))
"""
"""The command under the limit; at the end it tells the kilobytes that have been in memory at a time.

With a file as its only argument it reads that at once.
"""


@pytest.fixture
def folder():
    """The files: ten classes around centres of their own, so near that a sixth of the rows cannot be distinguished."""
    if shutil.disk_usage(Path.cwd()).free < 3 * 4 * LIMIT * 2**20:
        pytest.skip(f"needs {12 * LIMIT} megabytes of disk")
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, COLUMNS)).astype("float32")
    # Not pytest's, which keeps what the last tests have left.
    with TemporaryDirectory() as name:
        path = Path(name)
        for part, n in (("train", ROWS), ("test", 20_000)):
            y = rng.integers(10, size=n).astype("int32")
            x = np.lib.format.open_memmap(path / f"x_{part}.npy", "w+", "float32", (n, COLUMNS))
            for at in range(0, n, 2**14):
                labels = y[at : at + 2**14]
                x[at : at + 2**14] = centres[labels] + 6 * rng.standard_normal((len(labels), COLUMNS), "float32")
            np.save(path / f"y_{part}.npy", y)
        yield path


def limited(*arguments):
    """A run under the limit."""
    line, environment = [*PYTHON, "-c", LIMITED, *map(str, arguments)], os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, env=environment)


def test_four_times_the_memory(folder):
    """It finishes, in three chunks and 200 megabytes, as accurate as in memory within 0.3 %."""
    assert (folder / "x_train.npy").stat().st_size >= 4 * LIMIT * 2**20
    flags = ("--hidden", "32", "--batch-size", "256", "--epochs", "2", "--engine", "replay")
    there = ("--data", folder, "--chunk-size", CHUNK, "--log", folder / "log.jsonl")
    assert "MemoryError" in limited(folder / "x_train.npy").stderr
    answer = limited(*flags, *there)
    assert (answer.returncode, answer.stderr) == (0, "")
    (most,) = re.findall(r"VmHWM:\s+(\d+) kB", answer.stdout)
    assert int(most) / 1024 < 3 * CHUNK + 200
    found = logged(folder / "log.jsonl")[-1]["test_accuracy"]

    data = load(folder)
    in_memory = xpnet.Data(*(np.load(stored.paths[0], mmap_mode="r") for stored in data[:4]))
    network = xpnet.Network([COLUMNS, 32, 10])
    *_, wanted = xpnet.epochs(network, in_memory, xpnet.adam(), batch_size=256, epochs=2, engine="replay")
    assert 0.8 < wanted.test_accuracy < 0.9
    assert abs(found - wanted.test_accuracy) < 0.003

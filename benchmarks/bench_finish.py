"""Time to finish: whole processes, from nothing to a trained network, imports and compilers included."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from configurations import CLASSES, FINISHED
from pytest_benchmark.fixture import BenchmarkFixture

from xpnet import data

TURNS = 2
SCRIPTS = Path(__file__).with_name("scripts")

TASKS = {
    "digits": dict(hidden=128, batch=32, epochs=20, rate=0.003),
    "mnist": dict(hidden=128, batch=128, epochs=1, rate=0.001),
}
"""The digits as `python -m xpnet.train` has them; one epoch of MNIST; both by Adam."""

CONTENDERS = {
    "xpnet replay": "xpnet",
    "xpnet compiled, first time": "llvmlite",
    "xpnet compiled": "llvmlite",
    "scikit-learn": "sklearn",
    "torch": "torch",
    "JAX jit": "jax",
}
"""Module that each needs."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The data as files that everybody can read: MNIST itself where it is, else random images like it."""
    folder = tmp_path_factory.mktemp("data")
    digits = data.load("digits")
    arrays = {"digits": (digits.x_train / np.float32(16), digits.y_train)}
    if "XPNET_DATA_DIR" in os.environ:
        mnist = data.load("mnist")
        arrays["mnist"] = (mnist.x_train / np.float32(255), mnist.y_train)
    else:
        rng = np.random.default_rng(0)
        arrays["mnist"] = (rng.random((60_000, 784), np.float32), rng.integers(CLASSES, size=60_000))
    for name, (x, y) in arrays.items():
        np.savez(folder / f"{name}.npz", x_train=x.astype(np.float32), y_train=y)
    return {name: folder / f"{name}.npz" for name in arrays}


@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("configuration", list(FINISHED))
def bench_finish(
    benchmark: BenchmarkFixture,
    files: dict[str, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    configuration: str,
    contender: str,
    turn: int,
) -> None:
    """One process, started and waited for."""
    task, source = TASKS[configuration], files[configuration]
    pytest.importorskip(CONTENDERS[contender])
    cache = tmp_path if "first" in contender else tmp_path_factory.getbasetemp() / "cache"
    if contender.startswith("xpnet"):
        engine = contender.removeprefix("xpnet ").partition(",")[0]
        flags = dict(hidden=task["hidden"], batch_size=task["batch"], epochs=task["epochs"], learning_rate=task["rate"])
        command = ["-m", "xpnet.train", "--data", str(source), "--engine", engine, "--optimizer", "adam", "--quiet"]
        command += [part for flag, value in flags.items() for part in (f"--{flag.replace('_', '-')}", str(value))]
    else:
        command = [str(SCRIPTS / f"with_{CONTENDERS[contender]}.py"), str(source), *map(str, task.values())]

    def process() -> None:
        environment = os.environ | {"XPNET_CACHE_DIR": str(cache)}
        subprocess.run([sys.executable, *command], check=True, env=environment)

    benchmark.extra_info.update(kind="finish", units=1, samples=len(np.load(source)["y_train"]) * task["epochs"])
    # A first time comes once; the second time all files are cached, and compiled code.
    first = "first" in contender
    benchmark.pedantic(process, rounds=1, iterations=1, warmup_rounds=0 if first or turn else 1)

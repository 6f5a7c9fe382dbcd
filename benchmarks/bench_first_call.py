"""Time of the first call after the imports, by depth: with nothing compiled yet, and with a cache that is filled."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from configurations import CLASSES, DEPTHS
from pytest_benchmark.fixture import BenchmarkFixture

import xpnet

TURNS = 5
STEPS, BATCH = 10, 128

CLOSE = 1e-3
"""How far the mean cost may be from plain xpnet's: what Adam does first with a tiny gradient, its rounding decides."""

SCRIPTS = Path(__file__).with_name("scripts")

CONTENDERS = {
    "xpnet compiled": ("llvmlite", "first_call_of_xpnet.py", "compiled"),
    "JAX scan": ("jax", "first_call_of_jax.py"),
    "torch.compile": ("torch", "first_call_of_torch.py"),
}
"""The module that each needs, its script, and the script's arguments."""

SLOW = "torch.compile"
"""What compiles for tens of seconds: it comes once, and not in a quick run."""

CACHES = ("XPNET_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
"""Variables that name each one's folder."""

EVERYTHING = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
"""JAX's cache takes what was compiled in less than a second, too, which it does not by default."""

TRIALS = [
    (configuration, turn, contender, kind)
    for configuration in DEPTHS
    for turn in range(TURNS)
    for contender in [*CONTENDERS][turn % 3 :] + [*CONTENDERS][: turn % 3]
    for kind in ("first", "warm")
    if turn == 0 or contender != SLOW
]
"""All contenders for each depth, several times in rotated order; each first call, then one from the cache it filled."""


class Process:
    """Process that has imported what it needs, and makes its first call when it is asked.

    Args:
        script: Script that it runs, with its arguments.
        cache: Folder of its compiled code.
    """

    def __init__(self, script: tuple[str, ...], cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self.errors = cache / "stderr"
        environment = os.environ | dict.fromkeys(CACHES, str(cache)) | EVERYTHING
        with open(self.errors, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPTS / script[0]), *script[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            self.end()

    def call(self) -> str:
        """Train, until the mean cost can be read."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if not (cost := self.process.stdout.readline()):
            self.end()
        return cost

    def end(self) -> None:
        """Wait for the end; a C++ compiler that is missing skips."""
        self.process.communicate()
        errors = self.errors.read_text(encoding="utf-8")
        if "InvalidCxxCompiler" in errors:
            pytest.skip("torch.compile finds no C++ compiler on this machine")
        if self.process.returncode:
            raise RuntimeError(errors)


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, float]]:
    """Function of a depth: the file that all contenders read, and the mean cost that plain xpnet comes to."""
    folder = tmp_path_factory.mktemp("problems")

    @lru_cache
    def made(configuration: str) -> tuple[Path, float]:
        rng, sizes, n = np.random.default_rng(0), DEPTHS[configuration], STEPS * BATCH
        x, y = rng.standard_normal((n, sizes[0]), np.float32), rng.integers(CLASSES, size=n)
        rows, params = rng.permutation(n).reshape(STEPS, BATCH), xpnet.Network(sizes).init(0)
        source = folder / f"{len(sizes) - 2}.npz"
        np.savez(source, x, y, rows, *(array for layer in params for array in layer))
        plain = Process(("first_call_of_xpnet.py", "plain", str(source)), folder / f"{source.stem}-plain")
        cost = float(plain.call())
        plain.end()
        return source, cost

    return made


@pytest.mark.parametrize(("configuration", "turn", "contender", "kind"), TRIALS)
def bench_first_call(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    problem: Callable[[str], tuple[Path, float]],
    tmp_path_factory: pytest.TempPathFactory,
    configuration: str,
    turn: int,
    contender: str,
    kind: str,
) -> None:
    """Ten steps of Adam in a new process, from arrays of NumPy's to a cost that can be read."""
    if pytestconfig.getoption("--device") != "cpu":
        pytest.skip("first calls are timed on the CPU")
    if pytestconfig.getoption("--quick") and contender == SLOW:
        pytest.skip("it compiles for tens of seconds")
    module, *script = CONTENDERS[contender]
    pytest.importorskip(module)
    source, cost = problem(configuration)
    # torch.compile cannot write to a folder whose name has spaces.
    cache = tmp_path_factory.getbasetemp() / f"{source.stem}-{module}-{turn}"
    command = (*script, str(source))
    if kind == "warm" and not cache.exists():
        first = Process(command, cache)
        first.call()
        first.end()
    process = Process(command, cache)
    benchmark.extra_info.update(kind=kind, units=1, samples=STEPS * BATCH)
    result = benchmark.pedantic(process.call, rounds=1, iterations=1, warmup_rounds=0)
    process.end()
    assert float(result) == pytest.approx(cost, rel=CLOSE)

"""Time of two threads where another process keeps one of the two cores busy, beside one thread and two free cores."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from checked_contenders import contender as ready_contender
from configurations import ASKED
from contender import Unavailable
from pytest_benchmark.fixture import BenchmarkFixture
from threadpoolctl import threadpool_limits

import xpnet

TURNS, CONFIGURATION, ENGINE = 9, "D", "xpnet numpy compiled"

ONE, FREE, BUSY = "xpnet, one thread", "xpnet, two threads", "xpnet, two threads, one core busy"


@contextmanager
def busy_core() -> Iterator[None]:
    """Context of a process that never rests on the last of the cores."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("what", ["busy", "busy answers"])
@pytest.mark.parametrize(
    ("configuration", "turn", "contender"),
    [(CONFIGURATION, turn, each) for turn in range(TURNS) for each in (ONE, FREE, BUSY)],
)
def bench_busy(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    configuration: str,
    turn: int,
    contender: str,
    what: str,
) -> None:
    """A block of steps, and the answers to ten thousand rows, by compiled code."""
    if pytestconfig.getoption("--threads") != 2 or not hasattr(os, "sched_setaffinity"):
        pytest.skip("it takes two threads, and a system that pins them: --threads 2")
    try:
        timed = ready_contender(configuration, ENGINE, pytestconfig.getoption("--quick"), "cpu")
    except Unavailable as error:
        pytest.skip(str(error))
    rows = timed.problem.rows
    assert rows is not None
    steps, asked = what == "busy", timed.problem.asked
    predict = xpnet.Network(timed.problem.configuration.sizes, "sigmoid").predictor(
        timed.problem.start, engine="compiled"
    )
    benchmark.extra_info.update(kind=what, units=len(rows) if steps else 1, samples=rows.size if steps else ASKED)
    with busy_core() if contender == BUSY else nullcontext(), threadpool_limits(1 if contender == ONE else 2):
        benchmark.pedantic(timed.block if steps else predict, (rows if steps else asked,), rounds=5, warmup_rounds=1)

"""Time of steps, epochs and answers, and how it grows: xpnet by every engine, its peers, and the floor."""

import pytest
from checked_contenders import contender as ready_contender
from configurations import ASKED, ASKING, EPOCHS, SCALING, STEPS
from contender import Contender, Unavailable
from contenders import CONTENDERS
from pytest_benchmark.fixture import BenchmarkFixture

TURNS = 7
ROUNDS = {"A": 3, "B": 4, "C64": 4, "C128": 4, "D": 3, "E": 1, "F": 4, "G": 2}
"""Rounds per turn: few, so that the next contender is measured before the machine changes its speed."""


def turns(names: tuple[str, ...], times: int = TURNS) -> list[tuple[str, int, str]]:
    """Every contender in every configuration, several times in rotated order."""
    entries = list(CONTENDERS)
    return [
        (configuration, turn, entry)
        for configuration in names
        for turn in range(times)
        for entry in entries[turn * 3 :] + entries[: turn * 3]
    ]


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(tuple(STEPS)))
def bench_step(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """A block of steps, until its results are on the host."""
    timed = _ready(pytestconfig, configuration, contender)
    rows = timed.problem.rows
    assert rows is not None
    benchmark.extra_info.update(kind="step", units=len(rows), samples=rows.size)
    benchmark.pedantic(timed.block, (rows,), rounds=ROUNDS[configuration], iterations=1, warmup_rounds=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(tuple(EPOCHS), times=3))
def bench_epoch(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """An epoch in a new order, the short last batch included."""
    timed, rows = _ready(pytestconfig, configuration, contender), EPOCHS[configuration]
    benchmark.extra_info.update(kind="epoch", units=1, samples=rows)
    benchmark.pedantic(timed.epoch, (rows,), rounds=1, iterations=1, warmup_rounds=int(turn == 0))


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(ASKING, times=5))
def bench_inference(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """The answers for ten thousand rows."""
    if not CONTENDERS[contender].predicts:
        pytest.skip("it answers as another one does")
    timed = _ready(pytestconfig, configuration, contender)
    benchmark.extra_info.update(kind="inference", units=1, samples=ASKED)
    benchmark.pedantic(timed.predict, rounds=ROUNDS[configuration], iterations=1, warmup_rounds=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(tuple(SCALING), times=1))
def bench_growth(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """A step of wider and wider layers, and of larger and larger batches."""
    if not CONTENDERS[contender].grows:
        pytest.skip("its growth is not measured")
    timed = _ready(pytestconfig, configuration, contender)
    rows = timed.problem.rows
    assert rows is not None
    benchmark.extra_info.update(kind="growth", units=len(rows), samples=rows.size)
    benchmark.pedantic(timed.block, (rows,), rounds=5, iterations=1, warmup_rounds=0)


def _ready(config: pytest.Config, configuration: str, name: str) -> Contender:
    """The contender, or a skip with the reason."""
    try:
        return ready_contender(configuration, name, config.getoption("--quick"), config.getoption("--device"))
    except Unavailable as error:
        pytest.skip(str(error))

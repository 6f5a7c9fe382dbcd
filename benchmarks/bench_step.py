"""How fast steps, epochs and answers are, and how their cost grows: ours by every engine, the peers, and the floor."""

import pytest
from configurations import ASKED, ASKING, EPOCHS, SCALING, STEPS
from contenders import Contender, Unavailable
from measuring import contender as ready
from pytest_benchmark.fixture import BenchmarkFixture
from roster import ROSTER

TURNS = 7
ROUNDS = {"A": 3, "B": 4, "C64": 4, "C128": 4, "D": 3, "E": 1, "F": 4, "G": 2}
"""Of each turn: few, so that the next contender is measured before the machine changes its mind."""


def turns(names: tuple[str, ...], times: int = TURNS) -> list[tuple[str, int, str]]:
    """Every contender in every configuration, several times in rotated order."""
    entries = list(ROSTER)
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
    """A block of steps, until its results are there."""
    made = _ready(pytestconfig, configuration, contender)
    rows = made.problem.rows
    assert rows is not None
    benchmark.extra_info.update(kind="step", units=len(rows), samples=rows.size)
    benchmark.pedantic(made.block, (rows,), rounds=ROUNDS[configuration], iterations=1, warmup_rounds=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(tuple(EPOCHS), times=3))
def bench_epoch(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """An epoch in a new order, the short last batch included."""
    made, rows = _ready(pytestconfig, configuration, contender), EPOCHS[configuration]
    benchmark.extra_info.update(kind="epoch", units=1, samples=rows)
    benchmark.pedantic(made.epoch, (rows,), rounds=1, iterations=1, warmup_rounds=int(turn == 0))


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(ASKING, times=5))
def bench_inference(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """The answers for ten thousand rows."""
    if not ROSTER[contender].asks:
        pytest.skip("it answers as another one does")
    made = _ready(pytestconfig, configuration, contender)
    benchmark.extra_info.update(kind="inference", units=1, samples=ASKED)
    benchmark.pedantic(made.predict, rounds=ROUNDS[configuration], iterations=1, warmup_rounds=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(tuple(SCALING), times=1))
def bench_growth(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """A step of wider and wider layers, and of larger and larger batches."""
    if not ROSTER[contender].grows:
        pytest.skip("its growth is not measured")
    made = _ready(pytestconfig, configuration, contender)
    rows = made.problem.rows
    assert rows is not None
    benchmark.extra_info.update(kind="growth", units=len(rows), samples=rows.size)
    benchmark.pedantic(made.block, (rows,), rounds=5, iterations=1, warmup_rounds=0)


def _ready(config: pytest.Config, configuration: str, name: str) -> Contender:
    """The contender, or a skip with the reason."""
    try:
        return ready(configuration, name, config.getoption("--quick"), config.getoption("--device"))
    except Unavailable as error:
        pytest.skip(str(error))

"""How fast training steps and answers are: ours by every engine, the peers, and the floor, in turns."""

import pytest
from configurations import ASKING, STEPS
from contenders import Contender, Unavailable
from measuring import contender as ready
from pytest_benchmark.fixture import BenchmarkFixture
from roster import ROSTER

TURNS = 3
ROUNDS = {"A": 10, "B": 10, "C64": 8, "C128": 8, "D": 5, "E": 3}


def turns(names: tuple[str, ...]) -> list[tuple[str, int, str]]:
    """Every contender in every configuration, several times in rotated order."""
    entries = list(ROSTER)
    return [
        (configuration, turn, entry)
        for configuration in names
        for turn in range(TURNS)
        for entry in entries[turn * 5 :] + entries[: turn * 5]
    ]


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(tuple(STEPS)))
def bench_step(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """A block of steps, until its results are there."""
    made = _ready(pytestconfig, configuration, contender)
    rows = made.problem.rows
    assert rows is not None
    benchmark.extra_info.update(kind="step", steps=len(rows))
    benchmark.pedantic(made.block, (rows,), rounds=ROUNDS[configuration], iterations=1, warmup_rounds=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), turns(ASKING))
def bench_inference(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """The answers for ten thousand rows."""
    if not ROSTER[contender].asks:
        pytest.skip("it answers as another one does")
    made = _ready(pytestconfig, configuration, contender)
    benchmark.extra_info.update(kind="inference", steps=1)
    benchmark.pedantic(made.predict, rounds=ROUNDS[configuration], iterations=1, warmup_rounds=1)


def _ready(config: pytest.Config, configuration: str, name: str) -> Contender:
    """The contender, or a skip with the reason."""
    try:
        return ready(configuration, name, config.getoption("--quick"), config.getoption("--device"))
    except Unavailable as error:
        pytest.skip(str(error))

"""Time of private steps, rows' gradients clipped and noise added: xpnet's, Opacus' and JAX's on the same batches."""

from functools import lru_cache
from itertools import chain

import numpy as np
import pytest
from checked_contenders import problem as random_problem
from configurations import Parameters, Problem
from contender import Contender, Unavailable
from private_contenders import NOISE, PRIVATE, RowByRow
from pytest_benchmark.fixture import BenchmarkFixture

STEPS = {"C128": 20, "D": 2}
"""Steps of a timed block: few, since the slowest takes a second for one of D."""

TURNS = 5
CHECKED = 2
"""Steps without noise after which parameters are compared."""

TRIALS = [
    (configuration, turn, contender)
    for configuration in STEPS
    for turn in range(TURNS)
    for contender in [*PRIVATE][turn % len(PRIVATE) :] + [*PRIVATE][: turn % len(PRIVATE)]
]
"""All contenders in each configuration, several times in rotated order."""


@pytest.mark.parametrize(("configuration", "turn", "contender"), TRIALS)
def bench_private(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """A block of private steps."""
    if pytestconfig.getoption("--device") != "cpu":
        pytest.skip("is timed on the CPU")
    problem = random_problem(configuration, pytestconfig.getoption("--quick"))
    assert problem.rows is not None
    problem = problem._replace(rows=problem.rows[: STEPS[configuration]])
    assert problem.rows is not None
    timed = _ready(configuration, contender, problem)
    if isinstance(timed, str):
        pytest.skip(timed)
    benchmark.extra_info.update(kind="private", units=len(problem.rows), samples=problem.rows.size)
    benchmark.pedantic(timed.block, (problem.rows,), rounds=3, iterations=1, warmup_rounds=1)


_contenders: dict[tuple[str, str], Contender | str] = {}


def _ready(configuration: str, name: str, problem: Problem) -> Contender | str:
    """Contender, checked the first time, or why there is none; those of another configuration are forgotten."""
    for key in [key for key in _contenders if key[0] != configuration]:
        del _contenders[key]
    if (configuration, name) not in _contenders:
        try:
            if PRIVATE[name].checked:
                _check(configuration, name, problem)
            _contenders[configuration, name] = PRIVATE[name].make(problem, NOISE)
        except Unavailable as error:
            _contenders[configuration, name] = str(error)
    return _contenders[configuration, name]


def _check(configuration: str, name: str, problem: Problem) -> None:
    """Compare its steps without noise with the gradients row by row."""
    timed = PRIVATE[name].make(problem, 0.0)
    assert problem.rows is not None
    timed.block(problem.rows[:CHECKED])
    for result, wanted in zip(chain(*timed.params()), chain(*_row_by_row(configuration)), strict=True):
        off = np.linalg.norm(result - wanted) / np.linalg.norm(wanted)
        assert off < timed.close, f"{name} is {off:.1e} off after {CHECKED} steps of {problem.configuration}"


@lru_cache(maxsize=1)
def _row_by_row(configuration: str) -> Parameters:
    """Parameters after a few steps."""
    problem = random_problem(configuration, False)
    assert problem.rows is not None
    by_hand = RowByRow(problem)
    by_hand.block(problem.rows[:CHECKED])
    return by_hand.params()

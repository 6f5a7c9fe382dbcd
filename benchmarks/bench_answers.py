"""Time of answers to few rows and many, by a network whose arithmetic is soon done: what a call costs beside it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from answerers import ANSWERERS
from configurations import ANSWERED, COUNTS, start
from contender import Unavailable
from pytest_benchmark.fixture import BenchmarkFixture

TURNS, ROUNDS = 7, 3

ROWS_PER_ROUND = 2000
"""Rows of a round, about, in which one row is asked for again and again: milliseconds."""

CLOSE = 1e-5
"""How far probabilities may be from NumPy's by hand."""

TRIALS = [
    (configuration, turn, contender)
    for configuration in COUNTS
    for turn in range(TURNS)
    for contender in [*ANSWERERS][turn:] + [*ANSWERERS][:turn]
]
"""All contenders for each number of rows, several times in rotated order."""


@lru_cache
def answerer(contender: str) -> Any:
    """Contender, set up once; or why it cannot be timed."""
    try:
        return ANSWERERS[contender](start(ANSWERED))
    except Unavailable as error:
        return str(error)


@lru_cache
def ready(contender: str, rows: int) -> Any:
    """Function that answers for some rows, checked; or why it cannot be timed."""
    made = answerer(contender)
    if isinstance(made, str):
        return made
    x = np.random.default_rng(0).standard_normal((rows, ANSWERED[0])).astype(np.float32)
    answer = made(x)
    if contender != "NumPy by hand":
        np.testing.assert_allclose(np.asarray(answer()), ready("NumPy by hand", rows)(), atol=CLOSE)
    return answer


@pytest.mark.parametrize(("configuration", "turn", "contender"), TRIALS)
def bench_answers(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """The probabilities of so many rows, until they can be read."""
    if pytestconfig.getoption("--device") != "cpu":
        pytest.skip("answers are timed on the CPU")
    rows = COUNTS[configuration]
    answer = ready(contender, rows)
    if isinstance(answer, str):
        pytest.skip(answer)
    calls = max(1, ROWS_PER_ROUND // (rows + 4))

    def answers(answer: Callable[[], Any] = answer) -> None:
        for _ in range(calls):
            answer()

    benchmark.extra_info.update(kind="answers", units=calls, samples=calls * rows)
    benchmark.pedantic(answers, rounds=ROUNDS, iterations=1, warmup_rounds=1)

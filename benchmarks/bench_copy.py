"""Speed of copying memory, a measure for everything that is no matrix product."""

import pytest
from configurations import Configuration, random_problem
from contender import Unavailable
from floor import library
from pytest_benchmark.fixture import BenchmarkFixture

SIZE = 2**28
"""Bytes, more than any cache holds."""


@pytest.mark.parametrize(("configuration", "turn", "contender"), [("copy", 0, "copy")])
def bench_copy(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, configuration: str, turn: int, contender: str
) -> None:
    """An array into another on the same device; each byte is read and written."""
    try:
        xp, to_device, synchronize = library(pytestconfig.getoption("--device"))
    except Unavailable as error:
        pytest.skip(str(error))
    source = to_device(random_problem(Configuration("copy", (784, 10), 1, 1), True).x)
    times = SIZE // (source.shape[0] * source.shape[1] * 4)
    target = xp.empty_like(source)

    def copy() -> None:
        for _ in range(times):
            target[...] = source
        synchronize()

    benchmark.extra_info.update(kind="copy", units=1, samples=times * source.shape[0] * source.shape[1] * 4)
    benchmark.pedantic(copy, rounds=9, iterations=1, warmup_rounds=1)

"""The statistics by which a commit is compared with another: the interval of paired ratios, and what is too slow."""

from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest

FILE = Path(__file__).resolve().parent.parent / "benchmarks" / "ratios.py"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="benchmarks are in the checkout")


@pytest.fixture(scope="module")
def interval() -> Any:
    """The function."""
    return run_path(str(FILE))["interval"]


def test_the_interval_is_the_textbooks(interval: Any) -> None:
    """For 15 values it reaches from the 4th smallest to the 4th largest, for 25 from the 8th, for 31 from the 10th."""
    for n, k in ((15, 4), (25, 8), (31, 10)):
        assert interval([float(i) for i in range(1, n + 1)]) == ((n + 1) / 2, k, n + 1 - k)


def test_the_interval_holds_the_median_as_often_as_it_says(interval: Any) -> None:
    """Of 2,000 draws from a skewed distribution 95 % or more, and not all, hold its median."""
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(2000, 15))
    covered = [low <= np.log(2) <= high for _, low, high in map(interval, draws)]
    assert 0.945 < np.mean(covered) < 0.99


def test_a_row_is_slower_where_its_whole_interval_is(interval: Any) -> None:
    """Noise around what is allowed does not fail; a slowdown that no round contradicts does."""
    noisy = [0.9, 1.2] * 10
    slow = [1.04 + 0.001 * i for i in range(20)]
    assert not interval(noisy).is_above(1.02)
    assert interval(slow).is_above(1.02)
    assert not interval(slow).is_above(1.06)


def test_one_slow_round_does_not_fail_a_row(interval: Any) -> None:
    """A round in which the machine did something else moves neither the median nor the interval's ends."""
    calm = [0.99 + 0.001 * i for i in range(15)]
    assert interval([*calm[:-1], 50.0])[:2] == interval(calm)[:2]
    assert not interval([*calm[:-1], 50.0]).is_above(1.02)


def test_too_few_rounds_are_refused(interval: Any) -> None:
    """Five values have no such interval."""
    with pytest.raises(ValueError, match="5 ratios have no interval of 95%"):
        interval([1.0] * 5)

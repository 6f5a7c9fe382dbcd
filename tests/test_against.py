"""The comparison with another commit: its statistics."""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="benchmarks are in the checkout")


@pytest.fixture
def against(monkeypatch):
    """The module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import against

    yield against
    for name in ("against", "against_worker"):
        sys.modules.pop(name, None)


def test_the_interval_is_the_textbooks(against):
    """For 15 values it reaches from the 4th smallest to the 4th largest, for 25 from the 8th to the 8th."""
    for n, k in ((15, 4), (25, 8), (31, 10)):
        found = against.verdict([float(i) for i in range(1, n + 1)])
        assert found == ((n + 1) / 2, k, n + 1 - k)


def test_the_interval_holds_the_median_as_often_as_it_says(against):
    """Of 2,000 draws from a skewed distribution 95 % or more, and not all, hold its median."""
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(2000, 15))
    held = [low <= np.log(2) <= high for _, low, high in map(against.verdict, draws)]
    assert 0.945 < np.mean(held) < 0.99


def test_a_row_fails_where_all_of_its_interval_is_too_slow(against):
    """Noise around what is allowed does not fail; a slowdown that no round contradicts does."""
    noisy = [0.9, 1.2] * 10
    slow = [1.04 + 0.001 * i for i in range(20)]
    assert not against.verdict(noisy).slower(1.02)
    assert against.verdict(slow).slower(1.02)
    assert not against.verdict(slow).slower(1.06)


def test_too_few_rounds_are_refused(against):
    """Five values have no such interval."""
    with pytest.raises(ValueError, match="5 ratios have no interval of 95%"):
        against.verdict([1.0] * 5)

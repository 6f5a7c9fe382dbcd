"""Quiet calls: nothing is said within them, within one another, and on several threads; outside all is as it was."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xpnet._support.quiet import quiet

ZERO = np.zeros(1)


def inverse(x, *, numerator=1.0):
    """A division by zero."""
    return numerator / x


def test_numbers_beyond_the_range_pass_silently_within():
    """Whatever the caller asked of NumPy's errors."""
    with np.errstate(all="raise"):
        assert quiet(inverse, ZERO) == np.inf
        assert quiet(inverse, ZERO, numerator=-1.0) == -np.inf
        with pytest.raises(FloatingPointError):
            inverse(ZERO)


def test_calls_can_be_within_one_another():
    """Such as one that a signal's handler makes while another one is on its way."""
    assert quiet(lambda: quiet(inverse, ZERO) + quiet(inverse, ZERO)) == np.inf


def test_an_exception_comes_out():
    """And the next call is as quiet."""
    with pytest.raises(ZeroDivisionError):
        quiet(inverse, 0)
    assert quiet(inverse, ZERO) == np.inf


def test_threads_are_quiet_at_the_same_time():
    """None waits for another one, or is refused."""
    with np.errstate(all="raise"), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: quiet(inverse, ZERO) == np.inf, range(1000)))

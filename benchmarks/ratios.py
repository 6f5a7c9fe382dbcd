"""Ratios of paired times: their median, the interval that it lies in, and whether that is too slow."""

from collections.abc import Sequence
from math import comb
from statistics import median
from typing import NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Median of some ratios, with the interval that holds it.

    Attributes:
        ratio: Median of this version's times divided by the other's.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    ratio: float
    low: float
    high: float

    def is_above(self, allowed: float) -> bool:
        """Whether the whole interval lies above a ratio."""
        return self.low > allowed


def interval(ratios: Sequence[float]) -> Interval:
    """Median and interval of some ratios, whatever their distribution.

    The ends are order statistics: the median lies below the k-th smallest of n values, or above the k-th largest, as
    rarely as fewer than k of n coins show heads.

    Raises:
        ValueError: There are too few ratios for such an interval.
    """
    ordered, n = sorted(ratios), len(ratios)
    k, tail = 0, 0.0
    while tail + comb(n, k) / 2**n <= (1 - CONFIDENCE) / 2:
        tail += comb(n, k) / 2**n
        k += 1
    if k == 0:
        raise ValueError(f"{n} ratios have no interval of {CONFIDENCE:.0%}; measure 6 or more.")
    return Interval(median(ordered), ordered[k - 1], ordered[n - k])

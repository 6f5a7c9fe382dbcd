"""Split: test rows drawn from training rows as they are read, in the same proportion from every class."""

from collections.abc import Iterable, Iterator

import numpy as np

from xpnet.errors import InputError


class Split:
    """Rows to set aside: of every class one, at random, out of each 1/fraction that follow one another.

    Args:
        fraction: Fraction of the rows, above 0 and at most a half.
        seed: What they are drawn from.

    Raises:
        InputError: The fraction is not such a number.
    """

    def __init__(self, fraction: float, seed: int) -> None:
        if not 0 < fraction <= 0.5:
            raise InputError(f"the fraction of test rows is {fraction:g}; it must be above 0 and at most 0.5.")
        self.fraction = fraction
        self._rng = np.random.default_rng(seed)
        self._classes: dict[object, Iterator[bool]] = {}

    def aside(self, labels: Iterable[object]) -> np.ndarray:
        """For the next rows, whether each is set aside; labels that are equal are of one class."""
        return np.fromiter((next(self._draws(label)) for label in labels), bool)

    def _draws(self, label: object) -> Iterator[bool]:
        if label not in self._classes:
            self._classes[label] = self._drawn()
        return self._classes[label]

    def _drawn(self) -> Iterator[bool]:
        """Of the rows of one class, whether each is set aside."""
        window = start = 0
        while True:
            window += 1
            # What rounding takes from 3 / 0.3 must not shorten a window by a row.
            end = int(window / self.fraction + 1e-9)
            chosen = int(self._rng.integers(start, end))
            yield from (row == chosen for row in range(start, end))
            start = end

"""Reports of a verbose fit: a bar where it is seen, and scikit-learn's lines on stdout elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from xpnet.training.progress import is_watched, iterating

LONG = 1e15
"""Size from which on a number has an exponent, unlike scikit-learn's of hundreds of digits."""

STALLED = "{} did not improve more than tol={:f} for {:g} consecutive epochs. {}"


class Report:
    """Report of a fit that is not verbose: nothing."""

    def iteration(self, number: int, loss: float) -> None:
        """Report an epoch or iteration, counted from 1."""

    def score(self, score: float) -> None:
        """Report the validation score of the epoch."""

    def stalled(self, what: str, tol: float, epochs: float, then: str) -> None:
        """Report that loss or score no longer improved, and what comes of it."""


class BarReport(Report):
    """Report as a bar."""

    def __init__(self, show: Callable[[float], None]) -> None:
        self._show = show

    def iteration(self, number: int, loss: float) -> None:
        """Advance the bar."""
        self._show(loss)


class LinesReport(Report):
    """Report in scikit-learn's lines."""

    def iteration(self, number: int, loss: float) -> None:
        """Print the loss."""
        print(f"Iteration {number}, loss = {f'{loss:.8f}' if abs(loss) < LONG else f'{loss:.8g}'}")

    def score(self, score: float) -> None:
        """Print the score."""
        print(f"Validation score: {f'{score:f}' if abs(score) < LONG else f'{score:g}'}")

    def stalled(self, what: str, tol: float, epochs: float, then: str) -> None:
        """Print why the fit stops, or goes on with another learning rate."""
        print(STALLED.format(what, tol, epochs, then))


@contextmanager
def reporting(total: int, description: str, verbose: bool) -> Iterator[Report]:
    """Context with the report of a fit of at most so many iterations."""
    if not verbose:
        yield Report()
    elif is_watched():
        with iterating(total, description) as show:
            yield BarReport(show)
    else:
        yield LinesReport()

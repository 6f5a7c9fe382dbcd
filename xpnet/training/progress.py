"""Progress bars: over an epoch's samples, over iterations, and while something is being compiled."""

import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np

from xpnet.training.checkpoint import LONG, cost_text
from xpnet.training.running import LAST

BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
"""Format of the bar, short enough for accuracy and cost on a terminal of 80 columns."""


class Pace:
    """Pace of a training, by which its end is estimated: all time since it began, whatever it was spent on.

    Attributes:
        rows: Rows that it will have trained on.
        trained: Rows that it has trained on.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.trained = rows, 0
        self.began = time.time()

    def left(self) -> float:
        """Seconds until it is done, if it goes on like this and does not stop early."""
        return (time.time() - self.began) / self.trained * (self.rows - self.trained)


class Bar:
    """Bar over samples, with running cost and accuracy; shown on a terminal or in a notebook only.

    Attributes:
        shown: Whether it is shown; if not, there is no need to fetch the metrics for it.
    """

    def __init__(self, wanted: bool, description: str, total: int, accuracy: bool, pace: Pace) -> None:
        """Begin a bar.

        Args:
            wanted: Whether it is wanted where somebody sees it.
            description: Text before the bar.
            total: Rows of the epoch.
            accuracy: Whether answers are right or wrong.
            pace: Pace of the training, with the rows of the epochs before.
        """
        self.shown = False
        if not wanted or not is_watched():
            return
        self.shown = True
        self._bar = bar_class()(total=total, desc=description, bar_format=BAR_FORMAT, leave=False)
        self._bar.start_t = pace.began
        self._accuracy, self._pace = accuracy, pace
        self._last: deque[tuple[int, float]] = deque()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.shown:
            self._bar.close()

    def update(self, batch_size: int, costs: np.ndarray, errors: np.ndarray) -> None:
        """Advance by a block of steps with these costs and numbers of wrong answers."""
        self._last.extend((batch_size, float(error)) for error in errors)
        seen = sum(size for size, _ in self._last)
        while seen - self._last[0][0] >= LAST:
            seen -= self._last.popleft()[0]
        text = f"cost {cost_text(float(np.mean(costs)))}"
        if self._accuracy:
            wrong = sum(error for _, error in self._last)
            text = f"last {seen}: {1 - wrong / seen:.1%}, {text}"
        self._pace.trained += batch_size * len(errors)
        left = self._bar.format_interval(max(0.0, self._pace.left()))
        self._bar.set_postfix_str(f"{left} left, {text}", refresh=False)
        self._bar.update(batch_size * len(errors))


@contextmanager
def compile_notice(wanted: bool) -> Iterator[None]:
    """Context during which a terminal says that something is being compiled."""
    if not wanted or sys.stderr is None:
        yield
        return
    from tqdm import tqdm

    with tqdm(desc="compiling", bar_format="{desc} …", leave=False, disable=None):
        yield


def is_watched() -> bool:
    """Whether a bar is seen: stderr is a terminal, or a notebook's."""
    return sys.stderr is not None and (sys.stderr.isatty() or in_notebook())


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def bar_class() -> Any:
    """Bar of tqdm's: a widget in a notebook that has widgets, else a line of text."""
    with warnings.catch_warnings():
        # Where they are missing, tqdm says how to install them.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm


@contextmanager
def iterating(total: int, description: str) -> Iterator[Callable[[float], None]]:
    """Context with a function that shows each iteration's loss in a bar, which a notebook shows as a widget."""
    with bar_class()(total=total, desc=description, unit=" iterations") as bar:

        def show(loss: float) -> None:
            bar.set_postfix_str(f"loss {loss:.6f}" if abs(loss) < LONG else f"loss {loss:.4g}", refresh=False)
            bar.update()

        yield show

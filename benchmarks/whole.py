"""Whether a run times everything: what is a part of it must not take the place of a whole one's results."""

from collections.abc import Sequence
from pathlib import Path

import pytest

FILES = {path.name for path in Path(__file__).parent.glob("bench_*.py")}


class Whole:
    """Plugin of pytest that notices what a run leaves out.

    Args:
        narrowing: Options that choose among configurations or contenders, as the user gave them.
    """

    def __init__(self, narrowing: Sequence[str] = ()) -> None:
        self.chosen = list(narrowing)
        self.collected = self.finished = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """See the files before options such as -k choose among their benchmarks."""
        if missing := FILES - {item.path.name for item in items}:
            self.chosen.append(f"without {', '.join(sorted(missing))}")

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what -k, -m or --deselect leave out."""
        self.chosen.append(f"{len(items)} benchmarks deselected")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count what is to be timed."""
        self.collected = len(session.items)

    def pytest_runtest_logfinish(self) -> None:
        """Count what has been, skipped or not."""
        self.finished += 1

    @property
    def missing(self) -> str:
        """What the run left out; "" for a whole one."""
        stopped = [f"stopped after {self.finished} of {self.collected}"] if self.finished < self.collected else []
        return ", ".join(self.chosen + stopped)

"""Campaign: numbered cases of one part, counted by outcome, stopped and resumed at will."""

import json
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NamedTuple

HANG = 60
"""Seconds from which on a case hangs."""

SHOWN = 20
"""Surprises of a part that are kept in full."""


class Surprise(Exception):
    """An outcome that no user should meet."""


class Part(NamedTuple):
    """A series of cases.

    Attributes:
        about: What is tried, in a line.
        case: `case(number, folder)` tries case `number` in an empty folder, and returns its outcome in a word or two.
        quick: Cases of the short form.
        normal: Cases of the usual form.
        long: Cases of the long form.
        limit: Seconds that one case may take.
    """

    about: str
    case: Callable[[int, Path], str]
    quick: int
    normal: int
    long: int
    limit: int = HANG


@dataclass
class Tally:
    """Counts of a part so far; what the state file holds of it.

    Attributes:
        done: Cases tried, which are those below this number.
        outcomes: How often each outcome came.
        surprises: How many cases ended in a surprise.
        details: Numbers and texts of the first of them.
        seconds: How long it took.
    """

    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    surprises: int = 0
    details: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, number: int, outcome: str, surprise: str = "") -> None:
        """Add a case."""
        self.done = number + 1
        self.outcomes[outcome] += 1
        if surprise:
            self.surprises += 1
            if len(self.details) < SHOWN:
                self.details.append((number, surprise))


def tried(part: Part, tally: Tally, cases: int, after: Callable[[], None]) -> None:
    """Try a part's cases from where its tally stands, and call `after` behind each."""
    for number in range(tally.done, cases):
        began = time.monotonic()
        with TemporaryDirectory() as folder:
            try:
                with limited(part.limit):
                    tally.count(number, part.case(number, Path(folder)))
            except Exception:
                tally.count(number, "surprise", traceback.format_exc(limit=-6))
        tally.seconds += time.monotonic() - began
        after()


@contextmanager
def limited(seconds: int):
    """A context that is left with a surprise once it takes longer."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Surprise(f"still at it after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class State:
    """Tallies in a file, so that a long session can be stopped and resumed part by part."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        saved = json.loads(path.read_text()) if path is not None and path.exists() else {}
        self._tallies = {name: Tally(**{**each, "outcomes": Counter(each["outcomes"])}) for name, each in saved.items()}

    def tally(self, name: str) -> Tally:
        """The tally of a part."""
        return self._tallies.setdefault(name, Tally())

    def save(self) -> None:
        """Write the file anew, where there is to be one."""
        if self._path is not None:
            # vars(), since asdict() of Python 3.11 makes a counter of pairs of a Counter.
            text = json.dumps({name: vars(tally) for name, tally in self._tallies.items()}, indent=1)
            self._path.with_suffix(".part").write_text(text)
            self._path.with_suffix(".part").replace(self._path)

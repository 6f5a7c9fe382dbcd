"""Comparison of this checkout with another commit, in turns, row by row: `python benchmarks --against COMMIT`.

The other commit's package is unpacked into a temporary folder and shares this environment's packages. Each version runs
in a process of its own, started once; a round times one after the other, each the first in every second round. A row's
ratio is the time of this checkout divided by the other's: the median of all rounds, and in brackets the interval that
has it in 95 of 100 cases. A row fails where its whole interval lies above the ratio that is allowed, 1.05 for A and B,
whose steps take microseconds, and 1.02 for all others, and where this checkout cannot do it. Then the exit status is 1.
Two processes of the same code may differ by 1 %: repeat a row that fails by so little.

On one thread (the default) times are the processor's, which other programs hardly lengthen; on several, and on Windows,
they are the clock's, so let nothing else run.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from compare_worker import QUICK_ROWS, ROWS
from ratios import interval

ROOT = Path(__file__).parent.parent

ROUNDS, QUICK_ROUNDS = 31, 15

ALLOWED, ALLOWED_SMALL = 1.02, 1.05
"""Ratios up to which a row passes, and those up to which a row passes whose steps take microseconds."""


class Failure(Exception):
    """A row that a version cannot do; the message says why."""


class Outcome(NamedTuple):
    """A row as the table shows it.

    Attributes:
        line: The row's line, after its name.
        failed: Whether the row fails.
    """

    line: str
    failed: bool


@contextmanager
def unpacked(commit: str) -> Iterator[str]:
    """A folder with the package of a commit, and with those of its requirements that are not installed."""
    archive = subprocess.run(["git", "archive", commit, "xpnet", "pyproject.toml"], cwd=ROOT, capture_output=True)
    if archive.returncode:
        raise SystemExit(f"--against {commit}: {archive.stderr.decode().strip()}")
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        project = tomllib.loads(Path(folder, "pyproject.toml").read_text(encoding="utf-8"))["project"]
        missing = [each for each in project["dependencies"] + project["optional-dependencies"]["fast"] if lacks(each)]
        if missing:
            # Without what these require in their turn: a second NumPy would be compared, too.
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
            subprocess.run([*pip, *missing], check=True)
        yield folder


def lacks(requirement: str) -> bool:
    """Whether a requirement is not installed, in whatever version."""
    name = re.match(r"[\w.-]+", requirement)
    try:
        return name is None or not version(name.group())
    except PackageNotFoundError:
        return True


class Worker:
    """A process that times rows with the package in a folder."""

    def __init__(self, folder: str, clock: str) -> None:
        environment = {**os.environ, "PYTHONPATH": folder, "XPNET_CACHE_DIR": str(Path(folder, ".cache"))}
        program = [sys.executable, str(Path(__file__).with_name("compare_worker.py")), clock]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def seconds(self, row: str) -> float:
        """Time of one turn.

        Raises:
            Failure: This version cannot do it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(row, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process that times {row} has died")
        seconds, error = json.loads(answer)
        if error:
            raise Failure(error)
        return float(seconds)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def times(row: str, workers: Sequence[Worker], rounds: int) -> list[tuple[float, float]]:
    """Both workers' times in each round, after one round that does not count.

    Raises:
        Failure: The second version cannot do it.
        SystemExit: The first one cannot, or a process has died.
    """
    pairs = []
    for number in range(rounds + 1):
        order = (0, 1) if number % 2 else (1, 0)
        pair = {which: workers[which].seconds(row) for which in order}
        pairs.append((pair[0], pair[1]))
    return pairs[1:]


def outcome(row: str, own: Worker, other: Worker, rounds: int) -> Outcome:
    """A row, timed and judged."""
    # The first turn sets up and compiles; it shows whether both versions can.
    for worker in (own, other):
        try:
            worker.seconds(row)
        except Failure as error:
            whose = "this checkout" if worker is own else "the other commit"
            return Outcome(f"{whose} cannot do it: {error}", failed=worker is own)
    pairs = times(row, (own, other), rounds)
    measured = interval([first / second for first, second in pairs])
    allowed = ALLOWED_SMALL if row.startswith(("A ", "B ")) else ALLOWED
    failed = measured.is_above(allowed)
    milliseconds = 1e3 * median(first for first, _ in pairs)
    line = f"{measured.ratio:.3f}  [{measured.low:.3f}, {measured.high:.3f}]  {milliseconds:8.1f} ms"
    return Outcome(line + failed * f"  slower than {allowed}", failed)


def main(arguments: Sequence[str]) -> int:
    """Time all rows, print them, and return 1 where one fails."""
    flags = parser().parse_args(arguments)
    rows = [row for row in (QUICK_ROWS if flags.quick else ROWS) if flags.only in row]
    rounds = flags.rounds or (QUICK_ROUNDS if flags.quick else ROUNDS)
    clock = "processor" if flags.threads == 1 and find_spec("resource") else "wall"
    print(f"this checkout ÷ {flags.against}: medians of {rounds} rounds, 95 % intervals, turns of this checkout")
    failed = []
    with ExitStack() as stack:
        folders = [stack.enter_context(TemporaryDirectory()), stack.enter_context(unpacked(flags.against))]
        Path(folders[0], "xpnet").symlink_to(ROOT / "xpnet")
        own, other = (Worker(folder, clock) for folder in folders)
        stack.callback(own.close)
        stack.callback(other.close)
        for row in rows:
            line, is_failed = outcome(row, own, other, rounds)
            failed += [row] * is_failed
            print(f"{row:<26}{line}", flush=True)
    print(f"{len(failed)} of {len(rows)} rows fail" + (f": {', '.join(failed)}" if failed else ""))
    return int(bool(failed))


def parser() -> ArgumentParser:
    """Flags of the comparison."""
    flags = ArgumentParser("benchmarks", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    flags.add_argument("--against", metavar="COMMIT", required=True, help="commit to compare with")
    flags.add_argument("--quick", action="store_true", help="fewer rounds, and no rows of E: a few minutes")
    flags.add_argument(
        "--rounds", type=int, metavar="N", help=f"rounds, 6 or more (default: {ROUNDS}, {QUICK_ROUNDS} with --quick)"
    )
    flags.add_argument("--only", default="", metavar="TEXT", help="rows whose names contain this, such as 'C128'")
    flags.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default: 1)")
    return flags

"""`python benchmarks --against COMMIT`: this checkout beside another commit, in turns, row by row.

Each version runs in a process of its own, which both stay for all rows; a round times one after the other, the first in
turns. A row's ratio is the time of this checkout divided by the other's, its interval the one that holds the median of
the ratios in 95 of 100 cases. A row fails where the whole interval lies above what its allowance is.
"""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from math import comb
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from against_worker import QUICK_ROWS, ROWS

ROOT = Path(__file__).parent.parent

ROUNDS, QUICK_ROUNDS = 31, 15

ALLOWED, ALLOWED_SMALL = 1.02, 1.05
"""How much slower a row may be: 2 %, and 5 % for the steps that take microseconds."""

CONFIDENCE = 0.95


class Verdict(NamedTuple):
    """What the rounds of a row say.

    Attributes:
        ratio: The median of this checkout's time by the other's.
        low: The lower end of its interval.
        high: The upper end.
    """

    ratio: float
    low: float
    high: float

    def slower(self, allowed: float) -> bool:
        """Whether all of the interval lies above what is allowed."""
        return self.low > allowed


def verdict(ratios: Sequence[float]) -> Verdict:
    """Median and interval of some ratios.

    The interval is bounded by order statistics: the median lies below the k-th smallest of n values, or above the k-th
    largest, as rarely as fewer than k of n coins show heads.

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
    return Verdict(median(ordered), ordered[k - 1], ordered[n - k])


@contextmanager
def installed(commit: str) -> Iterator[str]:
    """A folder to import the package of a commit from, with what its compiled engine needs and this one lacks."""
    archive = subprocess.run(["git", "archive", commit, "xpnet", "pyproject.toml"], cwd=ROOT, capture_output=True)
    if archive.returncode:
        raise SystemExit(f"--against {commit}: {archive.stderr.decode().strip()}")
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        fast = tomllib.loads(Path(folder, "pyproject.toml").read_text())["project"]["optional-dependencies"]["fast"]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *fast]
        subprocess.run(pip, check=True)
        yield folder


class Worker:
    """A process that times rows with the package in a folder."""

    def __init__(self, folder: str) -> None:
        environment = {**os.environ, "PYTHONPATH": folder, "XPNET_CACHE_DIR": str(Path(folder, ".cache"))}
        program = [sys.executable, str(Path(__file__).with_name("against_worker.py"))]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def seconds(self, row: str) -> float | None:
        """The time of one turn, or None where this version cannot do it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(row, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process that times {row} has died")
        took: float | None = json.loads(answer)
        return took

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def measured(row: str, workers: Sequence[Worker], rounds: int) -> list[float] | None:
    """Ratios of a row, a round each, after one that is not counted; None where a version cannot do it."""
    ratios = []
    for number in range(rounds + 1):
        order = (0, 1) if number % 2 else (1, 0)
        took = dict(zip(order, (workers[which].seconds(row) for which in order), strict=True))
        if took[0] is None or took[1] is None:
            return None
        if number:
            ratios.append(took[0] / took[1])
    return ratios


def main(arguments: Sequence[str]) -> int:
    """Time all rows, print them, and return 1 where one fails."""
    flags = parser().parse_args(arguments)
    rows = [row for row in (QUICK_ROWS if flags.quick else ROWS) if flags.only in row]
    failed = []
    rounds = flags.rounds or (QUICK_ROUNDS if flags.quick else ROUNDS)
    print(f"this checkout ÷ {flags.against}, medians of {rounds} rounds")
    with installed(flags.against) as folder, TemporaryDirectory() as own:
        Path(own, "xpnet").symlink_to(ROOT / "xpnet")
        workers = [Worker(own), Worker(folder)]
        try:
            for row in rows:
                ratios = measured(row, workers, rounds)
                if ratios is None:
                    print(f"{row:<24} cannot be done by both", flush=True)
                    continue
                allowed = ALLOWED_SMALL if row[0] in "AB" and row[1] == " " else ALLOWED
                found = verdict(ratios)
                failed += [row] * found.slower(allowed)
                mark = f"  slower than {allowed}" if found.slower(allowed) else ""
                print(f"{row:<24} {found.ratio:.3f}  [{found.low:.3f}, {found.high:.3f}]{mark}", flush=True)
        finally:
            for worker in workers:
                worker.close()
    print(f"{len(failed)} of {len(rows)} rows are slower" + (f": {', '.join(failed)}" if failed else ""))
    return int(bool(failed))


def parser() -> ArgumentParser:
    """The flags."""
    flags = ArgumentParser("benchmarks", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    flags.add_argument("--against", metavar="COMMIT", required=True, help="commit to compare with")
    flags.add_argument("--quick", action="store_true", help="fewer rows and rounds, a few minutes")
    flags.add_argument(
        "--rounds", type=int, metavar="N", help=f"rounds (default: {ROUNDS}, {QUICK_ROUNDS} with --quick)"
    )
    flags.add_argument("--only", default="", metavar="TEXT", help="rows that hold this text, such as 'C128'")
    flags.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default: 1)")
    return flags

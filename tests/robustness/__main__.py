"""`python -m robustness`: try the parts, print the counts, and fail where anything was a surprise."""

import argparse
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

from robustness import engines, file_system, growth, kills, mutations, numbers, writers
from robustness.campaign import Part, State, Tally, tried

PARTS: dict[str, Part] = {
    "kills": kills.PART,
    "files": file_system.PART,
    "writers": writers.PART,
    "mutations": mutations.PART,
    "functions": engines.FUNCTIONS,
    "trainings": engines.TRAININGS,
    "numbers": numbers.PART,
    "growth": growth.PART,
}

SAVED_EVERY = 5.0
"""Seconds between two writings of the state."""


def main() -> int:
    """Run the parts that are asked for."""
    flags = parser().parse_args()
    form = "quick" if flags.quick else "long" if flags.long else "normal"
    state = State(flags.state)
    surprises = 0
    for name in flags.parts or PARTS:
        part, tally = PARTS[name], state.tally(name)
        cases = getattr(part, form) if flags.cases is None else flags.cases
        if flags.only is not None:
            tally, cases = Tally(done=flags.only), flags.only + 1
        began = saved = time.monotonic()

        def after() -> None:
            nonlocal saved
            if time.monotonic() - saved > SAVED_EVERY:
                state.save()
                saved = time.monotonic()

        tried(part, tally, cases, after)
        state.save()
        surprises += tally.surprises
        print(summary(name, part, tally, time.monotonic() - began), flush=True)
    if flags.only is None:
        print(f"\n{for_readme({PARTS[name]: state.tally(name) for name in flags.parts or PARTS})}")
    return int(surprises > 0)


def summary(name: str, part: Part, tally: Tally, seconds: float) -> str:
    """The lines of one part."""
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
    lines = [f"{name}: {part.about}: {tally.done:,} cases ({outcomes}), {tally.surprises} surprises, {seconds:.0f} s"]
    for number, text in tally.details:
        lines += [f"  {name} case {number}:", *(f"    {line}" for line in text.rstrip().splitlines())]
    return "\n".join(lines)


def for_readme(tallies: Mapping[Part, Tally]) -> str:
    """The paragraph of README's "What it was tried with"."""
    counts = "; ".join(f"{tally.done:,} {part.about}" for part, tally in tallies.items())
    surprises, minutes = (sum(getattr(tally, name) for tally in tallies.values()) for name in ("surprises", "seconds"))
    took = f"{minutes / 3600:.1f} hours" if minutes >= 3600 else f"{minutes / 60:.1f} minutes"
    text = (
        f"`nox -s faults` tried {counts}; in {took}, with {surprises:,} surprises. A surprise is a traceback, another "
        "result without a message, a file lost or half-written, a hang of over 60 s, or memory beyond its bound. "
        "`-- --quick` takes three minutes; `-- --long --state FILE` takes hours, and goes on from FILE."
    )
    return textwrap.fill(text, 120, break_on_hyphens=False)


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(prog="python -m robustness", description="Try how robust xpnet is.")
    flags.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if none")
    form = flags.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="a few cases of each, three minutes")
    form.add_argument("--long", action="store_true", help="as many as a release is to be tried with, hours")
    flags.add_argument("--cases", type=int, metavar="N", help="try the first N cases of each part instead")
    flags.add_argument("--only", type=int, metavar="N", help="try case N of a part alone, as when it was a surprise")
    flags.add_argument("--state", type=Path, metavar="FILE", help="keep counts in FILE, and go on from them")
    return flags


if __name__ == "__main__":
    sys.exit(main())

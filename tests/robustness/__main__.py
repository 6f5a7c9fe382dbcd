"""`python -m robustness`: try the parts, print the counts, and fail where anything was a surprise."""

import argparse
import sys
import time
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
    return int(surprises > 0)


def summary(name: str, part: Part, tally: Tally, seconds: float) -> str:
    """The lines of one part."""
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
    lines = [f"{name}: {part.about}: {tally.done:,} cases ({outcomes}), {tally.surprises} surprises, {seconds:.0f} s"]
    for number, text in tally.details:
        lines += [f"  {name} case {number}:", *(f"    {line}" for line in text.rstrip().splitlines())]
    return "\n".join(lines)


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

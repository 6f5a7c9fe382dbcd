"""What was measured, as a table for people, as JSON, and as Markdown for the README: `python report.py FILE.json`."""

import json
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from configurations import ASKED, ASKING, STEPS
from roster import ROSTER

RESULTS = Path(__file__).parent / "results"


def results(rounds: dict[tuple[str, str, str], list[float]]) -> list[dict[str, Any]]:
    """A row for each contender in each configuration: the median of its rounds, and how far half of them lie apart."""
    rows = []
    for (kind, configuration, contender), times in rounds.items():
        low, _, high = quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
        samples = STEPS[configuration].batch_size if kind == "step" else ASKED
        middle = median(times)
        rows.append(
            {
                "kind": kind,
                "configuration": configuration,
                "contender": contender,
                "microseconds": middle * 1e6,
                "spread": (high - low) / middle,
                "rounds": len(times),
                "samples_per_second": samples / middle,
            }
        )
    for row in rows:
        beside = [other for other in rows if all(other[k] == row[k] for k in ("kind", "configuration"))]
        floor = [other["microseconds"] for other in beside if ROSTER[other["contender"]].kind == "floor"]
        peers = [other["microseconds"] for other in beside if ROSTER[other["contender"]].kind == "peer"]
        row["of_floor"] = row["microseconds"] / floor[0] if floor else None
        row["times_best_peer"] = min(peers) / row["microseconds"] if peers else None
    return rows


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines: µs a step, samples/s, ÷ floor, × best peer."""
    lines = []
    for kind in ("step", "inference"):
        for name in STEPS if kind == "step" else ASKING:
            chosen = [row for row in rows if row["kind"] == kind and row["configuration"] == name]
            if not chosen:
                continue
            what = f"{name}: {STEPS[name]}" if kind == "step" else f"{ASKED:,} rows of {name}'s network"
            lines += ["", f"{what:34}{'µs':>12}{'samples/s':>14}{'÷ floor':>10}{'× best peer':>13}{'spread':>9}"]
            for row in sorted(chosen, key=lambda row: row["microseconds"]):
                floor = f"{row['of_floor']:.2f}" if row["of_floor"] else "-"
                peer = f"{row['times_best_peer']:.2f}" if row["times_best_peer"] else "-"
                lines.append(
                    f"  {row['contender']:32}{row['microseconds']:12,.1f}{row['samples_per_second']:14,.0f}"
                    f"{floor:>10}{peer:>13}{row['spread']:>9.0%}"
                )
    return lines


def write(about: dict[str, Any], rows: list[dict[str, Any]]) -> Path:
    """Keep the results beside those of other machines and thread counts."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"cpu-{about['threads']}-threads.json"
    path.write_text(json.dumps({"machine": about, "results": rows}, indent=1) + "\n", encoding="utf-8")
    return path


def markdown(path: str) -> str:
    """The README's table: µs a step of the engines, the floor and the peers."""
    rows = json.loads(Path(path).read_text(encoding="utf-8"))["results"]
    names = [name for name in STEPS if any(row["configuration"] == name for row in rows)]
    cells = {(row["contender"], row["configuration"]): row["microseconds"] for row in rows if row["kind"] == "step"}
    lines = [f"| µs a step | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for contender in ROSTER:
        if any(key[0] == contender for key in cells):
            numbers = [f"{cells[contender, n]:,.0f}" if (contender, n) in cells else "" for n in names]
            lines.append(f"| {contender} | {' | '.join(numbers)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(sys.argv[1]))

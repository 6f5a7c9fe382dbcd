"""Report of the results, as JSON, charts and in the README: `python benchmarks/report.py --readme`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from chart import bars
from configurations import ANSWERED, COUNTS, DEPTHS, STEPS
from pooled import Row
from terminal import where

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
README = FOLDER.parent / "README.md"
MARKED = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)

PART = "-part.json"
"""What the files of runs end in that left something out; git ignores them."""

SHOWN = (
    "floor",
    "xpnet numpy compiled", "xpnet torch compiled", "xpnet jax compiled",
    "xpnet numpy replay", "xpnet torch replay", "xpnet jax replay",
    "JAX scan", "torch eager", "scikit-learn",
)  # fmt: skip
"""The rows of the README's table for the CPU."""

DRAWN = ("xpnet numpy compiled", "xpnet numpy replay", "JAX scan", "torch eager", "scikit-learn")
"""The bars of its chart."""

SHOWN_ON_GPU = (
    "floor", "xpnet cupy compiled", "xpnet cupy replay", "xpnet cupy plain", "xpnet torch compiled", "xpnet jax jit",
    "torch.compile, reduced overhead", "torch.cuda.graph", "torch eager", "JAX scan",
)  # fmt: skip
"""The rows of the one for a GPU."""

DRAWN_ON_GPU = ("xpnet cupy compiled", "torch.compile, reduced overhead", "torch.cuda.graph", "torch eager", "JAX scan")

BY_HAND = "NumPy by hand"
ANSWERING = ("xpnet predictor, compiled", "xpnet predict", "xpnet MLPClassifier", "onnxruntime", "scikit-learn")
"""Rows of the chart of answers."""

STARTING = {"xpnet compiled": "xpnet", "JAX scan": "JAX", "torch.compile": "torch.compile"}
"""Contenders of the table and the chart of first calls, with their names in the chart."""


def write(about: dict[str, Any], rows: list[Row], missing: str = "") -> Path:
    """Keep the results beside those of other machines and thread counts, with their charts.

    A run that left something out is kept for itself, without charts: neither does it take the place of a whole one's
    results, nor are its numbers mixed with those of another time, commit or machine.

    Args:
        about: Machine.
        rows: Results.
        missing: What the run left out, or "".
    """
    RESULTS.mkdir(exist_ok=True)
    name = about.get("gpu", f"cpu {about['threads']} threads")
    path = RESULTS / f"{re.sub('[^a-z0-9]+', '-', name.lower())}{PART if missing else '.json'}"
    machine = about | ({"missing": missing} if missing else {})
    path.write_text(json.dumps({"machine": machine, "results": rows}, indent=1) + "\n", encoding="utf-8")
    if not missing:
        draw(path, about, rows)
    return path


def draw(path: Path, about: dict[str, Any], rows: list[Row]) -> list[str]:
    """Write the charts beside the results that have such rows; the README's line for each."""
    lines = []
    for ending, what, groups in (
        ("", "time of a training step ÷ its matrix products alone", step_bars(about, rows)),
        ("-answers", f"time of answers by {'-'.join(map(str, ANSWERED))} ÷ NumPy's by hand", answer_bars(rows)),
        ("-first-call", "seconds of the first call after the imports, by hidden layers", first_call_bars(rows)),
    ):
        if groups := {name: group for name, group in groups.items() if group}:
            picture = path.with_name(f"{path.stem}{ending}.svg")
            picture.write_text(bars(f"{what[0].upper()}{what[1:]} ({where(about)})", groups), encoding="utf-8")
            lines.append(f"![{what}]({picture.relative_to(README.parent).as_posix()})")
    return lines


def step_bars(about: dict[str, Any], rows: list[Row]) -> dict[str, dict[str, float]]:
    """Time of a step, in units of its matrix products alone."""
    ratios = {(row["contender"], row["configuration"]): row["of_floor"] for row in rows if row["kind"] == "step"}
    drawn = DRAWN_ON_GPU if "gpu" in about else DRAWN
    return {
        f"{name}: {STEPS[name]}": {each: ratios[each, name] for each in drawn if ratios.get((each, name))}
        for name in STEPS
    }


def answer_bars(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Time of answers, in units of NumPy's by hand."""
    times = cells(rows, "answers")
    return {
        name: {each: times[each, name] / times[BY_HAND, name] for each in ANSWERING if (each, name) in times}
        for name in COUNTS
        if (BY_HAND, name) in times
    }


def first_call_bars(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Seconds of first calls, with nothing cached and with all."""
    kinds = {kind: cells(rows, kind) for kind in ("first", "warm")}
    return {
        name: {
            f"{short}{', cached' if kind == 'warm' else ''}": times[each, name] / 1e6
            for each, short in STARTING.items()
            for kind, times in kinds.items()
            if (each, name) in times
        }
        for name in DEPTHS
    }


def cells(rows: list[Row], kind: str) -> dict[tuple[str, str], float]:
    """Microseconds of a kind, by contender and configuration."""
    return {(row["contender"], row["configuration"]): row["microseconds"] for row in rows if row["kind"] == kind}


def markdown(about: dict[str, Any], rows: list[Row]) -> str:
    """Table of the README: µs per step of the engines, the floor and the peers."""
    times = cells(rows, "step")
    names = [name for name in STEPS if any(key[1] == name for key in times)]
    heads = [f"{'-'.join(map(str, STEPS[name].sizes))}, {STEPS[name].batch_size:,}" for name in names]
    unit = f"µs per step, {where(about) if 'gpu' in about else where(about).rpartition(', ')[2]}"
    shown = {
        each: [number(times[each, name]) if (each, name) in times else "" for name in names]
        for each in (SHOWN_ON_GPU if "gpu" in about else SHOWN)
    }
    return grid([unit, *heads], shown)


def first_call_markdown(rows: list[Row]) -> str:
    """Table of the README: seconds of first calls, in parentheses from a cache; "" where none were timed."""
    first, warm = cells(rows, "first"), cells(rows, "warm")

    def cell(*key: str) -> str:
        cached = f" ({seconds(warm[key])})" if key in warm else ""
        return f"{seconds(first[key])}{cached}" if key in first else ""

    shown = {each: [cell(each, name) for name in DEPTHS] for each in STARTING}
    return grid(["first call by hidden layers, s (cached)", *DEPTHS], shown)


def grid(heads: list[str], shown: dict[str, list[str]]) -> str:
    """Table of numbers, a line for each contender that has any; "" without any."""
    lines = [
        f"| {f'**{each}**' if each.startswith('xpnet') else each} | {' | '.join(numbers)} |"
        for each, numbers in shown.items()
        if any(numbers)
    ]
    return "\n".join([f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1), *lines]) if lines else ""


def number(microseconds: float) -> str:
    """Two or three digits that count."""
    return f"{microseconds:.1f}" if microseconds < 20 else f"{microseconds:,.0f}"


def seconds(microseconds: float) -> str:
    """The same in seconds, to a hundredth."""
    return f"{microseconds / 1e6:.2f}" if microseconds < 2e6 else f"{microseconds / 1e6:,.1f}"


def main() -> None:
    """Draw the charts anew from the results that are stored, and write the README's part: one thread's, and GPUs'."""
    parts = []
    for path in sorted(each for each in RESULTS.glob("*.json") if not each.name.endswith(PART)):
        stored = json.loads(path.read_text(encoding="utf-8"))
        about, rows = stored["machine"], stored["results"]
        pictures = draw(path, about, rows)
        if "gpu" in about or about["threads"] == 1:
            parts += [markdown(about, rows), first_call_markdown(rows), " ".join(pictures)]
    text = "\n\n".join(filter(None, parts)) + "\n"
    if "--readme" in sys.argv[1:]:
        README.write_text(MARKED.sub(lambda _: text, README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()

"""Report of the results, as tables, JSON, charts and in the README: `python benchmarks/report.py --readme`."""

import json
import re
import sys
from math import log, nan
from pathlib import Path
from statistics import linear_regression, median, quantiles
from typing import Any, NamedTuple

from chart import bars
from configurations import ANSWERED, ASKED, ASKING, BATCHES, COUNTS, EPOCHS, FINISHED, FITTED, STEPS, WIDTHS
from contenders import CONTENDERS

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
README = FOLDER.parent / "README.md"
MARKED = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)

SHOWN = ("floor", "xpnet numpy compiled", "xpnet numpy replay", "JAX scan", "torch eager", "scikit-learn")
"""The rows of the README's table for the CPU."""

SHOWN_ON_GPU = (
    "floor", "xpnet cupy compiled", "xpnet cupy plain", "torch.compile, reduced overhead", "torch.cuda.graph",
    "torch eager", "JAX scan",
)  # fmt: skip
"""Those of the one for a GPU."""

BY_HAND = "NumPy by hand"
ANSWERING = ("xpnet predictor, compiled", "xpnet predict", "xpnet MLPClassifier", "onnxruntime", "scikit-learn")
"""Rows of the chart of answers."""

Row = dict[str, Any]


class Pooled(NamedTuple):
    """Rounds of a contender, turn by turn: seconds per unit, and the samples of a unit."""

    samples: float
    turns: dict[int, list[float]]

    @property
    def seconds(self) -> list[float]:
        """All rounds."""
        return [time for times in self.turns.values() for time in times]

    def over(self, other: "Pooled") -> float:
        """How many times as long it took: the median of each turn's, in which the machine was as fast for both."""
        shared = self.turns.keys() & other.turns.keys()
        return median(median(self.turns[turn]) / median(other.turns[turn]) for turn in shared)


def results(rounds: dict[tuple[str, str, str], Pooled]) -> list[Row]:
    """A row for each contender in each configuration: the median of its rounds, and how far half of them lie apart."""
    rows: list[Row] = []
    for (kind, configuration, contender), pooled in rounds.items():
        times = pooled.seconds
        low, middle, high = quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
        beside = {name: other for (*same, name), other in rounds.items() if same == [kind, configuration]}
        # Less precise products have a floor of their own.
        floor = beside.get("floor tf32" if contender.endswith("tf32") else "floor")
        peers = sorted(
            (other for name, other in beside.items() if role(name) == "peer"), key=lambda p: median(p.seconds)
        )
        rows.append(
            {
                "kind": kind,
                "configuration": configuration,
                "contender": contender,
                "microseconds": middle * 1e6,
                "spread": (high - low) / middle,
                "rounds": len(times),
                "samples_per_second": pooled.samples / middle,
                "of_floor": pooled.over(floor) if floor else None,
                "times_best_peer": peers[0].over(pooled) if peers else None,
            }
        )
    return rows


def role(contender: str) -> str:
    """Kind of a contender in the list; whole processes are not in it."""
    if contender in CONTENDERS:
        return CONTENDERS[contender].kind
    return "xpnet" if contender.startswith("xpnet") else "peer"


def table(rows: list[Row]) -> list[str]:
    """Lines: µs per step, epoch or answer, samples/s, ÷ floor, × best peer."""
    titles = {
        **{("step", name): f"{name}: {STEPS[name]}" for name in STEPS},
        **{("private", name): f"{name}: {STEPS[name]}, private" for name in STEPS},
        **{("epoch", name): f"{name}: an epoch of {rows:,} rows" for name, rows in EPOCHS.items()},
        **{("inference", name): f"{ASKED:,} rows of {name}'s network" for name in ASKING},
        **{("answers", name): f"{name}, {'-'.join(map(str, ANSWERED))}" for name in COUNTS},
        **{("finish", name): f"{task}, start to end" for name, task in FINISHED.items()},
        **{("fit", name): f"fit {task}" for name, task in FITTED.items()},
        **{("probabilities", name): f"predict_proba of {task.rows:,}×{task.columns}" for name, task in FITTED.items()},
    }
    lines = []
    for (kind, name), what in titles.items():
        chosen = [row for row in rows if row["kind"] == kind and row["configuration"] == name]
        if not chosen:
            continue
        lines += ["", f"{what:34}{'µs':>12}{'samples/s':>14}{'÷ floor':>10}{'× best peer':>13}{'spread':>9}"]
        for row in sorted(chosen, key=lambda row: row["microseconds"]):
            floor = f"{row['of_floor']:.2f}" if row["of_floor"] else "-"
            peer = f"{row['times_best_peer']:.2f}" if row["times_best_peer"] else "-"
            lines.append(
                f"  {row['contender']:32}{row['microseconds']:12,.1f}{row['samples_per_second']:14,.0f}"
                f"{floor:>10}{peer:>13}{row['spread']:>9.0%}"
            )
    return lines


def growth(rows: list[Row]) -> list[str]:
    """Lines: µs per step for each width and batch, and p where the cost grows as the p-th power, by the upper half."""
    lines = []
    for what, series in (("width", WIDTHS), ("batch", BATCHES)):
        by_contender: dict[str, dict[int, float]] = {}
        for row in rows:
            if row["kind"] == "growth" and row["configuration"] in series:
                at = int(row["configuration"].split()[1])
                by_contender.setdefault(row["contender"], {})[at] = row["microseconds"]
        columns = sorted({at for times in by_contender.values() for at in times})
        if not columns:
            continue
        lines += ["", f"{f'µs per step by {what}':28}{''.join(f'{at:>11,}' for at in columns)}{'power':>8}"]
        for contender, times in by_contender.items():
            cells = "".join(f"{times[at]:11,.1f}" if at in times else f"{'-':>11}" for at in columns)
            lines.append(f"  {contender:26}{cells}{exponent(times):8.2f}")
    return lines


def exponent(times: dict[int, float]) -> float:
    """The slope of log time over log size, by least squares over the upper half of the sizes."""
    upper = sorted(times)[(len(times) - 1) // 2 :]
    if len(upper) < 2:
        return nan
    return linear_regression([log(size) for size in upper], [log(times[size]) for size in upper]).slope


def copies(rows: list[Row]) -> list[str]:
    """A line on how fast memory is copied, if that was timed."""
    return [f"memory is copied at {row['samples_per_second'] / 1e9:.1f} GB/s" for row in rows if row["kind"] == "copy"]


def where(about: dict[str, Any]) -> str:
    """Device that computed."""
    if "gpu" in about:
        return str(about["gpu"])
    return f"{about['cpu']}, {about['threads']} {'thread' if about['threads'] == 1 else 'threads'}"


def write(about: dict[str, Any], rows: list[Row]) -> Path:
    """Keep the results beside those of other machines and thread counts, with a chart of the steps."""
    RESULTS.mkdir(exist_ok=True)
    name = about.get("gpu", f"cpu {about['threads']} threads")
    path = RESULTS / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.json"
    path.write_text(json.dumps({"machine": about, "results": rows}, indent=1) + "\n", encoding="utf-8")
    if any(
        row["kind"] == "step" and row["of_floor"] and row["contender"] in SHOWN[1:] + SHOWN_ON_GPU[1:] for row in rows
    ):
        path.with_suffix(".svg").write_text(drawn(about, rows), encoding="utf-8")
    draw_answers(path, about, rows)
    return path


def draw_answers(path: Path, about: dict[str, Any], rows: list[Row]) -> None:
    """Keep a chart of the time of answers, in units of NumPy's by hand, beside the results that have them."""
    times = {(row["configuration"], row["contender"]): row["microseconds"] for row in rows if row["kind"] == "answers"}
    groups = {
        name: {each: times[name, each] / times[name, BY_HAND] for each in ANSWERING if (name, each) in times}
        for name in COUNTS
        if (name, BY_HAND) in times
    }
    if any(groups.values()):
        title = f"Time of answers by {'-'.join(map(str, ANSWERED))} ÷ NumPy's by hand ({where(about)})"
        path.with_name(f"{path.stem}-answers.svg").write_text(bars(title, groups), encoding="utf-8")


def drawn(about: dict[str, Any], rows: list[Row]) -> str:
    """Chart of the time of a step, in units of its matrix products alone."""
    shown_contenders = SHOWN_ON_GPU if "gpu" in about else SHOWN
    ratios = {(row["contender"], row["configuration"]): row["of_floor"] for row in rows if row["kind"] == "step"}
    groups = {
        f"{name}: {STEPS[name]}": {
            each: ratios[each, name] for each in shown_contenders[1:] if ratios.get((each, name))
        }
        for name in STEPS
    }
    title = f"Time of a training step ÷ its matrix products alone ({where(about)})"
    return bars(title, {name: group for name, group in groups.items() if group})


def markdown(about: dict[str, Any], rows: list[Row]) -> str:
    """Table of the README: µs per step of the engines, the floor and the peers."""
    cells = {(row["contender"], row["configuration"]): row["microseconds"] for row in rows if row["kind"] == "step"}
    names = [name for name in STEPS if any(key[1] == name for key in cells)]
    heads = [f"{'-'.join(map(str, STEPS[name].sizes))}, {STEPS[name].batch_size:,}" for name in names]
    unit = f"µs per step, {where(about) if 'gpu' in about else where(about).rpartition(', ')[2]}"
    lines = [f"| {unit} | {' | '.join(heads)} |", "|---|" + "---:|" * len(names)]
    for contender in SHOWN_ON_GPU if "gpu" in about else SHOWN:
        numbers = [number(cells[contender, n]) if (contender, n) in cells else "" for n in names]
        shown = f"**{contender}**" if contender.startswith("xpnet") else contender
        lines.append(f"| {shown} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def number(microseconds: float) -> str:
    """Two or three digits that count."""
    return f"{microseconds:.1f}" if microseconds < 20 else f"{microseconds:,.0f}"


def main() -> None:
    """Draw the charts anew from the results that are stored, and write the README's tables: one thread's, and GPUs'."""
    tables = []
    for path in sorted(RESULTS.glob("*.json")):
        stored = json.loads(path.read_text(encoding="utf-8"))
        path.with_suffix(".svg").write_text(drawn(stored["machine"], stored["results"]), encoding="utf-8")
        draw_answers(path, stored["machine"], stored["results"])
        if "gpu" in stored["machine"] or stored["machine"]["threads"] == 1:
            tables.append(markdown(stored["machine"], stored["results"]))
    text = "\n\n".join(tables) + "\n"
    if "--readme" in sys.argv[1:]:
        README.write_text(MARKED.sub(lambda _: text, README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()

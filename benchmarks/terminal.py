"""Tables of the results for the terminal."""

from math import log, nan
from statistics import linear_regression
from typing import Any

from configurations import ANSWERED, ASKED, ASKING, BATCHES, COUNTS, DEPTHS, EPOCHS, FINISHED, FITTED, STEPS, WIDTHS
from pooled import Row


def table(rows: list[Row]) -> list[str]:
    """Lines: µs per step, epoch or answer, samples/s, ÷ floor, × best peer."""
    titles = {
        **{("step", name): f"{name}: {STEPS[name]}" for name in STEPS},
        **{("private", name): f"{name}: {STEPS[name]}, private" for name in STEPS},
        **{("epoch", name): f"{name}: an epoch of {rows:,} rows" for name, rows in EPOCHS.items()},
        **{("inference", name): f"{ASKED:,} rows of {name}'s network" for name in ASKING},
        ("busy", "D"): f"D: {STEPS['D']}, two cores",
        ("busy answers", "D"): f"{ASKED:,} rows of D's network, two cores",
        **{("answers", name): f"{name}, {'-'.join(map(str, ANSWERED))}" for name in COUNTS},
        **{("first", name): f"first call, {name} hidden, nothing cached" for name in DEPTHS},
        **{("warm", name): f"first call, {name} hidden, all cached" for name in DEPTHS},
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

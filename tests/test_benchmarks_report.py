"""The report of the benchmarks: what of a run is kept, and the tables and charts that the README gets of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from runpy import run_path
from shutil import copytree, ignore_patterns
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="benchmarks are in the checkout")

ABOUT = {"cpu": "a processor", "threads": 1}


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The report's functions, with a README and results of their own."""
    monkeypatch.syspath_prepend(str(FOLDER))
    functions = run_path(str(FOLDER / "report.py"))
    results = tmp_path / "benchmarks" / "results"
    results.parent.mkdir()
    (tmp_path / "README.md").write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    names = functions["main"].__globals__
    monkeypatch.setitem(names, "RESULTS", results)
    monkeypatch.setitem(names, "README", tmp_path / "README.md")
    return SimpleNamespace(**functions)


def row(kind: str, configuration: str, contender: str, microseconds: float) -> dict[str, Any]:
    """A row of the results."""
    about = {"kind": kind, "configuration": configuration, "contender": contender}
    return about | {"microseconds": microseconds, "of_floor": microseconds / 10}


def readme(report: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What `report.py --readme` makes of the README."""
    monkeypatch.setattr("sys.argv", ["report.py", "--readme"])
    report.main()
    return (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_part_of_the_benchmarks_leaves_the_whole_ones_results(report: Any) -> None:
    """A run that left something out is written beside the results of a whole one, with what it left out, uncharted."""
    whole = report.write(ABOUT, [row("step", "A", "xpnet numpy compiled", 5.0), row("step", "B", "JAX scan", 7.0)])
    before = {path: path.read_bytes() for path in whole.parent.iterdir()}
    part = report.write(ABOUT, [row("step", "A", "xpnet numpy compiled", 9.0)], missing="2 benchmarks deselected")
    assert part != whole
    assert {path: path.read_bytes() for path in whole.parent.iterdir() if path != part} == before
    assert json.loads(part.read_text(encoding="utf-8"))["machine"]["missing"] == "2 benchmarks deselected"


def test_a_part_does_not_reach_the_readme(report: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its numbers are in no table there, whether there is a whole run's or not."""
    report.write(ABOUT, [row("step", "A", "xpnet numpy compiled", 999.0)], missing="--only A")
    assert "999" not in readme(report, monkeypatch, tmp_path)
    report.write(ABOUT, [row("step", "A", "xpnet numpy compiled", 555.0)])
    text = readme(report, monkeypatch, tmp_path)
    assert "999" not in text
    assert "555" in text


def test_git_ignores_parts(report: Any) -> None:
    """What a part is written to cannot be committed by mistake."""
    part = report.write(ABOUT, [], missing="--only A")
    assert f"/benchmarks/results/*{report.PART}" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert part.name.endswith(report.PART)


def test_the_readme_has_xpnet_on_every_backend(report: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A line for each of NumPy's, PyTorch's and JAX's arrays by each engine that was timed; the rest stays."""
    names = [f"xpnet {name} {engine}" for engine in ("compiled", "replay") for name in ("numpy", "torch", "jax")]
    report.write(ABOUT, [row("step", "C128", name, 100.0 + i) for i, name in enumerate(names)])
    text = readme(report, monkeypatch, tmp_path)
    for i, name in enumerate(names):
        assert f"| **{name}** | {100 + i} |\n" in text
    assert "torch eager" not in text
    assert text.startswith("before\n<!-- bench -->\n| µs per step, 1 thread | 784-128-10, 128 |\n")
    assert text.endswith("<!-- /bench -->\nafter\n")


def test_the_readme_has_first_calls_by_depth(report: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Seconds with nothing cached, in parentheses those from a cache, and an empty cell where none were timed."""
    rows = [row("first", "1 × 128", "xpnet compiled", 0.2345e6), row("warm", "1 × 128", "xpnet compiled", 0.0456e6)]
    rows += [row("first", "20 × 64", "JAX scan", 12.3e6), row("step", "A", "floor", 1.0)]
    report.write(ABOUT, rows)
    text = readme(report, monkeypatch, tmp_path)
    assert "| first call by hidden layers, s (cached) | 1 × 128 | 3 × 128 | 10 × 128 | 20 × 64 |\n" in text
    assert "| **xpnet compiled** | 0.23 (0.05) |  |  |  |\n" in text
    assert "| JAX scan |  |  |  | 12.3 |\n" in text
    assert "torch.compile" not in text


def test_charts_of_steps_answers_and_first_calls(report: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each is drawn where its rows are, shows every number, and stands in the README as a picture that exists."""
    rows = [row("step", "A", "xpnet numpy compiled", 52.0), row("first", "3 × 128", "JAX scan", 0.61e6)]
    rows += [row("warm", "3 × 128", "JAX scan", 0.17e6), row("first", "3 × 128", "torch.compile", 31e6)]
    rows += [row("answers", "1 row", "NumPy by hand", 8.0), row("answers", "1 row", "onnxruntime", 2.0)]
    report.write(ABOUT, rows)
    text = readme(report, monkeypatch, tmp_path)
    pictures = [tmp_path / part.partition(")")[0] for part in text.split("](")[1:]]
    shown = [{each.text for each in ElementTree.parse(path).iter() if each.text} for path in pictures]
    assert len(pictures) == 3
    assert {"A: 784-30-10, batch 1", "5.20"} <= shown[0]
    assert {"1 row", "onnxruntime", "0.25"} <= shown[1]
    assert {"3 × 128", "JAX", "JAX, cached", "torch.compile", "0.61", "0.17", "31.00"} <= shown[2]


@pytest.fixture
def whole() -> Any:
    """The plugin that notices what a run leaves out."""
    return run_path(str(FOLDER / "whole.py"))


def run(whole: Any, *narrowing: str, deselected: int = 0, files: Any = None, finished: int | None = None) -> str:
    """What a run is missing whose benchmarks are one per file."""
    plugin = whole["Whole"](narrowing)
    items = [SimpleNamespace(path=Path(name)) for name in (whole["FILES"] if files is None else files)]
    plugin.pytest_collection_modifyitems(items)
    if deselected:
        plugin.pytest_deselected(items[:deselected])
    chosen = items[deselected:]
    plugin.pytest_collection_finish(SimpleNamespace(items=chosen))
    for _ in range(len(chosen) if finished is None else finished):
        plugin.pytest_runtest_logfinish()
    return plugin.missing


def test_a_run_of_everything_misses_nothing(whole: Any) -> None:
    """All files, all benchmarks, to the end."""
    assert run(whole) == ""


def test_what_a_run_leaves_out_is_named(whole: Any) -> None:
    """Options of its own and pytest's, files, and benchmarks that it did not come to."""
    assert run(whole, "--only A") == "--only A"
    assert run(whole, deselected=2) == "2 benchmarks deselected"
    assert run(whole, files={*whole["FILES"]} - {"bench_step.py"}) == "without bench_step.py"
    assert run(whole, finished=1) == f"stopped after 1 of {len(whole['FILES'])}"


@pytest.mark.parametrize("arguments", [("-k", "bench_copy"), ("--only", "copy")])
def test_a_partial_run_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`python benchmarks -k bench_copy` writes a file of its own, names it, and leaves a whole run's as it was."""
    pytest.importorskip("pytest_benchmark")
    copy = copytree(FOLDER, tmp_path / "benchmarks", ignore=ignore_patterns("results", "__pycache__"))
    (copy / "results").mkdir()
    stored = copy / "results" / "cpu-1-threads.json"
    stored.write_text("a whole run's", encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, str(copy), *arguments, "-p", "no:cacheprovider"]
    answer = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "cpu-1-threads-part.json, a part of the benchmarks (" in answer.stdout
    assert stored.read_text(encoding="utf-8") == "a whole run's"
    rows = json.loads((copy / "results" / "cpu-1-threads-part.json").read_text(encoding="utf-8"))["results"]
    assert {each["kind"] for each in rows} == {"copy"}

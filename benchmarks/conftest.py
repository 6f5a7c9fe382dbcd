"""Options of the benchmarks, the order in which they take turns, and their results: a table, JSON and a chart."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from configurations import CONFIGURATIONS, QUICK, QUICK_EPOCHS, is_for
from contenders import CONTENDERS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick, --device, --threads, --only and --peers."""
    parser.addoption("--quick", action="store_true", help="one pass of few rounds, for a first look")
    parser.addoption("--device", default="cpu", help="where to compute: cpu (default), cuda, cuda:N")
    parser.addoption(
        "--threads", type=int, help="threads of each library (on the CPU: 1), for python benchmarks to pin"
    )
    parser.addoption("--peers", choices=("all", "none"), default="all", help="whether other libraries are timed too")
    parser.addoption("--only", default="", help="configurations, such as A,C128")


def pytest_configure(config: pytest.Config) -> None:
    """Check that the threads are pinned, and leave the tables to the summary below."""
    from machine import blas

    if config.getoption("--threads") is None and config.getoption("--device") == "cpu":
        config.option.threads = 1
    blas(config.getoption("--threads"))
    config.option.benchmark_quiet = True
    # Warnings of other libraries are not xpnet's to mend.
    config.addinivalue_line("filterwarnings", "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the configurations for the device, the requested ones and peers, and in a quick run the first pass.

    Those of one configuration follow each other.
    """
    only = [name for name in config.getoption("--only").split(",") if name]

    def parameters(item: pytest.Item) -> dict[str, Any]:
        return getattr(item, "callspec", SimpleNamespace(params={})).params

    def wanted(item: pytest.Item) -> bool:
        name, turn = parameters(item).get("configuration"), parameters(item).get("turn", 0)
        names = QUICK_EPOCHS if item.name.startswith("bench_epoch") else QUICK
        if name is not None and not is_for(name, config.getoption("--device")):
            return False
        entry = CONTENDERS.get(parameters(item).get("contender"))
        if config.getoption("--peers") == "none" and entry is not None and entry.kind == "peer":
            return False
        return (not only or name in only) and not (config.getoption("--quick") and (turn > 0 or name not in names))

    order = {name: i for i, name in enumerate(CONFIGURATIONS)}
    items[:] = sorted(
        filter(wanted, items), key=lambda item: order.get(parameters(item).get("configuration"), len(order))
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Pool the rounds of each contender, print them beside the floor and the best peer, and store them."""
    import report
    from machine import machine

    rounds: dict[tuple[str, str, str], report.Pooled] = {}
    for result in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        if result.has_error:
            continue
        about = result.extra_info
        key = (about["kind"], result.params["configuration"], result.params["contender"])
        pooled = rounds.setdefault(key, report.Pooled(about["samples"] / about["units"], {}))
        pooled.turns[result.params["turn"]] = [time / about["units"] for time in result.stats.data]
    if not rounds:
        return
    results = report.results(rounds)
    about = machine(config.getoption("--threads"), config.getoption("--device"))
    about |= {"quick": config.getoption("--quick")}
    terminalreporter.section(f"{report.where(about)}, medians")
    for line in (*report.table(results), *report.growth(results), *report.copies(results)):
        terminalreporter.line(line)
    if not config.getoption("--quick"):
        terminalreporter.line(f"written: {report.write(about, results)}")

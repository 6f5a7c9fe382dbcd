"""Options of the benchmarks, the order in which they take turns, and their results: a table, JSON and a chart."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from configurations import CONFIGURATIONS, QUICK, QUICK_EPOCHS, is_for
from contenders import CONTENDERS
from whole import Whole

WHOLE = pytest.StashKey[Whole]()

REST = 0.05
"""Seconds after which the other threads of the contender before have fallen asleep: OpenBLAS's look out for work
for half that time, and take a processor from whoever comes next."""


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
    narrowing = {"--only": config.getoption("--only"), "--peers": config.getoption("--peers").replace("all", "")}
    config.stash[WHOLE] = Whole([f"{option} {choice}" for option, choice in narrowing.items() if choice])
    config.pluginmanager.register(config.stash[WHOLE])
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


@pytest.fixture(autouse=True)
def rest(pytestconfig: pytest.Config) -> None:
    """Wait before each contender's turn, where several threads are timed."""
    if pytestconfig.getoption("--threads") != 1:
        time.sleep(REST)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Pool the rounds of each contender, print them beside the floor and the best peer, and store them."""
    import pooled
    import report
    import terminal
    from machine import machine

    rounds: dict[tuple[str, str, str], pooled.Pooled] = {}
    for result in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        if result.has_error:
            continue
        about = result.extra_info
        key = (about["kind"], result.params["configuration"], result.params["contender"])
        of_contender = rounds.setdefault(key, pooled.Pooled(about["samples"] / about["units"], {}))
        of_contender.turns[result.params["turn"]] = [time / about["units"] for time in result.stats.data]
    if not rounds:
        return
    results = pooled.results(rounds)
    about = machine(config.getoption("--threads"), config.getoption("--device"))
    about |= {"quick": config.getoption("--quick")}
    terminalreporter.section(f"{terminal.where(about)}, medians")
    for line in (*terminal.table(results), *terminal.growth(results), *terminal.copies(results)):
        terminalreporter.line(line)
    if not config.getoption("--quick"):
        missing = config.stash[WHOLE].missing
        path = report.write(about, results, missing)
        terminalreporter.line(f"written: {path}{f', a part of the benchmarks ({missing})' if missing else ''}")

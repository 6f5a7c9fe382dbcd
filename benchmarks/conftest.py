"""Options of the benchmarks, the order in which they take turns, and their results: a table, JSON and a chart."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick, --device, --threads and --only."""
    parser.addoption("--quick", action="store_true", help="one pass of few rounds, for a first look")
    parser.addoption("--device", default="cpu", help="where to compute: cpu (default), cuda, cuda:N")
    parser.addoption("--threads", type=int, default=1, help="threads of each library (default: 1)")
    parser.addoption("--only", default="", help="configurations, such as A,C128")


def pytest_configure(config: pytest.Config) -> None:
    """Pin the threads, and leave the table to the one below."""
    from measuring import pin

    pin(config.getoption("--threads"))
    config.option.benchmark_quiet = True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the configurations asked for, and of a quick run the first pass."""
    only = [name for name in config.getoption("--only").split(",") if name]

    def wanted(item: pytest.Item) -> bool:
        given = item.callspec.params  # type: ignore[attr-defined]
        turn = given["turn"]
        return (not only or given["configuration"] in only) and not (config.getoption("--quick") and turn > 0)

    items[:] = [item for item in items if wanted(item)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Pool the rounds of each contender, print them beside the floor and the best peer, and keep them."""
    import report
    from measuring import machine

    rounds: dict[tuple[str, str, str], list[float]] = {}
    for result in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        key = (result.extra_info["kind"], result.params["configuration"], result.params["contender"])
        times: Sequence[float] = result.stats.data
        rounds.setdefault(key, []).extend(time / result.extra_info["steps"] for time in times)
    if not rounds:
        return
    results = report.results(rounds)
    about = machine(config.getoption("--threads")) | {"quick": config.getoption("--quick")}
    terminalreporter.section(f"{about['cpu']}, {about['threads']} thread(s), medians")
    for line in report.table(results):
        terminalreporter.line(line)
    if not config.getoption("--quick"):
        terminalreporter.line(f"written: {report.write(about, results)}")

"""Options of the benchmarks, and their results as samples a second."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick and --device."""
    parser.addoption("--quick", action="store_true", help="three rounds each, for a first look")
    parser.addoption("--device", default="cpu", help="where to compute: cpu (default), cuda, cuda:N")


def pytest_configure(config: pytest.Config) -> None:
    """Leave the table to the one below."""
    config.option.benchmark_quiet = True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a line for each network, a column for each backend; medians."""
    rates = {
        (result.params["network"], result.params["library"]): result.extra_info["samples"] / result.stats.median
        for result in config._benchmarksession.benchmarks
        if "samples" in result.extra_info
    }
    networks, libraries = (list(dict.fromkeys(column)) for column in zip(*rates, strict=True)) if rates else ([], [])
    terminalreporter.section("samples/s")
    terminalreporter.line(" " * 32 + "".join(f"{library:>14}" for library in libraries))
    for network in networks:
        cells = (rates.get((network, library)) for library in libraries)
        terminalreporter.line(f"{network:32}" + "".join(f"{rate:14,.0f}" if rate else f"{'':>14}" for rate in cells))

"""A training, epoch by epoch."""

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from xpnet.plots.style import BLUE, ORANGE, PURPLE, panels, styled
from xpnet.training.checkpoint import Epoch

LINES = {"train": (BLUE, "o", "-"), "validation": (PURPLE, "s", "--"), "test": (ORANGE, "^", "-.")}
"""The colour, the mark and the line of each set of rows."""


@styled
def learning_curves(records: Iterable[Epoch | Mapping[str, Any]], *, regression: bool = False) -> Figure:
    """Cost and accuracy by epoch.

    Args:
        records: What `epochs` gives, or the lines of a log.
        regression: Whether R² stands where accuracy does.
    """
    epochs = [record.numbers() if isinstance(record, Epoch) else record for record in records]
    figure, (cost, accuracy) = panels(2, 2.1)
    _draw(cost, epochs, {"train": "cost", "validation": "validation_cost"})
    cost.set(ylabel="cost", title="cost of a sample, mean of the epoch")
    _draw(accuracy, epochs, {name: f"{name}_accuracy" for name in LINES})
    if regression:
        accuracy.set(ylabel="R²", title="R², 1 at best")
    else:
        accuracy.set(ylabel="right", title="samples that are right")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _draw(axes: Axes, epochs: list[Mapping[str, Any]], names: dict[str, str]) -> None:
    """A line for each set of rows that there are numbers of."""
    for rows, name in names.items():
        found = [(epoch["epoch"], epoch[name]) for epoch in epochs if epoch.get(name) is not None]
        if found:
            colour, mark, line = LINES[rows]
            # A few marks tell the lines apart; one at every epoch of many would hide them.
            every = max(1, len(found) // 10)
            axes.plot(*zip(*found, strict=True), color=colour, marker=mark, markevery=every, ls=line, label=rows)
    axes.set(xlabel="epoch", xlim=(epochs[0]["epoch"] - 0.5, epochs[-1]["epoch"] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.legend()

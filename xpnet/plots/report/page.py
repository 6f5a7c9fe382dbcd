"""Report as one web page that loads nothing else."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Any

from xpnet import __version__, plots
from xpnet.plots.report.parts import paragraph, table
from xpnet.plots.report.pictures import Picture
from xpnet.plots.report.run import Run
from xpnet.plots.report.walk import walk
from xpnet.training.checkpoint import cost_text

STYLE = (files(__package__) / "page.css").read_text(encoding="utf-8")

MOST_EPOCHS = 20
"""Most epochs in the table."""

PIXELS_PER_INCH = (91, 125)
"""Fewest and most pixels of the page per inch of a picture; if there is room for fewer, the picture scrolls."""


def page(run: Run, sections: dict[str, list[Picture]]) -> str:
    """Page of facts, pictures by section, one sample's equations, timing and settings."""
    parts = {title: f'<div class="pictures">{figures(pictures)}</div>' for title, pictures in sections.items()}
    parts["One sample, forward and back"] = walk(run)
    parts["Timing"] = timing(run)
    parts["Configuration"] = settings(run)
    links = "".join(f'<a href="#part{i}">{escape(title)}</a>' for i, title in enumerate(parts))
    body = "\n".join(f'<h2 id="part{i}">{escape(title)}</h2>\n{part}' for i, (title, part) in enumerate(parts.items()))
    title = f"{run.network} on {run.data.name or 'data'}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{paragraph("A network, its training, and its equations with the numbers of one sample filled in.")}
{facts(run)}
{privacy(run)}
<nav>{links}</nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


RESUMED = "seconds since it was resumed"
"""Fact in place of the whole training's, where that is not known."""


def facts(run: Run) -> str:
    """Summary: the few numbers that come first."""
    # How long epochs took that were trained before the last resumption may not be known.
    timed = [record for record in run.records if record["seconds"] is not None]
    seconds = sum(record["seconds"] for record in timed)
    samples = sum(record["seconds"] * record["samples_per_second"] for record in timed)
    regression = run.network.model.loss.regression
    summary = {
        "R²" if regression else f"of {len(run.y):,} {run.judged_on} rows correct": cell(
            "accuracy", run.score, regression
        ),
        "parameters": f"{run.network.parameter_count:,}",
        "epochs": f"{run.records[-1]['epoch']:,}",
        "seconds of training" if len(timed) == len(run.records) else RESUMED: f"{seconds:,.1f}"
        if seconds >= 1
        else f"{seconds:.2g}",
        "samples per second": f"{samples / seconds:,.0f}",
    }
    lines = (f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in summary.items())
    return f'<dl class="facts">{"".join(lines)}</dl>'


def privacy(run: Run) -> str:
    """Sentence about a private training; empty for any other."""
    if not run.is_private:
        return ""
    return paragraph(
        f"Trained privately, with ε = {run.records[-1]['epsilon']:.3f} at δ = {run.settings['delta']:g} for each "
        "training row. Cost and accuracy of the training rows, and pictures of them, are not private: keep this page "
        "as you keep them."
    )


def figures(pictures: Iterable[Picture]) -> str:
    """Figures with their captions; a wide one scrolls on a narrow page."""
    parts = []
    for name, figure, caption in pictures:
        least, most = (round(figure.get_figwidth() * scale) for scale in PIXELS_PER_INCH)
        opening = f'<svg role="img" aria-label="{escape(caption)}" style="min-width:{least}px;max-width:{most}px" '
        svg = plots.svg(figure, name).replace("<svg ", opening, 1)
        wide = ' class="wide"' if figure.get_figwidth() > 1.5 * plots.WIDTH else ""
        below = f"<figcaption>{escape(caption)}</figcaption>"
        parts.append(f'<figure{wide}><div class="scroll">{svg}</div>{below}</figure>')
    return "\n".join(parts)


def timing(run: Run) -> str:
    """Table of the epochs with the time they took; of many epochs, some."""
    every = -(-len(run.records) // MOST_EPOCHS)
    shown = [r for r in run.records if r["epoch"] % every == 0 or r in (run.records[0], run.records[-1])]
    # Those of which an epoch has several are drawn.
    names = [name for name, value in run.records[-1].items() if isinstance(value, int | float)]
    regression = run.network.model.loss.regression
    heads = [name.replace("accuracy", "R²" if regression else "accuracy").replace("_", " ") for name in names]
    rows = [heads, *([cell(name, record.get(name), regression) for name in names] for record in shown)]
    return paragraph(f"Trained with {run.where}; the seconds are those of training alone.") + table(rows)


def settings(run: Run) -> str:
    """Table of the settings, below the command that runs the training again."""
    rows = [["xpnet", __version__]]
    rows += [
        [name.replace("_", " "), escape(", ".join(map(str, v)) if isinstance(v, list | tuple) else str(v))]
        for name, v in run.settings.items()
    ]
    return f"<p><code>{escape(run.command)}</code></p>" + table([["setting", "value"], *rows])


def cell(name: str, value: Any, regression: bool) -> str:
    """Cell of the table of epochs: a number in the format of its column."""
    if value is None:
        return ""
    if name == "epoch":
        return str(value)
    if name == "samples_per_second":
        return f"{value:,.0f}"
    if name.endswith("accuracy"):
        return (cost_text(value) if regression else f"{value:.2%}").replace("-", "−")
    return f"{value:.4g}"

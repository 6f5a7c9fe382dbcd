"""A report as one web page that needs no network."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from xpnet import __version__, plots
from xpnet.plots.report.parts import paragraph, table
from xpnet.plots.report.pictures import Picture
from xpnet.plots.report.run import Run
from xpnet.plots.report.walk import walk

STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")

MOST_EPOCHS = 20
"""Epochs that are listed."""

PIXELS_PER_INCH = (91, 125)
"""Of the page, for an inch of a picture: so many at least, where it scrolls instead, and at most."""


def page(run: Run, sections: dict[str, list[Picture]]) -> str:
    """The page: facts, pictures by section, one sample's equations, timing and settings."""
    parts = {title: f'<div class="pictures">{pictured(held)}</div>' for title, held in sections.items()}
    parts["One sample, there and back"] = walk(run)
    parts["Timing"] = timing(run)
    parts["Configuration"] = configuration(run)
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
<nav>{links}</nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def facts(run: Run) -> str:
    """The few numbers that come first."""
    seconds = sum(record["seconds"] for record in run.records)
    samples = sum(record["seconds"] * record["samples_per_second"] for record in run.records)
    regression = run.network.model.loss.regression
    held = {
        "R²" if regression else f"of {len(run.y):,} {run.judged} rows right": told("accuracy", run.score, regression),
        "parameters": f"{run.network.parameter_count:,}",
        "epochs": f"{len(run.records):,}",
        "seconds of training": f"{seconds:,.1f}" if seconds >= 1 else f"{seconds:.2g}",
        "samples a second": f"{samples / seconds:,.0f}",
    }
    lines = (f"<div><dt>{escape(what)}</dt><dd>{value}</dd></div>" for what, value in held.items())
    return f'<dl class="facts">{"".join(lines)}</dl>'


def pictured(pictures: Iterable[Picture]) -> str:
    """Pictures with their captions; a wide one scrolls on a narrow page."""
    parts = []
    for name, figure, caption in pictures:
        least, most = (round(figure.get_figwidth() * scale) for scale in PIXELS_PER_INCH)
        opening = f'<svg role="img" aria-label="{escape(caption)}" style="min-width:{least}px;max-width:{most}px" '
        drawn = plots.svg(figure, name).replace("<svg ", opening, 1)
        wide = ' class="wide"' if figure.get_figwidth() > 1.5 * plots.WIDTH else ""
        below = f"<figcaption>{escape(caption)}</figcaption>"
        parts.append(f'<figure{wide}><div class="scroll">{drawn}</div>{below}</figure>')
    return "\n".join(parts)


def timing(run: Run) -> str:
    """Epochs with what they took, some of them where there are many."""
    every = -(-len(run.records) // MOST_EPOCHS)
    shown = [r for r in run.records if r["epoch"] % every == 0 or r in (run.records[0], run.records[-1])]
    names = [name for name in run.records[0] if run.records[0][name] is not None]
    regression = run.network.model.loss.regression
    heads = [name.replace("accuracy", "R²" if regression else "accuracy").replace("_", " ") for name in names]
    rows = [heads, *([told(name, record[name], regression) for name in names] for record in shown)]
    return paragraph(f"On {run.where}; seconds are of training alone.") + table(rows)


def configuration(run: Run) -> str:
    """What the training was told, and how to do it again."""
    rows = [["xpnet", __version__]]
    rows += [
        [name.replace("_", " "), escape(", ".join(map(str, v)) if isinstance(v, list | tuple) else str(v))]
        for name, v in run.settings.items()
    ]
    return f"<p><code>{escape(run.command)}</code></p>" + table([["setting", "value"], *rows])


def told(name: str, value: Any, regression: bool) -> str:
    """A record's number as its column has it."""
    if name == "epoch":
        return str(value)
    if name == "samples_per_second":
        return f"{value:,.0f}"
    if name.endswith("accuracy"):
        return (f"{value:.4f}" if regression else f"{value:.2%}").replace("-", "−")
    return f"{value:.4g}"

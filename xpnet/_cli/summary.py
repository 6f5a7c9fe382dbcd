"""Summary of a saved model: what it is, what it was trained with, and how well it did."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from xpnet._cli.predictions import shown_names
from xpnet.serialization import SavedModel
from xpnet.serialization.metadata import plain
from xpnet.training.checkpoint import cost_text, r_squared_text
from xpnet.training.standardization import Standardization

SHOWN = 12
"""Classes and inputs that are named at most."""


def summary_lines(path: str, model: SavedModel) -> list[str]:
    """Lines about a model: network, layers, inputs, classes, training and scores."""
    network, settings = model.network, model.configuration
    names = [*network.activation, network.model.loss.activation.__name__]
    lines = [f"{path}: {network}, {network.parameter_count:,} parameters, {model.params[0].w.dtype}"]
    for number, ((inputs, outputs), name) in enumerate(zip(pairwise(network.sizes), names, strict=True), 1):
        lines.append(f"  layer {number}: {inputs:,} → {outputs:,}, {name}")
    lines.append(f"loss: {network.loss.replace('_', ' ')}; inputs {scaling(network.input_scale)}")
    if network.classes is not None:
        lines.append(f"classes: {listed(shown_names(network))}")
    if model.layout is not None:
        lines.append(f"columns: {listed([plain(name) for name in model.layout.spelled()])}")
    if "data" in settings:
        chosen = ("data", "optimizer", "learning_rate", "schedule", "batch_size", "l2", "seed")
        shown = [f"{name.replace('_', ' ')} {plain(settings[name])}" for name in chosen if settings.get(name)]
        lines.append(f"training: {', '.join(shown)}")
    if model.history:
        lines.append(epoch_line(model.history[-1], network.model.loss.regression))
    if model.checkpoint is not None and model.checkpoint.epsilon is not None:
        lines.append(f"private for each training row: ε {model.checkpoint.epsilon:.3f} at δ {model.checkpoint.delta:g}")
    if model.checkpoint is not None:
        lines.append(
            f"resumable after epoch {model.checkpoint.epoch}; parameters of epoch {model.checkpoint.best_epoch}"
        )
    return lines


def scaling(scale: float | Standardization | None) -> str:
    """What becomes of the inputs first."""
    return "standardized" if isinstance(scale, Standardization) else f"divided by {scale or 1:g}"


def epoch_line(numbers: Mapping[str, Any], regression: bool) -> str:
    """Scores of one epoch."""
    accuracies = {name: numbers.get(f"{name}_accuracy") for name in ("train", "validation", "test")}
    text = r_squared_text if regression else "{:.2%}".format
    scores = [f"{name} {text(value)}" for name, value in accuracies.items() if value is not None]
    # A private training's cost is not in its file.
    cost = [] if numbers["cost"] is None else [f"cost {cost_text(numbers['cost'])}"]
    return ": ".join([f"epoch {numbers['epoch']:g}", *[", ".join([*cost, *scores])] * bool(cost + scores)])


def listed(names: Sequence[str]) -> str:
    """Names with commas, the first ones of many, and how many there are."""
    more = f", … ({len(names):,} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

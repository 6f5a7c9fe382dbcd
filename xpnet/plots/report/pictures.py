"""The pictures of a run, each with a sentence that tells how to read it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from xpnet import plots
from xpnet.plots.report.run import Run


class Picture(NamedTuple):
    """A picture.

    Attributes:
        name: Of its file, without the ending.
        figure: As Matplotlib has it.
        caption: How to read it.
    """

    name: str
    figure: Figure
    caption: str


def of_training(run: Run) -> Iterator[Picture]:
    """The network with its shapes, and how its training went."""
    told = "Each layer's weights have a row for each of its neurons and a column for each neuron before it."
    yield Picture("network", plots.network_diagram(run.network), told)
    figure = plots.learning_curves(run.records, regression=run.network.model.loss.regression)
    told = "each sample judged just before it was trained on"
    yield Picture("learning-curves", figure, f"Epoch by epoch. The line of the training rows is a running one, {told}.")


def of_answers(run: Run) -> Iterator[Picture]:
    """What the network answers, beside what is right."""
    if run.network.model.loss.regression:
        figure = plots.predictions(run.y, run.a)
        yield Picture("predictions", figure, f"The {run.judged} rows: on the dashed line a prediction is right.")
        return
    y, a = run.y, run.a
    if run.network.loss == "binary_cross_entropy":
        if a.shape[1] > 1:
            told = "bar's first two parts are together how often it was there"
            yield Picture(
                "label-cases", plots.label_cases(y, a > 0.5), f"Each label of the {run.judged} rows; a {told}."
            )
            return
        y, a = y.reshape(-1).astype(np.int64), np.hstack([1 - a, a])
    figure = plots.confusion_matrix(y, a.argmax(axis=1))
    told = f"A line is a label of the {run.judged} rows, a column what it was taken for: pale blue is right"
    yield Picture("confusion-matrix", figure, f"{told}, orange is not.")
    figure = plots.worst_mistakes(run.x, y, a)
    yield Picture("worst-mistakes", figure, "What it got wrong while it was surest, with the probability of its guess.")


def of_layers(run: Run) -> Iterator[Picture]:
    """What is in the layers."""
    figure = plots.weight_images(run.params)
    told = "A neuron of the first layer looks for what is orange here and against what is violet."
    yield Picture("weight-images", figure, told)
    told = "How the weights of each layer are spread after training."
    yield Picture("weights", plots.weight_histograms(run.params), told)
    figure = plots.activation_histograms(run.network, run.params, run.x)
    yield Picture(
        "activations", figure, f"What the neurons of each layer answer {run.judged} rows, a thousand at most."
    )
    figure = plots.gradient_norm_histograms(run.network, run.params, run.x, run.y)
    told = f"How much each of these {run.judged} rows, alone, would still move the weights of each layer."
    yield Picture("gradient-norms", figure, told)

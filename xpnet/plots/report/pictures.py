"""Pictures of a run, each with a sentence on how to read it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from xpnet import plots
from xpnet.plots.report.run import Run, in_memory_rows


class Picture(NamedTuple):
    """Picture with its caption.

    Attributes:
        name: Name of its file, without the extension.
        figure: Matplotlib's figure.
        caption: How to read it.
    """

    name: str
    figure: Figure
    caption: str


def training_pictures(run: Run) -> Iterator[Picture]:
    """Pictures of the network with its shapes, and of its training."""
    yield Picture(
        "network",
        plots.network_diagram(run.network),
        "The weight matrix of a layer has a row for each of its neurons and a column for each neuron before it.",
    )
    yield Picture(
        "learning-curves",
        plots.learning_curves(run.records, regression=run.network.model.loss.regression),
        "Epoch by epoch. The line of the training rows is a running one: each sample is judged just before the "
        "network is trained on it. The fine line is the mean over the last thousand of them, within the epochs.",
    )


def answer_pictures(run: Run) -> Iterator[Picture]:
    """Pictures of what the network answers, beside what is right."""
    y, a = run.y, run.a
    if run.network.model.loss.regression:
        caption = f"The {run.judged_on} rows; on the dashed line a prediction is correct."
        yield Picture("predictions", plots.predictions(y, a), caption)
        return
    if run.network.loss == "binary_cross_entropy":
        if a.shape[1] > 1:
            caption = (
                f"Each label on the {run.judged_on} rows: true positives and false negatives are the rows that have it."
            )
            yield Picture("label-cases", plots.label_cases(y, a > 0.5, classes=run.network.classes), caption)
            return
        y, a = y.reshape(-1).astype(np.int64), np.hstack([1 - a, a])
    yield Picture(
        "confusion-matrix",
        plots.confusion_matrix(y, a.argmax(axis=1), classes=run.network.classes),
        f"A line is a label of the {run.judged_on} rows, a column a prediction; "
        "pale blue is correct, orange is a mistake.",
    )
    caption = "The mistakes that the network was most confident of, with the probability of each guess."
    mistakes = plots.worst_mistakes(run.x, y, a, classes=run.network.classes, shape=run.image)
    yield Picture("worst-mistakes", mistakes, caption)


def sample_pictures(run: Run) -> Iterator[Picture]:
    """Pictures of which training rows teach; none of a private training, whose rows they would show."""
    if run.is_private:
        return
    x, y = in_memory_rows(run.data.x_train), in_memory_rows(run.data.y_train)
    yield Picture(
        "telling-samples",
        plots.telling_samples(run.network, run.params, x, y, shape=run.image),
        "The training rows that would still change the network most, each on its own, and those that it has learned: "
        "among the first are often odd ones, or wrong labels.",
    )
    if any(record.get("gradient_norms") for record in run.records):
        clip_norm = run.settings.get("clip_norm")
        yield Picture(
            "gradient-norm-curves",
            plots.gradient_norm_curves(run.records, clip_norm=clip_norm),
            "Norm of ∂C/∂w and ∂C/∂b together, of a thousand training rows after each epoch"
            + ("." if clip_norm is None else "; in a step, what is above the dashed line is shortened to it."),
        )


def layer_pictures(run: Run) -> Iterator[Picture]:
    """Pictures of what is in the layers."""
    yield Picture(
        "weight-images",
        plots.weight_images(run.params, shape=run.image),
        "Weights into the neurons of the first layer: "
        "a larger input raises z if its weight is orange, and lowers it if violet."
        if run.image is None or len(run.image) == 2
        else "Weights into the neurons of the first layer, of red, green and blue as a pixel's colour; grey is 0.",
    )
    yield Picture("weights", plots.weight_histograms(run.params), "The weights of each layer after training.")
    yield Picture(
        "activations",
        plots.activation_histograms(run.network, run.params, run.x),
        f"The activations of each layer for the {run.judged_on} rows, at most a thousand of them.",
    )
    yield Picture(
        "gradient-norms",
        plots.gradient_norm_histograms(run.network, run.params, run.x, run.y),
        f"How strongly each of these {run.judged_on} rows, on its own, would still change the weights of each layer.",
    )

"""Pictures can be read: no text is cut or lies on another, axes are labelled, and the colour-blind tell lines apart."""

from itertools import combinations

import numpy as np
import pytest

import xpnet
from xpnet.errors import MissingExtraError

plots = pytest.importorskip("xpnet.plots", reason="needs matplotlib", exc_type=MissingExtraError)

from_agg = pytest.importorskip("matplotlib.backends.backend_agg")

TOUCHING = 1.0
"""By how many pixels two texts may reach into each other: their boxes hold the space around the letters too."""

APART = 20.0
"""How far apart two colours are that nobody confuses, in the units of CIELAB."""

BLINDNESS = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What is left of linear red, green and blue; Machado, Oliveira and Fernandes (2009)."""


def rows(n, d):
    """Random rows."""
    return np.random.default_rng(n).normal(size=(n, d))


def figures():
    """Every kind of picture, of small, wide and deep networks, short and long names, one row and many."""
    rng = np.random.default_rng(1)
    images = xpnet.Network([784, 40, 3], "sigmoid", input_scale=1.0)
    table = xpnet.Network([7, 12, 5], "tanh")
    deep = xpnet.Network([784, 4096, 2048, 512, 256, 128, 64, 10])
    words = ["Iris setosa", "Iris versicolor", "a label that somebody wrote a whole sentence for"]
    for n in (1, 300):
        y, a = rng.integers(3, size=n), rng.dirichlet(np.ones(3), size=n)
        yield f"confusion of {n}", plots.confusion_matrix(y, a.argmax(axis=1), classes=words)
        yield f"mistakes of {n}", plots.worst_mistakes(rows(n, 784), y, a, classes=words)
        yield f"activations of {n}", plots.activation_histograms(images, images.init(), rows(n, 784))
        yield f"gradients of {n}", plots.gradient_norm_histograms(images, images.init(), rows(n, 784), y)
        yield f"telling of {n}", plots.telling_samples(images, images.init(), rows(n, 784), y)
        yield f"cases of {n}", plots.label_cases(rng.integers(2, size=(n, 5)), rng.integers(2, size=(n, 5)))
        yield f"predictions of {n}", plots.predictions(rows(n, 4) * 1e5, rows(n, 4) * 1e5)
    for k in (2, 10, 12, 100):
        y, guess = rng.integers(k, size=(2, 10_000))
        yield f"confusion among {k}", plots.confusion_matrix(y, guess)
        a = rng.dirichlet(np.ones(k), size=300)
        yield f"mistakes among {k}", plots.worst_mistakes(rows(300, 7), rng.integers(k, size=300), a)
    yield "cases of 40 labels", plots.label_cases(rng.integers(2, size=(99, 40)), rng.integers(2, size=(99, 40)))
    for epochs in (1, 2, 20, 1000):
        records = [
            {"epoch": i + 1, "cost": 1e4 * 0.9**i, "train_accuracy": 1 - 0.9**i, "test_accuracy": 0.5}
            for i in range(epochs)
        ]
        yield f"curves of {epochs}", plots.learning_curves(records)
        norms = [{"epoch": i + 1, "gradient_norms": [0.9**i * q for q in (1e-3, 0.1, 1, 2, 30)]} for i in range(epochs)]
        yield f"norms of {epochs}", plots.gradient_norm_curves(norms, clip_norm=1.0)
    for name, network in {"images": images, "table": table, "none hidden": xpnet.Network([64, 10])}.items():
        params = network.init()
        yield f"weight images, {name}", plots.weight_images(params)
        yield f"weights, {name}", plots.weight_histograms(params)
        yield f"network, {name}", plots.network_diagram(network)
    yield "network, deep", plots.network_diagram(deep)
    # Counts of five digits push the panels to the right, and numbers below 0 are longer.
    wide = tuple(layer._replace(w=layer.w - 0.01) for layer in xpnet.Network([784, 512, 10]).init())
    yield "weights, wide", plots.weight_histograms(wide)
    yield "activations, wide", plots.activation_histograms(deep, deep.init(), rows(1000, 784))


FIGURES = dict(figures())
ALL = pytest.mark.parametrize("figure", FIGURES.values(), ids=list(FIGURES))


def texts(figure):
    """What is written, with the box of pixels that it takes."""
    renderer = from_agg.FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    written = list(figure.texts)
    for axes in figure.axes:
        written += [*axes.texts, axes.title, axes._left_title]
        if axes.get_legend():
            written += axes.get_legend().get_texts()
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low - 1e-9 <= tick.get_loc() <= high + 1e-9]
            written += [
                axis.label,
                axis.get_offset_text(),
                *(label for tick in ticks for label in (tick.label1, tick.label2)),
            ]
    written += [text for legend in figure.legends for text in legend.get_texts()]
    shown = {id(text): text for text in written if text and text.get_visible() and text.get_text().strip()}
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown.values()]


@ALL
def test_no_text_is_cut(figure):
    """All that is written lies within the picture."""
    for text, box in texts(figure):
        assert box.x0 >= -TOUCHING, text
        assert box.y0 >= -TOUCHING, text
        assert box.x1 <= figure.bbox.width + TOUCHING, text
        assert box.y1 <= figure.bbox.height + TOUCHING, text


@ALL
def test_no_text_lies_on_another(figure):
    """The boxes of no two texts share more than an edge."""
    for (one, box), (other, beside) in combinations(texts(figure), 2):
        across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
        down = min(box.y1, beside.y1) - max(box.y0, beside.y0)
        assert min(across, down) <= TOUCHING, f"{one!r} lies on {other!r}"


@ALL
def test_axes_are_labelled(figure):
    """Whatever has axes says along them what is measured; a colour bar has one."""
    for axes in figure.axes:
        if axes.axison:
            labels = [axes.get_xlabel(), axes.get_ylabel()]
            assert any(labels) if axes.get_label() == "<colorbar>" else all(labels)


def lab(colour, blindness=None):
    """A colour in CIELAB, as seen by those who lack a kind of cone."""
    red_green_blue = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(red_green_blue <= 0.04045, red_green_blue / 12.92, ((red_green_blue + 0.055) / 1.055) ** 2.4)
    if blindness:
        linear = np.clip(np.array(BLINDNESS[blindness]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 1e-9))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("blindness", [None, *BLINDNESS])
def test_lines_are_told_apart(blindness):
    """Colours of lines and of outputs differ for everybody, and so do their marks."""
    from xpnet.plots.answers import SERIES
    from xpnet.plots.overview import LINES

    for series in ([(colour, mark) for colour, mark, _ in LINES.values()], SERIES):
        assert len({mark for _, mark in series}) == len(series)
        for (one, _), (other, _) in combinations(series, 2):
            assert np.linalg.norm(lab(one, blindness) - lab(other, blindness)) > APART

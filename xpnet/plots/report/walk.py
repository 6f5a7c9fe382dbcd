"""One sample's way through the network and back, as a section of a page."""

from html import escape

import numpy as np

from xpnet._support.tables import lookup
from xpnet.plots.images import image_shape
from xpnet.plots.report import backward, forward
from xpnet.plots.report import mathml as m
from xpnet.plots.report.costs import COSTS, cost
from xpnet.plots.report.parts import Shown, largest, paragraph, table
from xpnet.plots.report.run import Run
from xpnet.plots.report.sample import Worked, telling, work
from xpnet.plots.report.strip import image, strip
from xpnet.training.network import Network

MOST_BARS = 12
"""Outputs that have a bar."""


def check_formulas(network: Network) -> None:
    """Refuse a network with an activation or a loss that no formula is known of."""
    for name in network.activation:
        lookup(forward.FORMULAS, "activation", name, "formula in the report")
        lookup(backward.DERIVATIVES, "activation", name, "derivative in the report")
    if (name := network.output.activation.__name__) != "softmax":
        lookup(forward.FORMULAS, "activation", name, "formula in the report")
    lookup(COSTS, "loss", network.loss, "formula in the report")


def walk(run: Run) -> str:
    """The section of a page: the input and the answers, each layer forward, each layer back, and a check."""
    row = telling(run.network, run.params, run.x, run.y)
    x, y = run.x[row : row + 1], run.y[row : row + 1]
    worked = work(run.network, run.params, x, y)
    layers = [Shown(worked, number) for number in range(1, worked.last + 1)]
    parts = [
        paragraph(
            f"This is {run.judged} row {row}, worked through in 64 bits and shown to three digits; every line can be "
            "checked with a pocket calculator. Of each layer the neuron with the greatest ∂C/∂z is followed: its row "
            "is marked, and worked out below. Rows, neurons and inputs are counted from 0. In the strips a cell is "
            "a neuron: violet below 0, white at 0, orange above."
        ),
        f'<div class="sample">{_given(run, worked, x)}{_answered(worked)}</div>',
    ]
    for shown in layers:
        parts.append(f'<section class="layer">{_heading(worked, shown, "forward")}{forward.forward(worked, shown)}')
        if shown.number == worked.last:
            what = cost(worked.network.loss, worked.a[-1], worked.y, worked.z[-1], worked.cost)
            parts.append(paragraph("The cost of this sample:") + what)
        parts.append("</section>")
    for shown in reversed(layers):
        way = backward.last if shown.number == worked.last else backward.hidden
        parts.append(f'<section class="layer">{_heading(worked, shown, "back")}{way(worked, shown)}</section>')
    return "\n".join([*parts, _checked(worked, layers)])


def _heading(worked: Worked, shown: Shown, way: str) -> str:
    """A layer's heading."""
    about = f"{worked.network.sizes[shown.number - 1]:,} → {shown.size:,}, {shown.function}"
    return f"<h3>Layer {shown.number}, {way} <small>{escape(about)}</small></h3>"


def _given(run: Run, worked: Worked, x: np.ndarray) -> str:
    """The input, as an image where it is one."""
    shape = image_shape(x.shape[1])
    scale = run.network.model(x).input_scale
    told = f"The input is divided by {scale:g}, which makes a⁰." if scale != 1 else "The input is a⁰."
    shown = strip(worked.a[0], "a of layer 0") if shape is None else image(x.reshape(shape), "the input", 190, "gray_r")
    return f"<div>{shown}{paragraph(told)}</div>"


def _answered(worked: Worked) -> str:
    """The outputs beside their targets, the largest where there are many."""
    a, y = worked.a[-1], worked.y
    shown = range(len(a)) if len(a) <= MOST_BARS else sorted({*largest(a, MOST_BARS - 1), int(y.argmax())})
    most = max(1.0, float(np.abs(a).max()))
    lines = []
    for k in shown:
        bar = f'<div class="bar" style="width:{max(0.0, a[k]) / most:.1%}"></div>'
        cells = [str(k), bar, f"<math>{m.number(a[k])}</math>", f"<math>{m.equal(m.name('y'), m.number(y[k]))}</math>"]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<table class="bars">{"".join(lines)}</table>'


def _checked(worked: Worked, layers: list[Shown]) -> str:
    """A derivative of each layer beside its central difference."""
    rows = [["weight", "∂C/∂w by the equations", "(C(w + h) − C(w − h)) / 2h"]]
    for shown in layers:
        place = (shown.number, shown.neuron, shown.inputs[0])
        values = (worked.dC_dw(*place), worked.difference(*place))
        spelled = [f"{value:.9f}".replace("-", "−") for value in values]
        rows.append(["layer {}, row {}, column {}".format(*place), *spelled])
    told = "A weight moved by a hundred-thousandth, up and down, changes the cost by what its derivative says:"
    return "<h3>A check</h3>" + paragraph(told) + table(rows)

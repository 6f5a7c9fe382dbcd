"""Section of a page: one sample's forward and backward pass, worked through."""

from html import escape

import numpy as np

from xpnet._support.tables import lookup
from xpnet.equations import step
from xpnet.plots.images import image_shape, pixels
from xpnet.plots.report import mathml as m
from xpnet.plots.report.backward import DERIVATIVES, UNMATCHED, hidden_layer_back, last_layer_back
from xpnet.plots.report.costs import COSTS, cost_line
from xpnet.plots.report.forward import FORMULAS, layer_forward
from xpnet.plots.report.parts import ShownLayer, largest, paragraph, table
from xpnet.plots.report.run import Run
from xpnet.plots.report.sample import WorkedSample, instructive_row, work_through
from xpnet.plots.report.strip import image_element, strip
from xpnet.plots.report.update import update
from xpnet.training.checkpoint import cost_text
from xpnet.training.network import Network

MOST_BARS = 12
"""Most outputs that have a bar."""

WHY = "A row that the network is sure of has derivatives of about 0, and an extreme one is an exception."
"""Why the row is that one."""


def check_formulas(network: Network) -> None:
    """Refuse a network with an activation or a loss that the report has no formula for."""
    for each in network.model.hidden:
        lookup(FORMULAS, "activation", each.name, "formula in the report")
        lookup(DERIVATIVES, "activation", each.name, "derivative in the report")
    loss = network.model.loss
    if (name := loss.activation.__name__) != "softmax":
        lookup(FORMULAS, "activation", name, "formula in the report")
    lookup(COSTS, "loss", loss.name, "formula in the report")
    if loss.dC_dz is not None:
        lookup(UNMATCHED, "loss", loss.name, "derivative in the report")


def walk(run: Run) -> str:
    """Section of a page: the input and the outputs, each layer forward, each layer back, and a check."""
    row, reason = instructive_row(run.network, run.params, run.x, run.y)
    x, y = run.x[row : row + 1], run.y[row : row + 1]
    worked = work_through(run.network, run.params, x, y)
    layers = [ShownLayer(worked, number) for number in range(1, worked.last + 1)]
    parts = [
        paragraph(
            f"This is {run.judged_on} row {row}, chosen for its cost: {reason}. {WHY} Its cost is "
            f"{cost_text(worked.cost)}; the mean over the {run.judged_on} rows is {cost_text(run.cost)}. It is worked "
            "through in double precision and shown to three digits; where a pocket calculator takes more for the same "
            "result, numbers have more. In each "
            "layer the neuron with the largest |∂C/∂z| is followed: its row is marked, and worked out below. Rows, "
            "neurons and inputs are counted from 0. In the strips each cell is a neuron: violet is below 0, white is "
            "0, orange is above."
        ),
        f'<div class="sample">{_input(run, worked, x)}{_outputs(worked)}</div>',
    ]
    for shown in layers:
        parts += [f'<section class="layer">{_heading(worked, shown, "forward")}', layer_forward(worked, shown)]
        if shown.number == worked.last:
            cost = cost_line(worked.network.model.loss, worked.a[-1], worked.y, worked.z[-1], worked.cost)
            parts.append(paragraph("The cost of this sample:") + cost)
        parts.append("</section>")
    for shown in reversed(layers):
        back = last_layer_back(worked, shown) if shown.number == worked.last else hidden_layer_back(worked, shown)
        parts.append(f'<section class="layer">{_heading(worked, shown, "back")}{back}</section>')
    optimizer = str(run.settings.get("optimizer", ""))
    return "\n".join([*parts, _derivative_check(worked, layers), update(worked, layers, run.learning_rate, optimizer)])


def _heading(worked: WorkedSample, shown: ShownLayer, way: str) -> str:
    """Heading of a layer."""
    about = f"{worked.network.sizes[shown.number - 1]:,} → {shown.size:,}, {shown.title}"
    return f"<h3>Layer {shown.number}, {way} <small>{escape(about)}</small></h3>"


def _input(run: Run, worked: WorkedSample, x: np.ndarray) -> str:
    """Input, as an image if it is one."""
    shape = image_shape(x.shape[1], run.image)
    scale = step.input_scale(run.network.model, x, xp=np)
    meaning = f"The input divided by {scale:g} is a⁰." if scale != 1 else "The input is a⁰."
    if shape is None:
        shown = strip(worked.a[0], "a of layer 0")
    else:
        shown = image_element(pixels(x[0], shape), "the input", 190, "gray_r")
    return f"<div>{shown}{paragraph(meaning)}</div>"


def _outputs(worked: WorkedSample) -> str:
    """Outputs beside their targets; of many outputs the largest."""
    a, y = worked.a[-1], worked.y
    shown = range(len(a)) if len(a) <= MOST_BARS else sorted({*largest(a, MOST_BARS - 1), int(y.argmax())})
    most = max(1.0, float(np.abs(a).max()))
    names = _output_names(worked.network)
    lines = []
    for k in shown:
        bar = f'<div class="bar" style="width:{max(0.0, a[k]) / most:.1%}"></div>'
        target = m.equal(m.identifier("y"), m.numeral(y[k]))
        cells = [escape(names[k]), bar, f"<math>{m.numeral(a[k])}</math>", f"<math>{target}</math>"]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<table class="bars">{"".join(lines)}</table>'


def _output_names(network: Network) -> list[str]:
    """Name of the class of each output, or its number; the one output of two classes is the second's."""
    if network.classes is None:
        return [str(k) for k in range(network.sizes[-1])]
    return network.class_names[-network.sizes[-1] :]


def _derivative_check(worked: WorkedSample, layers: list[ShownLayer]) -> str:
    """One derivative of each layer beside its central difference."""
    rows = [["weight", "∂C/∂w by the equations", "(C(w + h) − C(w − h)) / 2h"]]
    for shown in layers:
        position = (shown.number, shown.neuron, shown.inputs[0])
        values = (worked.dC_dw(*position), worked.difference(*position))
        cells = [f"{value:.9f}".replace("-", "−") for value in values]
        rows.append(["layer {}, row {}, column {}".format(*position), *cells])
    text = "Raising and lowering a weight by h = 0.00001 changes the cost as its derivative says:"
    return "<h3>A check</h3>" + paragraph(text) + table(rows)

"""Update on the page, the post's step 7: one weight's in numbers, and what it does to the sample's cost."""

import math
from collections.abc import Sequence

import numpy as np

from xpnet._support.typing import Layer, Params
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import MOST_DIGITS, ShownLayer, display, paragraph
from xpnet.plots.report.sample import WorkedSample

SHORTER = 10
"""Most times that a step is shortened to a tenth, until it lowers the cost."""


def update(worked: WorkedSample, layers: Sequence[ShownLayer], learning_rate: float, optimizer: str) -> str:
    """Update of the weight whose derivative is the largest of those worked out, and of all parameters at once."""
    places = [(shown.number, shown.neuron, shown.inputs[0]) for shown in layers]
    layer, i, j = max(places, key=lambda place: abs(worked.dC_dw(*place)))
    derivative, w = worked.dC_dw(layer, i, j), float(worked.params[layer - 1].w[i, j])
    rate = _lowering(worked, learning_rate)
    one, of_all = (worked.cost_with(moved(worked, rate, only)) for only in ((layer, i, j), None))
    symbol = m.of_layer("w", layer, i, j)
    about = "Every weight and bias goes a step against its derivative, of the length that the learning rate η says."
    if optimizer not in ("", "sgd"):
        about += f" This is the post's update; {optimizer}, which trained this network, makes of the derivatives steps "
        about += "of its own lengths."
    if rate < learning_rate:
        about += (
            f" A step of the training's η = {learning_rate:g} would be too long for this sample alone, whose cost it "
            f"would raise; it is η = {rate:g} here."
        )
    places_of_cost = _places(worked.cost - one, worked.cost - of_all)
    before, after_one, after_all = (f"{cost:.{places_of_cost}f}" for cost in (worked.cost, one, of_all))
    return "\n".join(
        [
            "<h3>The update</h3>",
            paragraph(f"{about} With η = {rate:g}, for the weight with the largest derivative worked out above:"),
            display(
                m.row(
                    symbol,
                    m.op("←"),
                    m.equal(
                        m.row(symbol, m.op("−"), m.identifier("η"), m.op("·"), m.partial(symbol)),
                        *_filled(w, rate, derivative),
                    ),
                )
            ),
            paragraph(
                f"With this weight alone updated, the cost of this sample goes from {before} to {after_one}; "
                f"with all weights and biases updated, to {after_all}. Then comes the next sample, or the next batch."
            ),
        ]
    )


def moved(worked: WorkedSample, rate: float, only: tuple[int, int, int] | None = None) -> Params:
    """Parameters after a step of gradient descent on the sample, of one weight or of all of them."""
    after = []
    for layer, (w, b) in enumerate(worked.params, 1):
        step = np.outer(worked.dC_dz[layer], worked.a[layer - 1])
        if only is None:
            after.append(Layer(w - rate * step, b - rate * worked.dC_dz[layer]))
            continue
        w = w.copy()
        if only[0] == layer:
            w[only[1:]] -= rate * step[only[1:]]
        after.append(Layer(w, b))
    return tuple(after)


def _lowering(worked: WorkedSample, rate: float) -> float:
    """The rate, or the largest tenth, hundredth, … of it that lowers the cost of the sample."""
    shorter = (rate * 0.1**times for times in range(SHORTER))
    return next((each for each in shorter if worked.cost_with(moved(worked, each)) < worked.cost), rate)


def _places(*changes: float) -> int:
    """Digits behind the point that show the smallest of these changes, three of it, as far as digits go."""
    smallest = min((abs(change) for change in changes if change), default=0.01)
    return min(MOST_DIGITS, max(2, 2 - math.floor(math.log10(smallest))))


def _filled(w: float, rate: float, derivative: float) -> tuple[str, str]:
    """Right sides of the update, in which a calculator finds the change of the weight to three digits."""
    places = _places(rate * derivative)
    written = f"{w - rate * derivative:.{places}f}"
    for more in range(MOST_DIGITS):
        with m.digits(3 + more):
            before = f"{w:.{places + more}f}"
            if f"{float(before) - rate * float(m.read(derivative)):.{places}f}" == written:
                break
    with m.digits(3 + more):
        filled = m.row(_plain(before), m.op("−"), f"<mn>{rate:.12g}</mn>", m.op("·"), m.factor(derivative))
    return filled, _plain(written)


def _plain(text: str) -> str:
    """Number as it is written out."""
    return f"<mn>{text}</mn>".replace("-", "−")

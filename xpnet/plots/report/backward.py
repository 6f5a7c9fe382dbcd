"""The way back: ∂C/∂z, ∂C/∂w and ∂C/∂b of each layer, under the post's numbers."""

from collections.abc import Callable

import numpy as np

from xpnet._support.tables import lookup
from xpnet.data.checks import count
from xpnet.equations.activations import ACTIVATIONS
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import TERMS, Shown, largest, line, paragraph, products
from xpnet.plots.report.sample import Worked
from xpnet.plots.report.strip import strip

ONE = m.number(1)
SIGMA = m.row(m.name("σ"), m.op("′"))

Sides = Callable[[str, float, float], tuple[str, ...]]


def _formula(of: Callable[[str], str]) -> Sides:
    """A formula of a: first with its symbol, then with its number."""
    return lambda symbol, a, slope: (of(symbol), of(m.near_one(a)), m.number(slope))


def _case(symbol: str, a: float, slope: float) -> tuple[str, ...]:
    """1 or 0, with the reason."""
    return (m.row(m.number(slope), m.words(", since "), symbol, m.op(">" if slope else "="), m.number(0)),)


DERIVATIVES: dict[str, Sides] = {
    "sigmoid": _formula(lambda a: m.row(a, m.op("·"), m.parenthesized(ONE, m.op("−"), a))),
    "tanh": _formula(lambda a: m.row(ONE, m.op("−"), m.power(m.parenthesized(a), m.number(2)))),
    "relu": _case,
    "identity": lambda symbol, a, slope: (m.number(slope),),
}
"""The right sides of the equation for σ′(z) of one neuron, from the symbol of its a, that number, and the result."""

ERRATUM = "The post prints σ′(a) = σ(a)(1 − σ(a)) for this; the derivative is a(1 − a)."


def last(worked: Worked, shown: Shown) -> str:
    """The last layer: (7), then (8) and (9)."""
    layer, i = shown.number, shown.neuron
    a_less_y = m.row(m.of_layer("a", layer), m.op("−"), m.name("y"))
    parts = [
        paragraph("The last activation and the cost belong together: of their two derivatives only the error is left."),
        line(
            m.equal(
                m.partial(m.of_layer("z", layer)),
                a_less_y,
                m.row(m.column(worked.a[layer], shown.rows, i), m.op("−"), m.column(worked.y, shown.rows, i)),
                m.column(worked.dC_dz[layer], shown.rows, i),
            ),
            "(7)",
        ),
        *_gradients(worked, shown, m.parenthesized(a_less_y), "(8)", "(9)"),
    ]
    return "\n".join(parts)


def hidden(worked: Worked, shown: Shown) -> str:
    """Any other layer: (12), or (13) where the next one is the last, then (10) and (11)."""
    layer, i = shown.number, shown.neuron
    w, after = worked.params[layer].w, worked.dC_dz[layer + 1]
    outputs = largest(w[:, i] * after, TERMS)
    next_is_last = layer + 1 == worked.last
    error = m.row(m.of_layer("a", layer + 1), m.op("−"), m.name("y")) if next_is_last else _through(layer + 1)
    slope = ACTIVATIONS[shown.function].slope(worked.a[layer], xp=np)
    parts = [
        paragraph(f"What this layer does to the cost, it does through the next one's {count(len(after), 'neuron')}."),
        line(
            m.equal(
                m.partial(m.of_layer("a", layer)),
                m.row(m.transposed(m.of_layer("w", layer + 1)), m.op("·"), m.parenthesized(error)),
                m.row(m.matrix(w.T, shown.rows, outputs, i), m.op("·"), m.column(after, outputs)),
                m.column(worked.dC_da[layer], shown.rows, i),
            ),
            "(13)" if next_is_last else "(12)",
        ),
        line(
            m.equal(
                m.partial(m.of_layer("a", layer, i)),
                products(w[:, i], after, outputs),
                m.number(worked.dC_da[layer][i]),
            )
        ),
        line(_slope(shown, worked.a[layer][i], slope[i])),
        *([paragraph(ERRATUM)] if shown.first_sigmoid else []),
        line(
            m.equal(
                m.partial(m.of_layer("z", layer)),
                _through(layer),
                m.row(m.column(slope, shown.rows, i), m.op("⊙"), m.column(worked.dC_da[layer], shown.rows, i)),
                m.column(worked.dC_dz[layer], shown.rows, i),
            )
        ),
        *_gradients(worked, shown, m.parenthesized(_through(layer)), "(10)", "(11)"),
    ]
    return "\n".join(parts)


def _slope(shown: Shown, a: float, slope: float) -> str:
    """σ′(z) of the neuron, by its formula or by the case that it is."""
    sides = lookup(DERIVATIVES, "activation", shown.function, "derivative in the report")
    of_z = m.row(SIGMA, m.parenthesized(m.of_layer("z", shown.number, shown.neuron)))
    return m.equal(of_z, *sides(m.of_layer("a", shown.number, shown.neuron), a, slope))


def _through(layer: int) -> str:
    """σ′(z) ⊙ ∂C/∂a of a layer."""
    return m.row(SIGMA, m.parenthesized(m.of_layer("z", layer)), m.op("⊙"), m.partial(m.of_layer("a", layer)))


def _gradients(worked: Worked, shown: Shown, error: str, of_weights: str, of_biases: str) -> list[str]:
    """∂C/∂w and ∂C/∂b of a layer from its ∂C/∂z."""
    layer, i, j = shown.number, shown.neuron, shown.inputs[0]
    dC_dz, a_prev = worked.dC_dz[layer], worked.a[layer - 1]
    return [
        *([] if shown.whole else [strip(dC_dz, f"∂C/∂z of layer {layer}")]),
        paragraph(
            "The derivative by a weight is its neuron's ∂C/∂z times what came in through that weight; by a bias it is "
            "∂C/∂z itself."
        ),
        line(
            m.equal(
                m.partial(m.of_layer("w", layer)),
                m.row(error, m.op("·"), m.transposed(m.of_layer("a", layer - 1))),
                m.row(m.column(dC_dz, shown.rows, i), m.op("·"), m.matrix(a_prev[None], [0], shown.inputs)),
                m.matrix(np.outer(dC_dz, a_prev), shown.rows, shown.inputs, i),
            ),
            of_weights,
        ),
        line(
            m.equal(
                m.partial(m.of_layer("w", layer, i, j)),
                m.row(m.factor(dC_dz[i]), m.op("·"), m.factor(a_prev[j])),
                m.number(worked.dC_dw(layer, i, j)),
            )
        ),
        line(
            m.equal(m.partial(m.of_layer("b", layer)), error, m.column(dC_dz, shown.rows, i)),
            of_biases,
        ),
    ]

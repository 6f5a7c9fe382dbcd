"""Backward pass on the page: ∂C/∂z, ∂C/∂w and ∂C/∂b of each layer, under the post's numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xpnet._support.tables import lookup
from xpnet.data.checks import count
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import TERMS, ShownLayer, abridged_dot, display, largest, paragraph
from xpnet.plots.report.sample import WorkedSample
from xpnet.plots.report.strip import strip

ONE = m.numeral(1)
SIGMA = m.row(m.identifier("σ"), m.op("′"))

Sides = Callable[[str, float, float, Any], tuple[str, ...]]
"""Right sides of an equation, from the symbol of a, its number, the number of σ′(z), and the activation's own."""


def _formula(of: Callable[[str], str]) -> Sides:
    """Formula of a: first with its symbol, then with its number."""
    return lambda symbol, a, derivative, _: (of(symbol), of(m.near_one(a)), m.numeral(derivative))


def _case(symbol: str, a: float, derivative: float, _: Any) -> tuple[str, ...]:
    """One of two numbers, with the reason."""
    sign = ">" if a > 0 else "<" if a < 0 else "="
    return (m.row(m.numeral(derivative), m.words(", since "), symbol, m.op(sign), m.numeral(0)),)


def _elu(symbol: str, a: float, derivative: float, alpha: float) -> tuple[str, ...]:
    """1 above 0, a + α below."""
    if a > 0:
        return _case(symbol, a, derivative, alpha)
    sums = [m.row(of, m.op("+"), m.numeral(alpha)) for of in (symbol, m.near_one(a))]
    return (*sums, m.numeral(derivative))


def _hard(symbol: str, a: float, derivative: float, _: Any) -> tuple[str, ...]:
    """1/6 between 0 and 1, 0 elsewhere."""
    if derivative:
        reason = m.row(m.words(", since "), m.numeral(0), m.op("<"), symbol, m.op("<"), ONE)
        return (m.row(m.fraction(ONE, m.numeral(6)), reason),)
    return (m.row(m.numeral(0), m.words(", since "), symbol), m.numeral(a))


DERIVATIVES: dict[str, Sides] = {
    "sigmoid": _formula(lambda a: m.row(a, m.op("·"), m.parenthesized(ONE, m.op("−"), a))),
    "tanh": _formula(lambda a: m.row(ONE, m.op("−"), m.power(m.parenthesized(a), m.numeral(2)))),
    "relu": _case,
    "identity": lambda symbol, a, derivative, _: (m.numeral(derivative),),
    "leaky_relu": _case,
    "elu": _elu,
    "softplus": _formula(lambda a: m.row(ONE, m.op("−"), m.power(m.identifier("e"), m.row(m.op("−"), a)))),
    "hard_sigmoid": _hard,
}
"""Right sides of the equation for σ′(z) of one neuron, for each activation."""

A_Y = (m.indexed("a", "i"), m.indexed("y", "i"))
LESS = m.row(A_Y[0], m.op("−"), A_Y[1])


def _pinball(level: float) -> str:
    above, below = (m.row(A_Y[0], m.op(sign), A_Y[1]) for sign in (">", "<"))
    return m.row(m.numeral(1 - level), m.words(" where "), above, m.words(", "), m.numeral(-level), m.words(" where "),
                 below)  # fmt: skip


UNMATCHED: dict[str, Callable[[Any], str]] = {
    "absolute_error": lambda _: m.call("sign", LESS),
    "huber": lambda delta: m.call("min", m.call("max", LESS, m.numeral(-delta)), m.numeral(delta)),
    "pinball": _pinball,
}
"""∂C/∂zᵢ of each loss that is no matched pair, from its number."""

ERRATUM = "The post prints σ′(a) = σ(a)(1 − σ(a)) for this; the derivative is a(1 − a)."


def last_layer_back(worked: WorkedSample, shown: ShownLayer) -> str:
    """Backward pass of the last layer: (7) of a matched pair, or the loss's own ∂C/∂z, then (8) and (9)."""
    layer, i = shown.number, shown.neuron
    dC_dz = m.vector(worked.dC_dz[layer], shown.rows, i)
    loss = worked.network.model.loss
    if loss.dC_dz is not None:
        formula = lookup(UNMATCHED, "loss", loss.name, "derivative in the report")(loss.number)
        sides = [
            m.equal(m.partial(m.of_layer("z", layer, "i")), formula),
            m.equal(m.partial(m.of_layer("z", layer)), dC_dz),
        ]
        parts = [
            paragraph("Output activation and cost are no matched pair: the derivative is the cost's own."),
            *map(display, sides),
            *_gradients(worked, shown, m.partial(m.of_layer("z", layer)), "(8)", "(9)"),
        ]
        return "\n".join(parts)
    a_less_y = m.row(m.of_layer("a", layer), m.op("−"), m.identifier("y"))
    parts = [
        paragraph("Output activation and cost are a matched pair: their derivatives combine to the error a − y."),
        display(
            m.equal(
                m.partial(m.of_layer("z", layer)),
                a_less_y,
                m.row(
                    m.vector(worked.a[layer], shown.rows, i),
                    m.op("−"),
                    m.vector(worked.y, shown.rows, i),
                ),
                dC_dz,
            ),
            "(7)",
        ),
        *_gradients(worked, shown, m.parenthesized(a_less_y), "(8)", "(9)"),
    ]
    return "\n".join(parts)


def hidden_layer_back(worked: WorkedSample, shown: ShownLayer) -> str:
    """Backward pass of a hidden layer: (12), or (13) if the next layer is the last, then (10) and (11)."""
    layer, i = shown.number, shown.neuron
    w, after = worked.params[layer].w, worked.dC_dz[layer + 1]
    outputs = largest(w[:, i] * after, TERMS)
    next_is_last = layer + 1 == worked.last
    error = m.row(m.of_layer("a", layer + 1), m.op("−"), m.identifier("y")) if next_is_last else _through(layer + 1)
    if next_is_last and worked.network.model.loss.dC_dz is not None:
        error = m.partial(m.of_layer("z", layer + 1))
    derivative = worked.network.model.hidden[layer - 1].derivative(worked.a[layer], xp=np)
    parts = [
        paragraph(f"This layer affects the cost only through the {count(len(after), 'neuron')} of the next layer."),
        display(
            m.equal(
                m.partial(m.of_layer("a", layer)),
                m.row(m.transposed(m.of_layer("w", layer + 1)), m.op("·"), m.parenthesized(error)),
                m.row(m.entries(w.T, shown.rows, outputs, i), m.op("·"), m.vector(after, outputs)),
                m.vector(worked.dC_da[layer], shown.rows, i),
            ),
            "(13)" if next_is_last else "(12)",
        ),
        display(
            m.equal(
                m.partial(m.of_layer("a", layer, i)),
                abridged_dot(w[:, i], after, outputs),
                m.numeral(worked.dC_da[layer][i]),
            )
        ),
        display(_derivative(shown, worked.a[layer][i], derivative[i])),
        *([paragraph(ERRATUM)] if shown.first_sigmoid else []),
        display(
            m.equal(
                m.partial(m.of_layer("z", layer)),
                _through(layer),
                m.row(
                    m.vector(derivative, shown.rows, i),
                    m.op("⊙"),
                    m.vector(worked.dC_da[layer], shown.rows, i),
                ),
                m.vector(worked.dC_dz[layer], shown.rows, i),
            )
        ),
        *_gradients(worked, shown, m.parenthesized(_through(layer)), "(10)", "(11)"),
    ]
    return "\n".join(parts)


def _derivative(shown: ShownLayer, a: float, derivative: float) -> str:
    """Equation for σ′(z) of the neuron that is followed."""
    sides = lookup(DERIVATIVES, "activation", shown.function, "derivative in the report")
    of_z = m.row(SIGMA, m.parenthesized(m.of_layer("z", shown.number, shown.neuron)))
    return m.equal(of_z, *sides(m.of_layer("a", shown.number, shown.neuron), a, derivative, shown.parameter))


def _through(layer: int) -> str:
    """Formula σ′(z) ⊙ ∂C/∂a of a layer."""
    return m.row(SIGMA, m.parenthesized(m.of_layer("z", layer)), m.op("⊙"), m.partial(m.of_layer("a", layer)))


def _gradients(worked: WorkedSample, shown: ShownLayer, error: str, of_weights: str, of_biases: str) -> list[str]:
    """Equations for ∂C/∂w and ∂C/∂b of a layer, from its ∂C/∂z."""
    layer, i, j = shown.number, shown.neuron, shown.inputs[0]
    dC_dz, a_prev = worked.dC_dz[layer], worked.a[layer - 1]
    return [
        *([] if shown.whole else [strip(dC_dz, f"∂C/∂z of layer {layer}")]),
        paragraph(
            "The derivative with respect to a weight is its neuron's ∂C/∂z times the input that the weight multiplies; "
            "with respect to a bias it is ∂C/∂z itself."
        ),
        display(
            m.equal(
                m.partial(m.of_layer("w", layer)),
                m.row(error, m.op("·"), m.transposed(m.of_layer("a", layer - 1))),
                m.row(m.vector(dC_dz, shown.rows, i), m.op("·"), m.entries(a_prev[None], [0], shown.inputs)),
                m.entries(np.outer(dC_dz, a_prev), shown.rows, shown.inputs, i),
            ),
            of_weights,
        ),
        display(
            m.equal(
                m.partial(m.of_layer("w", layer, i, j)),
                m.row(m.factor(dC_dz[i]), m.op("·"), m.factor(a_prev[j])),
                m.numeral(worked.dC_dw(layer, i, j)),
            )
        ),
        display(
            m.equal(m.partial(m.of_layer("b", layer)), error, m.vector(dC_dz, shown.rows, i)),
            of_biases,
        ),
    ]

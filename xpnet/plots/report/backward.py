"""Backward pass on the page: ∂C/∂z, ∂C/∂w and ∂C/∂b of each layer, under the post's numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xpnet._support.tables import lookup
from xpnet.data.checks import count
from xpnet.equations.activations import Activation
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import (
    TERMS,
    ShownLayer,
    abridged_dot,
    display,
    dot_value,
    largest,
    paragraph,
    worked_out,
)
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

FROM_A = ("sigmoid", "tanh", "softplus", "elu")
"""Activations whose derivative is worked out from the digits of a."""

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
    a, y = worked.a[layer][shown.rows], worked.y[shown.rows]
    a_less_y = m.row(m.of_layer("a", layer), m.op("−"), m.identifier("y"))
    parts = [
        paragraph("Output activation and cost are a matched pair: their derivatives combine to the error a − y."),
        display(
            m.equal(
                m.partial(m.of_layer("z", layer)),
                a_less_y,
                worked_out(
                    lambda: m.row(
                        m.vector(worked.a[layer], shown.rows, i), m.op("−"), m.vector(worked.y, shown.rows, i)
                    ),
                    lambda: m.read(a) - m.read(y),
                    worked.dC_dz[layer][shown.rows],
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
    activation = worked.network.model.hidden[layer - 1]
    derivative = activation.derivative(worked.a[layer], xp=np)
    rows, dC_da = shown.rows, worked.dC_da[layer]

    def all_products() -> np.ndarray:
        # Where outputs are left out, nobody can work them out.
        return m.read(w.T[rows]) @ m.read(after) if len(outputs) == len(after) else dC_da[rows]

    parts = [
        paragraph(f"This layer affects the cost only through the {count(len(after), 'neuron')} of the next layer."),
        display(
            m.equal(
                m.partial(m.of_layer("a", layer)),
                m.row(m.transposed(m.of_layer("w", layer + 1)), m.op("·"), m.parenthesized(error)),
                worked_out(
                    lambda: m.row(m.entries(w.T, rows, outputs, i), m.op("·"), m.vector(after, outputs)),
                    all_products,
                    dC_da[rows],
                ),
                m.vector(dC_da, rows, i),
            ),
            "(13)" if next_is_last else "(12)",
        ),
        display(
            m.equal(
                m.partial(m.of_layer("a", layer, i)),
                worked_out(
                    lambda: abridged_dot(w[:, i], after, outputs),
                    lambda: dot_value(w[:, i], after, outputs),
                    dC_da[i],
                ),
                m.numeral(dC_da[i]),
            )
        ),
        display(_derivative(activation, shown, worked.a[layer][i], derivative[i])),
        *([paragraph(ERRATUM)] if shown.first_sigmoid else []),
        display(
            m.equal(
                m.partial(m.of_layer("z", layer)),
                _through(layer),
                worked_out(
                    lambda: m.row(m.vector(derivative, rows, i), m.op("⊙"), m.vector(dC_da, rows, i)),
                    lambda: m.read(derivative[rows]) * m.read(dC_da[rows]),
                    worked.dC_dz[layer][rows],
                ),
                m.vector(worked.dC_dz[layer], rows, i),
            )
        ),
        *_gradients(worked, shown, m.parenthesized(_through(layer)), "(10)", "(11)"),
    ]
    return "\n".join(parts)


def _derivative(activation: Activation, shown: ShownLayer, a: float, derivative: float) -> str:
    """Equation for σ′(z) of the neuron that is followed."""
    sides = lookup(DERIVATIVES, "activation", shown.function, "derivative in the report")
    of_z = m.row(SIGMA, m.parenthesized(m.of_layer("z", shown.number, shown.neuron)))
    symbol, parameter = m.of_layer("a", shown.number, shown.neuron), shown.parameter
    value = activation.derivative
    *first, last = sides(symbol, a, derivative, parameter)
    if shown.function not in FROM_A or (shown.function == "elu" and a > 0):
        return m.equal(of_z, *first, last)
    filled = worked_out(
        lambda: sides(symbol, a, derivative, parameter)[-2],
        lambda: value(np.asarray(m.read_near_one(a)), xp=np),
        derivative,
    )
    return m.equal(of_z, *first[:-1], filled, last)


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
                worked_out(
                    lambda: m.row(
                        m.vector(dC_dz, shown.rows, i), m.op("·"), m.entries(a_prev[None], [0], shown.inputs)
                    ),
                    lambda: np.outer(m.read(dC_dz[shown.rows]), m.read(a_prev[shown.inputs])),
                    np.outer(dC_dz[shown.rows], a_prev[shown.inputs]),
                ),
                m.entries(np.outer(dC_dz, a_prev), shown.rows, shown.inputs, i),
            ),
            of_weights,
        ),
        display(
            m.equal(
                m.partial(m.of_layer("w", layer, i, j)),
                worked_out(
                    lambda: m.row(m.factor(dC_dz[i]), m.op("·"), m.factor(a_prev[j])),
                    lambda: m.read(dC_dz[i]) * m.read(a_prev[j]),
                    worked.dC_dw(layer, i, j),
                ),
                m.numeral(worked.dC_dw(layer, i, j)),
            )
        ),
        display(
            m.equal(m.partial(m.of_layer("b", layer)), error, m.vector(dC_dz, shown.rows, i)),
            of_biases,
        ),
    ]

"""Forward pass on the page: z and a of each layer, with their numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xpnet._support.tables import lookup
from xpnet.data.checks import count
from xpnet.equations.losses import STRAIGHT
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import ShownLayer, abridged_dot, abridged_sum, display, largest, paragraph
from xpnet.plots.report.sample import WorkedSample
from xpnet.plots.report.strip import strip

ONE = m.numeral(1)

MOST_EXPONENT = 700
"""Largest exponent of e; float64 has no larger power."""


def _exp(z: str) -> str:
    return m.power(m.identifier("e"), z)


def _elu(z: str, alpha: float) -> str:
    below = m.parenthesized(_exp(m.call("min", z, m.numeral(0))), m.op("−"), ONE)
    return m.row(m.call("max", z, m.numeral(0)), m.op("+"), m.numeral(alpha), m.op("·"), below)


def _hard_sigmoid(z: str, _: None) -> str:
    line = m.row(m.fraction(z, m.numeral(6)), m.op("+"), m.fraction(ONE, m.numeral(2)))
    return m.call("min", ONE, m.call("max", m.numeral(0), line))


FORMULAS: dict[str, Callable[[str, Any], str]] = {
    "sigmoid": lambda minus_z, _: m.fraction(ONE, m.row(ONE, m.op("+"), _exp(minus_z))),
    "tanh": lambda z, _: m.call("tanh", z),
    "relu": lambda z, _: m.call("max", z, m.numeral(0)),
    "identity": lambda z, _: z,
    "exp": lambda z, _: _exp(z),
    "leaky_relu": lambda z, slope: m.call("max", z, m.row(m.numeral(slope), m.op("·"), m.parenthesized(z))),
    "elu": _elu,
    "softplus": lambda z, _: m.call("ln", m.row(ONE, m.op("+"), _exp(z))),
    "hard_sigmoid": _hard_sigmoid,
}
"""Formula σ(z) of each activation but softmax, from the formula of z, or of −z for the sigmoid, and its number."""


def layer_forward(worked: WorkedSample, shown: ShownLayer) -> str:
    """Forward pass of a layer: z and a in symbols, for the neurons shown, and for one of them term by term."""
    layer, i = shown.number, shown.neuron
    w, b = worked.params[layer - 1]
    a_prev, z, a = worked.a[layer - 1], worked.z[layer], worked.a[layer]
    symbols = [m.of_layer("w", layer), m.of_layer("a", layer - 1), m.of_layer("b", layer)]
    shapes = [f"{shown.size:,} × {len(a_prev):,}", f"{len(a_prev):,}", f"{shown.size:,}"]
    of_w, of_a, of_b = (m.noted(part, shape) for part, shape in zip(symbols, shapes, strict=True))
    sigma = m.identifier("softmax" if shown.function == "softmax" else "σ")
    parts = [
        paragraph(
            f"Each neuron sums its {count(len(a_prev), 'input')}, each multiplied by its weight, and adds its bias. "
            f"Shown: {shown.description}."
        ),
        display(m.equal(m.of_layer("z", layer), m.row(of_w, m.op("·"), of_a, m.op("+"), of_b))),
        display(
            m.equal(
                m.vector(z, shown.rows, i),
                m.row(
                    m.entries(w, shown.rows, shown.inputs, i),
                    m.op("·"),
                    m.vector(a_prev, shown.inputs),
                    m.op("+"),
                    m.vector(b, shown.rows, i),
                ),
            )
        ),
        display(
            m.equal(
                m.of_layer("z", layer, i),
                m.row(abridged_dot(w[i], a_prev, shown.inputs), m.op("+"), m.factor(b[i])),
                m.numeral(z[i]),
            )
        ),
        display(
            m.equal(
                m.of_layer("a", layer),
                m.row(sigma, m.parenthesized(m.of_layer("z", layer))),
                m.vector(a, shown.rows, i),
            )
        ),
        display(_activated(shown, z, a)),
        *([] if shown.whole else [strip(a, f"a of layer {layer}")]),
    ]
    return "\n".join(parts)


def _activated(shown: ShownLayer, z: np.ndarray, a: np.ndarray) -> str:
    """Equation for a of the neuron that is followed, from its z."""
    i, layer = shown.neuron, shown.number
    if shown.function == "softmax":
        filled = []
        if z.max() < MOST_EXPONENT:
            exponentials = np.exp(z)
            chosen = sorted({i, *largest(exponentials, 2)})
            total = abridged_sum([_exp(m.exponent(z[k])) for k in chosen], exponentials, chosen)
            filled = [m.fraction(_exp(m.exponent(z[i])), total)]
        formula = m.fraction(_exp(m.of_layer("z", layer, i)), m.row(m.over("k"), _exp(m.of_layer("z", layer, "k"))))
        return m.equal(m.of_layer("a", layer, i), formula, *filled, m.numeral(a[i]))
    symbol, written = m.of_layer("z", layer, i), m.numeral(z[i])
    if shown.function == "sigmoid":
        symbol, written = m.row(m.op("−"), symbol), m.exponent(-z[i])
    elif shown.function == "exp":
        written = m.exponent(min(z[i], STRAIGHT))
    elif shown.function in ("elu", "softplus"):
        written = m.exponent(z[i])
    sigma = lookup(FORMULAS, "activation", shown.function, "formula in the report")
    number = shown.parameter
    filled = [sigma(written, number)] if shown.function != "identity" else []
    return m.equal(m.of_layer("a", layer, i), sigma(symbol, number), *filled, m.numeral(a[i]))

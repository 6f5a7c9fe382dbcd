"""Forward pass on the page: z and a of each layer, with their numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xpnet._support.tables import lookup
from xpnet.data.checks import count
from xpnet.equations.losses import STRAIGHT
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import (
    ShownLayer,
    abridged_dot,
    abridged_sum,
    abridged_value,
    display,
    dot_value,
    largest,
    paragraph,
    worked_out,
)
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
    rows, inputs = shown.rows, shown.inputs

    def all_sums() -> np.ndarray:
        # Where inputs are left out, nobody can work them out.
        return m.read(w[rows]) @ m.read(a_prev) + m.read(b[rows]) if len(inputs) == len(a_prev) else z[rows]

    parts = [
        paragraph(
            f"Each neuron sums its {count(len(a_prev), 'input')}, each multiplied by its weight, and adds its bias. "
            f"Shown: {shown.description}."
        ),
        display(m.equal(m.of_layer("z", layer), m.row(of_w, m.op("·"), of_a, m.op("+"), of_b))),
        display(
            m.equal(
                m.vector(z, rows, i),
                worked_out(
                    lambda: m.row(
                        m.entries(w, rows, inputs, i),
                        m.op("·"),
                        m.vector(a_prev, inputs),
                        m.op("+"),
                        m.vector(b, rows, i),
                    ),
                    all_sums,
                    z[rows],
                ),
            )
        ),
        display(
            m.equal(
                m.of_layer("z", layer, i),
                worked_out(
                    lambda: m.row(abridged_dot(w[i], a_prev, inputs), m.op("+"), m.factor(b[i])),
                    lambda: dot_value(w[i], a_prev, inputs) + m.read(b[i]),
                    z[i],
                ),
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
        display(_activated(worked, shown, z, a)),
        *([] if shown.whole else [strip(a, f"a of layer {layer}")]),
    ]
    return "\n".join(parts)


def _activated(worked: WorkedSample, shown: ShownLayer, z: np.ndarray, a: np.ndarray) -> str:
    """Equation for a of the neuron that is followed, from its z."""
    i, layer = shown.neuron, shown.number
    if shown.function == "softmax":
        filled = [_softmax(z, i, a[i])] if z.max() < MOST_EXPONENT else []
        formula = m.fraction(_exp(m.of_layer("z", layer, i)), m.row(m.over("k"), _exp(m.of_layer("z", layer, "k"))))
        return m.equal(m.of_layer("a", layer, i), formula, *filled, m.numeral(a[i]))
    symbol, sign = m.of_layer("z", layer, i), -1.0 if shown.function == "sigmoid" else 1.0
    z_i = float(min(z[i], STRAIGHT)) if shown.function == "exp" else float(z[i])
    in_exponent = shown.function in ("sigmoid", "exp", "elu", "softplus")
    sigma = lookup(FORMULAS, "activation", shown.function, "formula in the report")
    activation, number = worked.activation(layer), shown.parameter
    filled = [
        worked_out(
            lambda: sigma(m.exponent(sign * z_i) if in_exponent else m.numeral(z_i), number),
            lambda: activation(np.asarray(m.read_exponent(z_i) if in_exponent else m.read(z_i)), xp=np),
            a[i],
        )
    ]
    if shown.function == "identity":
        filled = []
    elif sign < 0:
        symbol = m.row(m.op("−"), symbol)
    return m.equal(m.of_layer("a", layer, i), sigma(symbol, number), *filled, m.numeral(a[i]))


def _softmax(z: np.ndarray, i: int, result: float) -> str:
    """Softmax of one output, with the largest terms of its sum written out."""
    exponentials = np.exp(z)
    chosen = sorted({i, *largest(exponentials, 2)})

    def calculated() -> float:
        terms = np.array([np.exp(m.read_exponent(z[k])) for k in chosen])
        return float(terms[chosen.index(i)] / abridged_value(exponentials, chosen, terms))

    return worked_out(
        lambda: m.fraction(
            _exp(m.exponent(z[i])), abridged_sum([_exp(m.exponent(z[k])) for k in chosen], exponentials, chosen)
        ),
        calculated,
        result,
    )

"""The way forward: z and a of each layer, and the cost at its end."""

from collections.abc import Callable

import numpy as np

from xpnet._support.tables import lookup
from xpnet.data.checks import count
from xpnet.equations.losses import STRAIGHT
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import Shown, largest, line, listed, paragraph, products, summed
from xpnet.plots.report.sample import Worked
from xpnet.plots.report.strip import strip

ONE = m.number(1)

MOST_EXPONENT = 700
"""Of e, beyond which there is no number for it."""


def _exp(z: str) -> str:
    return m.power(m.name("e"), z)


def _called(name: str) -> Callable[[str], str]:
    return lambda z: m.row(m.name(name), m.parenthesized(z))


FORMULAS: dict[str, Callable[[str], str]] = {
    "sigmoid": lambda minus_z: m.fraction(ONE, m.row(ONE, m.op("+"), _exp(minus_z))),
    "tanh": _called("tanh"),
    "relu": lambda z: m.row(m.name("max"), m.parenthesized(z, m.op(","), m.number(0))),
    "identity": lambda z: z,
    "exp": _exp,
}
"""σ(z) of each activation but softmax, as a formula of z's, or of −z's for the sigmoid."""


def forward(worked: Worked, shown: Shown) -> str:
    """z and a of a layer: for all of it, for the neurons shown, and for one of them term by term."""
    layer, i = shown.number, shown.neuron
    w, b = worked.params[layer - 1]
    a_prev, z, a = worked.a[layer - 1], worked.z[layer], worked.a[layer]
    named = [m.of_layer("w", layer), m.of_layer("a", layer - 1), m.of_layer("b", layer)]
    shapes = [f"{shown.size:,} × {len(a_prev):,}", f"{len(a_prev):,}", f"{shown.size:,}"]
    of_w, of_a, of_b = (m.noted(part, shape) for part, shape in zip(named, shapes, strict=True))
    sigma = m.name("softmax" if shown.function == "softmax" else "σ")
    parts = [
        paragraph(
            f"Each neuron adds up its {count(len(a_prev), 'input')}, each times its weight, and its bias. "
            f"Shown: {shown.told}, and of the inputs {listed(shown.inputs)}."
        ),
        line(m.equal(m.of_layer("z", layer), m.row(of_w, m.op("·"), of_a, m.op("+"), of_b))),
        line(
            m.equal(
                m.column(z, shown.rows, i),
                m.row(
                    m.matrix(w, shown.rows, shown.inputs, i),
                    m.op("·"),
                    m.column(a_prev, shown.inputs),
                    m.op("+"),
                    m.column(b, shown.rows, i),
                ),
            )
        ),
        line(
            m.equal(
                m.of_layer("z", layer, i),
                m.row(products(w[i], a_prev, shown.inputs), m.op("+"), m.factor(b[i])),
                m.number(z[i]),
            )
        ),
        line(
            m.equal(
                m.of_layer("a", layer),
                m.row(sigma, m.parenthesized(m.of_layer("z", layer))),
                m.column(a, shown.rows, i),
            )
        ),
        line(_activated(shown, z, a)),
        *([] if shown.whole else [strip(a, f"a of layer {layer}")]),
    ]
    return "\n".join(parts)


def _activated(shown: Shown, z: np.ndarray, a: np.ndarray) -> str:
    """a of the neuron, from its z."""
    i, layer = shown.neuron, shown.number
    if shown.function == "softmax":
        filled = []
        if z.max() < MOST_EXPONENT:
            exponentials = np.exp(z)
            chosen = sorted({i, *largest(exponentials, 2)})
            total = summed([_exp(m.exponent(z[k])) for k in chosen], exponentials, chosen)
            filled = [m.fraction(_exp(m.exponent(z[i])), total)]
        formula = m.fraction(_exp(m.of_layer("z", layer, i)), m.row(m.over("k"), _exp(m.of_layer("z", layer, "k"))))
        return m.equal(m.of_layer("a", layer, i), formula, *filled, m.number(a[i]))
    symbol, written = m.of_layer("z", layer, i), m.number(z[i])
    if shown.function == "sigmoid":
        symbol, written = m.row(m.op("−"), symbol), m.exponent(-z[i])
    elif shown.function == "exp":
        written = m.exponent(min(z[i], STRAIGHT))
    sigma = lookup(FORMULAS, "activation", shown.function, "formula in the report")
    filled = [sigma(written)] if shown.function != "identity" else []
    return m.equal(m.of_layer("a", layer, i), sigma(symbol), *filled, m.number(a[i]))

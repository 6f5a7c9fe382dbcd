"""What the worked equations are made of: the neurons that are shown, sums that can be checked, lines of a page."""

from collections.abc import Sequence
from html import escape

import numpy as np

from xpnet.plots.report import mathml as m
from xpnet.plots.report.sample import Worked

MOST = 10
"""Neurons of a layer up to which all numbers are shown; of a larger one there are a few."""

FEW = 4

TERMS = 3
"""Terms of a sum that are written out."""


class Shown:
    """What is shown of a layer.

    Attributes:
        number: Which layer, the input being 0.
        size: Its neurons.
        function: Its activation's name.
        first_sigmoid: Whether it is the first one with the sigmoid on the way back.
        neuron: The one that is followed, with the greatest ∂C/∂z.
        rows: The neurons whose numbers are shown, this one among them.
        inputs: The neurons of the layer before that weigh most in its z.
    """

    def __init__(self, worked: Worked, number: int) -> None:
        network, dC_dz = worked.network, worked.dC_dz[number]
        self.number, self.size = number, len(dC_dz)
        self.function = [*network.activation, network.model.loss.activation.__name__][number - 1]
        self.first_sigmoid = self.function == "sigmoid" and "sigmoid" not in network.activation[number:]
        self.neuron = int(np.abs(dC_dz).argmax())
        self.rows = list(range(self.size)) if self.size <= MOST else largest(dC_dz, FEW)
        self.inputs = largest(worked.params[number - 1].w[self.neuron] * worked.a[number - 1], TERMS)

    @property
    def whole(self) -> bool:
        """Whether every neuron is shown."""
        return len(self.rows) == self.size

    @property
    def told(self) -> str:
        """Which are shown, in words."""
        if self.whole:
            return f"all {self.size} neurons" if self.size > 1 else "its only neuron"
        return f"neurons {listed(self.rows)} of {self.size:,}"


def largest(values: np.ndarray, most: int) -> list[int]:
    """The indices of the numbers furthest from 0, in rising order."""
    return sorted(int(i) for i in np.argsort(-np.abs(values), kind="stable")[:most])


def summed(terms: Sequence[str], values: np.ndarray, chosen: Sequence[int]) -> str:
    """The terms of a sum that are chosen, and what all others come to.

    Args:
        terms: How each that is chosen is written.
        values: What every term of the sum is.
        chosen: Which of them are written out.
    """
    rest = len(values) - len(chosen)
    others = [m.noted(m.factor(float(values.sum() - values[list(chosen)].sum())), f"{rest:,} more")] if rest else []
    return m.row(m.op("+").join([*terms, *others]))


def products(ours: np.ndarray, theirs: np.ndarray, chosen: Sequence[int]) -> str:
    """The sum of products of two vectors."""
    terms = [m.row(m.factor(float(ours[j])), m.op("·"), m.factor(float(theirs[j]))) for j in chosen]
    return summed(terms, ours * theirs, chosen)


def line(formula: str, equation: str = "") -> str:
    """A formula on a line of its own, with the post's number of it, such as (7)."""
    number = f'<span class="number">{equation}</span>' if equation else ""
    return f'<div class="line"><div class="scroll"><math displaystyle="true">{formula}</math></div>{number}</div>'


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def listed(indices: Sequence[int]) -> str:
    """`3, 17 and 40`."""
    *before, last = map(str, indices)
    return f"{', '.join(before)} and {last}" if before else last


def table(rows: list[list[str]]) -> str:
    """A table whose first row is its head."""
    head, *body = rows
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
    return f'<div class="scroll"><table class="numbers">{"".join(lines)}</table></div>'

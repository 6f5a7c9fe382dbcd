"""Parts of the worked equations: the neurons that are shown, sums that can be checked, elements of a page."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from xpnet.plots.report import mathml as m
from xpnet.plots.report.sample import WorkedSample

MOST = 10
"""Number of neurons up to which all numbers of a layer are shown; of a larger one a few are."""

FEW = 4
"""Number of neurons shown of a larger layer."""

TERMS = 3
"""Most terms of a sum that are written out."""


class ShownLayer:
    """Excerpt of a layer: which of its neurons and inputs are shown.

    Attributes:
        number: Number of the layer; the input is 0.
        size: Number of neurons.
        title: Name of the activation, with its number if it has one behind a colon.
        function: Name of the activation.
        parameter: Number that tells it from others of that name, or None.
        first_sigmoid: Whether it is the first layer with a sigmoid on the way back.
        neuron: The neuron that is followed, with the largest |∂C/∂z|.
        rows: Neurons whose numbers are shown, including the one that is followed.
        inputs: Neurons of the layer before that contribute most to the z of the one that is followed.
    """

    def __init__(self, worked: WorkedSample, number: int) -> None:
        network, dC_dz = worked.network, worked.dC_dz[number]
        self.number, self.size = number, len(dC_dz)
        self.title = [*network.activation, network.model.loss.activation.__name__][number - 1]
        hidden = network.model.hidden[number - 1 : number]
        self.function, self.parameter = (hidden[0].name, hidden[0].number) if hidden else (self.title, None)
        self.first_sigmoid = self.function == "sigmoid" and "sigmoid" not in network.activation[number:]
        self.neuron = int(np.abs(dC_dz).argmax())
        self.rows = list(range(self.size)) if self.size <= MOST else largest(dC_dz, FEW)
        self.inputs = largest(worked.params[number - 1].w[self.neuron] * worked.a[number - 1], TERMS)

    @property
    def whole(self) -> bool:
        """Whether all neurons are shown."""
        return len(self.rows) == self.size

    @property
    def description(self) -> str:
        """Which neurons and inputs are shown, in words."""
        neurons = f"neurons {enumerated(self.rows)} of {self.size:,}"
        if self.whole:
            neurons = f"all {self.size} neurons" if self.size > 1 else "its only neuron"
        return f"{neurons}; input{'s' * (len(self.inputs) > 1)} {enumerated(self.inputs)}"


def largest(values: np.ndarray, most: int) -> list[int]:
    """Indices of the numbers furthest from 0, in ascending order."""
    return sorted(int(i) for i in np.argsort(-np.abs(values), kind="stable")[:most])


def abridged_sum(terms: Sequence[str], values: np.ndarray, chosen: Sequence[int]) -> str:
    """Sum with some of its terms written out, and the total of all others as one number.

    Args:
        terms: Formulas of the terms that are written out.
        values: Values of all terms.
        chosen: Indices of the terms that are written out.
    """
    rest = len(values) - len(chosen)
    others = [m.noted(m.factor(float(values.sum() - values[list(chosen)].sum())), f"{rest:,} more")] if rest else []
    return m.row(m.op("+").join([*terms, *others]))


def abridged_value(values: np.ndarray, chosen: Sequence[int], written: np.ndarray) -> float:
    """Total of an abridged sum as a calculator has it, from the terms that are written out and all values."""
    rest = values.sum() - values[list(chosen)].sum() if len(values) > len(chosen) else 0.0
    return float(written.sum() + m.read(rest))


def dot_value(left: np.ndarray, right: np.ndarray, chosen: Sequence[int]) -> float:
    """Total of an abridged dot product as a calculator has it."""
    written = m.read(left[list(chosen)]) * m.read(right[list(chosen)])
    return abridged_value(left * right, chosen, written)


def abridged_dot(left: np.ndarray, right: np.ndarray, chosen: Sequence[int]) -> str:
    """Dot product of two vectors, with some of its terms written out."""
    terms = [m.row(m.factor(float(left[j])), m.op("·"), m.factor(float(right[j]))) for j in chosen]
    return abridged_sum(terms, left * right, chosen)


MOST_DIGITS = 12
"""Most digits of a number that a pocket calculator takes."""


def worked_out(
    write: Callable[[], str], calculate: Callable[[], np.ndarray | float], result: np.ndarray | float
) -> str:
    """Expression with as few digits, three or more, as give the result to three digits on a pocket calculator.

    Args:
        write: Writes it.
        calculate: Calculates it from its numbers as they are written.
        result: Its exact values.
    """
    for number in range(3, MOST_DIGITS + 1):
        with m.digits(number):
            written, values = write(), calculate()
        if np.all(m.read(values) == m.read(result)):
            break
    return written


def display(formula: str, equation: str = "") -> str:
    """Displayed formula, on a line of its own, with its number in the post, such as (7)."""
    number = f'<span class="number">{equation}</span>' if equation else ""
    return f'<div class="line"><div class="scroll"><math displaystyle="true">{formula}</math></div>{number}</div>'


def paragraph(text: str) -> str:
    """Paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def enumerated(indices: Sequence[int]) -> str:
    """List of indices in words: `3, 17 and 40`."""
    *before, last = map(str, indices)
    return f"{', '.join(before)} and {last}" if before else last


def table(rows: list[list[str]]) -> str:
    """Table whose first row is its head."""
    head, *body = rows
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
    return f'<div class="scroll"><table class="numbers">{"".join(lines)}</table></div>'

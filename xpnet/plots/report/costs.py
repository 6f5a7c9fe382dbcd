"""Cost of one sample: the formula of each loss, and what each output adds to it."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from xpnet._support.tables import lookup
from xpnet.equations.losses import Loss
from xpnet.plots.report import mathml as m
from xpnet.plots.report.parts import TERMS, abridged_sum, abridged_value, display, largest, worked_out

ONE = m.numeral(1)
A, Y, Z = (m.indexed(letter, "i") for letter in "ayz")


class CostFormula(NamedTuple):
    """Formula of a loss, and its terms.

    Attributes:
        formula: C as a function of a, y and z.
        term: Term of one output, with the numbers of its a, y and z filled in.
        values: Value of every output's term.
        calculated: Value of one output's term from the numbers in it, as they are read; None takes `values` of them.
    """

    formula: str
    term: Callable[[float, float, float], str]
    values: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    calculated: Callable[[float, float], float] | None = None

    def read_term(self, a: float, y: float, z: float) -> float:
        """Value of one output's term as a calculator has it."""
        if self.calculated is not None:
            return self.calculated(a, y)
        return float(self.values(m.read(a), m.read(y), m.read(z)))


def cost_line(loss: Loss, a: np.ndarray, y: np.ndarray, z: np.ndarray, total: float) -> str:
    """Line with C of a sample, from its targets and the last layer's a and z."""
    cost = lookup(COSTS, "loss", loss.name, "formula in the report")
    if not isinstance(cost, CostFormula):
        cost = cost(loss.number)
    values = cost.values(a, y, z)
    adding = np.flatnonzero(y) if loss.name == "cross_entropy" else np.arange(len(y))
    chosen = largest(values[adding], TERMS)
    numbers = [(a[k], y[k], z[k]) for k in adding[chosen]]
    filled = worked_out(
        lambda: abridged_sum([cost.term(*each) for each in numbers], values[adding], chosen),
        lambda: abridged_value(values[adding], chosen, np.array([cost.read_term(*each) for each in numbers])),
        total,
    )
    return display(m.equal(m.identifier("C"), cost.formula, filled, m.numeral(total)))


def _log_of_inverse(value: str) -> str:
    """Formula ln(1 / a)."""
    return m.row(m.identifier("ln"), m.parenthesized(m.fraction(ONE, value)))


def _one_less(value: str) -> str:
    return m.row(ONE, m.op("−"), value)


def _half_square(a: str, y: str) -> str:
    return m.row(m.fraction(ONE, m.numeral(2)), m.power(m.parenthesized(a, m.op("−"), y), m.numeral(2)))


def _counts(a: str, y: str, z: str) -> str:
    return m.parenthesized(a, m.op("−"), y, m.op("·"), z)


def _distance(a: str, y: str) -> str:
    return m.absolute(a, m.op("−"), y)


def _straight(a: str, y: str, delta: str) -> str:
    """Formula δ (|a − y| − δ/2)."""
    half = m.fraction(delta, m.numeral(2))
    return m.row(delta, m.op("·"), m.parenthesized(_distance(a, y), m.op("−"), half))


def _huber(delta: float) -> CostFormula:
    """Half a square up to δ, a straight line beyond."""
    written = m.numeral(delta)
    terms = [_half_square(A, Y), m.words(" up to "), _distance(A, Y), m.op("≤"), written, m.words(", beyond "),
             _straight(A, Y, written)]  # fmt: skip

    def term(a: float, y: float, z: float) -> str:
        if abs(a - y) <= delta:
            return _half_square(m.numeral(a), m.factor(y))
        return _straight(m.numeral(a), m.factor(y), written)

    def values(a: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        distance = np.abs(a - y)
        of_each: np.ndarray = np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))
        return of_each

    return CostFormula(m.row(m.over("i"), m.parenthesized(*terms)), term, values)


def _pinball(level: float) -> CostFormula:
    """The larger of two straight lines."""

    def of(a: str, y: str) -> str:
        above, below = m.parenthesized(a, m.op("−"), y), m.parenthesized(y, m.op("−"), a)
        sides = [m.row(m.numeral(share), m.op("·"), side) for share, side in ((1 - level, above), (level, below))]
        return m.call("max", *sides)

    return CostFormula(
        m.row(m.over("i"), of(A, Y)),
        lambda a, y, z: of(m.factor(a), m.factor(y)),
        lambda a, y, z: np.maximum((1 - level) * (a - y), level * (y - a)),
    )


COSTS: dict[str, CostFormula | Callable[..., CostFormula]] = {
    "cross_entropy": CostFormula(
        m.row(m.over("i"), Y, _log_of_inverse(A)),
        lambda a, y, z: _log_of_inverse(m.numeral(a)),
        lambda a, y, z: y * (np.log(np.sum(np.exp(z - z.max()))) + z.max() - z),
        lambda a, y: -math.log(m.read(a)),
    ),
    "binary_cross_entropy": CostFormula(
        m.row(
            m.over("i"),
            m.parenthesized(
                Y, _log_of_inverse(A), m.op("+"), m.parenthesized(_one_less(Y)), _log_of_inverse(_one_less(A))
            ),
        ),
        lambda a, y, z: _log_of_inverse(m.numeral(a) if y > 0.5 else _one_less(m.near_one(a))),
        lambda a, y, z: np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))),
        lambda a, y: -math.log(m.read(a) if y > 0.5 else 1 - m.read_near_one(a)),
    ),
    "squared_error": CostFormula(
        m.row(m.over("i"), _half_square(A, Y)),
        lambda a, y, z: _half_square(m.numeral(a), m.factor(y)),
        lambda a, y, z: (a - y) ** 2 / 2,
    ),
    "poisson": CostFormula(
        m.row(m.over("i"), _counts(A, Y, Z)),
        lambda a, y, z: _counts(m.numeral(a), m.numeral(y), m.factor(z)),
        lambda a, y, z: a - y * z,
    ),
    "absolute_error": CostFormula(
        m.row(m.over("i"), _distance(A, Y)),
        lambda a, y, z: _distance(m.numeral(a), m.factor(y)),
        lambda a, y, z: np.abs(a - y),
    ),
    "huber": _huber,
    "pinball": _pinball,
}
"""Cost of each loss; of one with a number of its own, a function of that."""

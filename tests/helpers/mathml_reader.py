"""Reader of MathML with a pocket calculator: it evaluates each side of an equation that consists of numbers.

A rounded number stands for all numbers that round to it, so that the value of a side is an interval.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any
from xml.etree import ElementTree

import numpy as np

Element = ElementTree.Element

SIGNS = {"+": "+", "−": "-", "·": "*", "(": "(", ")": ")", ",": ",", "[": "[", "]": "]"}


class SymbolicError(Exception):
    """Side of an equation that does not consist of numbers alone."""


@dataclass
class Interval:
    """Interval of all numbers between two."""

    low: float
    high: float

    @classmethod
    def written(cls, text: str) -> "Interval":
        """Numbers that round to this one; a small integer is exact."""
        whole, _, behind = text.partition(".")
        exact = not behind and abs(int(whole)) < 100
        half = 0.0 if exact else 0.5001 * 10.0 ** -len(behind)
        return cls(float(text) - half, float(text) + half)

    def _with(self, other: "Interval", operation: Any) -> "Interval":
        values = [operation(a, b) for a, b in product((self.low, self.high), (other.low, other.high))]
        return Interval(min(values), max(values))

    def __add__(self, other: "Interval") -> "Interval":
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: "Interval") -> "Interval":
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: "Interval") -> "Interval":
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other: "Interval") -> "Interval":
        return self._with(other, lambda a, b: a / b)

    def __pow__(self, other: "Interval") -> "Interval":
        crosses = [Interval(0.0, 0.0)] if self.low < 0 < self.high else []
        power = self._with(other, lambda a, b: a**b)
        return Interval(min([power.low, *(i.low for i in crosses)]), power.high)

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __abs__(self) -> "Interval":
        low, high = sorted((abs(self.low), abs(self.high)))
        return Interval(0.0 if self.low < 0 < self.high else low, high)

    def through(self, function: Any) -> "Interval":
        """Image of the interval under an increasing function."""
        return Interval(function(self.low), function(self.high))


KNOWN: dict[str, Any] = {
    "I": Interval.written,
    "exp": lambda x: x.through(math.exp),
    "ln": lambda x: x.through(math.log),
    "tanh": lambda x: x.through(math.tanh),
    "max": lambda x, y: Interval(max(x.low, y.low), max(x.high, y.high)),
    "min": lambda x, y: Interval(min(x.low, y.low), min(x.high, y.high)),
}


def formulas(page: str) -> list[Element]:
    """All formulas of a page."""
    entity = page.replace("&#160;", " ")
    return [ElementTree.fromstring(formula) for formula in re.findall(r"<math.*?</math>", entity, re.DOTALL)]


def exactly(text: str) -> Interval:
    """Number as it is typed into a calculator."""
    return Interval(float(text), float(text))


def sides(formula: Element, read: Callable[[str], Interval] = Interval.written) -> list[Interval]:
    """Values of an equation's sides, without those that have symbols or tables."""
    values = []
    for side in _split(formula):
        try:
            values.append(eval(_joined(side), KNOWN | {"I": read}))
        except SymbolicError:
            continue
    return values


def tables(formula: Element) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each side that is worked out of whole tables: its values as a calculator has them, and the result's bounds."""
    parts = _split(formula)
    if len(parts[-1]) != 1 or (bounds := _entries(parts[-1][0], Interval.written)) is None:
        return []
    low, high = (np.array([[getattr(cell, end) for cell in line] for line in bounds]) for end in ("low", "high"))
    worked = [_of_tables(side) for side in parts[:-1]]
    return [(values, low, high) for values in worked if values is not None]


def _of_tables(side: list[Element]) -> np.ndarray | None:
    """Value of `v − v`, `v ⊙ v`, `M · v` or `v · vᵀ`, perhaps with a further vector added; None of anything else."""
    parts = list(side[0]) if len(side) == 1 and side[0].tag == "mrow" else side
    if not parts or parts[0].tag != "mtable":
        return None
    value = None
    for sign, table in zip([None, *parts[1::2]], parts[::2], strict=True):
        entries = _entries(table, exactly) if table.tag == "mtable" else None
        if entries is None:
            return None
        array = np.array([[cell.low for cell in line] for line in entries])
        operations = {"−": np.subtract, "+": np.add, "⊙": np.multiply, "·": np.matmul}
        value = array if value is None else operations[sign.text](value, array)
    return value


def _entries(table: Element, read: Callable[[str], Interval]) -> list[list[Interval]] | None:
    """Cells of a table without dots; None of anything else."""
    if table.tag != "mtable" or (len(table) == len(table[0]) == 1 and table[0][0][0].tag == "mrow"):
        return None
    try:
        return [[eval(_joined(cell), KNOWN | {"I": read}) for cell in line] for line in table]
    except SymbolicError:
        return None


def _split(formula: Element) -> list[list[Element]]:
    """Parts between the equals signs of an equation, inside however many rows."""
    parts = list(formula)
    while len(parts) == 1 and parts[0].tag == "mrow":
        parts = list(parts[0])
    sides: list[list[Element]] = [[]]
    for part in parts:
        if part.tag == "mo" and part.text == "=":
            sides.append([])
        else:
            sides[-1].append(part)
    return sides


def _joined(elements: Iterable[Element]) -> str:
    """Expression of elements side by side; two values without an operator between them are multiplied."""
    text, before = "", None
    for element in elements:
        if before is not None and "mo" not in (before.tag, element.tag) and before.tag != "mi":
            text += "*"
        text, before = text + _python(element), element
    return text


def _python(element: Element) -> str:
    """Python expression of an element."""
    match element.tag:
        case "mn":
            return f"I({(element.text or '').replace('−', '-')!r})"
        case "mo" if element.text in SIGNS:
            return SIGNS[element.text]
        case "mi" if element.text in ("ln", "tanh", "max", "min"):
            return element.text
        case "mrow" if [(end.tag, end.text) for end in (element[0], element[-1])] == [("mo", "|")] * 2:
            return f"abs({_joined(element[1:-1])})"
        case "mrow":
            return _joined(element)
        case "mfrac":
            return f"(({_python(element[0])})/({_python(element[1])}))"
        case "munder" if element[1].tag == "mtext":
            return f"({_python(element[0])})"
        case "msup" if element[0].tag == "mi" and element[0].text == "e":
            return f"exp({_python(element[1])})"
        case "msup":
            return f"(({_python(element[0])})**({_python(element[1])}))"
        case "mtable" if len(element) == len(element[0]) == 1 and element[0][0][0].tag == "mrow":
            # Brackets around something tall.
            return f"({_python(element[0][0][0])})"
        case _:
            raise SymbolicError

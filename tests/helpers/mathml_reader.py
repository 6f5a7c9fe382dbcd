"""A reader of MathML with a pocket calculator: it works out each side of an equation that is all numbers.

A number that is written to some digits stands for all that are rounded to it, so that a side is an interval.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any
from xml.etree import ElementTree

Element = ElementTree.Element

SIGNS = {"+": "+", "−": "-", "·": "*", "(": "(", ")": ")", ",": ",", "[": "[", "]": "]"}


class SymbolicError(Exception):
    """A side that is not of numbers alone."""


@dataclass
class Interval:
    """All numbers between two."""

    low: float
    high: float

    @classmethod
    def written(cls, text: str) -> "Interval":
        """The numbers that are rounded to this one; a small integer is itself."""
        whole, _, behind = text.partition(".")
        exact = not behind and abs(int(whole)) < 100
        half = 0.0 if exact else 0.5001 * 10.0 ** -len(behind)
        return cls(float(text) - half, float(text) + half)

    def _with(self, other: "Interval", operation: Any) -> "Interval":
        found = [operation(a, b) for a, b in product((self.low, self.high), (other.low, other.high))]
        return Interval(min(found), max(found))

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
        found = self._with(other, lambda a, b: a**b)
        return Interval(min([found.low, *(i.low for i in crosses)]), found.high)

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def through(self, function: Any) -> "Interval":
        """Of a function that rises."""
        return Interval(function(self.low), function(self.high))


KNOWN: dict[str, Any] = {
    "I": Interval.written,
    "exp": lambda x: x.through(math.exp),
    "ln": lambda x: x.through(math.log),
    "tanh": lambda x: x.through(math.tanh),
    "max": lambda x, y: Interval(max(x.low, y.low), max(x.high, y.high)),
}


def formulas(page: str) -> list[Element]:
    """Every formula of a page."""
    entity = page.replace("&#160;", " ")
    return [ElementTree.fromstring(found) for found in re.findall(r"<math.*?</math>", entity, re.DOTALL)]


def sides(formula: Element) -> list[Interval]:
    """The values of an equation's sides, those with symbols and those with tables left out."""
    found = []
    for side in _split(formula):
        try:
            found.append(eval(_joined(side), dict(KNOWN)))
        except SymbolicError:
            continue
    return found


def _split(formula: Element) -> list[list[Element]]:
    """The parts between an equation's signs of equality, within as many rows as it is in."""
    parts = list(formula)
    while len(parts) == 1 and parts[0].tag == "mrow":
        parts = list(parts[0])
    found: list[list[Element]] = [[]]
    for part in parts:
        if part.tag == "mo" and part.text == "=":
            found.append([])
        else:
            found[-1].append(part)
    return found


def _joined(elements: Iterable[Element]) -> str:
    """Elements side by side; two values without a sign between them are multiplied."""
    text, before = "", None
    for element in elements:
        if before is not None and "mo" not in (before.tag, element.tag) and before.tag != "mi":
            text += "*"
        text, before = text + _python(element), element
    return text


def _python(element: Element) -> str:
    """An element as an expression of Python's."""
    match element.tag:
        case "mn":
            return f"I({(element.text or '').replace('−', '-')!r})"
        case "mo" if element.text in SIGNS:
            return SIGNS[element.text]
        case "mi" if element.text in ("ln", "tanh", "max"):
            return element.text
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
            # Brackets around something high.
            return f"({_python(element[0][0][0])})"
        case _:
            raise SymbolicError

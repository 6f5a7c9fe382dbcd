"""MathML for formulas, which browsers draw without any script."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape

import numpy as np


def identifier(text: str) -> str:
    """Identifier of a quantity: C, w, z."""
    return f"<mi>{escape(text)}</mi>"


def op(text: str) -> str:
    """Operator: =, ·, Σ."""
    return f"<mo>{escape(text)}</mo>"


def words(text: str) -> str:
    """Words within a formula."""
    # Browsers drop ordinary spaces at the ends.
    return f"<mtext>{escape(text).replace(' ', '&#160;')}</mtext>"


DIGITS = ContextVar("digits", default=3)
"""Significant digits that numbers are written to."""


@contextmanager
def digits(number: int) -> Iterator[None]:
    """Context in which numbers are written to so many significant digits."""
    before = DIGITS.set(number)
    try:
        yield
    finally:
        DIGITS.reset(before)


def numeral(value: float) -> str:
    """Number to three significant digits: 0.0123, −4.56, 7.89 · 10⁻⁵; a small integer is exact."""
    sign, (written, exponent) = "−" if value < 0 else "", _written(abs(value))
    number = f"<mn>{sign}{written}</mn>"
    return number if exponent == 0 else row(number, op("·"), power("<mn>10</mn>", numeral(exponent)))


def read(values: np.ndarray | float) -> np.ndarray:
    """Numbers as they are read where they are written as numerals."""
    read_one = np.vectorize(lambda value: np.copysign(float("{}e{}".format(*_written(abs(value)))), value), "d")
    return np.asarray(read_one(values))


def _written(size: float) -> tuple[str, int]:
    """Digits of a number from 0 on, and the power of ten that they are multiplied by."""
    if size == int(size) and size < 1000:
        return str(int(size)), 0
    behind = DIGITS.get() - 1
    written, _, exponent = f"{size:.{behind}e}".partition("e")
    if -3 <= int(exponent) < 4:
        return f"{size:.{max(0, behind - int(exponent))}f}", 0
    return written, int(exponent)


def factor(value: float) -> str:
    """Number as a factor or a base: in parentheses if it has a sign or a power of its own."""
    written = numeral(value)
    return parenthesized(written) if value < 0 or "<msup>" in written else written


def exponent(value: float) -> str:
    """Number as an exponent, where three decimals are what counts."""
    return f"<mn>{value:.{DIGITS.get()}f}</mn>".replace("-", "−")


def read_exponent(value: float) -> float:
    """Number as it is read where it is written as an exponent."""
    return float(f"{value:.{DIGITS.get()}f}")


def near_one(value: float) -> str:
    """Number whose distance from 1 or −1 matters: to three digits of that distance too."""
    if (places := _places_near_one(value)) is None:
        return factor(value)
    written = f"<mn>{value:.{places}f}</mn>".replace("-", "−")
    return parenthesized(written) if value < 0 else written


def read_near_one(value: float) -> float:
    """Number as it is read where it is written by `near_one`."""
    places = _places_near_one(value)
    return float(read(value)) if places is None else float(f"{value:.{places}f}")


def _places_near_one(value: float) -> int | None:
    """Digits behind the point of a number near 1 or −1, or None if it is not."""
    distance = 1 - abs(value)
    return DIGITS.get() - 1 - math.floor(math.log10(distance)) if 0 < distance < 0.1 else None


def row(*parts: str) -> str:
    """Row of parts, side by side."""
    return f"<mrow>{''.join(parts)}</mrow>"


def equal(*sides: str) -> str:
    """Equation of two or more sides."""
    return row(op("=").join(sides))


def parenthesized(*parts: str) -> str:
    """Parts in parentheses, or in brackets if they are taller than a line."""
    if any("<mfrac>" in part for part in parts):
        return bracketed([[row(*parts)]])
    return row(op("("), *parts, op(")"))


def absolute(*parts: str) -> str:
    """Absolute value of what the parts are together."""
    return row(op("|"), *parts, op("|"))


def call(function: str, *arguments: str) -> str:
    """Value of a function: max(z, 0)."""
    return row(identifier(function), parenthesized(op(",").join(arguments)))


def power(base: str, exponent: str) -> str:
    """Power: a base and its exponent."""
    return f"<msup>{base}{exponent}</msup>"


def transposed(what: str) -> str:
    """Transpose of a matrix or a vector."""
    return power(parenthesized(what), identifier("T"))


def indexed(text: str, *indices: object) -> str:
    """Entry of a quantity: yᵢ."""
    return f"<msub>{identifier(text)}{_index(indices)}</msub>"


def of_layer(text: str, layer: int, *indices: object) -> str:
    """Quantity of a layer, whose number is above it, or one entry of that: wˡ, zᵢˡ."""
    if not indices:
        return power(identifier(text), numeral(layer))
    return f"<msubsup>{identifier(text)}{_index(indices)}{numeral(layer)}</msubsup>"


def over(index: str) -> str:
    """Summation sign over an index."""
    return f"<munder>{op('∑')}{identifier(index)}</munder>"


def fraction(above: str, below: str) -> str:
    """Fraction of a numerator and a denominator."""
    return f"<mfrac>{above}{below}</mfrac>"


def partial(below: str) -> str:
    """Partial derivative of C with respect to something."""
    return fraction(row(op("∂"), identifier("C")), row(op("∂"), below))


def noted(what: str, note: str) -> str:
    """Expression with a note below it, such as its shape."""
    return f'<munder>{what}<mtext class="note">{escape(note)}</mtext></munder>'


def entries(values: np.ndarray, rows: Sequence[int], columns: Sequence[int], followed: int | None = None) -> str:
    """Entries of a matrix in some rows and columns, the followed row marked, and dots for the rest."""
    n, d = values.shape
    lines = [[numeral(values[i, j]) for j in columns] + [op("⋯")] * (len(columns) < d) for i in rows]
    if len(rows) < n:
        lines.append([op("⋮")] * len(columns) + [op("⋱")] * (len(columns) < d))
    return bracketed(lines, None if followed is None else list(rows).index(followed))


def vector(values: np.ndarray, rows: Sequence[int], followed: int | None = None) -> str:
    """Entries of a column vector in some rows, and dots for the rest."""
    return entries(values[:, None], rows, [0], followed)


def bracketed(lines: Sequence[Sequence[str]], marked: int | None = None) -> str:
    """Table in brackets, which the page's style draws, since few fonts have brackets that grow."""
    rows = ""
    for i, line in enumerate(lines):
        cells = "".join(f"<mtd>{cell}</mtd>" for cell in line)
        rows += f'<mtr class="followed">{cells}</mtr>' if i == marked else f"<mtr>{cells}</mtr>"
    return f"<mtable>{rows}</mtable>"


def _index(indices: Iterable[object]) -> str:
    """Indices: numbers upright, letters italic."""
    return row(op(",").join(identifier(i) if isinstance(i, str) else f"<mn>{i}</mn>" for i in indices))

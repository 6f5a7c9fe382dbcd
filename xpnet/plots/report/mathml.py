"""Formulas as MathML, which browsers draw by themselves."""

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np


def name(text: str) -> str:
    """A quantity: C, w, z."""
    return f"<mi>{escape(text)}</mi>"


def op(text: str) -> str:
    """An operator: =, ·, Σ."""
    return f"<mo>{escape(text)}</mo>"


def words(text: str) -> str:
    """A few words within a formula."""
    # Ordinary spaces at the ends are left out.
    return f"<mtext>{escape(text).replace(' ', '&#160;')}</mtext>"


def number(value: float) -> str:
    """A number to three digits: 0.0123, −4.56, 7.89 · 10⁻⁵; a small integer as it is."""
    sign, size = "−" if value < 0 else "", abs(value)
    if size == int(size) and size < 1000:
        return f"<mn>{sign}{int(size)}</mn>"
    digits, exponent = f"{size:.2e}".split("e")
    if -3 <= int(exponent) < 4:
        return f"<mn>{sign}{size:.{max(0, 2 - int(exponent))}f}</mn>"
    return row(f"<mn>{sign}{digits}</mn>", op("·"), power("<mn>10</mn>", number(int(exponent))))


def factor(value: float) -> str:
    """A number within a product or below a power: in parentheses if it has a sign or a power of its own."""
    written = number(value)
    return parenthesized(written) if value < 0 or "<msup>" in written else written


def exponent(value: float) -> str:
    """A number above a power, where three digits behind the point are what counts."""
    return f"<mn>{value:.3f}</mn>".replace("-", "−")


def near_one(value: float) -> str:
    """A number whose distance from 1 or −1 counts: with three digits of that too."""
    distance = 1 - abs(value)
    if not 0 < distance < 0.1:
        return factor(value)
    written = f"<mn>{value:.{2 - math.floor(math.log10(distance))}f}</mn>".replace("-", "−")
    return parenthesized(written) if value < 0 else written


def row(*parts: str) -> str:
    """Parts side by side."""
    return f"<mrow>{''.join(parts)}</mrow>"


def equal(*sides: str) -> str:
    """Sides of an equation."""
    return row(op("=").join(sides))


def parenthesized(*parts: str) -> str:
    """Parts within parentheses, or if they are higher than a line within brackets."""
    if any("<mfrac>" in part for part in parts):
        return bracketed([[row(*parts)]])
    return row(op("("), *parts, op(")"))


def power(base: str, exponent: str) -> str:
    """A base with something above it on the right."""
    return f"<msup>{base}{exponent}</msup>"


def transposed(what: str) -> str:
    """A matrix or a vector with its sides exchanged."""
    return power(parenthesized(what), name("T"))


def indexed(text: str, *indices: object) -> str:
    """One entry of a quantity: yᵢ."""
    return f"<msub>{name(text)}{_index(indices)}</msub>"


def of_layer(text: str, layer: int, *indices: object) -> str:
    """A quantity of a layer, which stands above it, or one entry of that: wˡ, zᵢˡ."""
    if not indices:
        return power(name(text), number(layer))
    return f"<msubsup>{name(text)}{_index(indices)}{number(layer)}</msubsup>"


def over(index: str) -> str:
    """The sign of a sum over an index."""
    return f"<munder>{op('∑')}{name(index)}</munder>"


def fraction(above: str, below: str) -> str:
    """A fraction."""
    return f"<mfrac>{above}{below}</mfrac>"


def partial(below: str) -> str:
    """∂C by ∂ of something."""
    return fraction(row(op("∂"), name("C")), row(op("∂"), below))


def noted(what: str, note: str) -> str:
    """Something with a note below it, such as its shape."""
    return f'<munder>{what}<mtext class="note">{escape(note)}</mtext></munder>'


def matrix(values: np.ndarray, rows: Sequence[int], columns: Sequence[int], followed: int | None = None) -> str:
    """A matrix's numbers in those rows and columns, one row marked, and dots for all others."""
    n, d = values.shape
    lines = [[number(values[i, j]) for j in columns] + [op("⋯")] * (len(columns) < d) for i in rows]
    if len(rows) < n:
        lines.append([op("⋮")] * len(columns) + [op("⋱")] * (len(columns) < d))
    return bracketed(lines, None if followed is None else list(rows).index(followed))


def column(values: np.ndarray, rows: Sequence[int], followed: int | None = None) -> str:
    """A vector's numbers in those rows, one below the other."""
    return matrix(values[:, None], rows, [0], followed)


def bracketed(lines: Sequence[Sequence[str]], marked: int | None = None) -> str:
    """A table between brackets, which the page draws: few fonts have any that grow."""
    made = ""
    for place, line in enumerate(lines):
        cells = "".join(f"<mtd>{cell}</mtd>" for cell in line)
        made += f'<mtr class="followed">{cells}</mtr>' if place == marked else f"<mtr>{cells}</mtr>"
    return f"<mtable>{made}</mtable>"


def _index(indices: Iterable[object]) -> str:
    """Indices: numbers upright, letters not."""
    return row(op(",").join(name(i) if isinstance(i, str) else f"<mn>{i}</mn>" for i in indices))

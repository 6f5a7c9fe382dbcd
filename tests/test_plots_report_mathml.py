"""Formulas as a browser gets them: numbers to the digits that count, and tables with dots for what is left out."""

from xml.etree import ElementTree

import numpy as np
import pytest

from xpnet.errors import MissingExtraError

m = pytest.importorskip("xpnet.plots.report.mathml", reason="needs matplotlib", exc_type=MissingExtraError)


def text(formula):
    """What is written, from left to right."""
    return "".join(ElementTree.fromstring(f"<math>{formula}</math>").itertext())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (-30, "−30"),
        (0.5, "0.500"),
        (0.9996, "1.00"),
        (0.00123456, "0.00123"),
        (-0.000123456, "−1.23·10−4"),
        (1234.6, "1235"),
        (123456, "1.23·105"),
        (9.999e-4, "0.00100"),
        (9.99e-5, "9.99·10−5"),
    ],
)
def test_a_number_has_three_digits(value, written):
    """Small integers are as they are, others rounded, with a power of ten where they are very small or large."""
    assert text(m.numeral(value)) == written


def test_a_number_below_a_power_stands_apart():
    """Signs and powers of its own are within parentheses."""
    assert [text(m.factor(value)) for value in (0.5, -0.5, 1e-5)] == ["0.500", "(−0.500)", "(1.00·10−5)"]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.5, "0.500"), (0.98765432, "0.9877"), (0.99998765432, "0.9999877"), (-0.9987654, "(−0.99877)"), (1.0, "1")],
)
def test_a_number_near_one_tells_its_distance(value, written):
    """As many digits as give three of 1 − |a|, so that 1 − a can be worked out."""
    assert text(m.near_one(value)) == written


def test_an_exponent_has_digits_behind_the_point():
    """e to the power of it is right to a thousandth, however large it is."""
    assert [text(m.exponent(value)) for value in (12.34567, -0.00012)] == ["12.346", "−0.000"]


def test_a_matrix_has_dots_for_the_rest():
    """Rows and columns that are left out leave one line of dots each, and the row that is followed is marked."""
    values = np.arange(20).reshape(5, 4)
    table = ElementTree.fromstring(m.entries(values, [1, 3], [0, 2], followed=3))
    assert [[text_of(cell) for cell in line] for line in table] == [
        ["4", "6", "⋯"],
        ["12", "14", "⋯"],
        ["⋮", "⋮", "⋱"],
    ]
    assert [line.get("class") for line in table] == [None, "followed", None]
    whole = ElementTree.fromstring(m.vector(values[:, 1], range(5)))
    assert [[text_of(cell) for cell in line] for line in whole] == [["1"], ["5"], ["9"], ["13"], ["17"]]


def text_of(element):
    """What is written in an element."""
    return "".join(element.itertext())

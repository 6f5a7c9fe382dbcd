"""Arguments that are no numbers, or in another order."""

import numpy as np
import pytest

from xpnet._support.arguments import check_number, check_order
from xpnet.errors import InputError


def test_the_right_order_passes() -> None:
    """Each argument may have any of its types."""
    check_order("write(path, number)", ("m", (str, bytes)), (3, int))


def test_another_order_is_a_sentence() -> None:
    """The sentence names the types that came, and the order that is needed."""
    sentence = r"^write got \(int, str, …\) but takes its arguments in the order write\(path, number, text\)\.$"
    with pytest.raises(InputError, match=sentence):
        check_order("write(path, number, text)", (3, str), ("m", int))


@pytest.mark.parametrize("value", [1, 1.0, True, np.float32(1), np.asarray(1), np.asarray([1.0])[0]])
def test_numbers_of_every_kind_are_pythons(value) -> None:
    """Python's, NumPy's and 0-d arrays are one float."""
    assert check_number("l2", value) == 1.0
    assert type(check_number("l2", value)) is float


@pytest.mark.parametrize("value", ["1", b"1", None, 1j, [1.0], np.ones(2), {}, object()])
def test_what_is_no_number_is_a_sentence(value) -> None:
    """Words are none, though Python would read some of them as numbers."""
    with pytest.raises(InputError, match=r"^l2 is .*; it must be a number, 0 or more.$"):
        check_number("l2", value)


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, 10**400, -(10**400)])
def test_a_number_out_of_range_is_a_sentence(value) -> None:
    """NaN is in no range, and neither are integers beyond the floats."""
    with pytest.raises(InputError, match=r"^l2 is .*; it must be 0 or more.$"):
        check_number("l2", value)

"""Arguments in another order."""

import pytest

from xpnet._support.arguments import check_order
from xpnet.errors import InputError


def test_the_right_order_passes() -> None:
    """Each argument may have any of its types."""
    check_order("write(path, number)", ("m", (str, bytes)), (3, int))


def test_another_order_is_a_sentence() -> None:
    """The sentence names the types that came, and the order that is needed."""
    sentence = r"^write got \(int, str, …\) but takes its arguments in the order write\(path, number, text\)\.$"
    with pytest.raises(InputError, match=sentence):
        check_order("write(path, number, text)", (3, str), ("m", int))

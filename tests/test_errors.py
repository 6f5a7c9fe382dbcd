"""Messages of the package's own errors: whatever they quote, they can be printed."""

import pytest

from xpnet import errors
from xpnet.data import PlacedError
from xpnet.errors import LONGEST, InputError, XpnetError, printable

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, XpnetError)]


@pytest.mark.parametrize("kind", [*KINDS, lambda text: PlacedError(text, (1, 2), ".")])
def test_messages_hold_no_control_characters(kind):
    """Escape codes are spelled out, line breaks stay, and a long message keeps its beginning and its end."""
    assert str(kind("a\x1b]0;owned\x07\nb")).startswith("a\\x1b]0;owned\\x07\nb")
    long = str(kind("what " + "A" * 100_000 + " remedy"))
    assert len(long) <= LONGEST
    assert long.startswith("what AAA")
    assert " remedy" in long


def test_plain_messages_stay_as_they_are():
    """Letters of any language are printable."""
    assert printable("R² é 木 …\n  two") == "R² é 木 …\n  two"
    assert str(InputError("sentence")) == "sentence"

"""Tables by name."""

import pytest

from xpnet._support.tables import lookup
from xpnet.errors import InputError


def test_an_entry_is_found() -> None:
    """What a table holds under a name is given back."""
    assert lookup({"relu": 1}, "activation", "relu") == 1


@pytest.mark.parametrize("name", ["gelu", 3, None, ["relu"]])
def test_an_unknown_name_lists_what_there_is(name: object) -> None:
    """A name that is not in the registry, or is none, is refused with those that are."""
    with pytest.raises(InputError, match=r"^activation is .*; it can be relu, tanh\.$"):
        lookup({"relu": 1, "tanh": 2}, "activation", name)


@pytest.mark.parametrize("name", ["rectifier", "Rectifier"])
def test_a_synonym_is_told_which_name_to_use(name: str) -> None:
    """What other libraries call an entry is refused with what it is called in the table."""
    with pytest.raises(InputError, match=r"^activation is '[rR]ectifier'; use 'relu', which is the same\.$"):
        lookup({"relu": 1}, "activation", name, synonyms={"rectifier": "relu"})


def test_a_table_without_an_entry_says_what_is_lacking() -> None:
    """A table beside the registry says what it has not got for a name that is otherwise good."""
    with pytest.raises(InputError, match=r"^activation 'gelu' has no ONNX node; it can be relu\.$"):
        lookup({"relu": 1}, "activation", "gelu", "ONNX node")

"""A package that is missing is named, with what installs it."""

import pytest

from xpnet._support.optional import PIP, needed
from xpnet.errors import MissingExtraError


@pytest.mark.parametrize(("module", "package"), [*PIP.items(), ("matplotlib", "matplotlib")])
def test_the_sentence_holds_the_command(module, package):
    """It tells who needs it and what pip calls it."""
    with pytest.raises(MissingExtraError) as told, needed("xpnet.leaf", module):
        raise ModuleNotFoundError(name=module)
    assert str(told.value) == f"xpnet.leaf needs {package}, which is not installed; run pip install {package}."


def test_another_module_is_another_matter():
    """What is broken within an installed package is not told as if that were missing."""
    with pytest.raises(ModuleNotFoundError, match="inner"), needed("xpnet.leaf", "outer"):
        raise ModuleNotFoundError("No module named 'inner'", name="inner")

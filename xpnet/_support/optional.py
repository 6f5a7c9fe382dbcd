"""Packages that only some uses need."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from xpnet.errors import MissingExtraError

PIP = {"PIL": "pillow", "dp_accounting": "dp-accounting", "sklearn": "scikit-learn"}
"""What pip calls a module, where that is another name."""


@contextmanager
def needed(by: str, module: str) -> Iterator[None]:
    """A context to import a module in; where it is not installed, the error says who needs it and what installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        package = PIP.get(module, module)
        raise MissingExtraError(f"{by} needs {package}, which is not installed; run pip install {package}.") from error


def pictures() -> ModuleType:
    """`xpnet.plots`, which is on a floor above what it draws, and needs Matplotlib."""
    return import_module("xpnet.plots")

"""Models in files, and conversions to and from PyTorch and scikit-learn, and to C."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xpnet.serialization.saved import SavedModel, load, save

if TYPE_CHECKING:
    from xpnet.serialization.c import to_c
    from xpnet.serialization.sklearn import from_sklearn, to_sklearn
    from xpnet.serialization.torch import from_torch, to_torch

__all__ = ["SavedModel", "from_sklearn", "from_torch", "load", "save", "to_c", "to_sklearn", "to_torch"]

LATER = {"from_sklearn": "sklearn", "from_torch": "torch", "to_c": "c", "to_sklearn": "sklearn", "to_torch": "torch"}
"""Functions whose modules, some of which need another library, are imported at their first use."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{LATER[name]}"), name)

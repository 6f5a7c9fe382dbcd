"""Models in files, and as those of other libraries."""

from xpnet.serialization.saved import SavedModel, load, save

__all__ = ["SavedModel", "load", "save"]

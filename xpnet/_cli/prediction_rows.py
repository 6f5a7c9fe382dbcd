"""Rows to predict: from arrays or a table, in the form that a model was trained on."""

from typing import NamedTuple

import numpy as np

from xpnet.data import load_rows, load_table_rows
from xpnet.errors import InputError
from xpnet.serialization import SavedModel
from xpnet.training.network import Network


class Rows(NamedTuple):
    """Rows to predict, with their labels and identifiers where they have them."""

    x: np.ndarray
    y: np.ndarray | None = None
    ids: np.ndarray | None = None


def read_rows(source: str, model: SavedModel) -> Rows:
    """Read rows of a source that `predict` names."""
    table = load_table_rows(source, model.layout)
    if table is not None:
        return Rows(np.asarray(table.x), table.y, table.ids)
    x, y = load_rows(source)
    check_scale(model.network, x, source)
    return Rows(x, y)


def check_scale(network: Network, x: np.ndarray, source: str) -> None:
    """Refuse inputs that the model's scaling would not bring to what it was trained on."""
    if network.input_scale == 255 and x.dtype.kind == "f":
        raise InputError(
            f"{source} holds {x.dtype}, but the model was trained on bytes and divides by 255; give bytes (uint8)."
        )
    if network.input_scale == 1 and x.dtype == np.uint8:
        raise InputError(
            f"{source} holds bytes (uint8), but the model was trained on other numbers, taken as they were; give those."
        )

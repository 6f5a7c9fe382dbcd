"""Data sets, and checks of arrays before a network computes with them; import all names from this package."""

from xpnet.data.checks import (
    PlacedError,
    check_features,
    check_finite,
    check_numbers,
    check_same_rows,
    check_weights,
)
from xpnet.data.columns import Columns, Layout
from xpnet.data.dataset import Data, digest, task
from xpnet.data.doubts import doubt_inputs, spread
from xpnet.data.numbers import portable, readable, refuse_words, scaled_weights
from xpnet.data.picture import load_picture
from xpnet.data.sources import load, load_rows, load_table_rows
from xpnet.data.stored import Stored, in_pieces, locating, read_rows
from xpnet.data.tables import Table, read_table
from xpnet.data.targets import check_complete_labels, check_labels, check_targets, encode_targets, loss_for

__all__ = [
    "Columns",
    "Data",
    "Layout",
    "PlacedError",
    "Stored",
    "Table",
    "check_complete_labels",
    "check_features",
    "check_finite",
    "check_labels",
    "check_numbers",
    "check_same_rows",
    "check_targets",
    "check_weights",
    "digest",
    "doubt_inputs",
    "encode_targets",
    "in_pieces",
    "load",
    "load_picture",
    "load_rows",
    "load_table_rows",
    "locating",
    "loss_for",
    "portable",
    "read_rows",
    "read_table",
    "readable",
    "refuse_words",
    "scaled_weights",
    "spread",
    "task",
]

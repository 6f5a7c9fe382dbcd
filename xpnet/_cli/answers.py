"""Answers: predictions as columns of a file, in the order of the rows."""

import csv
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xpnet._cli.predictions import class_numbers, is_of_labels
from xpnet._support.atomic_write import check_distinct, check_writable, write_whole
from xpnet._support.optional import needed
from xpnet.backends.base import alternatives
from xpnet.data import Layout
from xpnet.errors import InputError
from xpnet.training.network import Network

Columns = Mapping[str, np.ndarray]
"""Columns by name, each with a value per row."""


def answers(
    network: Network, a: np.ndarray, ids: np.ndarray | None, layout: Layout | None, *, proba: bool
) -> dict[str, np.ndarray]:
    """Columns of the identifiers, the predictions and, if `proba`, the probability of every class.

    Args:
        network: What predicted.
        a: Its outputs (n, k).
        ids: Identifiers (n,), or None.
        layout: Columns of the table that it was trained on, whose names the results have, or None.
        proba: Whether to add the probabilities.
    """
    regression = network.model.loss.regression
    if proba and regression:
        raise InputError("the model predicts numbers, not classes; leave out --proba.")
    name = "prediction" if layout is None or layout.label is None else layout.label
    columns = {} if ids is None or layout is None else {str(layout.id): ids}
    if regression or is_of_labels(network):
        values = a if regression else (a > 0.5).astype(np.int64)
        names = [name] if a.shape[1] == 1 else [f"{name}_{output}" for output in range(a.shape[1])]
        columns |= dict(zip(names, values.T, strict=True))
        names = [f"p({label})" for label in network.class_names]
        return columns | (dict(zip(names, a.T, strict=True)) if proba else {})
    classes = np.asarray(network.class_names if network.classes is not None else range(max(a.shape[1], 2)))
    columns[name] = classes[class_numbers(a)]
    if proba:
        shares = a if a.shape[1] > 1 else np.concatenate([1 - a, a], axis=1)
        columns |= {f"p({label})": share for label, share in zip(classes, shares.T, strict=True)}
    return columns


def csv_file(columns: Columns) -> bytes:
    """Columns as comma-separated text, numbers to all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(map(str, column) for column in columns.values()), strict=True))
    return text.getvalue().encode()


def npz_file(columns: Columns) -> bytes:
    """Columns as arrays of an .npz file, whatever their names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, column in columns.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, column, allow_pickle=False)
    return file.getvalue()


def parquet_file(columns: Columns) -> bytes:
    """Columns of a Parquet file."""
    with needed("writing .parquet", "pyarrow"):
        import pyarrow
        from pyarrow import parquet
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(dict(columns)), file)
    return file.getvalue()


WRITERS: dict[str, Callable[[Columns], bytes]] = {".csv": csv_file, ".npz": npz_file, ".parquet": parquet_file}
"""What makes a file of each ending."""


def check_output(path: str, **others: Any) -> None:
    """Refuse, before anything is predicted, a file that cannot be written, or is another one that is named."""
    if Path(path).suffix not in WRITERS:
        raise InputError(f"{path} does not end in {alternatives(tuple(WRITERS))}, which predictions are written to.")
    check_distinct(output=path, **others)
    check_writable(path)


def write_answers(path: str, columns: Columns) -> None:
    """Write columns to a file, in the format of its ending."""
    write_whole(path, WRITERS[Path(path).suffix](columns))

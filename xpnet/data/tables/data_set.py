"""Data set of a table: its rows to train on, and test rows of a table of their own or set aside."""

from pathlib import Path

import numpy as np

from xpnet.data.columns import Columns, listed, quoted
from xpnet.data.dataset import Data, task
from xpnet.data.files import reading
from xpnet.data.tables.reader import opened, read_split, read_table
from xpnet.data.tables.split import Split
from xpnet.errors import DataError


def load_table(
    path: Path, columns: Columns, split: Split | None, test: Path | None, *, dtype: str, megabytes: float
) -> Data:
    """Data set of a table.

    Args:
        path: File or folder with the rows to train on.
        columns: What its columns are.
        split: Rows to set aside as test rows, or None.
        test: File or folder with test rows in the same columns, or None.
        dtype: Dtype of inputs that are not bytes.
        megabytes: Size of the inputs beyond which they are read from temporary files.
    """
    if columns.label is None:
        names = listed(quoted(list(opened(path)[0].types)))
        raise DataError(f"{path}: name the column to predict with --label (in the library label=); it has {names}")
    table, aside = read_split(path, columns, split, dtype=dtype, megabytes=megabytes)
    name, y = columns.label, np.asarray(table.y)
    with reading(path):
        task(y, name=name, training=True)
    if test is not None:
        aside = read_table(test, layout=table.layout, dtype=dtype, megabytes=megabytes)
        if aside.y is None:
            raise DataError(f"{test}: has no column {name}; test rows are scored, and need their labels")
    x_test, y_test = (None, None) if aside is None else (aside.x, aside.y)
    data = Data(
        table.x,
        y,
        x_test,
        y_test,
        name=path.resolve().name,
        classes=table.layout.classes,
        weight=table.weight,
        layout=table.layout,
    )
    return data._replace(input_scale=data.scale)

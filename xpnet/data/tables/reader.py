"""Reader: a table's rows as arrays, with the names of what they hold."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xpnet._support.warn import warn_user
from xpnet.data.checks import PlacedError
from xpnet.data.columns import Columns, Layout, is_index, listed, quoted, require, require_numbers
from xpnet.data.files import reading
from xpnet.data.stored import Stored
from xpnet.data.tables.formats import SUFFIXES, TableFile, table_files
from xpnet.data.tables.labels import Labels
from xpnet.data.tables.numbers import as_matrix, as_numbers, as_words
from xpnet.data.tables.split import Split
from xpnet.data.tables.spool import Spool
from xpnet.errors import DataError, DataWarning, InputError

MEMORY = 1024.0
"""Megabytes of inputs in memory at most, unless something else is asked for."""


class Table(NamedTuple):
    """Rows of a table.

    Attributes:
        x: Inputs (n, d): bytes where all are whole numbers from 0 to 255 and use that range, else of the dtype asked
            for; `Stored` in temporary files where they are many.
        y: Numbers of the classes (n,), targets (n,) or None.
        weight: Sample weights (n,) or None.
        ids: Identifiers as they are written (n,), or None.
        layout: What the columns are, which `read_table` takes to read another table alike.
    """

    x: np.ndarray | Stored
    y: np.ndarray | None
    weight: np.ndarray | None
    ids: np.ndarray | None
    layout: Layout

    def at(self, rows: np.ndarray) -> "Table":
        """The same inputs, with what the other arrays hold in these rows."""
        y, weight, ids = (None if array is None else array[rows] for array in (self.y, self.weight, self.ids))
        return self._replace(y=y, weight=weight, ids=ids)


def read_table(
    source: str | os.PathLike[str],
    label: str | None = None,
    *,
    weight: str | None = None,
    id: str | None = None,
    drop: Sequence[str] = (),
    one_hot: Sequence[str] = (),
    regression: bool = False,
    layout: Layout | None = None,
    dtype: str = "float32",
    megabytes: float = MEMORY,
) -> Table:
    """Read a table of numbers: CSV (plain or .gz), Parquet or Feather, or a folder of such files; pyarrow reads them.

    Args:
        source: File or folder.
        label: Column to predict; words, truth values and whole numbers are classes, other numbers are targets.
        weight: Column of sample weights.
        id: Column of identifiers, which is no input.
        drop: Columns to leave out.
        one_hot: Columns of categories, each of which becomes an input of 0 and 1 per category.
        regression: Whether whole numbers in the label's column are targets.
        layout: Layout of a table read before, in place of all of these; its label and weight may be missing.
        dtype: "float32" or "float64", for inputs that are not bytes.
        megabytes: Size of the inputs beyond which they are written to temporary files, and read from there.

    Raises:
        DataError: It is no such table, lacks a column, or holds words or gaps where numbers are needed.
        MissingExtraError: pyarrow is not installed.
    """
    columns = Columns(label, weight, id, tuple(drop), tuple(one_hot), regression)
    table, _ = read_split(source, columns, layout=layout, dtype=dtype, megabytes=megabytes)
    return table


def read_split(
    source: str | os.PathLike[str],
    columns: Columns,
    split: Split | None = None,
    *,
    layout: Layout | None = None,
    dtype: str = "float32",
    megabytes: float = MEMORY,
) -> tuple[Table, Table | None]:
    """Table, and the rows that a split sets aside as another one; everything else is as for `read_table`."""
    files = opened(Path(os.path.expanduser(source)))
    with reading(files[0].path):
        if layout is None:
            columns.check(files[0].types)
            layout, as_bytes = planned(columns, files), None
            if all(str(files[0].types[name]) == "uint8" for name in layout.inputs):
                as_bytes = True
        else:
            require(layout.inputs, list(files[0].types))
            layout, as_bytes = layout.within(files[0].types), layout.bytes
    rows = Collected(
        layout, split, as_bytes=as_bytes, regression=columns.regression, dtype=dtype, limit=megabytes * 2**20
    )
    for path, start, batch in batches(files, reading_types(layout, files[0].types)):
        with locating(path, start):
            rows.add(batch)
    with reading(source):
        return rows.finished()


def opened(path: Path) -> list[TableFile]:
    """Files of a table, which must all have the columns of the first one."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    files = [TableFile(file) for file in table_files(path)]
    if not files:
        raise DataError(f"{path}: no table; a table's files end in {', '.join(SUFFIXES)}")
    for file in files[1:]:
        with reading(file.path):
            require(files[0].types, list(file.types))
    return files


def planned(columns: Columns, files: list[TableFile]) -> Layout:
    """Layout of a table whose columns are all inputs but those that are asked for otherwise."""
    types = files[0].types
    unnamed = [name for name in types if is_index(name) and name not in {*columns.others, *columns.one_hot}]
    if unnamed:
        warn_user(
            f"{files[0].path}: the column {listed(quoted(unnamed))} has no name of its own and is left out, "
            "as the rows' numbers are that pandas writes beside them; if it is an input, name it",
            DataWarning,
        )
    inputs = tuple(name for name in types if name not in columns.others and name not in unnamed)
    if not inputs:
        raise InputError(f"has no column left that is an input, of {listed(quoted(list(types)))}")
    require_numbers(types, [name for name in inputs if name not in columns.one_hot])
    categories: dict[str, set[str]] = {name: set() for name in inputs if name in columns.one_hot}
    if categories:
        for path, start, batch in batches(files, dict.fromkeys(categories, "string")):
            with locating(path, start):
                for name, column in batch.items():
                    categories[name].update(as_words(column, name))
    in_order = {name: tuple(sorted(words)) for name, words in categories.items()}
    return Layout(inputs, in_order, columns.label, None, columns.weight, columns.id)


def reading_types(layout: Layout, looks: Mapping[str, Any]) -> dict[str, str | None]:
    """Types that columns of text are read as, those that are needed; None is as they look."""
    types: dict[str, str | None] = {}
    for name in layout.inputs:
        types[name] = "string" if name in layout.categories else None if str(looks[name]) == "bool" else "float64"
    types |= {name: kind for name, kind in ((layout.weight, "float64"), (layout.id, "string")) if name is not None}
    return types | ({} if layout.label is None else {layout.label: None})


def batches(files: list[TableFile], types: Mapping[str, str | None]) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """Some rows at a time: their file, the number of the first one in it, and their columns by name."""
    for file in files:
        start = 0
        for columns in file.batches(types):
            yield file.path, start, dict(zip(types, columns, strict=True))
            start += len(columns[0])


@contextmanager
def locating(path: Path, start: int) -> Iterator[None]:
    """Context for rows of a file from `start` on, whose errors name the file and the row in it."""
    with reading(path):
        try:
            yield
        except PlacedError as error:
            raise error.moved(start) from error


class Collected:
    """Rows of a table as they arrive, of which a split sets some aside.

    Args:
        layout: What the columns are.
        split: Which rows to set aside, or None.
        as_bytes: Whether the inputs are bytes; None decides it by their range.
        regression: Whether whole numbers in the label's column are targets.
        dtype: Dtype of inputs that are not bytes.
        limit: Bytes of inputs in memory at most.
    """

    def __init__(
        self, layout: Layout, split: Split | None, *, as_bytes: bool | None, regression: bool, dtype: str, limit: float
    ) -> None:
        self.layout, self.split, self.as_bytes = layout, split, as_bytes
        self._labels = Labels(layout.label, regression, layout.classes) if layout.label is not None else None
        self._inputs = [Spool(dtype, limit) for _ in range(1 if split is None else 2)]
        self._aside: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        self._ids: list[str] = []
        self._rows = 0

    def add(self, batch: Mapping[str, Any]) -> None:
        """Add some rows, by column."""
        layout = self.layout
        x = as_matrix({name: batch[name] for name in layout.inputs}, layout.categories, self._inputs[0].dtype)
        self._rows += len(x)
        labels = np.zeros(len(x)) if self._labels is None else self._labels.add(batch[self._labels.name])
        if layout.weight is not None:
            self._weights.append(as_numbers(batch[layout.weight], layout.weight).copy())
        if layout.id is not None:
            self._ids += as_words(batch[layout.id], layout.id)
        if self.split is None:
            self._inputs[0].add(x)
            return
        aside = self.split.aside(labels.tolist() if labels.dtype.kind != "f" else [None] * len(x))
        self._aside.append(aside)
        for spool, rows in zip(self._inputs, (~aside, aside), strict=True):
            spool.add(x[rows])

    def finished(self) -> tuple[Table, Table | None]:
        """All rows, and those that are set aside."""
        if not self._rows:
            raise InputError("has no rows")
        as_bytes = self._inputs[0].uses_bytes if self.as_bytes is None else self.as_bytes
        inputs = [spool.finished(as_bytes=as_bytes) for spool in self._inputs]
        y, classes = (None, None) if self._labels is None else self._labels.finished()
        layout = self.layout._replace(classes=classes, bytes=as_bytes)
        weight = np.concatenate(self._weights) if self._weights else None
        ids = np.asarray(self._ids) if self.layout.id is not None else None
        tables = [Table(x, y, weight, ids, layout) for x in inputs]
        if self.split is not None:
            aside = np.concatenate(self._aside)
            tables = [table.at(rows) for table, rows in zip(tables, (~aside, aside), strict=True)]
        return tables[0], tables[1] if self.split is not None else None

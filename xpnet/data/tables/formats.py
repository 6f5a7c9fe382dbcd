"""Formats: files of a table, and their rows in batches of columns as pyarrow has them."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from xpnet._support.optional import needed
from xpnet._support.regular_file import open_regular
from xpnet.data.files import reading
from xpnet.data.kinds import GZIP, NPZ, PAGE, is_page
from xpnet.errors import DataError

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".feather", ".arrow")
"""Endings of a table's files, in any case."""

DELIMITERS = ",;\t|"
BLOCK = 2**20
"""Bytes of text that are parsed at a time."""

FIRST = 100
"""Lines by which it is seen how numbers are written."""

DECIMAL_COMMA = re.compile(r"[+-]?(0?,\d+|\d+,(\d{1,2}|\d{4,}))")
"""Number with a decimal comma, which groups no thousands."""

DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+")

AS_UTF8 = "save it as UTF-8, as spreadsheets and editors can"
"""What to do with text in another encoding."""

PARQUET, ARROW = b"PAR1", (b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")
"""First bytes of Parquet files; of Arrow's files, Feather's and Arrow's streams."""


def is_table(path: Path) -> bool:
    """Whether a path is a table by its name, or a folder that holds tables and no arrays."""
    return bool(table_files(path)) and not (path.is_dir() and any(path.glob("*.npy")))


def table_files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder by name, numbers in the order of their values; none for others."""
    files = path.iterdir() if path.is_dir() else [path]
    return sorted((file for file in files if file.name.lower().endswith(SUFFIXES)), key=_in_order)


def _in_order(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


class TableFile:
    """One file of a table.

    Attributes:
        path: The file.
        types: pyarrow's type of every column, in the order of the file; of a CSV by its first rows.

    Raises:
        DataError: It is no table, or damaged.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path), understood(path):
            with open_regular(path) as file:
                start = file.read(6)
            if start.startswith((PARQUET, *ARROW)):
                self._binary = _imported(f"xpnet.data.tables.{'parquet' if start.startswith(PARQUET) else 'arrow'}")
                schema = self._binary.schema(path)
            else:
                self._binary = None
                schema = _opened_csv(path, {}).schema
        self.types = dict(zip(schema.names, schema.types, strict=True))
        if len(self.types) < len(schema.names):
            raise DataError(f"{path}: has two columns of the same name: {_twice(schema.names)}; rename one")

    def batches(self, types: Mapping[str, str | None]) -> Iterator[list[Any]]:
        """Rows in order, a few thousand at a time: pyarrow's arrays of some columns.

        Args:
            types: Names of the columns, and what text is read as: "string", "float64" or, for None, what it looks like.
        """
        with reading(self.path), understood(self.path):
            binary = self._binary
            rows = _opened_csv(self.path, types) if binary is None else binary.batches(self.path, list(types))
            for batch in rows:
                # To look up a column by its name takes a batch as long as it has columns.
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield [columns[name] for name in types]


def _opened_csv(path: Path, types: Mapping[str, str | None]) -> Any:
    """Streaming reader of all columns, or of those whose types are wanted."""
    csv = _pyarrow("csv")
    first, *others = _first_lines(path)
    delimiter = max(DELIMITERS, key=first.count)
    fields = [field.strip().strip('"') for field in first.split(delimiter)]
    return csv.open_csv(
        path,
        csv.ReadOptions(block_size=BLOCK, autogenerate_column_names=sum(map(_is_number, fields)) * 2 >= len(fields)),
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        csv.ConvertOptions(
            column_types={name: kind for name, kind in types.items() if kind},
            include_columns=list(types),
            strings_can_be_null=True,
            decimal_point="," if delimiter != "," and _has_decimal_commas(others, delimiter) else ".",
        ),
    )


def _first_lines(path: Path) -> list[str]:
    """First lines of a text file, plain or compressed as its ending says."""
    with _pyarrow("lib").input_stream(str(path), compression="detect") as file:
        start = file.read(BLOCK)
    if not start:
        raise DataError(f"{path}: is empty")
    if wrong := _other_than_text(start):
        raise DataError(f"{path}: {wrong}")
    lines = start.lstrip(b"\r\n").splitlines() or [b""]
    try:
        lines[0].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: has names of columns that are no UTF-8; {AS_UTF8}") from error
    return [line.decode("utf-8-sig", "replace") for line in lines[: FIRST + 1]]


def _other_than_text(start: bytes) -> str:
    """Sentence on what a file is that starts so and is no text in UTF-8, and what to do; empty for text."""
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return f"is text in UTF-16; {AS_UTF8}"
    if is_page(start):
        return f"is {PAGE.name}; {PAGE.remedy}"
    if start.startswith(GZIP):
        return "is compressed; give it a name that ends in .gz"
    if start.startswith(NPZ):
        return "is a zip archive; unpack it first"
    return "is no text, nor a Parquet or Feather file" if b"\0" in start else ""


def _has_decimal_commas(lines: Sequence[str], delimiter: str) -> bool:
    """Whether fields of some lines are numbers with a decimal comma, and none has a decimal point."""
    fields = [field.strip().strip('"') for line in lines for field in line.split(delimiter)]
    return any(map(DECIMAL_COMMA.fullmatch, fields)) and not any(map(DECIMAL_POINT.fullmatch, fields))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _twice(names: Sequence[str]) -> str:
    return next(name for index, name in enumerate(names) if name in names[:index])


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn what pyarrow says of a file into a DataError that names it."""
    try:
        yield
    except _pyarrow("lib").ArrowException as error:
        raise DataError(f"{path}: {str(error).splitlines()[0].rstrip('.')}") from error


def _pyarrow(module: str) -> Any:
    """One of pyarrow's modules."""
    return _imported(f"pyarrow.{module}")


def _imported(module: str) -> Any:
    """A module of pyarrow's, or one that imports pyarrow."""
    with needed("reading tables", "pyarrow"):
        return import_module(module)

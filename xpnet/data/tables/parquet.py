"""Parquet: rows of a file in batches, in bounded memory however many columns and rows a group of it has."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow
import pyarrow.parquet

ROWS = 2**11
"""Rows that are decoded at a time, of few columns."""

VALUES = 2**21
"""Numbers that are decoded at a time, of many columns."""

BUFFER = 2**14
"""Bytes of each column that are read at a time."""

MEMORY = 2**25
"""Bytes that the columns of a group may take together while they are read; of more, some columns are read at a time."""

DICTIONARY = 2**20
"""Bytes of a dictionary whose size a file does not tell, which is where a writer ends it."""

COPIES = 3
"""Times that a dictionary is in memory: as it is read, unpacked, and as a table of values."""

PAGE = 2**19
"""Bytes of a column beside its dictionary."""


def schema(path: Path) -> Any:
    """Names and types of the columns."""
    return pyarrow.parquet.ParquetFile(path).schema_arrow


def batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Batches of some columns of all rows, in order.

    Every column that is read has a dictionary of up to a megabyte in memory, until the group's last row. Where that is
    too much, the group's columns are read some at a time, into temporary files from which its rows are put together.
    """
    # Buffered, each column is read a little at a time, not a whole group of rows.
    file = pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)
    rows = max(1, min(ROWS, VALUES // max(1, len(columns))))
    for parts, groups in groupby(range(file.num_row_groups), lambda group: passes(file, group, columns)):
        if len(parts) == 1:
            yield from file.iter_batches(rows, list(groups), list(columns), use_threads=False)
            continue
        for group in groups:
            yield from _in_passes(file, group, parts, rows)


def _in_passes(file: Any, group: int, parts: Sequence[Sequence[str]], rows: int) -> Iterator[Any]:
    """Batches of a group of rows, from a temporary file of each part of its columns."""
    fields = {field.name: field for field in file.schema_arrow}
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="xpnet-"))
        streams = []
        for number, part in enumerate(parts):
            path = str(Path(folder, str(number)))
            schema = pyarrow.schema([fields[name] for name in part])
            with pyarrow.OSFile(path, "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as writer:
                for batch in file.iter_batches(rows, [group], list(part), use_threads=False):
                    writer.write_batch(batch.select(list(part)))
            streams.append(iter(pyarrow.ipc.open_stream(stack.enter_context(pyarrow.OSFile(path)))))
        yield from joined(streams)


def passes(file: Any, group: int, columns: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Columns of a group of rows, in parts that can be read one after the other within the memory."""
    metadata = file.metadata.row_group(group)
    # To ask for every column takes long where there are thousands.
    if metadata.total_byte_size * (COPIES + 1) <= MEMORY:
        return (tuple(columns),)
    chunks = [metadata.column(number) for number in range(metadata.num_columns)]
    sizes = {chunk.path_in_schema: memory(chunk) for chunk in chunks}
    parts: list[list[str]] = [[]]
    taken = 0.0
    for name in columns:
        size = sizes.get(name, 0.0)
        if parts[-1] and taken + size > MEMORY:
            parts.append([])
            taken = 0.0
        parts[-1].append(name)
        taken += size
    return tuple(map(tuple, parts))


def memory(chunk: Any) -> float:
    """Bytes that one column of a group takes, about, while it is read."""
    whole, packed = chunk.total_uncompressed_size, max(1, chunk.total_compressed_size)
    dictionary = 0.0
    if chunk.has_dictionary_page:
        dictionary = (chunk.data_page_offset - chunk.dictionary_page_offset) * max(1.0, whole / packed)
    elif any("DICTIONARY" in encoding for encoding in chunk.encodings):
        dictionary = min(whole, DICTIONARY)
    return float(COPIES * dictionary + min(whole, PAGE))


def joined(streams: Sequence[Iterator[Any]]) -> Iterator[Any]:
    """Batches of all columns from batches of some columns each, of the same rows though perhaps cut elsewhere."""
    batches: list[Any] = [next(stream, None) for stream in streams]
    while None not in batches:
        rows = min(map(len, batches))
        arrays = [array for batch in batches for array in batch.slice(0, rows).columns]
        yield pyarrow.RecordBatch.from_arrays(arrays, [name for batch in batches for name in batch.schema.names])
        rests = [batch.slice(rows) for batch in batches]
        batches = [rest if len(rest) else next(stream, None) for rest, stream in zip(rests, streams, strict=True)]

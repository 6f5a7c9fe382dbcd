"""Arrow: files and streams of batches, as Feather files are, of which little at a time is in memory."""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.feather

FILE, FIRST_VERSION = b"ARROW1", b"FEA1"
"""First bytes of a file, and of a Feather file of the first version; else it is a stream."""

ROWS = 2**11
"""Rows that are handed out at a time."""


def schema(path: Path) -> Any:
    """Names and types of the columns."""
    memory = _mapped(path)
    if memory[: len(FIRST_VERSION)] == FIRST_VERSION:
        return pyarrow.feather.read_table(path, memory_map=True).schema
    return _reader(memory).schema


def batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Batches of some columns of all rows, in order."""
    memory = _mapped(path)
    whole: Iterable[Any]
    if memory[: len(FIRST_VERSION)] == FIRST_VERSION:
        whole = pyarrow.feather.read_table(path, columns=list(columns), memory_map=True).to_batches()
    else:
        # Not by the reader's own choice of columns, with which it copies all of a batch.
        reader = _reader(memory)
        of_file = isinstance(reader, pyarrow.ipc.RecordBatchFileReader)
        whole = map(reader.get_batch, range(reader.num_record_batches)) if of_file else reader
    for batch in whole:
        for row in range(0, len(batch), ROWS):
            part = batch.select(list(columns)).slice(row, ROWS)
            # A damaged one may point anywhere.
            part.validate(full=True)
            yield part
            if hasattr(mmap, "MADV_DONTNEED"):
                # Else what was read stays in memory until the system wants it back; it is read again if it is needed.
                memory.madvise(mmap.MADV_DONTNEED)


def _mapped(path: Path) -> mmap.mmap:
    """A file as memory, closed when no array is a view of it any more."""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _reader(memory: mmap.mmap) -> Any:
    """Reader of a file or a stream."""
    opened = pyarrow.ipc.open_file if memory[: len(FILE)] == FILE else pyarrow.ipc.open_stream
    return opened(pyarrow.BufferReader(memory))

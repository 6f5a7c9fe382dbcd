"""Parquet: a group of rows that takes too much memory is read some columns at a time, and gives the same rows."""

import numpy as np
import pytest

from xpnet.data import read_table
from xpnet.data.tables.labels import Labels
from xpnet.errors import DataError

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
files = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
parquet = pytest.importorskip("xpnet.data.tables.parquet", reason="needs pyarrow")

ROWS = 7_000


@pytest.fixture
def path(tmp_path):
    """A table of numbers, words and identifiers in two groups of rows."""
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.normal(size=ROWS).astype("f4") for i in range(9)}
    columns |= {"whole": rng.integers(0, 9, ROWS), "row": [f"r{i}" for i in range(ROWS)]}
    columns |= {"kind": pyarrow.array(rng.choice(["a", "b"], ROWS)).dictionary_encode()}
    files.write_table(pyarrow.table(columns), tmp_path / "t.parquet", row_group_size=5_000)
    return tmp_path / "t.parquet"


def test_passes_give_the_same_rows(path, monkeypatch):
    """Bit by bit, numbers, labels and identifiers, and nothing is left in the temporary folder."""
    whole = read_table(path, "kind", id="row")
    monkeypatch.setattr(parquet, "MEMORY", 150_000)
    monkeypatch.setenv("TMPDIR", str(path.parent))
    monkeypatch.setattr("tempfile.tempdir", None)
    columns = ["c3", "kind", *(f"c{i}" for i in range(9) if i != 3), "whole", "row"]
    assert len(parquet.passes(files.ParquetFile(path), 0, columns)) > 3
    again = read_table(path, "kind", id="row")
    assert np.array_equal(again.x.view("u4"), whole.x.view("u4"))
    assert np.array_equal(again.y, whole.y)
    assert np.array_equal(again.ids, whole.ids)
    assert again.layout == whole.layout
    assert [each.name for each in path.parent.iterdir()] == ["t.parquet"]


def test_a_gap_is_named_by_its_row(tmp_path, monkeypatch):
    """Rows are counted from the file's first, whatever group and pass they are read in."""
    values = np.arange(100.0).tolist()
    values[70] = None
    table = pyarrow.table({"a": values, "b": np.arange(100.0), "y": np.arange(100) % 2})
    files.write_table(table, tmp_path / "t.parquet", row_group_size=40)
    monkeypatch.setattr(parquet, "MEMORY", 1)
    monkeypatch.setattr(parquet, "ROWS", 16)
    with pytest.raises(DataError, match=r"t\.parquet: has no value in the column a in row 70 "):
        read_table(tmp_path / "t.parquet", "y")


def test_a_dictionary_of_unknown_size_counts_as_a_full_one():
    """Some writers do not say where it is; a column without one takes a page."""

    class Chunk:
        total_uncompressed_size, total_compressed_size, has_dictionary_page = 10**7, 10**7, False
        encodings = ("PLAIN_DICTIONARY",)

    assert parquet.memory(Chunk) == parquet.COPIES * parquet.DICTIONARY + parquet.PAGE
    Chunk.encodings = ("PLAIN",)
    assert parquet.memory(Chunk) == parquet.PAGE


def test_batches_that_are_cut_elsewhere_are_joined():
    """Each row has its numbers of all parts, though these come in other pieces."""

    def stream(name, *lengths):
        ends = np.cumsum(lengths)
        for start, end in zip(ends - lengths, ends, strict=True):
            yield pyarrow.RecordBatch.from_pydict({name: np.arange(start, end)})

    rows = [batch.to_pydict() for batch in parquet.joined([stream("a", 5, 1, 4), stream("b", 2, 8), stream("c", 10)])]
    for name in "abc":
        assert [value for batch in rows for value in batch[name]] == list(range(10))
    assert list(parquet.joined([iter(()), iter(())])) == []


def test_labels_do_not_keep_the_memory_of_other_columns(tmp_path):
    """A column of a batch that is read from a file is a view of memory that all of the batch's columns are in."""
    path, batch = str(tmp_path / "t"), pyarrow.RecordBatch.from_pydict({"a": np.zeros(10**6), "y": np.arange(10**6)})
    with pyarrow.OSFile(path, "wb") as sink, pyarrow.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    del batch, writer, sink
    before, labels = pyarrow.total_allocated_bytes(), Labels("y")
    with pyarrow.OSFile(path) as source:
        labels.add(pyarrow.ipc.open_stream(source).read_next_batch().column("y"))
    assert pyarrow.total_allocated_bytes() <= before

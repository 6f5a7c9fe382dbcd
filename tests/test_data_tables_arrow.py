"""Arrow: files and streams of batches give the rows that they hold, or say that they are damaged."""

import numpy as np
import pytest

from xpnet.data import read_table
from xpnet.errors import DataError

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
feather = pytest.importorskip("pyarrow.feather", reason="needs pyarrow")

ROWS = 5_000


def table():
    """Numbers of two types, words and identifiers."""
    rng = np.random.default_rng(0)
    kinds = pyarrow.array(rng.choice(["a", "b"], ROWS)).dictionary_encode()
    x, whole, row = rng.normal(size=ROWS), rng.integers(0, 1000, ROWS), [f"r{i}" for i in range(ROWS)]
    return pyarrow.table({"x": x, "kind": kinds, "left out": row, "whole": whole, "row": row})


def written(path, form):
    """The path of a file of a form."""
    if form == "stream":
        with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_stream(sink, table().schema) as writer:
            writer.write_table(table(), max_chunksize=1_500)
    else:
        feather.write_feather(table(), path, compression=form, chunksize=1_500)
    return path


@pytest.mark.parametrize("form", ["uncompressed", "lz4", "zstd", "stream"])
def test_rows_are_those_of_the_table(tmp_path, form):
    """Numbers, labels and identifiers, in the order in which the columns stand in the file."""
    read = read_table(written(tmp_path / "t.arrow", form), "kind", id="row", drop=["left out"], dtype="float64")
    assert read.layout.inputs == ("x", "whole")
    assert np.array_equal(read.x, np.stack([table()[name].to_numpy() for name in ("x", "whole")], axis=1))
    assert np.array_equal(np.asarray(read.layout.classes)[read.y], table()["kind"].to_pylist())
    assert np.array_equal(read.ids, table()["row"].to_pylist())


@pytest.mark.parametrize("form", ["uncompressed", "lz4", "stream"])
def test_damaged_files_are_refused(tmp_path, form):
    """Or read, where what is damaged is a number; nothing else is raised, and nothing crashes."""
    path, rng, outcomes = tmp_path / "t.arrow", np.random.default_rng(0), []
    whole = written(path, form).read_bytes()
    for case in range(60):
        damaged = bytearray(whole[: rng.integers(8, len(whole))] if case % 3 == 0 else whole)
        for place in rng.integers(0, len(damaged), 0 if case % 3 == 0 else 5):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            outcomes.append(len(read_table(path, "kind", id="row", drop=["left out"]).x))
        except DataError:
            outcomes.append(0)
    assert 0 in outcomes

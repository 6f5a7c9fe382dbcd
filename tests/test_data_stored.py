"""Arrays in .npy files: rows are read as they are needed, whatever file they are in."""

import itertools

import numpy as np
import pytest

from xpnet.data import Stored, check_features, locating, stored
from xpnet.errors import DataError, InputError


def written(folder, *arrays, name="x"):
    """The arrays as files of their own, and what reads them as one."""
    paths = [folder / f"{name}-{i}.npy" for i in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return Stored(*paths)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)], ids=["numbers", "rows", "images"])
@pytest.mark.parametrize("lengths", [(7,), (2, 4, 1)], ids=["one file", "three files"])
def test_rows_are_those_of_all_files(tmp_path, lengths, shape):
    """From any row to any other they are the rows of the files laid end to end; none are no rows."""
    whole = np.arange(7 * np.prod(shape, dtype=int), dtype="int32").reshape(7, *shape)
    held = written(tmp_path, *np.split(whole, np.cumsum(lengths)[:-1]))
    assert (held.shape, held.dtype, held.ndim, len(held)) == (whole.shape, whole.dtype, whole.ndim, 7)
    for start, stop in itertools.combinations_with_replacement(range(8), 2):
        found = held.read(start, stop)
        assert found.dtype == whole.dtype
        assert np.array_equal(found, whole[start:stop])
    assert np.array_equal(np.asarray(held), whole)
    assert np.asarray(held, "float64").dtype == np.float64


@pytest.mark.parametrize(
    ("dtype", "wanted"), [(">i4", "int32"), (">f8", "float64"), ("f2", "float32"), ("u1", "uint8")]
)
def test_numbers_are_read_as_every_library_has_them(tmp_path, dtype, wanted):
    """Another machine's byte order, and half precision, are turned into what is common."""
    numbers = np.arange(10).astype(dtype).reshape(5, 2)
    held = written(tmp_path, numbers)
    assert held.dtype == held.read(1, 3).dtype == np.dtype(wanted)
    assert np.array_equal(held.read(0, 5), numbers)


def test_the_same_numbers_in_other_rows(tmp_path):
    """Images become rows, a column a vector."""
    images = written(tmp_path, np.arange(24).reshape(3, 2, 4))
    assert np.array_equal(images.with_rows(8).read(1, 3), np.arange(8, 24).reshape(2, 8))
    column = written(tmp_path, np.arange(4)[:, None], name="y").with_rows()
    assert column.shape == (4,)
    assert np.array_equal(column.read(1, 3), [1, 2])


def test_all_rows_bit_by_bit(tmp_path, monkeypatch):
    """Stretches are a few bytes each, in order, with the number of their first row."""
    monkeypatch.setattr(stored, "PIECE", 3 * 2 * 8)
    held = written(tmp_path, np.arange(20).reshape(10, 2))
    found = list(held.pieces())
    assert [start for start, _ in found] == [0, 3, 6, 9]
    assert np.array_equal(np.concatenate([part for _, part in found]), held.read(0, 10))


@pytest.mark.parametrize(("count", "wanted"), [(1, [0]), (3, [0, 4, 9]), (99, range(10))])
def test_some_rows(tmp_path, count, wanted):
    """They are spread over all, and no more than there are."""
    assert written(tmp_path, np.arange(4), np.arange(4, 10)).spread_rows(count).tolist() == list(wanted)


def damaged(folder, change):
    """A file that has been changed in place."""
    path = folder / "x.npy"
    np.save(path, np.arange(12).reshape(6, 2))
    change(path)
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(b"words"), "not an .npy file but a text file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is shorter than its header says, 223 bytes of 224"),
        (lambda path: path.write_bytes(path.read_bytes()[:30]), "ends within its header, after 30 bytes; copy or save"),
        (lambda path: np.save(path, np.asarray([{}])), "holds Python objects, which are never unpickled"),
        (lambda path: np.save(path, np.float32(3)), "holds one number; save an array with a row for each sample$"),
        (lambda path: np.save(path, np.ones((0, 3))), r"holds an array of shape \(0, 3\): it is empty"),
        (
            lambda path: path.write_bytes(b"PK" + path.read_bytes()[2:]),
            "not an .npy file, it starts with the bytes 50 4b",
        ),
    ],
    ids=["missing", "words", "truncated", "half a header", "objects", "a number", "no rows", "an archive"],
)
def test_files_that_cannot_serve(tmp_path, change, words):
    """The sentence begins with the file."""
    path = damaged(tmp_path, change)
    with pytest.raises(DataError, match=rf"^{path}.*{words}"):
        Stored(path)


def test_an_array_needs_a_file():
    """No path is no array."""
    with pytest.raises(InputError, match="Stored got no path but needs at least one"):
        Stored()


@pytest.mark.parametrize(("row", "file", "there"), [(0, 0, 0), (1, 0, 1), (2, 1, 0), (5, 1, 3), (6, 2, 0)])
@pytest.mark.parametrize("start", [0, 1])
def test_an_error_of_a_row_names_its_file(tmp_path, row, file, there, start):
    """It tells the row's number among all rows and in its file, wherever reading has begun."""
    numbers = np.where(np.arange(7) == row, np.nan, 1.0)[:, None] * np.ones(3)
    held = written(tmp_path, *np.split(numbers, [2, 6]))
    start = min(start, row)
    words = rf"x-{file}\.npy, row {there} \(from 0\): x holds NaN in row {row}, column 0 \(counted from 0\); every"
    with pytest.raises(DataError, match=words), locating(held, start):
        check_features(held.read(start, 7), xp=np)


def test_an_error_of_no_row_names_the_rows(tmp_path):
    """They are those that were looked at; in one file a row's number is not told twice."""
    held = written(tmp_path, np.full((4, 3), np.nan))
    for start, words in ((0, r"x-0\.npy: x"), (2, r"x-0\.npy from row 2 on: x")):
        with pytest.raises(DataError, match=f"{words} has shape"), locating(held, start):
            check_features(np.ones(3), xp=np)
    with (
        pytest.raises(DataError, match=r"x-0\.npy: x holds NaN in row 1, column 0 \(counted from 0\)"),
        locating(held, 1),
    ):
        check_features(held.read(1, 4), xp=np)


def test_arrays_in_memory_have_no_file():
    """Their errors are as they were raised."""
    with pytest.raises(InputError, match=r"^x holds NaN in row 1, column 0"), locating(np.ones((9, 1)), 5):
        check_features(np.asarray([[0.0], [np.nan]]), xp=np)


@pytest.mark.parametrize("other", [np.ones((2, 3)), np.ones((2, 2), "float32")], ids=["columns", "dtype"])
def test_files_that_do_not_go_together(tmp_path, other):
    """All need rows of the same shape and dtype."""
    with pytest.raises(DataError, match=r"x-1\.npy: holds rows of .* but x-0\.npy .*rows of one shape and dtype"):
        written(tmp_path, np.ones((2, 2)), other)


@pytest.mark.parametrize("shape", [(10, 3), (10, 3, 2), (10, 2, 1, 4)])
@pytest.mark.parametrize("dtype", ["float32", ">i2", "float16"])
def test_arrays_that_are_stored_column_by_column(tmp_path, shape, dtype):
    """Files in Fortran's order, as NumPy saves a data frame's numbers, give the same rows."""
    array = np.asfortranarray(np.random.default_rng(0).integers(0, 99, shape).astype(dtype))
    held = written(tmp_path, array, np.ascontiguousarray(array), array[:1])
    whole = np.concatenate([array, array, array[:1]])
    for start, stop in [(0, 21), (3, 7), (8, 12), (19, 21), (5, 5)]:
        np.testing.assert_array_equal(held.read(start, stop), whole[start:stop])
    np.testing.assert_array_equal(held.with_rows(whole[0].size).read(4, 15), whole[4:15].reshape(11, -1))


def test_a_file_of_columns_that_becomes_shorter(tmp_path):
    """It is refused as one of rows is."""
    held = written(tmp_path, np.asfortranarray(np.arange(100.0).reshape(50, 2)))
    held.paths[0].write_bytes(held.paths[0].read_bytes()[:-8])
    assert held.read(0, 49)[-1, 1] == 97
    with pytest.raises(DataError, match=r"x-0\.npy: has become shorter"):
        held.read(48, 50)


def test_a_file_that_becomes_shorter(tmp_path):
    """It is told when the missing rows are read."""
    held = written(tmp_path, np.arange(100.0))
    held.paths[0].write_bytes(held.paths[0].read_bytes()[:-8])
    assert held.read(0, 99)[-1] == 98
    with pytest.raises(DataError, match=r"x-0\.npy: has become shorter"):
        held.read(50, 100)
    held.paths[0].unlink()
    with pytest.raises(DataError, match=r"x-0\.npy: no such file"):
        held.read(0, 1)

"""Tables: CSV, Parquet and Feather files as arrays, and what keeps a file from being one."""

import gzip
import subprocess
import sys

import numpy as np
import pytest

from xpnet.data import Columns, Stored, read_table
from xpnet.data.tables.reader import read_split
from xpnet.data.tables.split import Split
from xpnet.errors import DataError, DataWarning, InputError

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")

FLOWERS = """length,width,petal,species
5.1,3.5,1,setosa
7.0,3.2,4,versicolor
6.3,3.3,6,virginica
4.9,3.0,1,setosa
"""


def written(path, text):
    """The path of a file with this text."""
    path.write_text(text, encoding="utf-8")
    return path


def frame(rows=50, columns=4):
    """A table of numbers with a label, as pyarrow has it."""
    rng = np.random.default_rng(0)
    names = {f"c{i}": rng.normal(size=rows) for i in range(columns)}
    return pyarrow.table(names | {"kind": rng.integers(0, 3, rows)})


def parquet(path, table, **options):
    """The path of a Parquet file with this table."""
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, path, **options)
    return path


def test_a_csv_of_flowers(tmp_path):
    """Words are classes in the order of the alphabet, the other columns are inputs."""
    table = read_table(written(tmp_path / "iris.csv", FLOWERS), "species")
    assert table.x.dtype == np.float32
    assert np.array_equal(table.x, np.float32([[5.1, 3.5, 1], [7, 3.2, 4], [6.3, 3.3, 6], [4.9, 3, 1]]))
    assert table.y.tolist() == [0, 1, 2, 0]
    assert table.layout.classes == ("setosa", "versicolor", "virginica")
    assert table.layout.inputs == ("length", "width", "petal")


@pytest.mark.parametrize(
    "text",
    [
        FLOWERS.replace(",", ";"),
        FLOWERS.replace(",", "\t"),
        "\ufeff" + FLOWERS,
        FLOWERS.replace("\n", "\r\n"),
        FLOWERS.replace("setosa", '"setosa"').replace("length", '"length"'),
    ],
    ids=["semicolons", "tabs", "byte order mark", "Windows", "quotes"],
)
def test_dialects_of_text(tmp_path, text):
    """Files of other programs hold the same table."""
    wanted = read_table(written(tmp_path / "iris.csv", FLOWERS), "species")
    table = read_table(written(tmp_path / "other.csv", text), "species")
    assert np.array_equal(table.x, wanted.x)
    assert table.layout == wanted.layout


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas(tmp_path, delimiter):
    """Numbers as much of Europe writes them, where commas do not divide columns."""
    wanted = read_table(written(tmp_path / "iris.csv", FLOWERS), "species")
    text = FLOWERS.replace(",", delimiter).replace(".", ",")
    assert np.array_equal(read_table(written(tmp_path / "other.csv", text), "species").x, wanted.x)
    with pytest.raises(DataError, match=r"holds no numbers in the column a \(string\)"):
        read_table(written(tmp_path / "thousands.csv", "a;y\n1,234;0\n2,345;1\n".replace(";", delimiter)), "y")
    with pytest.raises(DataError, match=r"holds no numbers in the column a \(string\)"):
        read_table(written(tmp_path / "both.csv", "a;b;y\n1,5;1.5;0\n2,5;2.5;1\n".replace(";", delimiter)), "y")


@pytest.mark.parametrize("head", [",a,y", "Unnamed: 0,a,y", "__index_level_0__,a,y"])
def test_a_column_without_a_name_is_left_out(tmp_path, head):
    """The rows' numbers, which pandas writes first, would tell the labels of sorted rows; it is said."""
    path = written(tmp_path / "t.csv", f"{head}\n0,1.5,u\n1,2.5,v\n")
    with pytest.warns(DataWarning, match=r"t\.csv: the column .* has no name of its own and is left out"):
        assert read_table(path, "y").layout.inputs == ("a",)
    if name := head.partition(",")[0]:
        assert read_table(path, "y", id=name).ids.tolist() == ["0", "1"]
        assert read_table(path, "y", drop=[name]).layout.inputs == ("a",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,größe,y\n1,2,u\n".encode("latin-1"), r"has names of columns that are no UTF-8; save it as UTF-8"),
        ("a,y\n1,ü\n".encode("latin-1"), r"holds bytes that are no words in UTF-8 in the column y"),
        ("a,y\n1,u\n".encode("utf-16"), r"is text in UTF-16; save it as UTF-8"),
        (b"<!DOCTYPE html><html>404</html>", r"is a web page, not data; the download failed"),
        (gzip.compress(b"a,y\n1,u\n"), r"is compressed; give it a name that ends in \.gz"),
        (b"PK\x03\x04 and so on", r"is a zip archive; unpack it first"),
        (b"a\0b", r"is no text, nor a Parquet or Feather file"),
    ],
    ids=["names in Latin-1", "words in Latin-1", "UTF-16", "web page", "gzip", "zip", "zeros"],
)
def test_files_that_are_no_text(tmp_path, content, sentence):
    """One sentence says what they are, and what to do."""
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"t\.csv: {sentence}"):
        read_table(tmp_path / "t.csv", "y")


def test_parts_with_labels_of_different_kinds(tmp_path):
    """A label is words, whole numbers or others in all files of a folder."""
    folder = tmp_path / "parts"
    folder.mkdir()
    parquet(folder / "1.parquet", pyarrow.table({"a": [1.0, 2.0], "y": [1, 0]}))
    for labels, kinds in (([1.0, 0.0], "whole numbers and others"), (["u", "v"], "words and numbers")):
        parquet(folder / "2.parquet", pyarrow.table({"a": [1.0, 2.0], "y": labels}))
        with pytest.raises(DataError, match=rf"2\.parquet: holds {kinds} in the column y"):
            read_table(folder, "y")


def test_other_formats_hold_the_same(tmp_path):
    """Compressed text, Parquet and Feather give the same arrays as plain text."""
    import pyarrow.csv
    import pyarrow.feather

    table = frame()
    pyarrow.csv.write_csv(table, tmp_path / "t.csv")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    parquet(tmp_path / "t.parquet", table)
    pyarrow.feather.write_feather(table, tmp_path / "t.feather")
    wanted = read_table(tmp_path / "t.csv", "kind", dtype="float64")
    assert np.array_equal(wanted.x[:, 0], table["c0"].to_numpy())
    for name in ("t.csv.gz", "t.parquet", "t.feather"):
        other = read_table(tmp_path / name, "kind", dtype="float64")
        assert np.array_equal(other.x, wanted.x), name
        assert np.array_equal(other.y, wanted.y), name


def test_pandas_is_not_imported(tmp_path):
    """It takes a third of a second and memory; pyarrow would import it to hand out numbers."""
    pytest.importorskip("pandas", reason="needs pandas")
    written(tmp_path / "iris.csv", FLOWERS)
    script = "import sys; from xpnet.data import read_table; read_table('iris.csv', 'species')"
    line = [sys.executable, "-c", f"{script}; print('pandas' in sys.modules)"]
    answer = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout == "False\n"


def test_a_folder_is_one_table(tmp_path):
    """Its files follow each other by number."""
    table = frame(30)
    for number in range(11):
        parquet(tmp_path / f"part-{number}.parquet", table.slice(number * 3, 3 if number < 10 else 0))
    assert np.array_equal(read_table(tmp_path, "kind").y, table["kind"].to_numpy())


def test_a_file_without_names(tmp_path):
    """Columns of a file that begins with numbers are f0, f1 and so on."""
    path = written(tmp_path / "iris.data.csv", FLOWERS.partition("\n")[2])
    table = read_table(path, "f3")
    assert (table.x.shape, table.layout.inputs) == ((4, 3), ("f0", "f1", "f2"))


def test_whole_numbers_that_use_a_byte_stay_bytes(tmp_path):
    """Kaggle's pixels are divided by 255 as MNIST's are; small counts, which may be anything, are not."""
    pixels = read_table(written(tmp_path / "p.csv", "label,a,b\n1,0,255\n0,7,3\n"), "label")
    assert (pixels.x.dtype, pixels.layout.classes) == (np.uint8, None)
    counts = read_table(written(tmp_path / "c.csv", "label,a,b\n1,0,254\n0,7,3\n"), "label")
    assert counts.x.dtype == np.float32
    stored = pyarrow.table({"label": [0, 1], "a": pyarrow.array([1, 2], "uint8")})
    assert read_table(parquet(tmp_path / "s.parquet", stored), "label").x.dtype == np.uint8


def test_columns_that_are_no_inputs(tmp_path):
    """Weights and identifiers are kept apart, dropped columns are gone; identifiers stay as they are written."""
    text = "row,a,note,w,y\n007,1.5,hello,2,0\n008,2.5,,1,1\n"
    table = read_table(written(tmp_path / "t.csv", text), "y", weight="w", id="row", drop=["note"])
    assert table.x.tolist() == [[1.5], [2.5]]
    assert (table.weight.tolist(), table.ids.tolist()) == ([2, 1], ["007", "008"])


def test_categories_become_columns(tmp_path):
    """Each category is an input of 0 and 1, in the column's place; a table to predict on is made alike."""
    path = written(tmp_path / "t.csv", "a,colour,b,ok,y\n1,red,2,true,0\n3,blue,4,false,1\n5,red,6,true,1\n")
    table = read_table(path, "y", one_hot=["colour"])
    assert table.layout.spelled() == ["a", "colour=blue", "colour=red", "b", "ok"]
    assert table.x.tolist() == [[1, 0, 1, 2, 1], [3, 1, 0, 4, 0], [5, 0, 1, 6, 1]]
    again = read_table(written(tmp_path / "n.csv", "b,ok,colour,a\n9,false,blue,8\n"), layout=table.layout)
    assert (again.x.tolist(), again.y) == ([[8, 1, 0, 9, 0]], None)
    with pytest.raises(DataError, match=r"n\.csv: holds 'green' in the column colour in row 0 .* held blue, red"):
        read_table(written(tmp_path / "n.csv", "b,ok,colour,a\n9,false,green,8\n"), layout=table.layout)


def test_known_classes_are_numbered_as_they_were(tmp_path):
    """Labels of rows to judge get the numbers that they had in the training; others are refused."""
    layout = read_table(written(tmp_path / "iris.csv", FLOWERS), "species").layout
    head = FLOWERS.splitlines()[0]
    assert read_table(written(tmp_path / "n.csv", f"{head}\n1,2,3,virginica\n"), layout=layout).y.tolist() == [2]
    with pytest.raises(DataError, match="holds 'rose' in the column species, which is no class of the training rows"):
        read_table(written(tmp_path / "n.csv", f"{head}\n1,2,3,rose\n"), layout=layout)


@pytest.mark.parametrize(
    ("labels", "y", "classes"),
    [
        ([3, 1, 3], [1, 0, 1], (1, 3)),
        ([1, 0, 2], [1, 0, 2], None),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        ([0.5, 1.0, -2.0], [0.5, 1.0, -2.0], None),
    ],
    ids=["gaps", "from 0 on", "truth values", "targets"],
)
def test_what_labels_become(tmp_path, labels, y, classes):
    """Whole numbers and truth values are classes, any other numbers targets."""
    table = read_table(parquet(tmp_path / "t.parquet", pyarrow.table({"a": [1.0, 2, 3], "y": labels})), "y")
    assert (table.y.tolist(), table.layout.classes) == (y, classes)


def test_whole_numbers_as_amounts(tmp_path):
    """Many different ones are refused with what to add; then they are targets."""
    path = parquet(tmp_path / "t.parquet", pyarrow.table({"a": np.arange(200.0), "price": np.arange(200)}))
    with pytest.raises(DataError, match=r"holds 200 different whole numbers in the column price.*add --regression"):
        read_table(path, "price")
    table = read_table(path, "price", regression=True)
    assert table.y.dtype == np.float64


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("a,y\n1,0\n,1\n", {}, r"t\.csv: has no value in the column a in row 1 \(counted from 0\); fill it in"),
        ("a,y\n1,0\n2,\n", {}, r"t\.csv: has no value in the column y in row 1"),
        ("{},y\n1,0\n,1\n", {}, r"t\.csv: has no value in the column \{\} in row 1 "),
        ("a,y\n1,0\ninf,1\n", {}, r"t\.csv: holds inf in the column a in row 1"),
        (
            "a,b,y\n1,x,0\n",
            {},
            r"no numbers in the column b \(string\); leave them out with --drop b, or .* --one-hot b",
        ),
        ("a,d,y\n1,2020-01-01,0\n", {}, r"no numbers in the column d \(date32"),
        ("a,y\n1,0\n", dict(label="label"), r"t\.csv: has no column label; its columns are a, y"),
        ("a, y\n1,0\n", {}, r"has no column y; its columns are a, \" y\""),
        ("a,y\n1,0\n", dict(drop=["z"]), r"has no column z"),
        ("a,y\n1,0\n", dict(drop=["y"]), r"the column y cannot be both label and drop"),
        ("y\n0\n1\n", {}, r"has no column left that is an input, of y"),
        ("a,a,y\n1,2,0\n", {}, r"has two columns of the same name: a"),
        ("a,y\n1,0\n2\n", {}, r"t\.csv: CSV parse error: .*Expected 2 columns, got 1"),
        ("a,y\n", {}, r"t\.csv: has no rows"),
        ("", {}, r"t\.csv: is empty"),
        ("PAR1", {}, r"t\.csv: .*Parquet"),
        ("a,y\n1,x\n", dict(regression=True), "holds words in the column y, but the targets of a regression"),
    ],
)
def test_what_is_no_table_of_numbers(tmp_path, text, options, sentence):
    """One sentence names the file, the column and the row, and what to do."""
    with pytest.raises(DataError, match=sentence):
        read_table(written(tmp_path / "t.csv", text), **(dict(label="y") | options))


def test_text_after_numbers_is_named(tmp_path):
    """A column that looks like numbers at first is read as such; a word in it is quoted."""
    text = "a,y\n" + "1,0\n" * 2_000_000 + "oops,1\n"
    with pytest.raises(DataError, match=r"t\.csv: .*column #0.*'oops'"):
        read_table(written(tmp_path / "t.csv", text), "y")


def test_paths_that_are_no_tables(tmp_path):
    """Missing files and other files say so."""
    with pytest.raises(DataError, match=r"none\.csv: no such file or folder"):
        read_table(tmp_path / "none.csv", "y")
    with pytest.raises(DataError, match=r"t\.txt: no table; a table's files end in \.csv"):
        read_table(written(tmp_path / "t.txt", "a"), "y")


def test_many_rows_are_read_from_disk(tmp_path):
    """Beyond the limit they are in temporary files, which go with the array."""
    table = frame(20_000)
    path = parquet(tmp_path / "t.parquet", table, row_group_size=5_000)
    in_memory = read_table(path, "kind").x
    stored = read_table(path, "kind", megabytes=0.1).x
    assert isinstance(stored, Stored)
    assert len(stored.paths) > 2
    assert np.array_equal(np.asarray(stored), in_memory)
    folder = stored.paths[0].parent
    reshaped = stored.with_rows(2, 2)
    del stored
    assert folder.exists()
    del reshaped
    assert not folder.exists()


def test_bytes_on_disk(tmp_path):
    """Whether rows are bytes is known at the end only; files written before follow."""
    for largest, dtype in ((255, np.uint8), (254, np.float32), (0.5, np.float32)):
        column = np.append(np.tile([0.0, 3.0], 20_000), largest)
        path = parquet(tmp_path / "t.parquet", pyarrow.table({"a": column, "y": np.arange(40_001) % 2}))
        stored = read_table(path, "y", megabytes=0.02).x
        assert stored.dtype == dtype
        assert np.array_equal(np.asarray(stored)[:, 0], column)


def test_a_split_takes_the_same_share_of_every_class(tmp_path):
    """Rows set aside are drawn at random, by the seed, in proportion, on disk as in memory."""
    table = frame(9_000)
    path = parquet(tmp_path / "t.parquet", table)
    results = [
        read_split(path, Columns("kind"), Split(0.25, seed), megabytes=size)
        for seed, size in ((0, 1), (0, 0.05), (1, 1))
    ]
    train, test = results[0]
    for label in range(3):
        whole = int((table["kind"].to_numpy() == label).sum())
        assert abs((test.y == label).sum() - whole / 4) <= 1
        assert (train.y == label).sum() + (test.y == label).sum() == whole
    assert all(np.array_equal(np.asarray(a.x), b.x) for a, b in zip(results[1], results[0], strict=True))
    assert not np.array_equal(results[2][1].x, test.x)
    rows = np.concatenate([train.x[:, 0], test.x[:, 0]])
    assert np.array_equal(np.sort(rows), np.sort(table["c0"].to_numpy().astype("f4")))


@pytest.mark.parametrize("fraction", [0, -0.1, 0.6, float("nan")])
def test_fractions_that_leave_no_two_parts(fraction):
    """A test part is at most a half."""
    with pytest.raises(InputError, match=r"above 0 and at most 0\.5"):
        Split(fraction, 0)

"""Tables from the command line: trained on, predicted from, and answered in files."""

import csv

import numpy as np
import pytest
from helpers.commands import process, sentence

import xpnet
from xpnet import predict, serialization
from xpnet.errors import DataError, InputError, ModelFileError

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")

FLOWERS = ("setosa", "versicolor", "virginica")


def flowers(path, rows=150, seed=0, **columns):
    """A table of three kinds of flowers, with an identifier, which a network can tell apart."""
    rng, kinds = np.random.default_rng(seed), np.arange(rows) % 3
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "length", "width", "colour", "species"])
        for row, kind in enumerate(kinds):
            length, width = kind + rng.normal(0, 0.1, 2)
            writer.writerow([f"f{row:03}", length, width, ("blue", "red")[kind % 2], FLOWERS[kind]])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table, and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("flowers")
    flowers(folder / "flowers.csv")
    flags = ["--label", "species", "--id", "row", "--one-hot", "colour", "--test-fraction", 0.2, "--epochs", 30]
    answer = process("xpnet.train", "--data", "flowers.csv", *flags, "--batch-size", 8, "--save", "m", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert "flowers.csv: 120 rows, 30 to test" in answer.stdout
    return folder


def test_the_model_knows_its_columns(folder):
    """Classes, inputs and categories are in the file, with the test rows' accuracy."""
    model = serialization.load(folder / "m")
    assert model.network.classes == FLOWERS
    assert model.layout.spelled() == ["length", "width", "colour=blue", "colour=red"]
    assert (model.layout.label, model.layout.id) == ("species", "row")
    assert model.history[-1]["test_accuracy"] > 0.9


def test_rows_are_answered_by_name(folder, capsys, monkeypatch):
    """Columns may come in another order, with others between them and without a label."""
    monkeypatch.chdir(folder)
    (folder / "new.csv").write_text("note,width,colour,length\nx,0,blue,0\ny,2.1,blue,1.9\n")
    predict.main(["m", "new.csv"])
    assert capsys.readouterr().out.splitlines() == ["setosa", "virginica"]


def test_labelled_rows_are_scored(folder, capsys, monkeypatch):
    """With precision and recall of every class."""
    monkeypatch.chdir(folder)
    predict.main(["m", "flowers.csv"])
    accuracy, *_ = lines = capsys.readouterr().out.splitlines()
    assert accuracy.startswith("accuracy")
    assert "     label |  precision   recall    rows" in lines
    assert [line.split()[-1] for line in lines[-3:]] == ["50"] * 3


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet"])
def test_answers_are_written(folder, ending, tmp_path):
    """In the order of the rows, with their identifiers and the probability of every class."""
    path = tmp_path / f"answers.{ending}"
    predict.main([str(folder / "m"), str(folder / "flowers.csv"), "--proba", "--output", str(path)])
    if ending == "csv":
        with open(path, newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        columns = dict(zip(head, map(np.asarray, zip(*rows, strict=True)), strict=True))
    elif ending == "npz":
        columns = dict(np.load(path))
    else:
        import pyarrow.parquet

        columns = {name: np.asarray(column) for name, column in pyarrow.parquet.read_table(path).to_pydict().items()}
    assert list(columns) == ["row", "species", *(f"p({name})" for name in FLOWERS)]
    assert columns["row"].tolist() == [f"f{row:03}" for row in range(150)]
    shares = np.stack([columns[f"p({name})"].astype(float) for name in FLOWERS], axis=1)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(np.asarray(FLOWERS)[shares.argmax(axis=1)], columns["species"])


def test_answers_without_a_table(tmp_path):
    """Of a regression the numbers, of labels 0 and 1, of numbered classes the numbers."""
    x = np.eye(3)
    np.save(tmp_path / "x.npy", x)
    for loss, name in (("squared_error", "prediction"), ("cross_entropy", "prediction")):
        network = xpnet.Network([3, 2], loss=loss, input_scale=1.0)
        params = network.init(seed=1)
        serialization.save(tmp_path / "m", network, params)
        predict.main([str(tmp_path / "m"), str(tmp_path / "x.npy"), "--output", str(tmp_path / "a.npz")])
        columns = np.load(tmp_path / "a.npz")
        if loss == "squared_error":
            np.testing.assert_allclose(columns["prediction_1"], network.predict(params, x)[:, 1])
        else:
            assert np.array_equal(columns[name], network.classify(params, x))


def test_a_model_alone_is_summed_up(folder, capsys, monkeypatch):
    """Layers, classes, columns, settings and scores."""
    monkeypatch.chdir(folder)
    predict.main(["m"])
    text = capsys.readouterr().out
    for words in (
        "m: 4-128-3 (relu, softmax), 1,027 parameters, float32",
        "layer 2: 128 → 3, softmax",
        "classes: setosa, versicolor, virginica",
        "columns: length, width, colour=blue, colour=red",
        "optimizer adam, learning rate 0.001",
        "epoch 30: cost",
        "resumable after epoch 30",
    ):
        assert words in text


def test_a_resumed_training_has_the_same_rows(folder, tmp_path):
    """Flags of the table are restored, and the test rows are drawn alike."""
    (tmp_path / "m").write_bytes((folder / "m").read_bytes())
    (tmp_path / "flowers.csv").write_bytes((folder / "flowers.csv").read_bytes())
    answer = process("xpnet.train", "--resume", "m", "--epochs", 31, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert serialization.load(tmp_path / "m").layout == serialization.load(folder / "m").layout


def test_weights_and_test_files(tmp_path):
    """A column of weights weighs the rows; test rows come from a table of their own."""
    path = flowers(tmp_path / "train.csv")
    text = path.read_text().splitlines()
    path.write_text("\n".join(f"{line},{'w' if not row else row % 2}" for row, line in enumerate(text)) + "\n")
    flowers(tmp_path / "test.csv", rows=30, seed=1)
    data = xpnet.data.load(path, xpnet.data.Columns("species", "w", drop=("row", "colour")), test=tmp_path / "test.csv")
    assert (data.x_train.shape, data.x_test.shape, data.classes) == ((150, 2), (30, 2), FLOWERS)
    assert data.weight.tolist() == [row % 2 for row in range(1, 151)]
    flags = ["--label", "species", "--weight", "w", "--drop", "row,colour", "--test", "test.csv", "--epochs", 2]
    answer = process("xpnet.train", "--data", "train.csv", *flags, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "150 rows, 30 to test" in answer.stdout


def test_columns_whose_names_have_commas(tmp_path):
    """Messages give them as `--drop` takes them: in double quotes, as the file does."""
    (tmp_path / "t.csv").write_text('"width, cm", length,y\nwide,1,0\nnarrow,2,1\n')
    flags = ["--data", "t.csv", "--label", "y", "--epochs", 1]
    words = sentence(process("xpnet.train", *flags, cwd=tmp_path))
    assert """no numbers in the column "width, cm" (string); leave them out with --drop '"width, cm"',""" in words
    words = sentence(process("xpnet.train", *flags, "--drop", "width", cwd=tmp_path))
    assert """has no column width; its columns are "width, cm", " length", y""" in words
    answer = process("xpnet.train", *flags, "--drop", '"width, cm"', "--save", "m", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert serialization.load(tmp_path / "m").layout.inputs == (" length",)


def test_arrays_can_be_split_too(tmp_path):
    """`--test-fraction` sets aside rows of any data in memory that have none."""
    np.savez(tmp_path / "d.npz", x_train=np.random.default_rng(0).normal(size=(60, 3)), y_train=np.arange(60) % 3)
    data = xpnet.data.load(tmp_path / "d.npz", test_fraction=0.25)
    assert [len(y) for y in (data.y_train, data.y_test)] == [45, 15]
    assert np.bincount(data.y_test).tolist() == [5, 5, 5]
    with pytest.raises(DataError, match="digits: has test rows already"):
        xpnet.data.load("digits", test_fraction=0.25)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], r"flowers\.csv: name the column to predict with --label .* it has row, length, width, colour, species"),
        (["--label", "species"], r"holds no numbers in the columns row \(string\), colour \(string\)"),
        (["--label", "kind"], "has no column kind; its columns are row, length, width"),
        (["--label", "species", "--test", "t.csv", "--test-fraction", ".1"], "not both"),
        (["--data", "digits", "--label", "y"], "digits: no table; columns and a file of test rows go with .csv"),
        (["--label", "species", "--drop", "row,colour", "--test", "none.csv"], "none.csv: no such file"),
    ],
)
def test_flags_that_do_not_fit(folder, flags, words):
    """One sentence says what the table has."""
    import re

    flags = flags if "--data" in flags else ["--data", "flowers.csv", *flags]
    assert re.search(words, sentence(process("xpnet.train", *flags, cwd=folder)))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--proba"], "--proba goes with --output FILE"),
        (["--output", "a.txt"], r"a\.txt does not end in \.csv, \.npz or \.parquet"),
        (["--output", "none/a.csv"], "there is no folder none"),
        (["--output", "flowers.csv"], "both name flowers.csv"),
    ],
)
def test_answers_that_cannot_be_written(folder, flags, words, monkeypatch):
    """Nothing is predicted first, and nothing replaced."""
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=words):
        predict.main(["m", "flowers.csv", *flags])


def test_a_damaged_layout_is_refused(folder, tmp_path):
    """One that has other inputs than the network."""
    model = serialization.load(folder / "m")
    layout = model.layout._replace(inputs=("length",))
    serialization.save(tmp_path / "m", model.network, model.params, layout=layout)
    with pytest.raises(ModelFileError, match="its table has 1 inputs, but its network 4"):
        serialization.load(tmp_path / "m")

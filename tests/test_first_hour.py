"""A newcomer's first hour: tables and the README's commands for them, and the scores that they reach."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import process

from xpnet import serialization
from xpnet.data.mnist import files_of_user, load_mnist

pytest.importorskip("pyarrow", reason="needs pyarrow")


def written(path, frame):
    """The path of a scikit-learn data set as a CSV file."""
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def datasets():
    """scikit-learn's tables, which need pandas."""
    pytest.importorskip("pandas", reason="needs pandas")
    return pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")


def score(folder, *flags):
    """The last epoch's accuracy or R² of the test rows."""
    answer = process("xpnet.train", *flags, "--save", "m", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return serialization.load(folder / "m").history[-1]["test_accuracy"]


STANDARDIZED = ("--standardize", "--batch-size", 32, "--test-fraction", 0.25)


def test_wine(datasets, tmp_path):
    """Its columns differ by thousands; standardized, at least 95 % of the test rows are right."""
    written(tmp_path / "wine.csv", datasets.load_wine(as_frame=True).frame)
    assert score(tmp_path, "--data", "wine.csv", "--label", "target", *STANDARDIZED) >= 0.95


def test_diabetes(datasets, tmp_path):
    """A regression, whose targets are standardized too: R² of at least 0.45."""
    written(tmp_path / "diabetes.csv", datasets.load_diabetes(as_frame=True, scaled=False).frame)
    assert score(tmp_path, "--data", "diabetes.csv", "--label", "target", *STANDARDIZED) >= 0.45


def test_iris_by_name(datasets, tmp_path):
    """Answers are the names that the label's column holds, in the order of the rows."""
    data = datasets.load_iris(as_frame=True)
    frame = data.frame.assign(species=data.target_names[data.target]).drop(columns="target")
    written(tmp_path / "iris.csv", frame)
    assert score(tmp_path, "--data", "iris.csv", "--label", "species", "--epochs", 200, "--test-fraction", 0.25) >= 0.95
    answer = process("xpnet.predict", "m", "iris.csv", "--proba", "--output", "answers.csv", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    with open(tmp_path / "answers.csv", newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["species", "p(setosa)", "p(versicolor)", "p(virginica)"]
    assert np.mean([row[0] == name for row, name in zip(rows, frame["species"], strict=True)]) >= 0.95


@pytest.mark.mnist
def test_kaggles_mnist(tmp_path):
    """Its train.csv, made of MNIST's first rows: at least 97.5 % with a larger hidden layer."""
    import pyarrow
    import pyarrow.csv

    if not files_of_user():
        pytest.skip("needs MNIST's files")
    data = load_mnist()
    columns = {"label": data.y_train[:42_000].astype("int64")}
    columns |= {f"pixel{i}": data.x_train[:42_000, i].astype("int64") for i in range(784)}
    pyarrow.csv.write_csv(pyarrow.table(columns), tmp_path / "train.csv")
    assert score(tmp_path, "--data", "train.csv", "--label", "label", "--test-fraction", 0.1, "--hidden", 512) >= 0.975


PEAK = """
import runpy
try:
    runpy.run_module("xpnet.train", run_name="__main__", alter_sys=True)
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""A process that prints its largest resident memory in kilobytes."""


def peak(folder, data, megabytes):
    """Largest memory of a training on a table in chunks of so many megabytes, in megabytes, and what it prints."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux, which tells a process how much memory it had")
    flags = ["--data", data, "--label", "y", "--hidden", "16", "--epochs", "1", "--batch-size", "512"]
    line = [sys.executable, "-c", PEAK, *flags, "--chunk-size", str(megabytes), "--engine", "replay"]
    # Not counting what it takes to measure the coverage.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    answer = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return int(answer.stdout.split()[-1]) / 1024, answer.stdout


@pytest.mark.parametrize("dictionary", [True, False], ids=["dictionaries", "plain"])
def test_a_wide_group_of_rows(tmp_path, dictionary):
    """All rows in one group, with a dictionary for every column as most writers make them: three chunks and 200 MB."""
    import pyarrow
    import pyarrow.parquet

    x = np.random.default_rng(0).normal(size=(65_536, 400)).astype("f4")
    columns = {f"c{i}": x[:, i] for i in range(400)} | {"y": (x[:, 0] > 0).astype("int64")}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet", use_dictionary=dictionary)
    megabytes, lines = peak(tmp_path, "t.parquet", 16)
    assert "65,536 rows" in lines
    assert megabytes <= 3 * 16 + 200


@pytest.mark.slow
def test_a_folder_larger_than_memory(tmp_path):
    """Parquet files in groups of 8,192 rows, four times as large as the memory: three chunks and 200 MB."""
    import pyarrow
    import pyarrow.parquet

    rng, chunk = np.random.default_rng(0), 16
    bound = 3 * chunk + 200
    for part in range(20):
        x = rng.normal(size=(65_536, 200)).astype("f4")
        columns = {f"c{i}": x[:, i] for i in range(200)} | {"y": (x[:, 0] > 0).astype("int64")}
        pyarrow.parquet.write_table(
            pyarrow.table(columns), tmp_path / f"part-{part}.parquet", compression="none", row_group_size=8_192
        )
    assert 4 * bound <= 20 * 65_536 * 200 * 4 / 2**20
    megabytes, lines = peak(tmp_path, ".", chunk)
    assert "1,310,720 rows" in lines
    assert megabytes <= bound

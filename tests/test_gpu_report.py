"""The report that `nox -s gpu` ends with: a table, and a file that can be sent."""

import json
import sys

import pytest
from helpers import gpu_report


@pytest.fixture
def reported(tmp_path, monkeypatch, capsys):
    """What a run on NumPy prints and writes, for tests of the test's choice."""
    monkeypatch.delenv("XPNET_DATA_DIR", raising=False)

    def report(text):
        (tmp_path / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--backend')\n")
        (tmp_path / "test_chosen.py").write_text(text)
        flags = ["--backend", "numpy", "--device", "cpu", "--folder", str(tmp_path)]
        status = gpu_report.main([*flags, str(tmp_path / "test_chosen.py")])
        (path,) = tmp_path.glob("gpu-*.json")
        return status, capsys.readouterr().out, json.loads(path.read_text())

    return report


def test_a_run_ends_with_a_table_and_a_file(reported):
    """Tests, doctor and digits have a line each that says what came out, and the file tells the same and more."""
    status, printed, written = reported("def test_one(): pass\n")
    assert status == 0
    table = printed.rpartition("what ")[2].splitlines()
    assert [line.split()[:2] for line in table[1:4]] == [["tests", "yes"], ["doctor", "yes"], ["digits", "yes"]]
    assert {row["what"]: row["holds"] for row in written["results"]} == {"tests": True, "doctor": True, "digits": True}
    (digits,) = (row for row in written["results"] if row["what"] == "digits")
    assert digits["details"]["accuracy"] > 0.95
    assert len(digits["details"]["seconds"]) == gpu_report.TRAININGS["digits"][3]
    assert written["backend"].startswith("numpy")


def test_what_fails_is_told_and_the_rest_runs(reported, monkeypatch):
    """A test and a training that fail are named in the file, and the exit status is 1."""
    monkeypatch.setitem(gpu_report.TRAININGS, "digits", (*gpu_report.TRAININGS["digits"][:-1], 1.1))
    status, printed, written = reported("def test_one(): pass\ndef test_two(): assert 1 == 2, 'not alike'\n")
    assert status == 1
    results = {row["what"]: row for row in written["results"]}
    assert [row["holds"] for row in results.values()] == [False, True, False]
    assert results["tests"]["result"] == "1 passed, 1 failed, 0 skipped"
    ((name, why),) = results["tests"]["details"].items()
    assert name.endswith("::test_two")
    assert "not alike" in why
    assert "NO     1 passed, 1 failed" in printed


def test_a_process_that_breaks_is_told(monkeypatch, capsys):
    """A training that ends with an error has its last line in the table, and tests that cannot start say so."""
    row = gpu_report.training("digits", "numpy", "cuda")
    assert not row.holds
    assert "NumPy has no device cuda" in row.result
    monkeypatch.setattr(sys, "executable", "false")
    assert gpu_report.tested("numpy", []) == ("tests", "did not run", False, None)
    assert gpu_report.diagnosed("numpy", "cpu").result == "said nothing"

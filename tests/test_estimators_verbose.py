"""What a verbose fit shows: a bar where someone sees it, scikit-learn's lines elsewhere."""

import re
import sys
from typing import Any

import pytest
from helpers.sklearn_pairs import UNFINISHED, ours, task

pytestmark = UNFINISHED


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, solver: str) -> None:
    """On a terminal verbose shows a bar with the latest loss on stderr; else there is nothing to see."""
    _, X, y, _, _ = task("classes")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for verbose in (True, 1):
        actual = ours("classes", solver=solver, verbose=verbose).fit(X, y)
        shown = capsys.readouterr()
        assert shown.out == ""
        last = shown.err.rpartition("\r")[2]
        assert last.startswith("MLPClassifier: 100%")
        assert f"{actual.n_iter_}/6" in last
        assert f"loss {actual.loss_:.6f}" in last
    ours("classes", solver=solver).fit(X, y)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("classes", dict(max_iter=3), "Iteration 3, loss = "),
        ("regression", dict(solver="sgd", max_iter=3), "Iteration 3, loss = "),
        (
            "classes",
            dict(early_stopping=True, n_iter_no_change=2, tol=1.0),
            "Validation score did not improve more than",
        ),
        ("classes", dict(n_iter_no_change=2, tol=1.0), "for 2 consecutive epochs. Stopping."),
        ("classes", dict(solver="sgd", n_iter_no_change=2, tol=1.0), "Training loss did not improve more than tol=1.0"),
        (
            "classes",
            dict(solver="sgd", learning_rate="adaptive", learning_rate_init=1e-5, n_iter_no_change=2, tol=1.0),
            "Setting learning rate to 0.000002",
        ),
    ],
    ids=["adam", "sgd", "scores", "stopping", "sgd stopping", "adaptive"],
)
def test_lines(capsys: pytest.CaptureFixture[str], name: str, parameters: dict[str, Any], words: str) -> None:
    """Without a terminal they are on stdout, and scikit-learn's to the letter."""
    shown = []
    # Numbers for labels: scikit-learn 1.7 and 1.8 cannot stop early by names.
    _, X, y, _, _ = problem = task(name, 90)
    for each in problem.pair(verbose=True, **parameters):
        each.fit(X, y)
        shown.append(capsys.readouterr())
    actual, expected = shown
    assert actual.out == expected.out
    assert actual.err == ""
    assert words in actual.out


def test_lines_of_lbfgs(capsys: pytest.CaptureFixture[str]) -> None:
    """They are there for lbfgs too, where scikit-learn's are SciPy's own."""
    _, X, y, _, _ = task("classes")
    actual = ours("classes", solver="lbfgs", verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [re.fullmatch(r"Iteration (\d), loss = [\d.]{10}", line)[1] for line in lines] == list("123456")
    assert lines[-1].endswith(f"{actual.loss_:.8f}")

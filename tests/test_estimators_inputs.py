"""What the estimators take: labels of any kind, data frames, lists and sparse rows, as scikit-learn's take them."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import distance
from helpers.sklearn_pairs import AGREEMENT, TASKS, UNFINISHED, apart, estimators, skip_words, task
from sklearn.exceptions import DataConversionWarning

pytestmark = UNFINISHED

KINDS: dict[str, list[Any]] = {
    "strings": ["bee", "ant", "cow"],
    "objects": [*np.asarray(["bee", "ant", "cow"], object)],
    "negative integers": [-1, -7, 5],
    "unsigned integers": [*np.asarray([1, 7, 200], np.uint8)],
    "floats that are integers": [1.0, -2.0, 30.0],
    "two strings": ["no", "yes", "no"],
    "booleans": [True, False, True],
    "two integers": [4, 2, 4],
    "one class": [3, 3, 3],
}
"""Names for the three classes of a task."""


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("holder", [np.asarray, list])
def test_labels_of_any_kind(kind: str, holder: Any) -> None:
    """They are found in rising order, learnt, and given back, in their own dtype, as scikit-learn does."""
    problem = task("classes")
    names = np.asarray(KINDS[kind], object if kind == "objects" else None)
    y = holder(names[np.searchsorted([-3, 0, 7], problem.y)])
    ours, theirs = (each.fit(problem.X, y) for each in problem.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert ours.classes_.dtype == theirs.classes_.dtype
    assert ours.classes_.tolist() == theirs.classes_.tolist() == sorted(set(names.tolist()))
    assert ours.predict(problem.X).tolist() == theirs.predict(problem.X).tolist()
    assert ours.predict(problem.X).dtype == theirs.predict(problem.X).dtype
    assert ours.score(problem.X, y) == theirs.score(problem.X, y)
    assert distance(ours.predict_proba(problem.X), theirs.predict_proba(problem.X)) < AGREEMENT


def test_one_class_is_all_there_is() -> None:
    """Even before it has learnt that nothing else comes, a classifier of one class predicts that class."""
    problem = task("classes")
    ours = estimators.MLPClassifier((4,), max_iter=1, random_state=1, learning_rate_init=1e-9)
    assert ours.fit(problem.X, np.full(61, "all")).predict_proba(problem.X)[:, 1].max() > 0.5
    assert set(ours.predict(problem.X)) == {"all"}


@pytest.mark.parametrize("make", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("name", TASKS)
def test_sparse_rows(make: str, name: str) -> None:
    """CSR and CSC of either interface are trained on, judged and answered for as the same rows when dense."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    skip_words(name)
    problem = task(name, 100)
    X = problem.X * (problem.X > 0)
    rows = getattr(scipy_sparse, make)(X)
    for early_stopping in (True, False):
        ours, theirs = problem.pair(batch_size=16, max_iter=10, activation="tanh", early_stopping=early_stopping)
        ours.fit(rows, problem.y, problem.weight)
        theirs.fit(X, problem.y, problem.weight)
        assert apart(ours, theirs) < AGREEMENT
        assert ours.score(rows, problem.y) == pytest.approx(theirs.score(X, problem.y), rel=AGREEMENT)
    assert apart(ours.partial_fit(rows, problem.y), theirs.partial_fit(X, problem.y)) < AGREEMENT


def test_sparse_labels() -> None:
    """A sparse matrix of 0 and 1 is several labels, as in scikit-learn."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    problem = task("labels")
    ours, theirs = (each.fit(problem.X, scipy_sparse.csr_array(problem.y)) for each in problem.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert (ours.predict(problem.X) == theirs.predict(problem.X)).all()


@pytest.mark.parametrize("name", ["two classes", "labels", "regression", "regressions"])
def test_data_frames(name: str) -> None:
    """pandas' frames and series are rows and targets; their columns' names are kept and must come again."""
    pandas = pytest.importorskip("pandas")
    problem = task(name)
    X = pandas.DataFrame(problem.X, columns=list("abcde"))
    y = pandas.DataFrame(problem.y) if problem.y.ndim == 2 else pandas.Series(problem.y)
    ours, theirs = (each.fit(X, y, pandas.Series(problem.weight)) for each in problem.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert ours.feature_names_in_.tolist() == list("abcde")
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=AGREEMENT)
    for each in (ours, theirs):
        with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
            each.predict(X[list("edcba")])
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            each.predict(problem.X)


def test_pandas_own_strings_and_categories() -> None:
    """Series of pandas' string and categorical dtypes are labels."""
    pandas = pytest.importorskip("pandas")
    problem = task("two classes")
    expected = problem.pair(max_iter=10)[0].fit(problem.X, problem.y)
    for dtype in ("string", "category"):
        ours = problem.pair(max_iter=10)[0].fit(problem.X, pandas.Series(problem.y, dtype=dtype))
        assert apart(ours, expected) == 0
        assert ours.predict(problem.X).tolist() == expected.predict(problem.X).tolist()


def test_lists() -> None:
    """Lists of numbers are rows and targets."""
    problem = task("regressions")
    ours, theirs = (each.fit(problem.X.tolist(), problem.y.tolist()) for each in problem.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert distance(ours.predict(problem.X.tolist()), theirs.predict(problem.X)) < AGREEMENT


@pytest.mark.parametrize("name", ["classes", "regression"])
def test_a_column_of_targets(name: str) -> None:
    """One column is taken as a vector, with scikit-learn's warning on the caller's line."""
    problem = task(name)
    ours, theirs = problem.pair(max_iter=3)
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected") as seen:
        ours.fit(problem.X, problem.y[:, None])
    assert seen[0].filename == __file__
    assert apart(ours, theirs.fit(problem.X, problem.y)) < AGREEMENT
    assert ours.predict(problem.X).shape == (61,)


@pytest.mark.parametrize("weight", [2.0, 3, "a list", "integers"])
def test_weights(weight: Any) -> None:
    """One number is every row's, and lists and integers are weights, as in scikit-learn."""
    problem = task("classes")
    weight = {"a list": problem.weight.tolist(), "integers": np.arange(61)}.get(weight, weight)
    ours, theirs = (each.fit(problem.X, problem.y, weight) for each in problem.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT


@pytest.mark.parametrize("name", ["classes", "counts"])
def test_what_comes_in_stays_as_it_is(name: str) -> None:
    """Rows, targets and weights are not written to, and need not be writable or in order."""
    problem = task(name)
    copies = problem.X.copy(), problem.y.copy(), problem.weight.copy()
    for array in (problem.X, problem.y, problem.weight):
        array.flags.writeable = False
    ours = problem.pair(max_iter=3)[0].fit(problem.X, problem.y, problem.weight)
    assert distance((problem.X, problem.y, problem.weight), copies) == 0
    apart_in_memory = np.asfortranarray(np.repeat(problem.X, 2, axis=1))[:, ::2]
    again = problem.pair(max_iter=3)[0].fit(apart_in_memory, problem.y, problem.weight)
    assert apart(again, ours) == 0

"""What the estimators take: labels of any kind, data frames, lists and sparse rows, as scikit-learn's take them."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import distance
from helpers.sklearn_pairs import AGREEMENT, TASKS, UNFINISHED, apart, estimators, task
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
    given = task("classes")
    names = np.asarray(KINDS[kind], object if kind == "objects" else None)
    y = holder(names[np.searchsorted([-3, 0, 7], given.y)])
    ours, theirs = (each.fit(given.X, y) for each in given.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert ours.classes_.dtype == theirs.classes_.dtype
    assert ours.classes_.tolist() == theirs.classes_.tolist() == sorted(set(names.tolist()))
    assert ours.predict(given.X).tolist() == theirs.predict(given.X).tolist()
    assert ours.predict(given.X).dtype == theirs.predict(given.X).dtype
    assert ours.score(given.X, y) == theirs.score(given.X, y)
    assert distance(ours.predict_proba(given.X), theirs.predict_proba(given.X)) < AGREEMENT


def test_one_class_is_all_there_is() -> None:
    """Even before it has learnt that nothing else comes, a classifier of one class predicts that class."""
    given = task("classes")
    ours = estimators.MLPClassifier((4,), max_iter=1, random_state=1, learning_rate_init=1e-9)
    assert ours.fit(given.X, np.full(61, "all")).predict_proba(given.X)[:, 1].max() > 0.5
    assert set(ours.predict(given.X)) == {"all"}


@pytest.mark.parametrize("make", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("name", TASKS)
def test_sparse_rows(make: str, name: str) -> None:
    """CSR and CSC of either interface are trained on, judged and answered for as the same rows when dense."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    given = task(name, 100)
    X = given.X * (given.X > 0)
    rows = getattr(scipy_sparse, make)(X)
    for early_stopping in (True, False):
        ours, theirs = given.pair(batch_size=16, max_iter=10, activation="tanh", early_stopping=early_stopping)
        ours.fit(rows, given.y, given.weight)
        theirs.fit(X, given.y, given.weight)
        assert apart(ours, theirs) < AGREEMENT
        assert ours.score(rows, given.y) == pytest.approx(theirs.score(X, given.y), rel=AGREEMENT)
    assert apart(ours.partial_fit(rows, given.y), theirs.partial_fit(X, given.y)) < AGREEMENT


def test_sparse_labels() -> None:
    """A sparse matrix of 0 and 1 is several labels, as in scikit-learn."""
    scipy_sparse = pytest.importorskip("scipy.sparse")
    given = task("labels")
    ours, theirs = (each.fit(given.X, scipy_sparse.csr_array(given.y)) for each in given.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert (ours.predict(given.X) == theirs.predict(given.X)).all()


@pytest.mark.parametrize("name", ["two classes", "labels", "regression", "regressions"])
def test_data_frames(name: str) -> None:
    """pandas' frames and series are rows and targets; their columns' names are kept and must come again."""
    pandas = pytest.importorskip("pandas")
    given = task(name)
    X = pandas.DataFrame(given.X, columns=list("abcde"))
    y = pandas.DataFrame(given.y) if given.y.ndim == 2 else pandas.Series(given.y)
    ours, theirs = (each.fit(X, y, pandas.Series(given.weight)) for each in given.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert ours.feature_names_in_.tolist() == list("abcde")
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=AGREEMENT)
    for each in (ours, theirs):
        with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
            each.predict(X[list("edcba")])
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            each.predict(given.X)


def test_pandas_own_strings_and_categories() -> None:
    """Series of pandas' string and categorical dtypes are labels."""
    pandas = pytest.importorskip("pandas")
    given = task("two classes")
    wanted = given.pair(max_iter=10)[0].fit(given.X, given.y)
    for dtype in ("string", "category"):
        ours = given.pair(max_iter=10)[0].fit(given.X, pandas.Series(given.y, dtype=dtype))
        assert apart(ours, wanted) == 0
        assert ours.predict(given.X).tolist() == wanted.predict(given.X).tolist()


def test_lists() -> None:
    """Lists of numbers are rows and targets."""
    given = task("regressions")
    ours, theirs = (each.fit(given.X.tolist(), given.y.tolist()) for each in given.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT
    assert distance(ours.predict(given.X.tolist()), theirs.predict(given.X)) < AGREEMENT


@pytest.mark.parametrize("name", ["classes", "regression"])
def test_a_column_of_targets(name: str) -> None:
    """One column is taken as a vector, with scikit-learn's warning on the caller's line."""
    given = task(name)
    ours, theirs = given.pair(max_iter=3)
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected") as seen:
        ours.fit(given.X, given.y[:, None])
    assert seen[0].filename == __file__
    assert apart(ours, theirs.fit(given.X, given.y)) < AGREEMENT
    assert ours.predict(given.X).shape == (61,)


@pytest.mark.parametrize("weight", [2.0, 3, "a list", "integers"])
def test_weights(weight: Any) -> None:
    """One number is every row's, and lists and integers are weights, as in scikit-learn."""
    given = task("classes")
    weight = {"a list": given.weight.tolist(), "integers": np.arange(61)}.get(weight, weight)
    ours, theirs = (each.fit(given.X, given.y, weight) for each in given.pair(max_iter=10))
    assert apart(ours, theirs) < AGREEMENT


@pytest.mark.parametrize("name", ["classes", "counts"])
def test_what_comes_in_stays_as_it_is(name: str) -> None:
    """Rows, targets and weights are not written to, and need not be writable or in order."""
    given = task(name)
    kept = given.X.copy(), given.y.copy(), given.weight.copy()
    for array in (given.X, given.y, given.weight):
        array.flags.writeable = False
    ours = given.pair(max_iter=3)[0].fit(given.X, given.y, given.weight)
    assert distance((given.X, given.y, given.weight), kept) == 0
    apart_in_memory = np.asfortranarray(np.repeat(given.X, 2, axis=1))[:, ::2]
    again = given.pair(max_iter=3)[0].fit(apart_in_memory, given.y, given.weight)
    assert apart(again, ours) == 0

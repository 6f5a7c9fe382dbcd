"""The estimators on arrays of every library: what comes in decides where it is computed and what comes out."""

import os
import pickle
from typing import Any

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance
from helpers.sklearn_pairs import TASKS, UNFINISHED, Task, apart, task, told
from sklearn import config_context
from sklearn.utils import get_tags

from xpnet.backends import Backend, dtype_name, resolve
from xpnet.errors import InputError

pytestmark = UNFINISHED

dispatched = pytest.mark.skipif(
    os.environ.get("SCIPY_ARRAY_API") != "1", reason="scikit-learn's dispatch needs SCIPY_ARRAY_API=1 from the start"
)


def on(backend: Backend, given: Task, dtype: str) -> Task:
    """A task's arrays on a backend, labels as int32."""
    is_label = given.name == "MLPClassifier"
    y = np.unique(given.y, return_inverse=True)[1] if given.y.dtype.kind in "SU" else given.y
    return given._replace(
        X=backend.asarray(given.X.astype(dtype)),
        y=backend.asarray(y.astype("int32" if is_label else dtype)),
        weight=backend.asarray(given.weight.astype(dtype)),
    )


def like(found: Any, wanted: Any) -> None:
    """Hold an array to another's kind and device."""
    assert type(found) is type(wanted)
    assert str(getattr(found, "device", None)) == str(getattr(wanted, "device", None))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", TASKS)
def test_the_arrays_decide(backend: Backend, float_dtype: str, name: str, solver: str) -> None:
    """Fitted attributes and answers are of X's kind, on its device, in its dtype, and NumPy's but for rounding."""
    there, target = on(backend, task(name), float_dtype), on(resolve("numpy"), task(name), float_dtype)
    parameters = dict(solver=solver, max_iter=5, batch_size=20)
    ours, wanted = (given.pair(**parameters)[0].fit(given.X, given.y, given.weight) for given in (there, target))
    for array in (*ours.coefs_, *ours.intercepts_):
        like(array, there.X)
        assert dtype_name(array) == float_dtype
    assert apart(ours.to_host(), wanted) < 100 * ROUNDING[float_dtype]
    assert told(ours) == pytest.approx(told(wanted), rel=100 * ROUNDING[float_dtype], nan_ok=True)
    guess = ours.predict(there.X)
    like(guess, there.X)
    assert distance(backend.to_host(guess), wanted.predict(target.X)) < 100 * ROUNDING[float_dtype]
    assert ours.score(there.X, there.y, there.weight) == pytest.approx(
        wanted.score(target.X, target.y, target.weight), rel=1e-4
    )
    if name in TASKS[:3]:
        like(ours.classes_, there.X)
        for method in ("predict_proba", "predict_log_proba"):
            a = getattr(ours, method)(there.X)
            like(a, there.X)
            assert distance(backend.to_host(a), getattr(wanted, method)(target.X)) < 100 * ROUNDING[float_dtype]


def test_early_stopping_and_bits(backend: Backend, float_dtype: str) -> None:
    """Rows are held back, judged, and gone on with on every device."""
    there, target = (
        on(backend, task("classes", 120), float_dtype),
        on(resolve("numpy"), task("classes", 120), float_dtype),
    )
    parameters = dict(early_stopping=True, learning_rate_init=0.03, max_iter=12)
    ours, wanted = (given.pair(**parameters)[0].fit(given.X, given.y) for given in (there, target))
    assert ours.validation_scores_ == pytest.approx(wanted.validation_scores_)
    for each, given in ((ours, there), (wanted, target)):
        each.set_params(early_stopping=False).partial_fit(given.X, given.y)
    assert apart(ours.to_host(), wanted) < 100 * ROUNDING[float_dtype]


def test_integers_are_fitted_in_the_widest_floating_dtype(backend: Backend, float_dtype: str) -> None:
    """Rows of integers become the widest floating-point numbers that the device has."""
    given = task("classes")
    X = np.round(given.X * 4).astype("int32")
    ours = given.pair(max_iter=3)[0].fit(backend.asarray(X), backend.asarray(given.y.astype("int32")))
    if backend.name == "jax":
        float_dtype = dtype_name(backend.xp.asarray(0.5))
    assert dtype_name(ours.coefs_[0]) == float_dtype
    wanted = given.pair(max_iter=3)[0].fit(X.astype(float_dtype), given.y)
    assert apart(ours.to_host(), wanted) < 100 * ROUNDING[float_dtype]


def test_names_of_classes_stay_numpys(backend: Backend, float_dtype: str) -> None:
    """No other library has strings: labels that are, and predictions of them, are NumPy's whatever X is."""
    given = task("two classes")
    X = backend.asarray(given.X.astype(float_dtype))
    for y in (given.y, list(given.y)):
        ours, wanted = given.pair(max_iter=10)[0].fit(X, y), given.pair(max_iter=10)[0].fit(given.X, given.y)
        assert ours.predict(X).tolist() == wanted.predict(given.X).tolist()
        assert ours.classes_.tolist() == ["no", "yes"]
        assert ours.score(X, y) == wanted.score(given.X, given.y)


@pytest.mark.parametrize("other", ["y", "sample_weight", "validation_data's X", "validation_data's y"])
def test_two_kinds_are_refused(backend: Backend, float_dtype: str, other: str) -> None:
    """Whatever is not of X's kind is named beside X, with what both are."""
    if backend.name == "numpy":
        pytest.skip("NumPy's arrays are the other kind")
    given = task("regression")
    X, y, weight = (backend.asarray(array.astype(float_dtype)) for array in (given.X, given.y, given.weight))
    arrays = {"y": y, "sample_weight": weight, "validation_data's X": X, "validation_data's y": y}
    arrays[other] = backend.to_host(arrays[other])
    kind = f"X is an? .*{backend.name.partition('-')[0]}.* on .* but {other} is a numpy array on cpu; give both"
    with pytest.raises(InputError, match=kind):
        given.pair()[0].fit(
            X,
            arrays["y"],
            arrays["sample_weight"],
            validation_data=(arrays["validation_data's X"], arrays["validation_data's y"]),
        )


@pytest.mark.parametrize("method", ["predict", "predict_proba", "partial_fit"])
def test_another_kind_than_was_fitted_on_is_refused(backend: Backend, float_dtype: str, method: str) -> None:
    """What was fitted on one library answers for its arrays alone; the sentence names both and what to do."""
    if backend.name == "numpy":
        pytest.skip("NumPy's arrays are the other kind")
    given = task("classes")
    there = on(backend, given, float_dtype)
    ours = given.pair(max_iter=2)[0].fit(there.X, there.y)
    rows = (given.X, given.y) if method == "partial_fit" else (given.X,)
    words = (
        rf"Inputs passed to MLPClassifier\.{method}\(\) must use the same namespace .* these are of numpy on cpu, those"
    )
    with pytest.raises(ValueError, match=words):
        getattr(ours, method)(*rows)


def test_to_host(backend: Backend, float_dtype: str) -> None:
    """The estimator on NumPy has the same answers, can be pickled, and goes on with the same optimizer."""
    given = task("classes", 100)
    there = on(backend, given, float_dtype)
    ours = given.pair(max_iter=5)[0].fit(there.X, there.y)
    moved = pickle.loads(pickle.dumps(ours.to_host()))
    like(moved.coefs_[0], given.X)
    like(moved.classes_, given.X)
    X = given.X.astype(float_dtype)
    tolerance = 100 * ROUNDING[float_dtype]
    assert distance(moved.predict_proba(X), backend.to_host(ours.predict_proba(there.X))) < tolerance
    assert (moved.predict(X) == backend.to_host(ours.predict(there.X))).all()
    assert dtype_name(ours.coefs_[0]) == float_dtype
    like(ours.coefs_[0], there.X)
    moved.partial_fit(X, given.y)
    assert apart(moved, ours.partial_fit(there.X, there.y).to_host()) < tolerance


def test_the_tags_say_so() -> None:
    """scikit-learn is told that arrays of other libraries are taken, and sparse ones."""
    for name in ("classes", "regression"):
        tags = get_tags(task(name).pair()[0])
        assert tags.array_api_support
        assert tags.input_tags.sparse


@dispatched
@pytest.mark.parametrize("name", ["classes", "labels", "regression"])
def test_dispatch_changes_nothing(backend: Backend, float_dtype: str, name: str) -> None:
    """Within scikit-learn's array_api_dispatch the same is computed as without."""
    there = on(backend, task(name), float_dtype)
    plain = there.pair(max_iter=4, early_stopping=True)[0].fit(there.X, there.y, there.weight)
    with config_context(array_api_dispatch=True):
        ours = there.pair(max_iter=4, early_stopping=True)[0].fit(there.X, there.y, there.weight)
        like(ours.predict(there.X), there.X)
        like(ours.coefs_[0], there.X)
        score = ours.score(there.X, there.y)
    assert apart(ours.to_host(), plain.to_host()) == 0
    assert score == plain.score(there.X, there.y)


@dispatched
def test_within_dispatch_all_follows_X(backend: Backend, float_dtype: str) -> None:
    """There, as scikit-learn has it, targets and weights of another kind go where X is."""
    given = task("classes")
    there = on(backend, given, float_dtype)
    with config_context(array_api_dispatch=True):
        ours = there.pair(max_iter=4)[0].fit(there.X, given.y, given.weight)
        like(ours.predict(there.X), there.X)
    assert apart(ours.to_host(), there.pair(max_iter=4)[0].fit(there.X, there.y, there.weight).to_host()) == 0

"""The estimators on arrays of every library: what comes in decides where it is computed and what comes out."""

import os
import pickle
from typing import Any

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance
from helpers.sklearn_pairs import TASKS, UNFINISHED, Task, apart, history, task
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from xpnet.backends import Backend, dtype_name, resolve
from xpnet.errors import InputError

pytestmark = UNFINISHED

dispatched = pytest.mark.skipif(
    os.environ.get("SCIPY_ARRAY_API") != "1", reason="scikit-learn's dispatch needs SCIPY_ARRAY_API=1 from the start"
)


def on(backend: Backend, problem: Task, dtype: str) -> Task:
    """A task's arrays on a backend, labels as int32."""
    is_label = problem.name == "MLPClassifier"
    y = np.unique(problem.y, return_inverse=True)[1] if problem.y.dtype.kind in "SU" else problem.y
    return problem._replace(
        X=backend.asarray(problem.X.astype(dtype)),
        y=backend.asarray(y.astype("int32" if is_label else dtype)),
        weight=backend.asarray(problem.weight.astype(dtype)),
    )


def like(actual: Any, expected: Any) -> None:
    """Hold an array to another's kind and device."""
    assert type(actual) is type(expected)
    assert str(getattr(actual, "device", None)) == str(getattr(expected, "device", None))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", TASKS)
def test_the_arrays_decide(backend: Backend, float_dtype: str, name: str, solver: str) -> None:
    """Fitted attributes and answers are of X's kind, on its device, in its dtype, and NumPy's but for rounding."""
    on_device, target = on(backend, task(name), float_dtype), on(resolve("numpy"), task(name), float_dtype)
    parameters = dict(solver=solver, max_iter=5, batch_size=20)
    ours, expected = (
        problem.pair(**parameters)[0].fit(problem.X, problem.y, problem.weight) for problem in (on_device, target)
    )
    for array in (*ours.coefs_, *ours.intercepts_):
        like(array, on_device.X)
        assert dtype_name(array) == float_dtype
    assert apart(ours.to_host(), expected) < 100 * ROUNDING[float_dtype]
    assert history(ours) == pytest.approx(history(expected), rel=100 * ROUNDING[float_dtype], nan_ok=True)
    guess = ours.predict(on_device.X)
    like(guess, on_device.X)
    assert distance(backend.to_host(guess), expected.predict(target.X)) < 100 * ROUNDING[float_dtype]
    assert ours.score(on_device.X, on_device.y, on_device.weight) == pytest.approx(
        expected.score(target.X, target.y, target.weight), rel=1e-4
    )
    if name in TASKS[:3]:
        like(ours.classes_, on_device.X)
        for method in ("predict_proba", "predict_log_proba"):
            a = getattr(ours, method)(on_device.X)
            like(a, on_device.X)
            assert distance(backend.to_host(a), getattr(expected, method)(target.X)) < 100 * ROUNDING[float_dtype]


def test_early_stopping_and_bits(backend: Backend, float_dtype: str) -> None:
    """Rows are held back, judged, and gone on with on every device."""
    on_device, target = (
        on(backend, task("classes", 120), float_dtype),
        on(resolve("numpy"), task("classes", 120), float_dtype),
    )
    parameters = dict(early_stopping=True, learning_rate_init=0.03, max_iter=12)
    ours, expected = (problem.pair(**parameters)[0].fit(problem.X, problem.y) for problem in (on_device, target))
    assert ours.validation_scores_ == pytest.approx(expected.validation_scores_)
    for each, problem in ((ours, on_device), (expected, target)):
        each.set_params(early_stopping=False).partial_fit(problem.X, problem.y)
    assert apart(ours.to_host(), expected) < 100 * ROUNDING[float_dtype]


def test_integers_are_fitted_in_the_widest_floating_dtype(backend: Backend, float_dtype: str) -> None:
    """Rows of integers become the widest floating-point numbers that the device has."""
    problem = task("classes")
    X = np.round(problem.X * 4).astype("int32")
    ours = problem.pair(max_iter=3)[0].fit(backend.asarray(X), backend.asarray(problem.y.astype("int32")))
    if backend.name == "jax":
        float_dtype = dtype_name(backend.xp.asarray(0.5))
    assert dtype_name(ours.coefs_[0]) == float_dtype
    expected = problem.pair(max_iter=3)[0].fit(X.astype(float_dtype), problem.y)
    assert apart(ours.to_host(), expected) < 100 * ROUNDING[float_dtype]


def test_names_of_classes_stay_numpys(backend: Backend, float_dtype: str) -> None:
    """No other library has strings: labels that are, and predictions of them, are NumPy's whatever X is."""
    problem = task("two classes")
    X = backend.asarray(problem.X.astype(float_dtype))
    for y in (problem.y, list(problem.y)):
        ours, expected = problem.pair(max_iter=10)[0].fit(X, y), problem.pair(max_iter=10)[0].fit(problem.X, problem.y)
        assert ours.predict(X).tolist() == expected.predict(problem.X).tolist()
        assert ours.classes_.tolist() == ["no", "yes"]
        assert ours.score(X, y) == expected.score(problem.X, problem.y)


@pytest.mark.parametrize("other", ["y", "sample_weight", "X_val", "y_val", "sample_weight_val"])
def test_two_kinds_are_refused(backend: Backend, float_dtype: str, other: str) -> None:
    """Whatever is not of X's kind is named beside X, with what both are."""
    if backend.name == "numpy":
        pytest.skip("NumPy's arrays are the other kind")
    problem = task("regression")
    X, y, weight = (backend.asarray(array.astype(float_dtype)) for array in (problem.X, problem.y, problem.weight))
    arrays = dict(y=y, sample_weight=weight, X_val=X, y_val=y, sample_weight_val=weight)
    arrays[other] = backend.to_host(arrays[other])
    kind = f"X is an? .*{backend.name.partition('-')[0]}.* on .* but {other} is a numpy array on cpu; give both"
    kind += r".* on one device, or call sklearn.set_config\(array_api_dispatch=True\)"
    with pytest.raises(InputError, match=kind):
        problem.pair()[0].fit(X, **arrays)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "partial_fit"])
def test_another_kind_than_was_fitted_on_is_refused(backend: Backend, float_dtype: str, method: str) -> None:
    """What was fitted on one library answers for its arrays alone; the sentence names both and what to do."""
    if backend.name == "numpy":
        pytest.skip("NumPy's arrays are the other kind")
    problem = task("classes")
    on_device = on(backend, problem, float_dtype)
    ours = problem.pair(max_iter=2)[0].fit(on_device.X, on_device.y)
    rows = (problem.X, problem.y) if method == "partial_fit" else (problem.X,)
    words = (
        rf"Inputs passed to MLPClassifier\.{method}\(\) must use the same namespace .* these are of numpy on cpu, those"
    )
    with pytest.raises(ValueError, match=words):
        getattr(ours, method)(*rows)


def test_to_host(backend: Backend, float_dtype: str) -> None:
    """The estimator on NumPy has the same answers, can be pickled, and goes on with the same optimizer."""
    problem = task("classes", 100)
    on_device = on(backend, problem, float_dtype)
    ours = problem.pair(max_iter=5)[0].fit(on_device.X, on_device.y)
    moved = pickle.loads(pickle.dumps(ours.to_host()))
    like(moved.coefs_[0], problem.X)
    like(moved.classes_, problem.X)
    X = problem.X.astype(float_dtype)
    tolerance = 100 * ROUNDING[float_dtype]
    assert distance(moved.predict_proba(X), backend.to_host(ours.predict_proba(on_device.X))) < tolerance
    assert (moved.predict(X) == backend.to_host(ours.predict(on_device.X))).all()
    assert dtype_name(ours.coefs_[0]) == float_dtype
    like(ours.coefs_[0], on_device.X)
    moved.partial_fit(X, problem.y)
    assert apart(moved, ours.partial_fit(on_device.X, on_device.y).to_host()) < tolerance


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
    on_device = on(backend, task(name), float_dtype)
    plain = on_device.pair(max_iter=4, early_stopping=True)[0].fit(on_device.X, on_device.y, on_device.weight)
    with config_context(array_api_dispatch=True):
        ours = on_device.pair(max_iter=4, early_stopping=True)[0].fit(on_device.X, on_device.y, on_device.weight)
        like(ours.predict(on_device.X), on_device.X)
        like(ours.coefs_[0], on_device.X)
        score = ours.score(on_device.X, on_device.y)
    assert apart(ours.to_host(), plain.to_host()) == 0
    assert score == plain.score(on_device.X, on_device.y)


@dispatched
def test_within_dispatch_pipelines_stay_in_the_library(backend: Backend, float_dtype: str) -> None:
    """A scaler hands on arrays of X's kind, where without dispatch it makes NumPy's of them, which are refused."""
    if backend.name != "torch":
        pytest.skip("scikit-learn's scaler changes arrays in place, and divides by 0 where NumPy warns")
    on_device = on(backend, task("classes"), float_dtype)
    pipeline = make_pipeline(StandardScaler(), on_device.pair(max_iter=4)[0])
    with config_context(array_api_dispatch=True):
        like(pipeline.fit(on_device.X, on_device.y).predict(on_device.X), on_device.X)
    with pytest.raises(InputError, match=r"X is a numpy array .*, or call sklearn.set_config"):
        pipeline.fit(on_device.X, on_device.y)


@dispatched
def test_within_dispatch_all_follows_X(backend: Backend, float_dtype: str) -> None:
    """There, as scikit-learn has it, targets and weights of another kind go where X is."""
    problem = task("classes")
    on_device = on(backend, problem, float_dtype)
    with config_context(array_api_dispatch=True):
        ours = on_device.pair(max_iter=4)[0].fit(on_device.X, problem.y, problem.weight)
        like(ours.predict(on_device.X), on_device.X)
    assert (
        apart(ours.to_host(), on_device.pair(max_iter=4)[0].fit(on_device.X, on_device.y, on_device.weight).to_host())
        == 0
    )

"""`device=`: NumPy's rows are sent where they are computed with, and what comes back is NumPy's."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance
from helpers.sklearn_pairs import TASKS, UNFINISHED, Task, apart, history, task

from xpnet import backends
from xpnet.backends import Backend
from xpnet.errors import DeviceError, InputError

pytestmark = UNFINISHED


def sent_to(device: str | None, problem: Task, **parameters: Any) -> Any:
    """Our estimator of a task that sends its rows to a device."""
    return problem.pair(**parameters)[0].set_params(device=device)


@pytest.fixture
def second_device(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> Backend:
    """Each backend in turn as the one that "cuda:1" stands for."""

    def resolve(name: str | None, device: str) -> Backend:
        assert (name, device) == (None, "cuda:1")
        return backend

    monkeypatch.setattr(backends, "resolve", resolve)
    return backend


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", TASKS)
def test_results_come_back(second_device: Backend, float_dtype: str, name: str, solver: str) -> None:
    """Attributes and answers are NumPy's, in X's dtype, and what they are when nothing is sent."""
    problem = task(name)
    X = problem.X.astype(float_dtype)
    ours, expected = (
        sent_to(device, problem, solver=solver, max_iter=4, activation="tanh").fit(X, problem.y, problem.weight)
        for device in ("cuda:1", None)
    )
    assert {(type(array), str(array.dtype)) for array in (*ours.coefs_, *ours.intercepts_)} == {
        (np.ndarray, float_dtype)
    }
    assert apart(ours, expected) < 100 * ROUNDING[float_dtype]
    methods = ("predict",) if problem.name == "MLPRegressor" else ("predict", "predict_proba", "predict_log_proba")
    for method in methods:
        answer, reference = getattr(ours, method)(X), getattr(expected, method)(X)
        assert (type(answer), answer.dtype) == (np.ndarray, reference.dtype)
        if answer.dtype.kind in "SU":
            assert (answer == reference).all()
        else:
            assert distance(answer, reference) < 100 * ROUNDING[float_dtype]


def test_trainings_go_on(second_device: Backend, float_dtype: str) -> None:
    """Partial fits, warm starts and early stopping continue with the arrays that came back."""
    problem = task("classes", 120)
    X = problem.X.astype(float_dtype)
    parameters = dict(max_iter=3, early_stopping=True, warm_start=True)
    pair = [sent_to(device, problem, **parameters) for device in ("cuda:1", None)]
    ours, expected = (each.fit(X, problem.y).fit(X, problem.y) for each in pair)
    assert history(ours) == pytest.approx(history(expected), rel=100 * ROUNDING[float_dtype], nan_ok=True)
    for each in pair:
        each.set_params(early_stopping=False).partial_fit(X, problem.y).partial_fit(X, problem.y)
    assert apart(ours, expected) < 100 * ROUNDING[float_dtype]
    assert ours.to_host().device is None


@pytest.mark.parametrize("make", ["csr_array", "csc_matrix"])
def test_sparse_rows_are_sent_batch_by_batch(second_device: Backend, float_dtype: str, make: str) -> None:
    """Sparse rows stay on the host, and only what is made dense of them is sent."""
    sparse = pytest.importorskip("scipy.sparse")
    problem = task("classes")
    X = getattr(sparse, make)((problem.X * (problem.X > 0)).astype(float_dtype))
    ours, expected = (sent_to(device, problem, max_iter=3).fit(X, problem.y) for device in ("cuda:1", None))
    assert apart(ours, expected) < 100 * ROUNDING[float_dtype]
    assert (ours.predict(X) == expected.predict(X)).all()


def test_a_device_is_for_numpys_rows(backend: Backend, float_dtype: str) -> None:
    """Arrays of another library are where they are; that and the device are named."""
    if backend.name == "numpy":
        pytest.skip("NumPy's rows may be sent")
    problem = task("regression")
    X, y = (backend.asarray(array.astype(float_dtype)) for array in (problem.X, problem.y))
    with pytest.raises(ValueError, match=r"device='cuda' is for NumPy arrays, but X is of .* on .*; leave device out"):
        sent_to("cuda", problem).fit(X, y)


def test_a_device_that_is_none() -> None:
    """A misspelt device and one that nothing can use are told as everywhere in xpnet."""
    problem = task("regression")
    with pytest.raises(InputError, match="device 'gpu' is not one of"):
        sent_to("gpu", problem).fit(problem.X, problem.y)
    with pytest.raises(DeviceError, match="device cuda:99"):
        sent_to("cuda:99", problem).fit(problem.X, problem.y)


def test_the_cpu_is_a_device_too() -> None:
    """device="cpu" computes where NumPy's rows are."""
    problem = task("classes")
    ours, expected = (sent_to(device, problem, max_iter=3).fit(problem.X, problem.y) for device in ("cpu", None))
    assert apart(ours, expected) == 0


@pytest.mark.gpu
@pytest.mark.parametrize("library", ["cupy", "torch", "jax"])
def test_on_a_gpu(library: str) -> None:
    """On a CUDA device arrays stay there, and NumPy's rows come back; both end where scikit-learn does."""
    try:
        backend = backends.resolve(library, "cuda")
    except DeviceError as error:
        pytest.skip(str(error))
    problem = task("classes")
    sent = sent_to("cuda", problem, max_iter=10).fit(problem.X, problem.y)
    stayed, expected = problem.pair(max_iter=10)
    stayed.fit(backend.asarray(problem.X), backend.asarray(problem.y))
    expected.fit(problem.X, problem.y)
    assert type(stayed.predict(backend.asarray(problem.X))) is type(backend.asarray(problem.X))
    for each in (sent, stayed.to_host()):
        assert apart(each, expected) < 100 * ROUNDING["float64"]

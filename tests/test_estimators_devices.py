"""`device=`: NumPy's rows are sent where they are computed with, and what comes back is NumPy's."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance
from helpers.sklearn_pairs import TASKS, UNFINISHED, Task, apart, task, told

from xpnet import backends
from xpnet.backends import Backend
from xpnet.errors import DeviceError, InputError

pytestmark = UNFINISHED


def sent_to(device: str | None, given: Task, **parameters: Any) -> Any:
    """Our estimator of a task that sends its rows to a device."""
    return given.pair(**parameters)[0].set_params(device=device)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> Backend:
    """Each backend in turn as the one that "cuda:1" stands for."""

    def resolve(name: str | None, device: str) -> Backend:
        assert (name, device) == (None, "cuda:1")
        return backend

    monkeypatch.setattr(backends, "resolve", resolve)
    return backend


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", TASKS)
def test_results_come_back(there: Backend, float_dtype: str, name: str, solver: str) -> None:
    """Attributes and answers are NumPy's, in X's dtype, and what they are when nothing is sent."""
    given = task(name)
    X = given.X.astype(float_dtype)
    ours, wanted = (
        sent_to(device, given, solver=solver, max_iter=4, activation="tanh").fit(X, given.y, given.weight)
        for device in ("cuda:1", None)
    )
    assert {(type(array), str(array.dtype)) for array in (*ours.coefs_, *ours.intercepts_)} == {
        (np.ndarray, float_dtype)
    }
    assert apart(ours, wanted) < 100 * ROUNDING[float_dtype]
    methods = ("predict",) if given.name == "MLPRegressor" else ("predict", "predict_proba", "predict_log_proba")
    for method in methods:
        found, expected = getattr(ours, method)(X), getattr(wanted, method)(X)
        assert (type(found), found.dtype) == (np.ndarray, expected.dtype)
        if found.dtype.kind in "SU":
            assert (found == expected).all()
        else:
            assert distance(found, expected) < 100 * ROUNDING[float_dtype]


def test_trainings_go_on(there: Backend, float_dtype: str) -> None:
    """Bits, warm starts and early stopping go on with what came back."""
    given = task("classes", 120)
    X = given.X.astype(float_dtype)
    parameters = dict(max_iter=3, early_stopping=True, warm_start=True)
    pair = [sent_to(device, given, **parameters) for device in ("cuda:1", None)]
    ours, wanted = (each.fit(X, given.y).fit(X, given.y) for each in pair)
    assert told(ours) == pytest.approx(told(wanted), rel=100 * ROUNDING[float_dtype], nan_ok=True)
    for each in pair:
        each.set_params(early_stopping=False).partial_fit(X, given.y).partial_fit(X, given.y)
    assert apart(ours, wanted) < 100 * ROUNDING[float_dtype]
    assert ours.to_host().device is None


@pytest.mark.parametrize("make", ["csr_array", "csc_matrix"])
def test_sparse_rows_are_sent_batch_by_batch(there: Backend, float_dtype: str, make: str) -> None:
    """Sparse rows stay on the host, and only what is made dense of them is sent."""
    sparse = pytest.importorskip("scipy.sparse")
    given = task("classes")
    X = getattr(sparse, make)((given.X * (given.X > 0)).astype(float_dtype))
    ours, wanted = (sent_to(device, given, max_iter=3).fit(X, given.y) for device in ("cuda:1", None))
    assert apart(ours, wanted) < 100 * ROUNDING[float_dtype]
    assert (ours.predict(X) == wanted.predict(X)).all()


def test_a_device_is_for_numpys_rows(backend: Backend, float_dtype: str) -> None:
    """Arrays of another library are where they are; that and the device are named."""
    if backend.name == "numpy":
        pytest.skip("NumPy's rows may be sent")
    given = task("regression")
    X, y = (backend.asarray(array.astype(float_dtype)) for array in (given.X, given.y))
    with pytest.raises(
        ValueError, match=r"device='cuda' is for rows of NumPy's, but X is of .* on .*; leave device out"
    ):
        sent_to("cuda", given).fit(X, y)


def test_a_device_that_is_none() -> None:
    """A misspelt device and one that nothing can use are told as everywhere in xpnet."""
    given = task("regression")
    with pytest.raises(InputError, match="device 'gpu' is not one of"):
        sent_to("gpu", given).fit(given.X, given.y)
    with pytest.raises(DeviceError, match="device cuda:99"):
        sent_to("cuda:99", given).fit(given.X, given.y)


def test_the_cpu_is_a_device_too() -> None:
    """device="cpu" computes where NumPy's rows are."""
    given = task("classes")
    ours, wanted = (sent_to(device, given, max_iter=3).fit(given.X, given.y) for device in ("cpu", None))
    assert apart(ours, wanted) == 0


@pytest.mark.gpu
@pytest.mark.parametrize("library", ["cupy", "torch", "jax"])
def test_on_a_gpu(library: str) -> None:
    """On a CUDA device arrays stay there, and NumPy's rows come back; both end where scikit-learn does."""
    try:
        backend = backends.resolve(library, "cuda")
    except DeviceError as error:
        pytest.skip(str(error))
    given = task("classes")
    sent = sent_to("cuda", given, max_iter=10).fit(given.X, given.y)
    stayed, wanted = given.pair(max_iter=10)
    stayed.fit(backend.asarray(given.X), backend.asarray(given.y))
    wanted.fit(given.X, given.y)
    assert type(stayed.predict(backend.asarray(given.X))) is type(backend.asarray(given.X))
    for each in (sent, stayed.to_host()):
        assert apart(each, wanted) < 100 * ROUNDING["float64"]

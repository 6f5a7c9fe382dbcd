"""The solver lbfgs: SciPy's optimizer over one vector, beside scikit-learn's use of it and central differences."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import DIFFERENCES, ROUNDING, central_differences, distance
from helpers.sklearn_pairs import AGREEMENT, TASKS, UNFINISHED, apart, estimators, task

from xpnet import Network
from xpnet.backends import Backend, resolve
from xpnet.estimators.lbfgs import Objective
from xpnet.training.placement import encoded

pytestmark = UNFINISHED

NUMBERS = ("n_iter_", "loss_", "t_", "n_layers_")


@pytest.mark.parametrize(("activation", "iterations"), [("identity", 5), ("logistic", 10), ("tanh", 10), ("relu", 3)])
@pytest.mark.parametrize("name", [name for name in TASKS if name != "regressions"])
def test_iterations(name: str, activation: str, iterations: int) -> None:
    """Weighted or not, they end where scikit-learn's do, until a line search meets a kink or a loss that is clipped."""
    for weighted, alpha in ((False, 0.1), (True, 0.5)):
        ours, theirs = task(name).fitted(
            weighted=weighted, alpha=alpha, solver="lbfgs", activation=activation, max_iter=iterations
        )
        assert apart(ours, theirs) < AGREEMENT
        for attribute in NUMBERS:
            assert getattr(ours, attribute) == pytest.approx(getattr(theirs, attribute), rel=AGREEMENT), attribute


@pytest.mark.parametrize("name", ["labels", "regressions", "counts"])
def test_the_gradient_is_that_of_the_cost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several outputs too, with weights and L2, in chunks or at once, it equals central differences."""
    problem = task(name)
    loss = {"labels": "binary_cross_entropy", "regressions": "squared_error", "counts": "poisson"}[name]
    y = problem.y.reshape(len(problem.y), -1)
    network, backend = Network([5, 4, y.shape[1]], "tanh", loss), resolve("numpy")
    params = network.init(dtype="float64")
    data = encoded(
        network, backend, "float64", problem.X, y.astype(int) if name == "labels" else y.astype(float), problem.weight
    )
    actual = []
    for chunk in (2**20, 40):
        monkeypatch.setattr("xpnet.training.placement.CHUNK", chunk)
        objective = Objective(network, backend, data, params, alpha=0.7)
        at = objective.vector(params)
        cost, gradient = objective(at)
        assert distance(gradient, central_differences(lambda v, cost=objective: cost(v)[0], at)) < DIFFERENCES
        actual.append((np.asarray(cost), gradient))
    assert distance(actual[0], actual[1]) < ROUNDING["float64"]


def test_several_outputs_reach_the_minimum() -> None:
    """Their cost is lower than scikit-learn 1.9's, which gives up: its gradient is that of a sum, its cost a mean."""
    problem = task("regressions")
    pair = problem.fitted(solver="lbfgs", activation="tanh", alpha=1.0, max_iter=2000)
    network, backend = pair[0].network_, resolve("numpy")
    objective = Objective(
        network, backend, encoded(network, backend, "float64", problem.X, problem.y), pair[0].params_, alpha=1.0
    )
    actual = [objective(objective.vector(estimators.MLPRegressor.params_.fget(each))) for each in pair]
    (ours, slope), (theirs, _) = actual
    assert np.abs(slope).max() < 1e-4
    assert ours < 0.95 * theirs


@pytest.mark.parametrize("make", ["csr_array", "csc_matrix"])
def test_sparse_rows(make: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made dense chunk by chunk, and give what dense rows give."""
    sparse = pytest.importorskip("scipy.sparse")
    monkeypatch.setattr("xpnet.training.placement.CHUNK", 100)
    problem = task("classes")
    X = problem.X * (problem.X > 0)
    ours, theirs = problem.pair(solver="lbfgs", max_iter=10)
    ours.fit(getattr(sparse, make)(X), problem.y)
    assert apart(ours, theirs.fit(X, problem.y)) < AGREEMENT
    assert distance(ours.predict_proba(getattr(sparse, make)(X)), theirs.predict_proba(X)) < AGREEMENT


@pytest.mark.parametrize(("name", "weighted"), [("classes", True), ("regression", False)])
def test_on_every_backend(backend: Backend, float_dtype: str, name: str, weighted: bool) -> None:
    """Arrays of any library are evaluated where they are, and the parameters are of their kind and dtype."""
    problem = task(name)
    if name == "classes":
        problem = problem._replace(y=np.unique(problem.y, return_inverse=True)[1])
    ours, expected = (problem.ours(**problem.parameters, solver="lbfgs", random_state=0, max_iter=10) for _ in range(2))
    X, weight = (backend.asarray(array, float_dtype) for array in (problem.X, problem.weight))
    y = backend.asarray(problem.y, "int32" if name == "classes" else float_dtype)
    expected.fit(problem.X.astype(float_dtype), problem.y, problem.weight if weighted else None)
    actual = ours.fit(X, y, weight if weighted else None)
    assert type(actual.coefs_[0]) is type(X)
    assert str(actual.coefs_[0].dtype).endswith(float_dtype)
    assert apart(actual.to_host(), expected) < 100 * ROUNDING[float_dtype]


def test_what_is_not_finished_is_warned_of() -> None:
    """Iterations and evaluations that do not suffice are told with their limits, on the caller's line."""
    problem = task("classes")
    for limit, status in ((dict(max_iter=3), 1), (dict(max_fun=2), 1)):
        ours: Any = problem.pair(solver="lbfgs", **limit)[0]
        words = rf"lbfgs failed to converge after \d+ iteration\(s\) \(status={status}\)"
        with pytest.warns(UserWarning, match=words) as seen:
            ours.fit(problem.X, problem.y)
        assert seen[0].filename == __file__
        assert f"max_iter, now {ours.max_iter}, or max_fun, now {ours.max_fun}" in str(seen[0].message)


def test_float32_stays() -> None:
    """The vector is float64, SciPy's, but what it is made of and what comes out is the rows' float32."""
    problem = task("counts")
    ours = problem.pair(solver="lbfgs", max_iter=10)[0].fit(problem.X.astype("float32"), problem.y)
    assert {str(array.dtype) for array in (*ours.coefs_, *ours.intercepts_)} == {"float32"}
    assert apart(ours, problem.fitted(solver="lbfgs", max_iter=10)[0]) < 1e-3


def test_a_warm_start() -> None:
    """The second fit begins where the first one ended."""
    problem = task("classes")
    ours, theirs = problem.fitted(solver="lbfgs", max_iter=4, warm_start=True)
    for each in (ours, theirs):
        each.fit(problem.X, problem.y)
    assert apart(ours, theirs) < AGREEMENT

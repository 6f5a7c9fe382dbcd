"""Arrays that take the shortcut, and those that something has to be done about first; one result on both ways."""

import numpy as np
import pytest

from xpnet import Network, Standardization
from xpnet._support.trees import arrays_in
from xpnet.equations import step
from xpnet.errors import InputError
from xpnet.training import network as module
from xpnet.training.mapped import mapped, shortcut

NETWORK = Network([3, 4, 2])
PARAMS = NETWORK.init(seed=1)
X, Y = np.ones((5, 3), np.float32), np.array([0, 1, 0, 1, 1])


METHODS = {
    "predict": lambda network, *given: network.predict(*given[:2]),
    "classify": lambda network, *given: network.classify(*given[:2]),
    "score": Network.score,
    "cost": Network.cost,
    "gradients": Network.gradients,
    "per_sample_gradients": Network.per_sample_gradients,
    "per_sample_gradient_norms": Network.per_sample_gradient_norms,
}


def test_ready_arrays_are_passed_on_as_they_are():
    """Parameters and inputs are the same arrays, and labels are one-hot in the parameters' dtype."""
    backend, layers, batch, _ = mapped(
        NETWORK, step.costs, [tuple(layer) for layer in PARAMS], X, Y, then=lambda *given: given
    )
    assert backend.name == "numpy"
    assert all(one is other for one, other in zip(arrays_in(layers), arrays_in(PARAMS), strict=True))
    assert batch.x is X
    assert batch.weight is None
    assert batch.y.dtype == np.float32
    np.testing.assert_array_equal(batch.y, np.eye(2)[Y])


@pytest.mark.parametrize("rows", [1, 7, 1500])
@pytest.mark.parametrize(
    ("loss", "x", "y"),
    [
        ("cross_entropy", np.float32, lambda rng, n: rng.integers(0, 3, n)),
        ("cross_entropy", np.uint8, lambda rng, n: rng.integers(0, 3, n).astype(np.uint8)),
        ("binary_cross_entropy", np.float64, lambda rng, n: rng.integers(0, 2, (n, 3))),
        ("huber:0.5", np.float32, lambda rng, n: rng.normal(size=(n, 3))),
        ("poisson", np.int32, lambda rng, n: rng.integers(0, 9, (n, 3)).astype(np.float32)),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_both_ways_give_one_result(monkeypatch, method, loss, x, y, rows):
    """What is asked of arrays that take the shortcut is to rounding what the long way gives for them."""
    network, rng = Network([4, 5, 3], ["tanh"], loss), np.random.default_rng(rows)
    if method == "classify" and network.model.loss.regression:
        pytest.skip("a regression has no classes")
    given = network, network.init(seed=2), rng.integers(0, 9, (rows, 4)).astype(x), y(rng, rows)
    quick = METHODS[method](*given)
    taken = []
    monkeypatch.setattr("xpnet.training.mapped.shortcut", lambda *_, **__: taken.append(1))
    monkeypatch.setattr(module, "shortcut", lambda *_, **__: taken.append(1))
    slow = METHODS[method](*given)
    assert taken
    quick, slow = (arrays_in(of) if isinstance(of, tuple) else [of] for of in (quick, slow))
    for one, other in zip(quick, slow, strict=True):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"params": PARAMS[:1]},
        {"params": (PARAMS[0], PARAMS[1]._replace(b=np.zeros(3)))},
        {"params": (PARAMS[0], PARAMS[1]._replace(b=np.zeros(2, np.float16)))},
        {"params": (PARAMS[0], PARAMS[1]._replace(b=[0.0, 0.0]))},
        {"params": None},
        {"network": Network([3, 4, 2], input_scale=Standardization([0.0] * 3, [1.0] * 3))},
        {"x": X.tolist()},
        {"x": X[:, :2].copy()},
        {"x": np.asfortranarray(X)},
        {"x": X[0]},
        {"x": X[:0], "y": Y[:0]},
        {"x": X.astype(">f4")},
        {"x": X.astype(np.float16)},
        {"x": X.astype(complex)},
        {"x": np.ma.masked_array(X)},
        {"y": Y[:4]},
        {"y": Y[:, None]},
        {"y": np.array(1)},
        {"y": Y.tolist()},
    ],
)
def test_whatever_needs_a_look_is_left_to_the_long_way(change):
    """Another class, shape or dtype than the mathematics takes is not ready, whatever can be done about it."""
    given = {"network": NETWORK, "of": step.costs, "params": PARAMS, "x": X, "y": Y} | change
    try:
        assert shortcut(**given) is None
    except InputError:
        with pytest.raises(InputError):
            given.pop("network").cost(given["params"], given["x"], given["y"])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_are_checked_with_each_call(bad):
    """Arrays of forms that were taken before are refused when they hold other numbers."""
    x = X.copy()
    assert shortcut(NETWORK, step.costs, PARAMS, x, Y) is not None
    x[2, 1] = bad
    with pytest.raises(InputError, match=r"x holds .* in row 2, column 1"):
        shortcut(NETWORK, step.costs, PARAMS, x, Y)
    with pytest.raises(InputError, match="the label 2"):
        shortcut(NETWORK, step.costs, PARAMS, X, Y + 1)

"""Arrays that the mathematics takes as they are, and those that something has to be done about first."""

import numpy as np
import pytest

from xpnet import Network, Standardization
from xpnet._support.trees import arrays_in
from xpnet.errors import InputError
from xpnet.training.ready import ready

NETWORK = Network([3, 4, 2])
PARAMS = NETWORK.init(seed=1)
X, Y = np.ones((5, 3), np.float32), np.array([0, 1, 0, 1, 1])


def test_ready_arrays_are_passed_on_as_they_are():
    """Parameters and inputs are the same arrays, and labels are one-hot in the parameters' dtype."""
    layers, batch = ready(NETWORK, [tuple(layer) for layer in PARAMS], X, Y)
    assert all(one is other for one, other in zip(arrays_in(layers), arrays_in(PARAMS), strict=True))
    assert batch.x is X
    assert batch.weight is None
    assert batch.y.dtype == np.float32
    np.testing.assert_array_equal(batch.y, np.eye(2)[Y])


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
        {"x": X[:, :2]},
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
    given = {"network": NETWORK, "params": PARAMS, "x": X, "y": Y} | change
    assert ready(**given) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_are_checked_with_each_call(bad):
    """Arrays of forms that were taken before are refused when they hold other numbers."""
    x = X.copy()
    assert ready(NETWORK, PARAMS, x, Y) is not None
    x[2, 1] = bad
    with pytest.raises(InputError, match=r"x holds .* in row 2, column 1"):
        ready(NETWORK, PARAMS, x, Y)
    with pytest.raises(InputError, match="the label 2"):
        ready(NETWORK, PARAMS, X, Y + 1)

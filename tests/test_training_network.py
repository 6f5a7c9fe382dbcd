"""What can be asked of a network, on arrays of any kind."""

import numpy as np
import pytest
from helpers.oracles import COSTS, OUTPUTS, ROUNDING, distance, host, objective, on, problem, weighted_inputs

from xpnet import Network, backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.backends import BACKENDS, dtype_name
from xpnet.equations.losses import LOSSES
from xpnet.training import placement

LOSS = pytest.mark.parametrize("loss", list(LOSSES))
SIZES = (6, 5, 4, 3)


def asked(loss, backend=None, dtype="float64"):
    """A network, and its parameters, rows, targets and sample weights; on a backend if there is one."""
    given = problem(loss, "tanh")
    x, y, weight = given.batch
    arrays = (given.params, x, y.argmax(axis=1) if loss == "cross_entropy" else y, weight)
    if backend:
        params, x, y, weight = (on(backend, tree, dtype) for tree in arrays)
        arrays = params, x, backend.xp.astype(y, backend.xp.int32) if loss == "cross_entropy" else y, weight
    return Network(SIZES, "tanh", loss), *arrays


def output(loss):
    """The last z and the targets, as the oracles have them."""
    given = problem(loss, "tanh")
    return weighted_inputs(given.params, given.batch.x, "tanh")[-1], given.batch.y


@LOSS
def test_predict_answers_in_kind(backend, float_dtype, loss):
    """The answer is the textbook's, an array of x's library, on x's device and in the parameters' dtype."""
    net, params, x, *_ = asked(loss, backend, float_dtype)
    a = net.predict(params, x)
    there = backends.of(a)
    assert (there.xp, there.device, dtype_name(a)) == (backend.xp, backend.device, float_dtype)
    assert distance(backend.to_host(a), OUTPUTS[loss](output(loss)[0])) < ROUNDING[float_dtype]


@LOSS
def test_costs_and_gradients_on_every_backend(backend, float_dtype, loss):
    """The cost with weights and L2 is the plain formula's, and all gradients are the same as NumPy's."""
    net, *wanted = asked(loss)
    _, *there = asked(loss, backend, float_dtype)
    tolerance = ROUNDING[float_dtype]
    terms = dict(weight=there[-1], l2=0.1)
    cost = objective(problem(loss, "tanh"), wanted[0])
    assert net.cost(*there[:3], **terms) == pytest.approx(cost, rel=tolerance)
    assert net.cost(*there[:3]) == pytest.approx(net.cost(*wanted[:3]), rel=tolerance)
    found = host(backend, net.gradients(*there[:3], **terms))
    assert distance(found, net.gradients(*wanted[:3], weight=wanted[-1], l2=0.1)) < tolerance
    for name in ("gradients", "per_sample_gradients", "per_sample_gradient_norms"):
        ask = getattr(net, name)
        assert distance(host(backend, ask(*there[:3])), ask(*wanted[:3])) < tolerance
        assert {dtype_name(array) for array in arrays_in(ask(*there[:3]))} == {float_dtype}


@LOSS
def test_per_sample_gradients_are_one_for_each_row(loss):
    """Their mean is the gradient, a single row's is its own, and their norms are what the other method gives."""
    net, params, x, y, _ = asked(loss)
    each = net.per_sample_gradients(params, x, y)
    assert [array.shape for array in each[0]] == [(5, 5, 6), (5, 5)]
    ways = [
        (lambda array: array.mean(axis=0), net.gradients(params, x, y)),
        (lambda array: array[2], net.gradients(params, x[2:3], y[2:3])),
        (lambda array: np.linalg.norm(array.reshape(5, -1), axis=1), net.per_sample_gradient_norms(params, x, y)),
    ]
    for function, found in ways:
        assert distance(found, map_arrays(function, each)) < ROUNDING["float64"]


@LOSS
def test_score_on_every_backend(backend, float_dtype, loss):
    """The fraction of rows whose answer is right, every label of it; R² over all outputs for a regression."""
    net, params, x, y, _ = asked(loss, backend, float_dtype)
    z, targets = output(loss)
    a = OUTPUTS[loss](z)
    wanted = {
        "cross_entropy": (a.argmax(axis=1) == targets.argmax(axis=1)).mean(),
        "binary_cross_entropy": ((a > 0.5) == targets).all(axis=1).mean(),
    }.get(loss, 1 - ((a - targets) ** 2).sum() / ((targets - targets.mean(axis=0)) ** 2).sum())
    assert net.score(params, x, y) == pytest.approx(wanted, rel=10 * ROUNDING[float_dtype])


def test_classify_on_every_backend(backend, float_dtype):
    """Softmax gives each row its most probable class, sigmoids a 0 or 1 for each label."""
    net, params, x, *_ = asked("cross_entropy", backend, float_dtype)
    assert backend.to_host(net.classify(params, x)).tolist() == output("cross_entropy")[0].argmax(axis=1).tolist()
    net, params, x, *_ = asked("binary_cross_entropy", backend, float_dtype)
    labels = backend.to_host(net.classify(params, x))
    assert labels.dtype.kind == "i"
    assert labels.tolist() == (output("binary_cross_entropy")[0] > 0).astype(int).tolist()


def test_params_of_another_library_are_copied(backend, float_dtype):
    """NumPy parameters serve rows of any library, and rows of NumPy are answered in NumPy by any parameters."""
    net, params, x, *_ = asked("cross_entropy")
    _, params_there, x_there, *_ = asked("cross_entropy", backend, float_dtype)
    wanted, params = net.predict(params, x), map_arrays(lambda array: array.astype(float_dtype), params)
    kept = map_arrays(np.copy, params)
    a = net.predict(params, x_there)
    assert (backends.of(a).xp, backends.of(a).device) == (backend.xp, backend.device)
    assert distance(backend.to_host(a), wanted) < ROUNDING[float_dtype]
    back = net.predict(params_there, x)
    assert isinstance(back, np.ndarray)
    assert distance(back, wanted) < ROUNDING[float_dtype]
    assert distance(params, kept) == 0


def test_a_mean_of_costs_needs_no_weights():
    """Without weights and L2 the cost is the mean over the rows."""
    net, params, x, y, _ = asked("squared_error")
    z, _ = output("squared_error")
    assert net.cost(params, x, y) == pytest.approx(COSTS["squared_error"](z, y).mean())


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_chunks_change_nothing(backend, float_dtype, monkeypatch, rows):
    """Rows that are mapped one, two or five at a time have the same outputs and score as all at once."""
    net, params, x, y, _ = asked("cross_entropy", backend, float_dtype)
    wanted = backend.to_host(net.predict(params, x)), net.score(params, x, y)
    monkeypatch.setattr(placement, "CHUNK", rows * max(SIZES))
    assert placement.chunk_rows(net) == rows
    assert distance(backend.to_host(net.predict(params, x)), wanted[0]) < ROUNDING[float_dtype]
    assert net.score(params, x, y) == wanted[1]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float32", "float64"])
def test_inputs_of_every_dtype(backend, float_dtype, dtype):
    """Bytes are divided by 255 and anything else is taken as it is, unless the network says what to divide by."""
    if dtype == "float64" != float_dtype:
        pytest.skip("has no float64")
    x = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, (7, 6)).astype(dtype)
    params = on(backend, problem("cross_entropy").params, "float32")
    plain = on(backend, x.astype(float), "float32")
    for scale, divisor in ((None, 255.0 if dtype == "uint8" else 1.0), (4.0, 4.0)):
        a = Network(SIZES, input_scale=scale).predict(params, backend.asarray(x))
        wanted = Network(SIZES).predict(params, plain / divisor)
        assert dtype_name(a) == "float32"
        assert distance(backend.to_host(a), backend.to_host(wanted)) < ROUNDING["float32"]


def test_lists_are_numpys(backend):
    """Rows as nested lists are answered by a NumPy array, on every backend's parameters."""
    params = on(backend, problem("cross_entropy").params, "float32")
    a = Network(SIZES).predict(params, [[0.5] * 6, [1] * 6])
    assert (type(a), a.shape, a.dtype) == (np.ndarray, (2, 3), np.float32)


def test_one_output_takes_a_vector():
    """The targets of a single output may be a vector or a column."""
    net = Network([2, 1], loss="squared_error")
    params, x, y = net.init(dtype="float64"), np.eye(2), np.asarray([1.0, 2.0])
    assert net.cost(params, x, y) == net.cost(params, x, y[:, None])


def test_init_is_one_network_for_one_seed(backend):
    """One seed gives the same weights on every backend and in both dtypes, another gives others."""
    net = Network([20, 10, 4])
    where = dict(backend=backend.name) if backend.name in BACKENDS else {}
    there = net.init(3, **where)
    there = backends.moved(there, backends.resolve("numpy"))
    assert {array.dtype.name for array in arrays_in(there)} == {"float32"}
    assert distance(there, net.init(3)) == 0
    assert distance(net.init(3, dtype="float64"), there) < ROUNDING["float32"]
    assert distance(net.init(4), there) > 1


@pytest.mark.parametrize(("activation", "gain"), [("sigmoid", 1), ("tanh", 1), ("identity", 1), ("relu", np.sqrt(2))])
def test_init_has_the_right_spread(activation, gain):
    """Weights have mean 0 and standard deviation gain / √d_in, He's for ReLU in hidden layers; biases are 0."""
    params = Network([400, 300, 200], activation).init(0, dtype="float64")
    for layer, factor in zip(params, (gain, 1), strict=True):
        d_out, d_in = layer.w.shape
        assert layer.w.std() * np.sqrt(d_in) == pytest.approx(factor, rel=0.02)
        assert abs(layer.w.mean()) < 5 * layer.w.std() / np.sqrt(layer.w.size)
        assert layer.b.tolist() == [0.0] * d_out

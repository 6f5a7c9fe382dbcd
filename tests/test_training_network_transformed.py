"""JAX's transformations of what can be asked of a network, and gradients through PyTorch's answers."""

import numpy as np
import pytest
from helpers.oracles import DIFFERENCES, ROUNDING, central_differences, distance

from xpnet import Network
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.equations.optimizers import sgd
from xpnet.errors import InputError
from xpnet.training.epochs import epochs

ASKED = ("predict", "classify", "score", "cost", "gradients", "per_sample_gradients", "per_sample_gradient_norms")
RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 4)).astype("f4")


def asked(loss, array=np.asarray):
    """A network, and its parameters, rows and targets as arrays of a library."""
    network = Network([4, 5, 3], "tanh", loss)
    y = np.arange(6, dtype="i4") % 3
    y = y if loss == "cross_entropy" else (y[:, None] == np.arange(3)).astype("f4")
    return network, map_arrays(array, network.init(1)), array(X), array(y)


@pytest.mark.parametrize(
    ("loss", "name"),
    [("cross_entropy", name) for name in ASKED]
    + [("binary_cross_entropy", "classify"), ("squared_error", "score"), ("poisson", "cost")],
)
def test_jit_gives_the_same_answers(loss, name):
    """Each method can be compiled by JAX with all of its arrays as arguments."""
    jax = pytest.importorskip("jax")
    network, *arrays = asked(loss, jax.numpy.asarray)
    arrays = arrays if name not in ("predict", "classify") else arrays[:2]
    plain, compiled = getattr(network, name)(*arrays), jax.jit(getattr(network, name))(*arrays)
    assert distance(map_arrays(np.asarray, compiled), map_arrays(np.asarray, plain)) < ROUNDING["float32"]


def test_jaxs_gradient_of_the_cost_is_gradients():
    """The cost can be differentiated, weights and L2 included, in rows of JAX's or of NumPy's."""
    jax = pytest.importorskip("jax")
    network, params, x, y = asked("poisson", jax.numpy.asarray)
    terms = dict(weight=jax.numpy.arange(6.0), l2=0.1)
    wanted = map_arrays(np.asarray, network.gradients(params, x, y, **terms))
    found = jax.grad(lambda params: network.cost(params, x, y, **terms))(params)
    assert distance(map_arrays(np.asarray, found), wanted) < ROUNDING["float32"]
    terms = dict(weight=np.arange(6.0), l2=0.1)
    found = jax.jit(jax.grad(lambda params: network.cost(params, np.asarray(x), np.asarray(y), **terms)))(params)
    assert distance(map_arrays(np.asarray, found), wanted) < ROUNDING["float32"]


def test_vmap_maps_over_rows_and_over_parameters():
    """Each row alone, and each of several sets of parameters, as a loop would ask."""
    jax = pytest.importorskip("jax")
    network, params, x, y = asked("cross_entropy", jax.numpy.asarray)
    rows = jax.vmap(lambda row: network.predict(params, row[None, :])[0])(x)
    assert distance(np.asarray(rows), np.asarray(network.predict(params, x))) < ROUNDING["float32"]
    several = map_arrays(lambda a: jax.numpy.stack([a, 2 * a]), params)
    for name in ("cost", "score"):
        ask = getattr(network, name)
        found = jax.vmap(lambda params, ask=ask: ask(params, x, y))(several)
        wanted = [ask(params, x, y), ask(map_arrays(lambda a: 2 * a, params), x, y)]
        assert distance(np.asarray(found), np.asarray(wanted)) < ROUNDING["float32"]


def test_a_regression_of_one_value_scores_alike_when_traced():
    """R² of targets that are all the same is 0 or 1, as without JAX's transformations."""
    jax = pytest.importorskip("jax")
    network = Network([2, 1], loss="squared_error")
    params = [(jax.numpy.zeros((1, 2)), jax.numpy.ones(1))]
    x, y = jax.numpy.ones((3, 2)), jax.numpy.ones(3)
    for targets in (y, 2 * y):
        assert float(jax.jit(network.score)(params, x, targets)) == network.score(params, x, targets)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.ones((6, 3), "f4"), np.zeros(6, "i4"), "x has 3 columns"),
        (np.ones((6, 4), "c8"), np.zeros(6, "i4"), "x holds complex64"),
        (X, np.zeros(5, "i4"), "y has 5 rows"),
        (X, np.zeros(6, "f4"), "y holds float32"),
        (X, np.zeros((6, 2), "i4"), "labels are a vector"),
    ],
)
def test_shapes_and_dtypes_are_checked_while_a_function_is_traced(x, y, words):
    """Only the numbers are not, which nobody knows yet."""
    jax = pytest.importorskip("jax")
    network, params, *_ = asked("cross_entropy", jax.numpy.asarray)
    with pytest.raises(InputError, match=words):
        jax.jit(network.cost)(params, jax.numpy.asarray(x), jax.numpy.asarray(y))


@pytest.mark.parametrize("over", ["x", "params"])
def test_gradients_flow_through_pytorchs_predict(over):
    """Where the rows or the parameters require a gradient, the answer has it."""
    torch = pytest.importorskip("torch")
    network, params, x, _ = asked("squared_error", lambda array: torch.asarray(np.asarray(array, "f8")))
    leaf = x if over == "x" else params[0].w
    leaf.requires_grad_()
    (gradient,) = torch.autograd.grad(network.predict(params, x)[:, 0].sum(), [leaf])
    x, *layers = (map_arrays(lambda array: array.detach().numpy(), tree) for tree in (x, *params))

    def total(array):
        given = (layers, array) if over == "x" else ([layers[0]._replace(w=array), *layers[1:]], x)
        return float(network.predict(*given)[:, 0].sum())

    assert distance(gradient.numpy(), central_differences(total, x if over == "x" else layers[0].w)) < DIFFERENCES


def test_pytorchs_answers_have_no_history_that_nobody_asked_for():
    """Neither plain tensors nor a training on tensors that require gradients give any."""
    torch = pytest.importorskip("torch")
    network, params, x, y = asked("cross_entropy", lambda array: torch.asarray(array.copy()))
    assert not network.predict(params, x).requires_grad
    x.requires_grad_()
    with torch.no_grad():
        assert not network.predict(params, x).requires_grad
    (epoch,) = epochs(network, (x, y), sgd(0.1), batch_size=2, epochs=1, validation=(x, y))
    assert not any(array.requires_grad for array in arrays_in(epoch.params))
    assert network.cost(params, x, y) > 0
    assert network.score(params, x, y) >= 0

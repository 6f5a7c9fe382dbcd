"""Losses have the textbook's costs, finite however large z is, and ∂C/∂z = a − y or a derivative of their own."""

import numpy as np
import pytest
from helpers.oracles import COSTS, DIFFERENCES, OUTPUTS, ROUNDING, central_differences, distance, host, on, targets

from xpnet.backends import dtype_name
from xpnet.equations.losses import LOSSES, STRAIGHT, accuracy, total_error
from xpnet.equations.losses import loss as named_loss
from xpnet.errors import InputError

pytestmark = pytest.mark.current

NAMES = list(LOSSES)
EXTREME = [1e2, 1e4, 1e6]


def rows(loss, n=6, scale=1.0):
    """Moderate z and targets for them."""
    rng = np.random.default_rng(11)
    return scale * rng.normal(size=(n, 3)), targets(loss, n, rng)


def test_every_loss_has_an_oracle():
    """What is looked up by name is what bears the name, and none is left out here."""
    assert {name: loss.name for name, loss in LOSSES.items()} == {name: name for name in COSTS}


@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_costs_are_the_textbooks(backend, float_dtype, name):
    """Output and cost, which is computed from z, equal the plain formulas on every backend, for moderate z."""
    z, y = rows(name, scale=3.0)
    there = on(backend, (z, y), float_dtype)
    a = LOSSES[name].activation(there[0], xp=backend.xp)
    cost = LOSSES[name].cost(*there, xp=backend.xp)
    wanted = OUTPUTS[name](z)
    assert distance(host(backend, (a, cost)), (wanted, COSTS[name](wanted, y))) < ROUNDING[float_dtype]


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(backend, name):
    """Output, cost and error have the dtype of z."""
    z, y = on(backend, rows(name), "float32")
    loss, xp = LOSSES[name], backend.xp
    a = loss.activation(z, xp=xp)
    results = (a, loss.cost(z, y, xp=xp), loss.error(a, y, xp=xp))
    assert [dtype_name(array) for array in results] == ["float32"] * 3


def last_delta(loss, a, y):
    """∂C/∂z as backpropagation begins with it."""
    return a - y if loss.dC_dz is None else loss.dC_dz(a, y, xp=np)


@pytest.mark.parametrize("scale", [0.1, 1.0, 8.0])
@pytest.mark.parametrize("name", [*NAMES, "huber:0.2", "huber:5", "pinball:0.9", "pinball:0.05"])
def test_the_last_delta_is_the_costs_derivative(name, scale):
    """∂C/∂z is a − y (7) or the loss's own, for each loss, by central differences of its cost."""
    loss = named_loss(name)
    z, y = rows(loss.name, scale=scale)
    differences = central_differences(lambda z: loss.cost(z, y, xp=np).sum(), z)
    assert distance(last_delta(loss, loss.activation(z, xp=np), y), differences) < DIFFERENCES


def test_what_each_loss_makes_least():
    """Of numbers, a pinball loss of level 0.9 is least at their 90 % quantile, the absolute error at their median."""
    y = np.random.default_rng(4).exponential(size=(1001, 1))
    guesses = np.linspace(0.0, 5.0, 2001)
    for name, wanted in {
        "pinball:0.9": np.quantile(y, 0.9),
        "absolute_error": np.median(y),
        "pinball": np.median(y),
    }.items():
        costs = [named_loss(name).cost(np.full_like(y, guess), y, xp=np).mean() for guess in guesses]
        assert guesses[int(np.argmin(costs))] == pytest.approx(wanted, abs=0.01)


def test_a_huber_loss_lies_between_the_squared_and_the_absolute_error():
    """With a large δ it is half the squared error, and with a small one δ times the absolute error."""
    z, y = rows("huber")
    assert distance(named_loss("huber:100").cost(z, y, xp=np), LOSSES["squared_error"].cost(z, y, xp=np)) < 1e-12
    assert distance(named_loss("huber:1e-9").cost(z, y, xp=np) * 1e9, LOSSES["absolute_error"].cost(z, y, xp=np)) < 1e-8


@pytest.mark.parametrize("name", ["huber:0", "pinball:1", "pinball:x", "squared_error:2", "quantile:0.9", "hubert"])
def test_a_number_that_makes_no_loss_is_refused(name):
    """A number out of range, one that is none and one where there is none are refused, and so are other names."""
    with pytest.raises(InputError, match=f"^loss is '{name}'"):
        named_loss(name)


@pytest.mark.parametrize("z", [STRAIGHT - 1, STRAIGHT + 1, 1e3])
def test_poissons_pair_matches_along_the_tangent(z):
    """∂C/∂z = a − y near and beyond the point from where exp is constant and the cost a straight line."""
    loss, y, h = LOSSES["poisson"], np.asarray([[3.0]]), 1e-3
    costs = [loss.cost(np.asarray([[z + step]]), y, xp=np)[0] for step in (h, -h)]
    a = loss.activation(np.asarray([[z]]), xp=np)[0, 0]
    assert (costs[0] - costs[1]) / (2 * h) == pytest.approx(a - 3, rel=1e-6)


def test_poissons_cost_and_its_slope_have_no_step():
    """Cost and output go on where they were at the point where the straight line begins."""
    z = np.nextafter([STRAIGHT, STRAIGHT], [-np.inf, np.inf])[:, None]
    loss, y = LOSSES["poisson"], np.ones((2, 1))
    assert np.ptp(loss.cost(z, y, xp=np)) < 1e-12 * np.exp(STRAIGHT) * STRAIGHT
    assert loss.activation(z, xp=np)[:, 0] == pytest.approx(np.exp(STRAIGHT), rel=1e-12)


@pytest.mark.parametrize("size", EXTREME)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_large_z_gives_finite_values_without_a_warning(name, dtype, size):
    """Output, cost, error and ∂C/∂z are finite at |z| up to 1e6 with either sign, whatever the target."""
    loss = LOSSES[name]
    z = (size * np.asarray([[1, -1, 0.5], [-1, -1, -1], [1, 1, 1], [-0.5, 1, 0]])).astype(dtype)
    for y in np.eye(3, dtype=dtype):
        y = np.broadcast_to(y, z.shape)
        a = loss.activation(z, xp=np)
        for values in (a, last_delta(loss, a, y), loss.cost(z, y, xp=np), loss.error(a, y, xp=np)):
            assert np.isfinite(values).all()
            assert values.dtype == dtype


@pytest.mark.parametrize("size", EXTREME)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_a_sure_answer_costs_its_z(name, dtype, size):
    """Far out a right answer costs nothing and a wrong one the distance, where ln a itself would be infinite."""
    z, y = np.asarray([[size, -size]] * 2, dtype), np.asarray([[1, 0], [0, 1]], dtype)
    assert LOSSES[name].cost(z, y, xp=np) == pytest.approx([0, 2 * size], rel=1e-6, abs=1e-30)


@pytest.mark.parametrize("shift", [-1e4, 1.0, 1e4])
def test_softmax_and_its_cost_ignore_a_shift(shift):
    """The same number added to all z of a row changes neither a nor C; each row of a adds up to 1."""
    z, y = rows("cross_entropy")
    loss = LOSSES["cross_entropy"]
    a = loss.activation(z + shift, xp=np)
    assert distance(a, OUTPUTS["cross_entropy"](z)) < 1e-10
    assert distance(a.sum(axis=1), np.ones(6)) < ROUNDING["float64"]
    assert distance(loss.cost(z + shift, y, xp=np), loss.cost(z, y, xp=np)) < 1e-10


@pytest.mark.parametrize(
    ("name", "a", "y", "error"),
    [
        ("cross_entropy", [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], [[0, 1, 0], [0, 1, 0]], [0, 1]),
        ("binary_cross_entropy", [[0.9, 0.1], [0.9, 0.6], [0.5, 0.5]], [[1, 0], [1, 0], [0, 0]], [0, 1, 0]),
        ("squared_error", [[1.0, 2.0], [0.5, -1.0]], [[1, 0], [0, 0]], [4, 1.25]),
        *((name, [[1.0, 2.0], [0.5, 1.0]], [[1, 0], [0, 0]], [4, 1.25]) for name in NAMES if LOSSES[name].regression),
    ],
)
def test_errors_count_wrong_rows_or_squares(backend, name, a, y, error):
    """A class counts 1 where it is not the likeliest, labels 1 where any is wrong, a regression its squared error."""
    found = LOSSES[name].error(*on(backend, (np.asarray(a), np.asarray(y)), "float32"), xp=backend.xp)
    assert host(backend, found).tolist() == error


@pytest.mark.parametrize("name", NAMES)
def test_the_worst_error_is_an_accuracy_of_zero(backend, float_dtype, name):
    """It is every row for classes and labels, and the spread about each column's mean for a regression, as in R²."""
    y = np.asarray([[1.0, 0.0], [0.0, 2.0], [5.0, 1.0]])
    total = float(total_error(LOSSES[name], on(backend, y, float_dtype), xp=backend.xp))
    assert total == pytest.approx(16.0 if LOSSES[name].regression else 3)
    assert accuracy(total, total) == 0
    assert accuracy(0.0, total) == 1


def test_accuracy_without_a_possible_error():
    """Targets that are all the same leave nothing to explain: 1 where they are met, else 0."""
    assert (accuracy(0.0, 0.0), accuracy(0.5, 0.0)) == (1, 0)

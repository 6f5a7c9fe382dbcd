"""One sample's numbers are those of central differences, and the row that is shown is an instructive one."""

from itertools import product

import numpy as np
import pytest
from helpers.oracles import (
    COSTS,
    DIFFERENCES,
    FUNCTIONS,
    OUTPUTS,
    ROUNDING,
    central_differences,
    differentiated,
    distance,
    problem,
    weighted_inputs,
)

import xpnet
from xpnet.equations.losses import LOSSES
from xpnet.errors import MissingExtraError

sample = pytest.importorskip("xpnet.plots.report.sample", reason="needs matplotlib", exc_type=MissingExtraError)
instructive_row, work_through = sample.instructive_row, sample.work_through


@pytest.mark.parametrize(("activation", "loss"), list(product(FUNCTIONS, LOSSES)))
def test_every_number_is_right(activation, loss):
    """Activations are the textbook's, and all derivatives those of the textbook's cost by central differences."""
    params, (x, y, _) = problem(loss, activation)[1:3]
    network = xpnet.Network((6, 5, 4, 3), activation, loss)
    targets = y.argmax(axis=1) if loss == "cross_entropy" else y
    worked = work_through(network, params, x[:1], targets[:1])
    z = weighted_inputs(params, x[:1], activation)
    a = [x[:1], *(FUNCTIONS[activation](of_layer) for of_layer in z[:-1]), OUTPUTS[loss](z[-1])]
    assert distance(tuple(worked.a), tuple(of_layer[0] for of_layer in a)) < ROUNDING["float64"]
    assert distance(tuple(worked.z[1:]), tuple(of_layer[0] for of_layer in z)) < ROUNDING["float64"]

    def cost(moved):
        return float(COSTS[loss](OUTPUTS[loss](weighted_inputs(moved, x[:1], activation)[-1]), y[:1])[0])

    def after(layer, a):
        for (w, b), function in zip(params[layer:], [*[FUNCTIONS[activation]] * (2 - layer), None], strict=True):
            z = w @ a + b
            a = function(z) if function else z
        return float(COSTS[loss](OUTPUTS[loss](a[None]), y[:1])[0])

    assert worked.cost == pytest.approx(cost(params), abs=ROUNDING["float64"])
    for layer, expected in enumerate(differentiated(cost, params), 1):
        outer = np.outer(worked.dC_dz[layer], worked.a[layer - 1])
        assert distance(outer, expected.w) < DIFFERENCES
        assert distance(worked.dC_dz[layer], expected.b) < DIFFERENCES
        i, j = np.unravel_index(np.abs(outer).argmax(), outer.shape)
        assert worked.dC_dw(layer, i, j) == outer[i, j]
        assert worked.difference(layer, i, j) == pytest.approx(expected.w[i, j], abs=DIFFERENCES)
    for layer in (1, 2):
        expected = central_differences(lambda a, layer=layer: after(layer, a), worked.a[layer])
        assert distance(worked.dC_da[layer], expected) < DIFFERENCES


def test_the_row_that_is_shown_is_instructive():
    """It is the correct row of highest cost, else the row of lowest cost; in a regression that of median cost."""
    network = xpnet.Network([2, 2])
    params = tuple(layer._replace(w=np.eye(2, dtype=np.float32)) for layer in network.init())
    x = np.array([[3, 0], [0.1, 0], [0, 2], [0, 0.5]])
    correct = "the highest of all correct rows"
    assert instructive_row(network, params, x, np.array([0, 0, 1, 0])) == (1, correct)
    none = "the lowest, since no row is correct"
    assert instructive_row(network, params, x, np.array([1, 1, 0, 0])) == (1, none)
    assert instructive_row(network, params, x[::3], np.array([1, 0])) == (1, none)
    network = xpnet.Network([2, 1], loss="squared_error")
    params = tuple(layer._replace(w=np.ones((1, 2), np.float32)) for layer in network.init())
    assert instructive_row(network, params, x, np.array([3.0, 0.1, 2.5, 9.0])) == (2, "the median of all rows")

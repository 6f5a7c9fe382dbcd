"""Functions of rows, replayed for any number of them."""

import numpy as np
import pytest
from helpers.oracles import problem

from xpnet._support.trees import arrays_in
from xpnet.capture import program_cache as programs
from xpnet.equations import step
from xpnet.equations.losses import LOSSES
from xpnet.training.network import Network

ROWS = 8


def replayed(function, params, data, rows=ROWS):
    """The function's results from its plan."""
    return programs.new_row_replay(function, params, data, rows)(arrays_in(params), arrays_in(data))


@pytest.mark.parametrize("n", [0, 1, 2, ROWS, ROWS + 1, 3 * ROWS + 5])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_any_number_of_rows_as_the_function_has_them(loss, n):
    """Costs, errors and answers are those of the function on chunks of rows, bit for bit, one row and none too."""
    given = problem(loss, "tanh")
    x, y = (np.resize(array, (n, array.shape[1])) for array in given.batch[:2])
    model = Network((6, 5, 4, 3), "tanh", loss).model
    for function, data in ((step.answers(model), x), (step.measures(model), (x, y))):
        parts = [slice(start, start + ROWS) for start in range(0, max(n, 1), ROWS)]
        cut = [tuple(array[part] for array in arrays_in(data)) for part in parts]
        wanted = [arrays_in(function(given.params, part if len(part) > 1 else part[0], xp=np)) for part in cut]
        found = replayed(function, given.params, data)
        assert [array.tobytes() for array in found] == [np.concatenate(c).tobytes() for c in zip(*wanted, strict=True)]


@pytest.mark.parametrize("n", [1, 3, ROWS, 2 * ROWS + 1])
def test_one_column(n):
    """A single output is a column, whose calls have one axis only, and so is its target, for any number of rows."""
    network = Network((6, 5, 1), loss="binary_cross_entropy")
    params, model = network.init(1), network.model
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 6)).astype("float32"), rng.integers(2, size=(n, 1)).astype("float32")
    for function, data in ((step.answers(model), x), (step.measures(model), (x, y))):
        found = replayed(function, params, data)
        for array, wanted in zip(found, arrays_in(function(params, data, xp=np)), strict=True):
            np.testing.assert_allclose(array, wanted, rtol=1e-5)


@pytest.mark.parametrize("n", [0, 1, ROWS - 1, ROWS + 3])
@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_targets_of_one_column(loss, n):
    """Errors of a single output, which see the targets as a vector, are those of however few rows there are."""
    network = Network((6, 5, 1), loss=loss)
    params, function = network.init(1), step.measures(network.model)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 6)).astype("float32"), rng.integers(2, size=(n, 1)).astype("float32")
    for array, wanted in zip(replayed(function, params, (x, y)), function(params, (x, y), xp=np), strict=True):
        np.testing.assert_allclose(array, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        lambda params, x, *, xp: x - xp.sum(x, axis=0),
        lambda params, x, *, xp: x @ (params[0].w * 2).T,
        lambda params, x, *, xp: xp.ones((x.shape[0], 1)),
        lambda params, x, *, xp: x.T,
        lambda params, x, *, xp: params[0].w,
    ],
)
def test_what_is_no_function_of_rows_has_no_plan(function):
    """Sums over rows, numbers of the parameters alone and results that lie otherwise are left to the function."""
    assert programs.new_row_replay(function, Network((6, 4)).init(), np.ones((ROWS, 6), "float32"), ROWS) is None

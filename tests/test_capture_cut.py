"""Results that replay computes for several steps at once: which operations are left for later, and their bits."""

import numpy as np
import pytest
from helpers.differences import assert_replayed
from helpers.oracles import problem

from xpnet import backends
from xpnet._support.trees import arrays_in
from xpnet.capture import plan
from xpnet.capture.engines import replay
from xpnet.capture.planning.cut import cut
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import momentum
from xpnet.equations.step import State, training_step

PLAIN = backends.resolve("numpy").with_engine("plain")
REPLAY = backends.resolve("numpy").with_engine("replay")
X = np.random.default_rng(0).normal(size=(7, 3))


def assert_same_bits(step, carry, data, steps):
    """Replay gives what plain gives, to the bit, in two blocks of so many steps of four rows."""
    assert_replayed(step, carry, data, np.random.default_rng(1).integers(0, len(arrays_in(data)[0]), (steps, 4)))


def training(loss, weighted=True):
    """A training's step, its carry, and its rows."""
    given, optimizer = problem(loss), momentum(0.01)
    slots = optimizer.init(given.params, xp=np)
    state = State(slots, np.asarray(0), np.asarray(0.01), given.l2 if weighted else None)
    batch = given.batch if weighted else given.batch._replace(weight=None)
    return training_step(given.model, optimizer), (given.params, state), batch


def test_what_only_results_need_is_left_for_later():
    """A step itself has no logarithm and looks for no class; its results are what these are computed from."""
    step, carry, batch = training("cross_entropy", weighted=False)
    two = cut(plan(step, carry, batch))
    names = [{operation.name for operation in graph.operations} for graph in (two.step.graph, two.results)]
    assert names[0] & {"log", "argmax", "not_equal"} == set()
    assert names[1] >= {"log", "argmax", "not_equal"}
    assert "matmul" not in names[1]


@pytest.mark.parametrize("steps", [1, 16, 37])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_results_of_several_steps_have_the_same_bits(loss, weighted, steps):
    """Each loss's cost and error, for fewer steps than are computed at once, as many, and more."""
    assert_same_bits(*training(loss, weighted), steps)


@pytest.mark.parametrize("limit", ["COPIED", "GATHERED"])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_steps_one_by_one_have_the_same_bits(monkeypatch, loss, limit):
    """Where the carry is bound anew each time, and where the rows of several steps are too many to be gathered."""
    monkeypatch.setattr(replay, limit, 0)
    assert_same_bits(*training(loss), 37)


def of_the_old_carry(carry, batch, *, xp):
    """Results of what the step overwrites."""
    return (carry[0] + 0.1 * xp.sum(batch[0], axis=0),), (xp.sum(xp.exp(carry[0])), xp.max(carry[0] * carry[0]))


def of_the_new_carry(carry, batch, *, xp):
    """Results of what the next step overwrites, seen through a view."""
    new = carry[0] + 0.1 * xp.sum(batch[0], axis=0)
    column = xp.reshape(new, (3, 1))
    return (new,), (xp.sum(xp.abs(column - 0.5) * 2.0), xp.sum(xp.exp(-column), axis=(0, 1)))


def of_rows(carry, batch, *, xp):
    """Results of the rows alone, and of none."""
    x = batch[0]
    return carry, (xp.sum(xp.sqrt(xp.abs(x)) / 3.0), xp.min(x * x + 1.0), xp.sum(xp.ones((3,)) * 2.0))


def of_integers(carry, batch, *, xp):
    """Counts, of booleans and integers."""
    large = batch[0] > xp.mean(batch[0])
    count = xp.sum(xp.astype(large, xp.int32), axis=1)
    return (carry[0] + 1.0,), (
        xp.sum(count),
        xp.any(large),
        xp.argmax(count * 2 + 1, axis=0),
        xp.sum(xp.where(large, 1.0, 2.0)),
    )


def of_products(carry, batch, *, xp):
    """Results by matrix products, of columns, and of a number that the step makes."""
    x = batch[0]
    square, size = x.T @ x, xp.sum(x)
    new = carry[0] - 0.01 * size
    return (new,), (
        xp.sum(xp.log(xp.abs(square)) * size),
        xp.sum(square @ xp.ones((3, 1))),
        xp.max(xp.sum(x.T, axis=1)),
    )


def of_a_value(carry, batch, *, xp):
    """One value as two results, and as what more is computed from."""
    total = xp.sum(batch[0])
    return (carry[0] + total,), (total, total, xp.exp(-xp.abs(total)) * 2.0 - 1.0)


@pytest.mark.parametrize("steps", [1, 21])
@pytest.mark.parametrize("step", [of_the_old_carry, of_the_new_carry, of_rows, of_integers, of_products, of_a_value])
def test_results_of_anything_have_the_same_bits(step, steps):
    """Whether they can be left for later or not."""
    assert_same_bits(step, (X[0],), (X,), steps)


@pytest.mark.parametrize("dtype", ["uint32", "int64"])
def test_numbers_that_no_integer_is_become_the_same_ones(dtype):
    """What NumPy makes of them depends on their place in the array, and so each step's are converted by themselves."""

    def step(carry, batch, *, xp):
        roots = xp.sqrt(xp.sum(batch[0], axis=0))
        return carry, (xp.astype(roots, getattr(xp, dtype)), xp.sum(roots * roots))

    rows = np.full((9, 5), -1.0, np.float32)
    with np.errstate(invalid="ignore"):
        assert_same_bits(step, (X[0],), (rows,), 16)

"""A step in two parts: the sums over parts of a batch, and the update that they come to."""

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, host, on, problem
from test_equations_step import LOSS, prepared

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet.equations import step
from xpnet.equations.optimizers import adam, momentum, sgd
from xpnet.equations.partial_step import gradients_from_sums, partial_step, weighted_sums
from xpnet.schedules import Constant
from xpnet.training.agreement import definition

pytestmark = pytest.mark.current

TOLERANCE = ROUNDING["float64"]


def added(*sums):
    """Sums, added up."""
    return filled(sums[0], [sum(arrays) for arrays in zip(*map(arrays_in, sums), strict=True)])


@LOSS
@pytest.mark.parametrize("weighted", [True, False], ids=["weights", "no weights"])
@pytest.mark.parametrize("cuts", [(5,), (2, 5), (0, 1, 1, 4, 5)], ids=["whole", "two parts", "parts, some empty"])
def test_parts_add_up_to_the_whole(backend, float_dtype, loss, weighted, cuts):
    """Sums over parts of a batch, added and divided, are its gradients and metrics, on every backend."""
    given = problem(loss)
    batch = given.batch if weighted else given.batch._replace(weight=None)
    params, there, l2 = on(backend, (given.params, batch, given.l2), float_dtype)
    parts = [
        weighted_sums(given.model, params, map_arrays(lambda a: a[start:stop, ...], there), xp=backend.xp)  # noqa: B023 (used at once)
        for start, stop in zip((0, *cuts), cuts, strict=False)
    ]
    found = gradients_from_sums(params, added(*parts), l2, xp=backend.xp)
    wanted = step.gradients(given.model, given.params, batch, given.l2, xp=np)
    assert distance(host(backend, found), wanted) < ROUNDING[float_dtype]
    assert host(backend, added(*parts).weight) == pytest.approx(batch.weight.sum() if weighted else 5)


@LOSS
@pytest.mark.parametrize("l2_of", ["mean", "sum"])
def test_both_parts_are_the_step(loss, l2_of):
    """`add`, then `update`, change parameters, slots and counter as `step` does, and give its metrics."""
    given, optimizer = problem(loss), momentum()
    params, state = prepared(optimizer, given.params, 0.3)
    add, update = partial_step(given.model, optimizer, l2_of)
    before = weighted_sums(given.model, params, given.batch, xp=np)
    (params, state, sums), nothing = add((params, state, before), given.batch, xp=np)
    (params, state, _), metrics = update((params, state, sums), None, xp=np)
    run = step.training_step(given.model, optimizer, l2_of)
    wanted, wanted_metrics = run(prepared(optimizer, given.params, 0.3), given.batch, xp=np)
    assert nothing == ()
    assert distance((params, state, metrics), (*wanted, wanted_metrics)) < TOLERANCE


def test_the_parts_of_a_rule_are_one_object():
    """So each is planned once, whichever learning rate the optimizer has."""
    model = problem("cross_entropy").model
    assert partial_step(model, sgd(0.1)) is partial_step(model, sgd(0.2))
    assert partial_step(model, sgd(0.1)) is not partial_step(model, sgd(0.1), "sum")


class Halving:
    """A schedule whose repr is its address."""

    def __call__(self, progress):
        """Half as much an epoch."""
        return 0.5**progress


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (adam(0.1), adam(0.1), True),
        (adam(0.1), adam(0.2), False),
        (adam(0.1), adam(0.1, beta2=0.9), False),
        (adam(Constant(0.1)), adam(Constant(0.1)), True),
        (adam(Constant(0.1)), adam(Constant(0.3)), False),
        (adam(Halving()), adam(Halving()), True),
    ],
)
def test_optimizers_are_told_apart_by_their_numbers(one, other, alike):
    """Two descriptions are equal where rules, their numbers and learning rates are."""
    assert (definition(one) == definition(other)) is alike

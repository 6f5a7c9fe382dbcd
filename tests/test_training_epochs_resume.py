"""A training that goes on from a checkpoint is, on NumPy, the training that was never interrupted, bit for bit."""

import numpy as np
import pytest

import xpnet
from xpnet import Network
from xpnet._support.trees import arrays_in
from xpnet.data import load
from xpnet.errors import InputError
from xpnet.schedules import Cosine, InverseScaling, Step

NETWORK = Network([64, 16, 10], "tanh", input_scale=16.0)
RULES = {
    "sgd": xpnet.sgd,
    "momentum": xpnet.momentum,
    "nesterov": xpnet.nesterov,
    "adam": xpnet.adam,
    "adamw": xpnet.adamw,
}


def run(optimizer, epochs, **arguments):
    """The epochs of a training on the digits."""
    given = dict(batch_size=50, seed=3, l2=1e-4, validation_fraction=0.1) | arguments
    return list(xpnet.epochs(NETWORK, load("digits"), optimizer, epochs=epochs, **given))


def told(epoch):
    """All that an epoch tells, as bytes and numbers that are equal only if every bit is."""
    checkpoint = epoch.checkpoint
    arrays = arrays_in((checkpoint.params, checkpoint.slots, checkpoint.best_params))
    numbers = (epoch.number, epoch.cost, epoch.train_accuracy, epoch.test_accuracy, epoch.validation_cost)
    state = (epoch.learning_rate, checkpoint.steps, checkpoint.order, checkpoint.best_cost, checkpoint.waited)
    return [np.asarray(array).tobytes() for array in arrays], numbers, state


def check(optimizer, **arguments):
    """Hold 3 + 3 epochs to 6."""
    whole = run(optimizer, 6, **arguments)
    first = run(optimizer, 3, **arguments)
    second = run(optimizer, 6, resume=first[-1].checkpoint, **arguments)
    assert [told(epoch) for epoch in first + second] == [told(epoch) for epoch in whole]
    return whole


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
def test_three_and_three_are_six(rule, dtype):
    """For each update rule and dtype, three epochs and three more are six."""
    check(RULES[rule](), dtype=dtype)


@pytest.mark.parametrize("schedule", [InverseScaling(0.1), Step(0.1, 2), Cosine(0.1, 6, 1.5)], ids=type)
def test_under_a_schedule(schedule):
    """The rate goes on where it was."""
    rates = [epoch.learning_rate for epoch in check(xpnet.momentum(schedule))]
    assert len(set(rates)) > 2


@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_with_patience(fraction):
    """The best parameters, their cost and the epochs since go on, and it stops where it would have stopped."""
    rate = xpnet.sgd(lambda progress: 0.1 if progress < 2 else 50.0)
    whole = check(rate, patience=3, validation_fraction=fraction)
    assert [epoch.checkpoint.waited for epoch in whole] == [0, 0, 1, 2, 3]


def test_one_at_a_time():
    """Six epochs, each from the checkpoint before it, are six in a row."""
    whole, done, made = run(xpnet.adam(), 6), None, []
    for number in range(1, 7):
        (epoch,) = run(xpnet.adam(), number, resume=done)
        made.append(epoch)
        done = epoch.checkpoint
    assert [told(epoch) for epoch in made] == [told(epoch) for epoch in whole]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (xpnet.adam(), xpnet.sgd(0.1)),
        (xpnet.sgd(0.1), xpnet.adam()),
        (xpnet.momentum(), xpnet.nesterov()),
        (xpnet.adam(), xpnet.adamw()),
        (xpnet.momentum(0.1, 0.9), xpnet.momentum(0.1, 0.5)),
    ],
    ids=str,
)
def test_another_optimizer_does_not_go_on_from_this_ones_state(before, after, known):
    """It is refused by name and settings; a checkpoint without these, an older one, by the size of the state."""
    done = run(before, 1)[-1].checkpoint
    if not known:
        done = done._replace(optimizer="")
    if known or len(done.slots) != len(after.init(done.params, xp=np)):
        with pytest.raises(InputError, match=r"resume is a checkpoint of .* but optimizer is .*start anew"):
            run(after, 2, resume=done)
    else:
        assert run(after, 2, resume=done)[-1].number == 2


def test_another_learning_rate_goes_on():
    """A rate or schedule is no part of the state, and NumPy's numbers are numbers."""
    done = run(xpnet.momentum(0.1, 0.5), 1)[-1].checkpoint
    assert run(xpnet.momentum(Cosine(0.2, 2), np.float64(0.5)), 2, resume=done)[-1].number == 2


def test_the_checkpoint_stays():
    """To go on from a checkpoint leaves it as it is, so that it serves again."""
    done = run(xpnet.nesterov(), 1)[-1].checkpoint
    ways = [told(run(xpnet.nesterov(), 3, resume=done)[-1]) for _ in range(2)]
    assert ways[0] == ways[1]


def test_without_shuffling():
    """Rows in their own order go on in it."""
    check(xpnet.adam(), shuffle=False)

"""Equal updates of a plan's carried arrays, which replay does as one: which are joined, and the bits that come out."""

import numpy as np
import pytest
from helpers.differences import assert_replayed

from xpnet import Network, backends
from xpnet._support.typing import Batch
from xpnet.capture import plan
from xpnet.capture.graph import VIEWS
from xpnet.capture.planning.joined import joined
from xpnet.equations.optimizers import OPTIMIZERS
from xpnet.equations.step import State, training_step

PLAIN = backends.resolve("numpy").with_engine("plain")
REPLAY = backends.resolve("numpy").with_engine("replay")
ROWS = np.array([[0, 1, 2], [3, 4, 0], [2, 2, 1]])


def training(sizes, name, l2=None):
    """A training's step, its carry, and rows of data."""
    network, optimizer = Network(sizes, activation="sigmoid"), OPTIMIZERS[name]()
    params, rng = network.init(seed=1), np.random.default_rng(0)
    numbers = (np.asarray(0, np.int32), np.asarray(0.1, np.float32), l2)
    x, y = rng.normal(size=(5, sizes[0])).astype(np.float32), np.eye(sizes[-1], dtype=np.float32)[[0, 1, 0, 1, 1]]
    return (
        training_step(network.model, optimizer),
        (params, State(optimizer.init(params, xp=np), *numbers)),
        Batch(x, y),
    )


def assert_same_bits(step, carry, data):
    """Replay gives what plain gives, to the bit, in several blocks of steps."""
    assert_replayed(step, carry, data, ROWS)


@pytest.mark.parametrize(("name", "operations"), [("sgd", 2), ("momentum", 4), ("nesterov", 6), ("adam", 14)])
def test_all_layers_are_updated_as_one(name, operations):
    """An optimizer's update has as many operations for four layers as for one array."""
    step, carry, data = training([4, 5, 3, 5, 2], name)
    made = plan(step, carry, Batch(data.x[:3], data.y[:3]))
    parts = joined(made)
    assert len(parts.end.graph.operations) == operations
    count = sum(operation.name not in VIEWS for operation in made.graph.operations)
    body = sum(operation.name not in VIEWS for operation in parts.body.graph.operations)
    assert body == count - 8 * operations


@pytest.mark.parametrize("l2", [None, np.asarray(0.01, np.float32)])
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_joined_updates_give_the_same_bits(name, l2):
    """Every optimizer's, with an L2 term, which only weights have, and without."""
    assert_same_bits(*training([4, 5, 3, 5, 2], name, l2))


def test_large_arrays_are_updated_by_themselves():
    """What is larger than a cache is done array by array; the others are joined in groups that are not."""
    step, carry, data = training([400, 90, 90, 90, 90, 90, 90, 2], "sgd")
    parts = joined(plan(step, carry, Batch(data.x[:3], data.y[:3])))
    assert [value.size for value in parts.end.graph.outputs] == [90 + 3 * 8190 + 8100, 90 + 8190 + 182]


W, V = np.linspace(-1, 1, 6), np.linspace(2, 3, 4).reshape(2, 2)


def old_number(carry, batch, *, xp):
    """Updates by a number that the step itself replaces."""
    w, v, t = carry
    return (w - t * xp.sum(batch[0]), v - t * xp.sum(batch[0]), t + 1.0), (xp.sum(w),)


def shown(carry, batch, *, xp):
    """A new array that a result is made of as well."""
    w, v, t = carry
    w, v = w - 0.1 * w, v - 0.1 * v
    return (w, v, t), (xp.sum(w),)


def exchanged(carry, batch, *, xp):
    """Arrays that are updated into each other's place."""
    one, other, t = carry
    return (other - 0.1 * xp.sum(batch[0], axis=0), one - 0.1 * xp.sum(batch[0], axis=0), t), (xp.sum(one + other),)


def shared(carry, batch, *, xp):
    """Two updates by one gradient, of which one reads a view."""
    w, v, t = carry
    g = xp.sum(batch[0], axis=0, keepdims=True)
    return (w - t * xp.reshape(g, (-1,)), v - t * g, t), (xp.sum(g),)


def crossed(carry, batch, *, xp):
    """An update that reads what another array was."""
    w, v, t = carry
    g = xp.sum(batch[0], axis=0)
    return (w - t * g, v - t * w, t), (xp.sum(v),)


def signed(carry, batch, *, xp):
    """Updates by zeros of two signs, which are equal numbers."""
    w, v, t = carry
    return (0.0 * w, -0.0 * v, t), (xp.sum(batch[0]),)


def made_number(carry, batch, *, xp):
    """Updates by one number of a matrix, which also is an array's gradient."""
    w, v, t = carry
    g = xp.sum(batch[0], axis=(0, 1), keepdims=True)
    return (w - xp.reshape(g, ()) * w, v - xp.reshape(g, ()) * v, t - 0.5 * xp.reshape(g, (1,))), (xp.sum(g),)


@pytest.mark.parametrize(
    ("step", "carry"),
    [
        (old_number, (W, V, np.asarray(0.5))),
        (shown, (W, V, np.asarray(0.5))),
        (exchanged, (W, W + 1, np.asarray(0.5))),
        (shared, (W, W.reshape(1, 6), np.asarray(0.5))),
        (crossed, (W, W + 1, np.asarray(0.5))),
        (signed, (W, V, np.asarray(0.5))),
        (made_number, (W, V, np.ones(1))),
        (made_number, (W[:1], W[1:2], np.ones(1))),
    ],
)
def test_updates_that_hang_together_give_the_same_bits(step, carry):
    """Whether they can be joined or not."""
    assert_same_bits(step, carry, (np.random.default_rng(0).normal(size=(5, 6)),))


@pytest.mark.parametrize("seed", range(60))
def test_random_updates_give_the_same_bits(seed):
    """Chains of sums, products and roots of carried arrays, gradients and numbers, some of them alike."""
    rng = np.random.default_rng(seed)
    shapes = [(6,), (2, 3), (6, 2), (1,), (6,), (3, 1)][: rng.integers(2, 7)]
    carry = (*(rng.normal(size=shape) for shape in shapes for _ in range(2)), np.asarray(0.3), np.asarray(2.0))
    recipes = rng.integers(0, 1000, (2, 6))
    kinds = rng.integers(0, 2, len(shapes)) * rng.integers(0, 2)

    def step(carry, batch, *, xp):
        *arrays, rate, count = carry
        new = []
        for i, shape in enumerate(shapes):
            w, v = arrays[2 * i : 2 * i + 2]
            # A sum down columns, for arrays of another size of all their numbers.
            g = xp.sum(batch[0] * xp.sum(w), axis=0) if w.size == 6 else xp.sum(w) * w
            g = xp.reshape(g, shape)
            pool = [w, v, g]
            for choice in recipes[kinds[i]]:
                one, other = pool[choice % len(pool)], pool[choice // 7 % len(pool)]
                pool.append(
                    [
                        one + other,
                        one - other,
                        one * other,
                        rate * one,
                        0.5 * one,
                        -one,
                        xp.sqrt(xp.abs(one)),
                        count * one,
                    ][choice // 31 % 8]
                )
            new += [pool[-1], pool[-2]]
        return (*new, rate, count + 1.0 if seed % 2 else count), (xp.sum(arrays[0]),)

    assert_same_bits(step, carry, (rng.normal(size=(5, 6)),))

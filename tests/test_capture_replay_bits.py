"""Replay's bits are plain NumPy's: of random functions, and of those that once differed."""

import os

import numpy as np
import pytest
from helpers.differences import outcomes, ran, refusal, same_bits
from helpers.random_functions import functions
from hypothesis import HealthCheck, given, settings

from xpnet import backends
from xpnet._support.trees import arrays_in
from xpnet.capture import plan
from xpnet.capture.engines import thread_count
from xpnet.errors import CaptureError

NUMPY = backends.resolve("numpy")
REPLAY, PLAIN = NUMPY.with_engine("replay"), NUMPY.with_engine("plain")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(functions())
def test_any_function_is_replayed_bit_for_bit(drawn):
    """Functions of random operations on arrays of any shape and dtype give the same bits, signs of zeros included."""
    try:
        expected = ran(PLAIN, drawn)
        replayed = ran(REPLAY, drawn)
    except (CaptureError, ValueError, IndexError):
        # NumPy meets numbers in a later step that it has no result for, or replay leaves the function to it.
        return
    assert all(map(same_bits, replayed, expected))
    assert drawn.refused is None or refusal(REPLAY, drawn) == "compared, and refused with one more step"


@pytest.mark.slow
def test_many_functions_are_replayed_bit_for_bit():
    """As many functions as XPNET_FUNCTIONS says, or ten thousand: none differs, and no error is another's."""
    count = int(os.environ.get("XPNET_FUNCTIONS", "10000"))
    assert [(seed, what) for seed, what in outcomes("replay", range(count)) if what[0].isupper()] == []


GENERATOR = np.random.default_rng(0)
MATRIX, NEGATIVE_ZEROS = GENERATOR.normal(size=(8, 33)), np.full((8, 3), -0.0)
MANY = GENERATOR.integers(8, size=(2000, 4))
ONE = ((0,),)


def scaled(factor):
    """One over the product of the rows and a number."""
    return lambda c, b, xp: (c, (1 / (abs(b[0]) * 0.0), 1 / (abs(b[0]) * factor)))


@pytest.mark.parametrize(
    ("function", "data", "rows"),
    [
        pytest.param(scaled(-0.0), MATRIX, ONE, id="a number that is -0.0"),
        pytest.param(
            lambda c, b, xp: (c, (xp.full_like(b[0], 0.0), xp.full_like(b[0], -0.0))), MATRIX, ONE, id="full of -0.0"
        ),
        pytest.param(lambda c, b, xp: (c, (xp.sum(b[0], axis=0),)), NEGATIVE_ZEROS, ONE, id="a sum over one number"),
        pytest.param(lambda c, b, xp: (c, (b[0].T @ -abs(b[0]),)), np.eye(8), ONE, id="a product over one number"),
        pytest.param(
            lambda c, b, xp: (c, (b[0].T @ -abs(b[0]),)), MATRIX * 1e-170, ONE, id="a product over one that underflows"
        ),
        pytest.param(lambda c, b, xp: (c, (xp.clip(b[0], 0, 1),)), NEGATIVE_ZEROS, ONE, id="clip"),
        pytest.param(lambda c, b, xp: (c, (xp.clip(b[0], b[0], 1),)), NEGATIVE_ZEROS, ONE, id="clip by an array"),
        pytest.param(lambda c, b, xp: (c, (xp.clip(b[0], xp.nan, 1),)), MATRIX, ONE, id="clip by NaN"),
        pytest.param(lambda c, b, xp: (c, (xp.sum(b[0]) ** 2,)), MATRIX, MANY, id="a scalar's square"),
        pytest.param(lambda c, b, xp: (c, (xp.sum(abs(b[0])) ** 0.5,)), MATRIX, MANY, id="a scalar's root"),
        pytest.param(lambda c, b, xp: (c, (1.7 ** xp.sum(b[0]),)), MATRIX, MANY, id="a number's power"),
        pytest.param(
            lambda c, b, xp: (c, (3 ** (xp.max(b[0], axis=0) + 0.0),)),
            np.full((8, 1), 0.5, "float32"),
            ONE,
            id="a power by one number",
        ),
        pytest.param(lambda c, b, xp: (c, (xp.sum(b[0])[...] ** 2,)), MATRIX, MANY, id="the square without axes"),
        pytest.param(lambda c, b, xp: (c, (b[0] ** 2, b[0] ** 2.0)), MATRIX, MANY, id="squares by 2 and by 2.0"),
        pytest.param(
            lambda c, b, xp: (c, (xp.pow(b[0], xp.full(b[0].shape, 2.0)),)),
            GENERATOR.normal(size=(8, 30_000)),
            ((0, 1),),
            id="a power of an array",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.astype(b[0], xp.float64).T @ b[0], b[0].T @ b[0])),
            MATRIX,
            (range(8),),
            id="a product with a copy",
        ),
        pytest.param(
            lambda c, b, xp: (c, ((b[0] - 0.5).T @ (b[0] - 0.5),)), MATRIX, (range(8),), id="a product of twins"
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.sum(xp.sum(xp.permute_dims(b[0], (2, 1, 0)), axis=0), axis=0),)),
            GENERATOR.normal(size=(8, 40, 30)),
            (range(8),),
            id="a sum of a sum in another order",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.sum(xp.expand_dims(b[0].T, axis=1), axis=2),)),
            MATRIX,
            (range(8),),
            id="a new axis",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.sum(xp.full_like(b[0].T, 0.1), axis=1),)), MATRIX, (range(8),), id="full in order"
        ),
        pytest.param(lambda c, b, xp: (c, (b[0].T,)), GENERATOR.normal(size=(4, 3, 2)), ONE, id="three axes turned"),
        pytest.param(lambda c, b, xp: (c, (b[0] ** 2, b[0] < 300)), MATRIX > 0, ONE, id="booleans"),
        pytest.param(
            lambda c, b, xp: (c, (xp.mean(b[0], axis=1),)), np.full((8, 3), 2**62), ONE, id="mean of integers"
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.mean(b[0], axis=1), xp.mean(b[0]))), MATRIX.astype("float32"), MANY, id="mean"
        ),
        pytest.param(
            lambda c, b, xp: (c, (b[0] < 300, b[0] >= 300, b[0] != -1, -1 / b[0])),
            np.arange(1, 9, dtype=np.uint8),
            ONE,
            id="integers out of range",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.clip(b[0], -1, 5), xp.clip(b[0], 3, None), xp.where(b[0] > 4, b[0], 300))),
            np.arange(8, dtype=np.uint8),
            (range(8),),
            id="bounds out of range",
        ),
        pytest.param(
            lambda c, b, xp: (c, (xp.where(b[0], 1.0, 2.0), xp.where(xp.astype(b[0], xp.float64), b[0], 7))),
            np.arange(8) % 3,
            (range(8),),
            id="where on numbers",
        ),
        pytest.param(lambda c, b, xp: (c, (xp.full_like(b[0], xp.nan, dtype=xp.int64),)), MATRIX, ONE, id="NaN cast"),
        pytest.param(lambda c, b, xp: (c, (xp.exp(b[0]),)), np.arange(8, dtype=np.uint8), ONE, id="float16"),
    ],
)
def test_every_bit_is_numpys(function, data, rows):
    """What once differed: signs of zeros, powers, layouts of sums, copies beside BLAS, numbers a dtype has not."""
    rows = np.asarray(rows)
    carry = (np.zeros(1),)
    with np.errstate(all="ignore"):
        (_, replayed), (_, expected) = (
            backend.run_block(function, NUMPY.copy(carry), (data,), rows) for backend in (REPLAY, PLAIN)
        )
    assert all(map(same_bits, replayed, expected))


@pytest.mark.parametrize("power", [2, 0.5, -1, 3])
def test_a_carry_is_alike_in_every_step(power):
    """A number that is carried is an array without axes, and a matrix lies in C order, from the first step on."""

    def step(carry, batch, *, xp):
        number, matrix = carry
        matrix, total = (matrix.T + xp.sum(matrix, axis=0)).T, xp.sum(matrix @ matrix)
        return (0.1 + (number / 2) ** power * xp.sum(number), matrix / 9), (total,)

    carry = (np.asarray(0.3), np.asfortranarray(GENERATOR.normal(size=(33, 33)) / 40))
    replayed, expected = (
        arrays_in(backend.run_block(step, tuple(map(np.array, carry)), (MATRIX,), MANY[:20]))
        for backend in (REPLAY, PLAIN)
    )
    assert all(map(same_bits, replayed, expected))


def test_products_are_the_same_with_as_many_threads():
    """The one exception: small products have one thread of BLAS, and are what plain NumPy gives with one."""

    def step(carry, batch, *, xp):
        return carry, (batch[0] @ batch[0].T,)

    data, rows = (GENERATOR.normal(size=(120, 100)),), np.arange(120)[None]
    planned = plan(step, (np.zeros(1),), data)
    assert 0 < planned.largest_product < thread_count.WORTH_THREADS
    with thread_count.of_blas(planned):
        _, expected = PLAIN.run_block(step, (np.zeros(1),), data, rows)
    _, replayed = REPLAY.run_block(step, (np.zeros(1),), data, rows)
    assert same_bits(replayed[0], expected[0])

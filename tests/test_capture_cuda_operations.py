"""What single operations come to in CUDA's kernels, and what those of one kernel may overwrite."""

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import both, program, stand_in

from xpnet._support.trees import arrays_in
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.cuda.launches import launches
from xpnet.errors import CaptureError

pytestmark = pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")

NONE = (np.zeros(1),)
X = np.random.default_rng(0).normal(size=(4, 8))


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """The stand-in, in the place of CuPy and nvmath."""
    return stand_in(tmp_path, monkeypatch)


def assert_same(driver, step, carry, data, rows=((0, 1),)):
    """The kernels come to the plain numbers, whichever thread comes first."""
    for driver.backwards in (False, True):
        with np.errstate(all="ignore"):
            found, wanted = both(driver, step, carry, data, np.asarray(rows))
        for a, b in zip(arrays_in(found), arrays_in(wanted), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-12)


def scaled_vector(carry, batch, *, xp):
    """A vector times a number, which is then replaced."""
    number, vector = carry
    return (number + 1, vector * number), (xp.sum(batch[0]),)


def squared_column(carry, batch, *, xp):
    """A matrix and a column, which is then replaced."""
    return (carry[0] * carry[0],), (batch[0] + carry[0],)


@pytest.mark.parametrize(
    ("step", "carry", "data", "rows"),
    [
        (lambda c, b, *, xp: ((c[0] + 1,), (b[0] + c[0],)), (np.asarray(1.0),), (X,), [[0], [1]]),
        (scaled_vector, (np.asarray(1.0), np.ones(64)), (X,), [[0]]),
        (squared_column, (np.full((3, 1), 3.0),), (X,), [[0, 1, 2]]),
    ],
    ids=["a number and a row", "a number and a vector", "a column and a matrix"],
)
def test_no_thread_overwrites_what_another_reads(driver, step, carry, data, rows):
    """A value takes the place of one that wider loops of its kernel read only after their threads are through."""
    assert_same(driver, step, carry, data, rows)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x, xp: ~(x > 0), X),
        (lambda x, xp: xp.where(~(x > 0), 1.0, 2.0), X),
        (lambda x, xp: xp.bitwise_invert(x), np.arange(8, dtype=np.uint8).reshape(4, 2)),
        (lambda x, xp: x // 0.1, np.array([[1.0, 0.3], [-1.0, -0.3], [0.0, -0.0], [7.0, np.nan]])),
        (lambda x, xp: x // 1.0, np.array([[np.inf, -np.inf], [np.nan, 2.5], [-2.5, 0.0], [-0.0, 1e300]])),
        (lambda x, xp: 1.0 // x, np.array([[np.inf, -np.inf], [0.0, -0.0], [0.1, -0.1], [0.3, 1e-300]])),
        (lambda x, xp: xp.astype(x, xp.float32) // 0.1, X),
    ],
    ids=["not", "where not", "inverted integers", "whole tenths", "of infinity", "by anything", "in float32"],
)
def test_operations_are_the_plain_ones(driver, function, x):
    """Not and floor division, to the last special value."""
    assert_same(driver, lambda c, b, *, xp: (c, (function(b[0], xp),)), NONE, (x,), [[0, 1], [2, 3]])


@pytest.mark.parametrize(
    "result",
    [
        lambda x, xp: x[..., None],
        lambda x, xp: xp.permute_dims(x[:, None, :], (2, 1, 0)),
        lambda x, xp: xp.reshape(x * 2, (2, 2, 2, 2)),
        lambda x, xp: (x + 1).T,
    ],
    ids=["a last axis", "turned", "four axes", "a transpose"],
)
def test_results_have_any_axes(driver, result):
    """Views of any number of axes, turned ones too, come out as they are, as results and in the carry."""
    x = X.reshape(4, 8)[:, :4]

    def step(carry, batch, *, xp):
        return carry, (result(batch[0], xp), result(carry[0], xp))

    assert_same(driver, step, (x.copy(),), (x,), [[0, 1, 2, 3], [3, 2, 1, 0]])


def test_a_carry_of_three_axes_is_replaced(driver):
    """A carry of three axes that a view of another takes the place of holds that one's numbers."""

    def step(carry, batch, *, xp):
        _, second = carry
        return (xp.permute_dims((second * 2)[None, :, :], (2, 1, 0)), second + 1), (xp.sum(batch[0]),)

    assert_same(driver, step, (np.zeros((8, 4, 1)), X), (X,), [[0], [1]])


@pytest.mark.parametrize(
    ("function", "x", "told"),
    [
        (lambda x, xp: xp.sqrt(x), np.full((4, 2), 100, np.uint8), "float16 cannot be compiled for CUDA"),
        (lambda x, xp: xp.sum(x, axis=1), np.zeros((4, 0)), "An array of 2×0 float64 cannot be compiled for CUDA"),
    ],
    ids=["half floats", "no elements"],
)
def test_what_cannot_be_right_is_refused(function, x, told):
    """Dtypes that C++ does not have and empty arrays are told of."""

    def step(carry, batch, *, xp):
        return carry, (function(batch[0], xp),)

    with pytest.raises(CaptureError, match=told):
        launches(programs.planned(step, NONE, (x,), 2))


def test_numbers_at_the_edge_of_a_dtype_and_beyond_are_compared_with(driver):
    """The smallest and the largest number that a dtype holds, and those that it does not hold, are what they are."""
    x = np.array([[0, 255], [254, 100]], np.uint8)

    def step(carry, batch, *, xp):
        (x,) = batch
        return carry, (x < 255, x >= 0, x < 300, x >= -1, x == 300)

    assert_same(driver, step, NONE, (x,), [[0, 1]])


def test_products_larger_than_cublas_counts_are_refused():
    """A factor with more rows than an int counts is told of; an array with more elements has indices of 64 bits."""
    large = programs.planned(lambda c, b, *, xp: (c, (b[0] @ c[0],)), (Shape((1 << 31, 2)),), (Shape((4, 1 << 31)),), 2)
    with pytest.raises(CaptureError, match=r"matmul at .* has more rows or columns than cuBLAS counts"):
        launches(large)
    wide = programs.planned(lambda c, b, *, xp: ((c[0] * 2,), (xp.sum(b[0]),)), (Shape((1 << 16, 1 << 15)),), (X,), 2)
    assert (
        "const long long i = (long long)(at / 1073741824), j = (long long)(at % 1073741824) * 2;"
        in launches(wide).source
    )


class Shape:
    """An array of which nothing but the form is asked."""

    def __init__(self, shape):
        self.shape, self.dtype = shape, np.dtype(np.float64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 8), (6, 2), (5, 3), (1, 12), (4, 1), (2, 6), (1, 1)])
def test_packs_are_elements_of_any_shape(driver, shape, dtype):
    """Matrices whose rows are packs, or that are a pack's multiple as a whole, beside rows, columns and transposes."""
    rng, (m, n) = np.random.default_rng(0), shape
    w, turned, row, column = (rng.normal(size=s).astype(dtype) for s in (shape, (n, m), (n,), (m, 1)))

    def step(carry, batch, *, xp):
        w, turned, row, column = carry
        after = (w * row - column, turned + w.T, row * 2, column / 3)
        return after, (w + turned.T, w * w, xp.sum(batch[0]), w > row)

    driver.backwards = True
    found, wanted = both(driver, step, (w, turned, row, column), (X,), np.asarray([[0], [1], [2]]))
    for a, b in zip(arrays_in(found), arrays_in(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6 if dtype == "float32" else 1e-12)


def test_data_that_begin_anywhere_are_copied(driver):
    """Rows are fetched as packs, from data that begin where a pack may; others are brought there first."""
    memory = driver.array(np.zeros(8 * 4 * 8 + 8, np.uint8))
    data = memory[8:].view(np.float64).reshape(8, 4)
    data[...] = X.T
    assert data.data.ptr % 16 == 8

    def step(carry, batch, *, xp):
        return carry, (batch[0] * 2,)

    made = program(step, NONE, (X.T,), 2)
    _, (result,) = made.run([driver.array(NONE[0])], [data], np.asarray([[1, 5], [7, 0]]))
    np.testing.assert_array_equal(np.array(result), 2 * X.T[[[1, 5], [7, 0]]])
    assert made._copies[0].data.ptr % 16 == 0

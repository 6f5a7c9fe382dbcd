"""Recording: a function is written down from shapes and dtypes alone, or refused with its line."""

import numpy as np
import pytest

from xpnet.capture import Like, trace
from xpnet.errors import CaptureError

MATRIX, NUMBER = Like((4, 3), np.dtype("float32")), Like((), np.dtype("float32"))


def recorded(function, *arguments):
    """The operations of a function."""
    graph, _ = trace(function, *(arguments or (MATRIX,)))
    return [operation.name for operation in graph.operations]


def test_nothing_is_computed():
    """A product far beyond any memory is recorded at once."""
    large = Like((10**9, 10**9), np.dtype("float64"))
    graph, value = trace(lambda a, xp: xp.sum(a @ a.T), large)
    assert (value.shape, value.dtype) == ((), np.float64)
    assert [operation.name for operation in graph.operations] == ["transpose", "matmul", "sum", "reshape"]


def test_every_operation_knows_its_line():
    """The line is that of the function, not that of the recorder."""
    graph, _ = trace(lambda x, xp: xp.exp(x), MATRIX)
    assert graph.operations[0].line.startswith("test_capture_trace.py:")


def test_what_is_not_needed_is_dropped():
    """An operation that no output depends on is not there."""

    def function(x, *, xp):
        xp.log(x)
        return xp.exp(x)

    assert recorded(function) == ["exp"]


def test_the_same_is_computed_once():
    """The same operation on the same values is the first one's result."""
    assert recorded(lambda x, xp: xp.exp(x) + xp.exp(x)) == ["exp", "add"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, xp: x * 1,
        lambda x, xp: xp.ones_like(x) * x,
        lambda x, xp: x / 1,
        lambda x, xp: xp.astype(x, xp.float32),
        lambda x, xp: x.T.T * 1.0,
    ],
)
def test_what_changes_nothing_is_left_out(function):
    """A product with one, and a cast to the dtype that is there, are no operation."""
    assert set(recorded(function)) <= {"transpose"}


def test_an_inner_dimension_of_one_is_an_elementwise_product():
    """An outer product needs no matrix product."""
    assert recorded(lambda x, xp: x[:, None] @ x[None, :], Like((4,), np.dtype("float32")))[-1] == "multiply"


def test_dtypes_are_numpys():
    """Python numbers follow arrays, floats of two widths give the wider one, comparisons give booleans."""
    double, integer = Like((3,), np.dtype("float64")), Like((3,), np.dtype("int32"))

    def function(x, d, i, *, xp):
        return x + 1.5, x + d, i + 1, i + 0.5, x > 0, xp.sum(i), xp.astype(i, xp.float32) / 2

    _, found = trace(function, MATRIX, double, integer)
    wanted = function(*(np.ones(a.shape, a.dtype) for a in (MATRIX, double, integer)), xp=np)
    assert [value.dtype for value in found] == [array.dtype for array in wanted]
    assert [value.shape for value in found] == [array.shape for array in wanted]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, xp: float(x), r"float\(\) of an array at test_capture_trace.py:\d+ cannot be captured"),
        (lambda x, xp: x if x else -x, r"bool\(\) of an array"),
        (lambda x, xp: [1, 2][x], r"index\(\) of an array"),
        (lambda x, xp: x.__setitem__(0, 1), r"item assignment at .* make a new array"),
        (lambda x, xp: x[0], r"indexing with anything but None, : and \.\.\. at"),
        (lambda x, xp: xp.cumulative_sum(x), r"xp\.cumulative_sum at test_capture_trace.py"),
        (lambda x, xp: np.exp(x), r"NumPy's exp of a recorded array at test_capture_trace"),
        (lambda x, xp: np.ones((4, 3)) + x, r"NumPy's add of a recorded array .* arrays that are arguments"),
        (lambda x, xp: np.sum(x), r"NumPy's sum of"),
        (lambda x, xp: np.asarray(x), r"NumPy's array of"),
        (lambda x, xp: x + np.ones((4, 3), "float32"), r"a ndarray with a recorded array .* hand it in as an argument"),
        (lambda x, xp: x @ x, r"matmul of shapes \(4, 3\) and \(4, 3\)"),
        (lambda x, xp: x[0 if False else None] @ x, r"matmul of anything but two matrices"),
        (lambda x, xp: x + xp.ones((2, 3), dtype=xp.float32), r"shapes \(4, 3\) and \(2, 3\) together"),
        (lambda x, xp: xp.reshape(x, (5,)), r"reshape of \(4, 3\) to \(5,\)"),
        (lambda x, xp: xp.squeeze(x, axis=0), r"squeeze of shape"),
        (lambda x, xp: xp.argmax(x), r"argmax without an axis"),
        (lambda x, xp: list(x), r"iterating over an array"),
        (lambda x, xp: len(x), r"len\(\) at"),
        (lambda x, xp: xp.asarray("a"), r"asarray of a str"),
        (lambda x, xp: "text", r"gives a str; give arrays"),
    ],
)
def test_what_cannot_be_captured_is_said(function, message):
    """The sentence names the operation and the line, and says what to do instead."""
    with pytest.raises(CaptureError, match=message):
        trace(function, MATRIX)

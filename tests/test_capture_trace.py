"""Recording: a function is written down from shapes and dtypes alone, or refused with its line."""

import operator

import numpy as np
import pytest

from xpnet.capture import Like, Value, trace
from xpnet.capture.tracing.operations import order_of
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
    """An outer product needs no matrix product; what begins with 0 has no negative zeros."""
    assert recorded(lambda x, xp: x[:, None] @ x[None, :], Like((4,), np.dtype("float32")))[-2:] == ["multiply", "add"]


def test_dtypes_are_numpys():
    """Python numbers follow arrays, floats of two widths give the wider one, comparisons give booleans."""
    double, integer = Like((3,), np.dtype("float64")), Like((3,), np.dtype("int32"))

    def function(x, d, i, *, xp):
        powers = ((x > 0) ** 2, i**2, x**2, xp.sum(x > 0) ** 2, xp.any(x > 0) ** 2, xp.mean(i), xp.mean(x))
        return x + 1.5, x + d, i + 1, i + 0.5, x > 0, xp.sum(i), xp.astype(i, xp.float32) / 2, *powers

    _, values = trace(function, MATRIX, double, integer)
    expected = function(*(np.ones(a.shape, a.dtype) for a in (MATRIX, double, integer)), xp=np)
    assert [value.dtype for value in values] == [array.dtype for array in expected]
    assert [value.shape for value in values] == [array.shape for array in expected]


@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 3, 4), (2, 1, 4), (2, 3, 1), (5, 5, 5), (2, 0, 3)])
@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("shape", [(-1,), (6, -1), (-1, 4), (2, -1), (1, -1, 1), "squeezed", "expanded"])
def test_layouts_are_numpys(sizes, axes, shape):
    """What is reshaped is a view where NumPy has one, and lies as NumPy lays it; so does what is computed of it."""

    def function(x, *, xp):
        turned = xp.permute_dims(x, axes)
        if shape == "squeezed":
            turned = xp.squeeze(turned, axis=tuple(axis for axis, size in enumerate(turned.shape) if size == 1))
        else:
            turned = xp.expand_dims(turned, axis=(1, -1)) if shape == "expanded" else xp.reshape(turned, shape)
        return turned, xp.exp(turned), xp.sum(turned, axis=0)

    array = np.zeros(sizes)
    try:
        expected = function(array, xp=np)
    except ValueError:
        with pytest.raises(CaptureError):
            trace(function, array)
        return
    _, values = trace(function, array)
    for value, result in zip(values, expected, strict=True):
        assert (value.shape, value.dtype) == (result.shape, result.dtype)
        assert result.size == 0 or value.order == order_of(result, result.shape)


def test_strides_are_those_of_the_layout():
    """Elements from one index to the next, 0 along axes of length one."""
    assert Value((2, 1, 3), np.dtype("int8"), (0, 2)).strides == (3, 0, 1)
    assert Value((2, 1, 3), np.dtype("int8"), (2, 0)).strides == (1, 0, 2)


def test_numbers_that_are_equal_are_not_the_same():
    """0.0 and −0.0, and 1, 1.0 and True, are numbers of their own."""
    integers = Like((3,), np.dtype("int32"))
    assert recorded(lambda x, xp: (x * 0.0, x * -0.0)) == ["multiply", "multiply"]
    assert recorded(lambda x, xp: (x + 1, x + 1.0, x + True), integers) == ["add", "add", "add"]
    _, (zero, negative) = trace(lambda x, xp: (xp.full_like(x, 0.0), xp.full_like(x, -0.0)), MATRIX)
    assert zero is not negative


def test_one_of_two_constants_stays_an_array():
    """Numbers alone have no dtype: a product of two constants has that of the arrays that they were."""
    graph, value = trace(lambda x, xp: xp.full_like(x, 2, dtype=xp.uint8) * xp.full_like(x, 3, dtype=xp.uint8), MATRIX)
    assert value.dtype == np.uint8
    assert len(graph.operations[-1].arrays) == 1


def test_scalars_take_another_name_in_place():
    """`total += x` writes into no array where NumPy has a scalar for the total."""

    def function(x, *, xp):
        total = 0
        for _ in range(2):
            total += xp.sum(x)
        total **= 2
        return total

    assert recorded(function)[-1] == "pow"


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul", "ior"])
def test_nothing_is_written_into_an_array(name):
    """Operators in place are refused for arguments, for what is computed, and for arrays without axes."""
    for function in (
        lambda x, xp: getattr(operator, name)(x, 1),
        lambda x, xp: getattr(operator, name)(x + 1, x),
        lambda x, xp: getattr(operator, name)(xp.where(xp.sum(x) > 0, 1.0, 2.0), 1),
    ):
        with pytest.raises(CaptureError, match="an array at test_capture_trace"):
            trace(function, MATRIX)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, xp: xp.sum(x, axis=2), r"xp\.sum at .* axis 2 is out of bounds for array of dimension 2"),
        (lambda x, xp: xp.mean(x, axis=(0, -3)), r"xp\.mean at .* axis -3 is out of bounds"),
        (lambda x, xp: xp.max(x, axis=(0, 0)), r"xp\.max at .* repeated axis"),
        (lambda x, xp: xp.any(xp.sum(x), axis=1), r"xp\.any at .* axis 1 is out of bounds for array of dimension 0"),
        (lambda x, xp: xp.argmax(x, axis=2), r"xp\.argmax at .* axis 2 is out of bounds"),
        (lambda x, xp: xp.expand_dims(x, axis=5), r"xp\.expand_dims at .* axis 5 is out of bounds"),
        (lambda x, xp: xp.squeeze(x, axis=2), r"xp\.squeeze at .* axis 2 is out of bounds"),
        (lambda x, xp: xp.permute_dims(x, (0, 2)), r"xp\.permute_dims at .* axis 2 is out of bounds"),
        (lambda x, xp: xp.permute_dims(x, (0, 0)), r"xp\.permute_dims at .* repeated axis"),
        (lambda x, xp: xp.permute_dims(x, (0,)), r"permute_dims of shape \(4, 3\) to \(0,\)"),
        (lambda x, xp: xp.take(x, xp.zeros(1, dtype=xp.int64), axis=2), r"xp\.take at .* axis 2 is out of bounds"),
        (lambda x, xp: xp.take(x, xp.zeros(1, dtype=xp.int64)), r"take of shape \(4, 3\) without an axis"),
        (lambda x, xp: xp.take(x, x, axis=0), r"xp\.take at .* Cannot cast array data"),
        (lambda x, xp: xp.max(xp.zeros((0, 3)), axis=0), r"xp\.max at .* zero-size array"),
        (lambda x, xp: xp.argmin(xp.zeros((0, 3)), axis=0), r"xp\.argmin at .* empty sequence"),
        (lambda x, xp: xp.reshape(x, (-1, -1)), r"reshape of \(4, 3\) to \(-1, -1\)"),
        (lambda x, xp: xp.reshape(x, (-1, 5)), r"reshape of \(4, 3\) to \(-1, 5\)"),
        (lambda x, xp: xp.bitwise_and(x, 1), r"xp\.bitwise_and at .* not supported for the input types"),
        (lambda x, xp: x & True, r"xp\.bitwise_and at .* not supported"),
        (lambda x, xp: -(x > 0), r"xp\.negative at .* not supported"),
        (lambda x, xp: xp.maximum(xp.astype(x, xp.uint8), -1), r"xp\.maximum at .* Python integer -1 out of bounds"),
        (lambda x, xp: xp.full_like(x, 300, dtype=xp.uint8), r"xp\.full_like at .* integer 300 out of bounds"),
        (lambda x, xp: xp.asarray(xp.nan, dtype=xp.int64), r"xp\.asarray at .* cannot convert float NaN to integer"),
        (lambda x, xp: xp.astype(x, xp.int64) ** -1, r"xp\.pow at .* negative integer powers"),
        (lambda x, xp: x << 1, r"<< of an array at .* cannot be captured"),
        (lambda x, xp: divmod(x, 2), r"divmod\(\) of an array"),
        (lambda x, xp: round(x), r"round\(\) of an array"),
        (lambda x, xp: x.sum(), r"an array's \.sum at .* use the functions of the namespace"),
        (lambda x, xp: x[x > 0], r"indexing with anything but None"),
        (lambda x, xp: xp.sum(x, 0), r"xp\.sum at .* positional argument"),
        (lambda x, xp: xp.sum(x, dtype=xp.float64), r"xp\.sum at .* unexpected keyword argument 'dtype'"),
        (lambda x, xp: xp.add(x, x, out=x), r"xp\.add at .* unexpected keyword argument 'out'"),
        (lambda x, xp: xp.exp(x, x), r"xp\.exp at .* takes 1 arrays, not 2"),
        (lambda x, xp: xp.sum(np.ones(3)), r"a ndarray in the place of an array .* hand it in as an argument"),
        (lambda x, xp: xp.astype(x, "float16"), r"the dtype float16 at .* it can be bool, int8"),
        (lambda x, xp: xp.where(np.ones((4, 3)), x, x), r"a ndarray with a recorded array"),
    ],
)
def test_what_numpy_refuses_is_refused(function, message):
    """An error of NumPy's, or of Python's about arguments, is a CaptureError with its line, before anything is run."""
    with pytest.raises(CaptureError, match=message):
        trace(function, MATRIX)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "object", ">f8", "datetime64[s]"])
def test_arrays_of_other_dtypes_are_refused(dtype):
    """What the standard has no real numbers of is left to plain NumPy."""
    with pytest.raises(CaptureError, match="cannot be captured; it can be of bool"):
        trace(lambda x, xp: x, Like((3,), np.dtype(dtype)))


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

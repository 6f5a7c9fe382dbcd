"""The operations that can be recorded, by the standard's names, and their results as NumPy describes them."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from xpnet.capture.graph import Number, Operation, Value

UNARY = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_invert", "ceil", "cos", "cosh", "exp", "expm1",
    "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not", "negative", "positive",
    "reciprocal", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
)  # fmt: skip
BINARY = (
    "add", "atan2", "bitwise_and", "bitwise_or", "bitwise_xor", "divide", "equal", "floor_divide", "greater",
    "greater_equal", "hypot", "less", "less_equal", "logaddexp", "logical_and", "logical_or", "logical_xor", "maximum",
    "minimum", "multiply", "not_equal", "pow", "remainder", "subtract",
)  # fmt: skip

TERNARY = ("clip",)

ELEMENTWISE: dict[str, Any] = {name: getattr(np, name) for name in (*UNARY, *BINARY, *TERNARY)}

COMPARISONS = ("equal", "greater", "greater_equal", "less", "less_equal", "not_equal")

REDUCTIONS: dict[str, np.ufunc] = {
    "sum": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "any": np.logical_or,
    "all": np.logical_and,
}

SEARCHES: dict[str, Callable[..., Any]] = {"argmax": np.ndarray.argmax, "argmin": np.ndarray.argmin}

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
)  # fmt: skip
CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")


def start(name: str, dtype: np.dtype) -> Any:
    """The first number of a reduction or a search, before it has seen any."""
    if name in ("sum", "prod", "any", "all"):
        return {"sum": 0, "prod": 1, "any": False, "all": True}[name]
    is_low = name in ("max", "argmax")
    if dtype.kind == "f":
        return -np.inf if is_low else np.inf
    if dtype == np.bool_:
        return not is_low
    return np.iinfo(dtype).min if is_low else np.iinfo(dtype).max


def laid_out(value: Value, memory: Any = None) -> np.ndarray:
    """An array of a value's shape and layout: on that memory, or on new memory."""
    axes = (*(axis for axis in range(len(value.shape)) if axis not in value.order), *value.order)
    shape = tuple(value.shape[axis] for axis in axes)
    array = np.empty(shape, value.dtype) if memory is None else np.ndarray(shape, value.dtype, memory)
    return array.transpose(np.argsort(axes)) if axes else array


def order_of(array: np.ndarray, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes longer than one in `shape`, those with the array's longest strides first."""
    axes = (axis for axis, size in enumerate(shape) if size > 1)
    return tuple(sorted(axes, key=lambda axis: -abs(array.strides[axis])))


def described(function: Callable[..., Any], inputs: tuple[Value | Number, ...], shape: tuple[int, ...]) -> Value:
    """The result of an element-wise function, as NumPy has it: asked on arrays two elements wide, laid out alike."""
    small = tuple(_small(value) if isinstance(value, Value) else value for value in inputs)
    dtype, order = _described(function, small, shape, tuple(map(type, inputs)))
    return Value(shape, dtype, order)


@lru_cache(maxsize=4096)
def _described(
    function: Callable[..., Any], small: tuple[Any, ...], shape: tuple[int, ...], kinds: tuple[type, ...]
) -> tuple[np.dtype, tuple[int, ...]]:
    """The result's dtype and layout, for such inputs; `kinds` tells 1 from 1.0 and True."""
    result = np.asarray(function(*(_miniature(value) if isinstance(value, tuple) else value for value in small)))
    return result.dtype, order_of(result, shape)


def reduced_as(name: str, x: Value, axes: tuple[int, ...], dtype: np.dtype | None) -> Value:
    """The result of a reduction or a search that keeps its axes, as NumPy has it.

    Raises:
        ValueError: An axis has no elements, and a maximum or an index needs one.
    """
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    return Value(shape, *_reduced_as(name, _small(x), axes, dtype, shape))


@lru_cache(maxsize=4096)
def _reduced_as(
    name: str, small: tuple[Any, ...], axes: tuple[int, ...], dtype: np.dtype | None, shape: tuple[int, ...]
) -> tuple[np.dtype, tuple[int, ...]]:
    """The result's dtype and layout."""
    array = _miniature(small)
    if name in SEARCHES:
        result = SEARCHES[name](array, *axes, keepdims=True)
    else:
        result = REDUCTIONS[name].reduce(array, axis=axes, dtype=dtype, keepdims=True)
    return result.dtype, order_of(np.asarray(result), shape)


def dtypes(operation: Operation) -> tuple[np.dtype, ...]:
    """The dtypes that NumPy computes an element-wise operation's inputs in."""
    kinds = (x.dtype if isinstance(x, Value | np.generic) else _kind(x) for x in operation.inputs)
    resolved: tuple[np.dtype, ...] = ELEMENTWISE[operation.name].resolve_dtypes((*kinds, None))
    return resolved[:-1]


def _kind(number: Number) -> type | np.dtype:
    """What NumPy takes a Python number for."""
    return np.dtype(bool) if isinstance(number, bool) else int if isinstance(number, int) else float


@lru_cache(maxsize=4096, typed=True)
def power_of(dtype: np.dtype, exponent: Number) -> str:
    """The function that NumPy's operator `**` calls for an array and a number; it has short ways for some."""
    called: Any = np.ones(1, dtype).view(_Watched) ** exponent
    return called if called in ("square", "sqrt", "reciprocal") else "pow"


class _Watched(np.ndarray):
    """An array whose operators give the name of the function that NumPy would call."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufunc.__name__


def _small(value: Value) -> tuple[Any, ...]:
    """A value at most two elements wide, as the arguments of another."""
    return tuple(min(size, 2) for size in value.shape), value.dtype, value.order


def _miniature(small: tuple[Any, ...]) -> np.ndarray:
    """An array of ones in the place of a value."""
    array = laid_out(Value(*small))
    array.fill(1)
    return array

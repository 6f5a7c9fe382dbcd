"""The operations that can be recorded, by the standard's names, and what NumPy says of their results."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from xpnet.capture.graph import Number, Value

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

ELEMENTWISE: dict[str, np.ufunc] = {name: getattr(np, name) for name in (*UNARY, *BINARY)}

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
    """The number that a reduction or a search begins with."""
    if name in ("sum", "prod", "any", "all"):
        return {"sum": 0, "prod": 1, "any": False, "all": True}[name]
    is_low = name in ("max", "argmax")
    if dtype.kind == "f":
        return -np.inf if is_low else np.inf
    if dtype == np.bool_:
        return not is_low
    return np.iinfo(dtype).min if is_low else np.iinfo(dtype).max


def laid_out(value: Value, memory: Any = None) -> np.ndarray:
    """An array of a value's shape and layout: on that memory, or on its own."""
    axes = (*(axis for axis in range(len(value.shape)) if axis not in value.order), *value.order)
    shape = tuple(value.shape[axis] for axis in axes)
    array = np.empty(shape, value.dtype) if memory is None else np.ndarray(shape, value.dtype, memory)
    return array.transpose(np.argsort(axes)) if axes else array


def order_of(array: np.ndarray, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes longer than one in `shape`, those with the array's longest strides first."""
    axes = (axis for axis, size in enumerate(shape) if size > 1)
    return tuple(sorted(axes, key=lambda axis: -abs(array.strides[axis])))


def described(function: Callable[..., Any], inputs: tuple[Value | Number, ...], shape: tuple[int, ...]) -> Value:
    """What an element-wise function gives, as NumPy has it: asked on arrays two elements wide, laid out alike."""
    small = tuple(
        (tuple(min(size, 2) for size in value.shape), value.dtype, value.order) if isinstance(value, Value) else value
        for value in inputs
    )
    dtype, order = _asked(function, small, shape, tuple(map(type, inputs)))
    return Value(shape, dtype, order)


@lru_cache(maxsize=4096)
def _asked(
    function: Callable[..., Any], small: tuple[Any, ...], shape: tuple[int, ...], kinds: tuple[type, ...]
) -> tuple[np.dtype, tuple[int, ...]]:
    """The result's dtype and layout, for such inputs; `kinds` tells 1 from 1.0 and True."""

    def miniature(value: Any) -> Any:
        if not isinstance(value, tuple):
            return value
        array = laid_out(Value(*value))
        array.fill(1)
        return array

    result = np.asarray(function(*map(miniature, small)))
    return result.dtype, order_of(result, shape)

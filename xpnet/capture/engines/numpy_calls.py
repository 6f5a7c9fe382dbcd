"""NumPy's calls: what an operation of a plan is in them, each with its arrays and the array for its result."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from xpnet.capture.engines.random_calls import draw
from xpnet.capture.graph import OUTER, RANDOM, Number, Operation, Value
from xpnet.capture.tracing.operations import ELEMENTWISE, REDUCTIONS, SEARCHES, dtypes

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Operand = tuple[np.ndarray, Value | Number]

FILLED = 2**20
"""Bytes up to which a number becomes an array."""

SMALL = 2**14
"""Bytes up to which a product's result is small: into a larger one np.dot takes longer than np.matmul."""


def calls(operation: Operation, arrays: Mapping[Value, np.ndarray]) -> list[Call]:
    """The calls of NumPy's functions that an operation is."""
    name, out, options = operation.name, arrays[operation.output], operation.options
    if name in ELEMENTWISE:
        return [_elementwise(operation, arrays, out)]
    inputs: list[Any] = [arrays[x] if isinstance(x, Value) else x for x in operation.inputs]
    if name == "where":
        condition, one, other = inputs
        return [(np.copyto, (out, other, "unsafe")), (np.copyto, (out, one, "unsafe", condition))]
    if name == "matmul":
        return [(np.dot if _is_blas(operation) else np.matmul, (*inputs, out))]
    if name in REDUCTIONS:
        (axes,), dtype = options, out.dtype if name in ("sum", "prod") else None
        if len(axes) > 1:
            return [(REDUCTIONS[name].reduce, (*inputs, axes, dtype, out, True))]
        return [(REDUCTIONS[name].reduce, (*inputs, axes[0], dtype, _without(out, axes[0])))]
    if name in SEARCHES:
        (axis,) = options
        return [(getattr(inputs[0], name), (axis, _without(out, axis)))]
    if name in RANDOM:
        return [(draw, (*inputs, options, out))]
    if name == "take":
        return [(inputs[0].take, (inputs[1], *options, out))]
    return [(np.copyto, (out, *inputs, "unsafe"))]


def _is_blas(operation: Operation) -> bool:
    """Whether np.matmul hands a product to BLAS as it is: np.dot calls the same, half a microsecond sooner."""
    (inner, columns), out = operation.arrays[1].shape, operation.output
    is_float = out.dtype in (np.float32, np.float64) and len({value.dtype for value in (*operation.arrays, out)}) == 1
    return is_float and inner > 1 < columns and 0 < out.nbytes <= SMALL and out.is_contiguous


def _without(array: np.ndarray, axis: int) -> np.ndarray:
    """A view without an axis of length one."""
    return array.reshape(array.shape[:axis] + array.shape[axis + 1 :])


def _narrowed(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view without the axes along which the result is of length one, for which NumPy would take an iterator."""
    sizes = (*(1,) * (len(shape) - array.ndim), *array.shape)
    return array.reshape([size for size, longest in zip(sizes, shape, strict=True) if longest != 1] * (array.size != 1))


def _elementwise(operation: Operation, arrays: Mapping[Value, np.ndarray], out: np.ndarray) -> Call:
    """The call of an element-wise function."""
    name, function = operation.name, ELEMENTWISE[operation.name]
    if name == "clip":
        return np.clip, (*(arrays[x] if isinstance(x, Value) else x for x in operation.inputs), out)
    # A Python number costs a call a microsecond more than an array of it.
    inputs = [
        arrays[x] if isinstance(x, Value) else np.asarray(x, dtype)
        for x, dtype in zip(operation.inputs, dtypes(operation), strict=True)
    ]
    if OUTER in operation.options:
        # BLAS takes less time than an iterator of rows, or than np.matmul, which has a loop of its own for these.
        return np.dot, (*inputs, out)
    if 1 in out.shape and name != "pow":
        narrowed = {id(array): _narrowed(array, out.shape) for array in (out, *inputs)}
        out, *inputs = (narrowed[id(array)] for array in (out, *inputs))
    if name in ("maximum", "minimum"):
        # NumPy 2.4 vectorises these where both operands are arrays only, and has them take a buffer by its name only.
        numbers = [not isinstance(x, Value) and out.nbytes <= FILLED for x in operation.inputs]
        filled = (np.full(out.shape, x) if fill else x for x, fill in zip(inputs, numbers, strict=True))
        return partial(function, out=out), tuple(filled)
    if name == "pow" and operation.options:
        return partial(_power_of_scalars, operation.options), (*zip(inputs, operation.inputs, strict=True), out)
    return function, (*inputs, out)


def _power_of_scalars(are_scalars: tuple[bool, bool], x: Operand, exponent: Operand, out: np.ndarray) -> None:
    """A power as Python's operator gives it for NumPy's scalars and for Python's numbers."""
    base, power = (
        (array[()] if is_scalar else array) if isinstance(value, Value) else value
        for (array, value), is_scalar in zip((x, exponent), are_scalars, strict=True)
    )
    out[()] = base**power

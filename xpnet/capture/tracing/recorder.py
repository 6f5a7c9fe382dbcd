"""Writes down operations, each once: an operation on the same values again is the first one's result.

What changes no bit of a result is simplified on the way: a product with 1 is the other factor, a maximum along an axis
of length one is a view. What NumPy refuses is refused, and what it decides from a number alone is written as such.
"""

import os
import sys
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from xpnet.capture.graph import OUTER, VIEWS, Number, Operation, Value
from xpnet.capture.tracing.layouts import reshaped
from xpnet.capture.tracing.operations import COMPARISONS, ELEMENTWISE, described, reduced_as
from xpnet.errors import CaptureError

Operand = Value | Number
CAPTURE = str(Path(__file__).parent.parent)


class Recorder:
    """The operations of one function, in the order in which it calls them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._known: dict[Any, Value] = {}
        self._filled: dict[Value, Number] = {}
        self._roots: dict[Value, Value] = {}

    def record(self, name: str, inputs: tuple[Operand, ...], output: Value, options: tuple[Any, ...] = ()) -> Value:
        """The operation's result: a new value, or the one that the same operation gave before."""
        key = (name, *map(_key, inputs), None, *map(_key, options), output.shape, output.dtype, output.order)
        if key not in self._known:
            self._known[key] = output
            self.operations.append(Operation(name, inputs, output, options, line()))
            if name in VIEWS:
                self._roots[output] = self._root(inputs[0])
        return self._known[key]

    def elementwise(self, name: str, *inputs: Operand, options: tuple[Any, ...] = ()) -> Value:
        """A function of the standard, element by element."""
        for operand in inputs:
            check_number(operand)
        shape = self.broadcast(*inputs)
        output = described(ELEMENTWISE[name], inputs, shape)
        if name in COMPARISONS and not _fit(inputs):
            # A number that no element can be: all are on the same side of it.
            ends = (np.zeros((), x.dtype) if isinstance(x, Value) else x for x in inputs)
            return self.full(shape, bool(ELEMENTWISE[name](*ends)), output.dtype, output.order)
        for i, operand in enumerate(inputs):
            inputs = (*inputs[:i], self._as_number(operand, output, inputs, name), *inputs[i + 1 :])
        same = inputs[0]
        if name in ("multiply", "divide", "positive"):
            rest = inputs[1:]
            if name == "multiply" and _is_one(same):
                same, rest = inputs[1], inputs[:1]
            if isinstance(same, Value) and all(map(_is_one, rest)) and same.is_like(output):
                return same
        return self.record(name, inputs, output, options)

    def where(self, condition: Operand, one: Operand, other: Operand) -> Value:
        """One where the condition holds, else the other; any number but zero holds."""
        for operand in (condition, one, other):
            check_number(operand)
        shape = self.broadcast(condition, one, other)
        output = described(np.where, (condition, one, other), shape)
        condition = self.astype(condition, np.dtype(bool)) if isinstance(condition, Value) else bool(condition)
        return self.record("where", (condition, *(_cast(x, output.dtype) for x in (one, other))), output)

    def reduced(
        self, name: str, x: Value, axes: tuple[int, ...], keepdims: bool, dtype: np.dtype | None = None
    ) -> Value:
        """A sum, a maximum and so on, over axes."""
        output = reduced_as(name, x, tuple(sorted(axes)), dtype)
        shape = output.shape if keepdims else tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
        if any(x.shape[axis] != 1 for axis in axes):
            return self.reshape(self.record(name, (x,), output, (tuple(sorted(axes)),)), shape)
        x = self.astype(x, output.dtype)
        return self.reshape(self._without_negative_zeros(x) if name == "sum" else x, shape)

    def searched(self, name: str, x: Value, axis: int, keepdims: bool) -> Value:
        """The index of the largest or the smallest, along an axis."""
        index = self.record(name, (x,), reduced_as(name, x, (axis,), None), (axis,))
        return index if keepdims else self.reshape(index, (*x.shape[:axis], *x.shape[axis + 1 :]))

    def matmul(self, a: Operand, b: Operand, *, apart: bool) -> Value:
        """A product of two matrices; `apart` says that NumPy would have them in different memory."""
        if not (isinstance(a, Value) and isinstance(b, Value) and len(a.shape) == len(b.shape) == 2):
            refuse("matmul of anything but two matrices", "reshape them to two axes")
        if a.shape[1] != b.shape[0]:
            refuse(f"matmul of shapes {a.shape} and {b.shape}", "the inner dimensions must be equal")
        output = Value.contiguous((a.shape[0], b.shape[1]), np.result_type(a.dtype, b.dtype))
        if a.shape[1] == 1:
            # A single factor is not BLAS's: where that is 0, it does not look at the others.
            is_blas = min(output.shape) > 1 and a.dtype == b.dtype and a.dtype.name in ("float32", "float64")
            product = self.record("multiply", (a, b), output, (OUTER,) if is_blas else ())
            return self._without_negative_zeros(product)
        if apart and self._root(a) is self._root(b) and (a.shape, a.strides) == (b.shape[::-1], b.strides[::-1]):
            # BLAS takes a shorter way, which rounds differently, for a matrix by its own transpose.
            b = self.record("copy", (b,), Value(b.shape, b.dtype, b.order))
        return self.record("matmul", (a, b), output)

    def astype(self, x: Value, dtype: np.dtype) -> Value:
        """The same numbers in another dtype."""
        return x if dtype == x.dtype else self.record("astype", (x,), Value(x.shape, dtype, x.order), (dtype,))

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        """Other axes; a view where NumPy has one, else a copy."""
        if shape.count(-1) == 1 and (rest := -prod(shape)) > 0 and x.size % rest == 0:
            shape = tuple(x.size // rest if size == -1 else size for size in shape)
        if any(size < 0 for size in shape) or prod(shape) != x.size:
            refuse(f"reshape of {x.shape} to {shape}", "they must hold equally many numbers")
        if shape == x.shape:
            return x
        output = reshaped(x, shape)
        if output is None:
            x = self.record("copy", (x,), Value.contiguous(x.shape, x.dtype))
            output = Value.contiguous(shape, x.dtype)
        return self.record("reshape", (x,), output, (shape,))

    def transpose(self, x: Value, axes: tuple[int, ...]) -> Value:
        """The axes in another order; a view."""
        if axes == tuple(range(len(axes))):
            return x
        shape = tuple(x.shape[axis] for axis in axes)
        order = tuple(axes.index(axis) for axis in x.order)
        return self.record("transpose", (x,), Value(shape, x.dtype, order), (axes,))

    def full(
        self, shape: tuple[int, ...], number: Number, dtype: np.dtype, order: tuple[int, ...] | None = None
    ) -> Value:
        """An array of one number, in C order or in another."""
        number = np.full((), number, dtype).item()
        output = Value.contiguous(shape, dtype) if order is None else Value(shape, dtype, order)
        value = self.record("full", (), output, (shape, type(number), number, dtype))
        self._filled[value] = number
        return value

    def take(self, x: Value, indices: Value, axis: int) -> Value:
        """Some rows, columns and so on."""
        # NumPy says whether these can be indices, and of nothing.
        np.take(np.empty(min(x.shape[axis], 1)), np.zeros(min(indices.size, 1), indices.dtype))
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        return self.record("take", (x, indices), Value.contiguous(shape, x.dtype), (axis,))

    def broadcast(self, *inputs: Operand) -> tuple[int, ...]:
        """The shape that operands have together."""
        shapes = [operand.shape for operand in inputs if isinstance(operand, Value)]
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            refuse(f"shapes {' and '.join(map(str, shapes))} together", "they must be equal, or 1")

    def _without_negative_zeros(self, x: Value) -> Value:
        """Sums of one number: NumPy begins with 0, and 0 + −0 is 0."""
        return self.elementwise("add", x, 0.0) if x.dtype.kind == "f" else x

    def _root(self, value: Any) -> Value:
        """The value whose memory a value is."""
        root: Value = self._roots.get(value, value)
        return root

    def _as_number(self, operand: Operand, output: Value, inputs: tuple[Operand, ...], name: str) -> Operand:
        """An array of one number as that number, where that changes neither shape nor dtype nor bits of the result."""
        others = [other for other in inputs if isinstance(other, Value) and other is not operand]
        # NumPy has short ways for powers that are one number.
        if not isinstance(operand, Value) or operand not in self._filled or not others or name in ("pow", "clip"):
            return operand
        number = self._filled[operand]
        same_dtype = all(np.result_type(other.dtype, number) == operand.dtype == other.dtype for other in others)
        return number if same_dtype and self.broadcast(*others) == output.shape else operand


def check_number(operand: Any) -> None:
    """Refuse what is neither recorded nor a Python number."""
    if not isinstance(operand, (Value, bool, int, float)):
        refuse(
            f"a {type(operand).__name__} with a recorded array",
            "hand it in as an argument, or make it a Python number; what the function closes over would be frozen",
        )


def refuse(what: str, instead: str) -> NoReturn:
    """Raise the sentence that names the operation and its line."""
    raise CaptureError(f"{what} at {line()} cannot be captured: {instead}.")


def line() -> str:
    """The line of the recorded function that is being run: `backprop.py:48`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(CAPTURE):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _key(operand: Any) -> Any:
    """What tells an operand from others: −0.0 from 0.0, and 1 from 1.0 and True."""
    return (type(operand), repr(operand)) if isinstance(operand, bool | int | float) else operand


def _is_one(operand: Operand) -> bool:
    return not isinstance(operand, Value) and operand == 1


def _fit(inputs: tuple[Operand, ...]) -> bool:
    """Whether the numbers among operands are numbers of the dtype that these have together."""
    dtype = np.result_type(*(x.dtype if isinstance(x, Value) else x for x in inputs))
    try:
        return all(isinstance(x, Value) or np.asarray(x, dtype).dtype.kind != "O" for x in inputs)
    except OverflowError:
        return False


def _cast(operand: Operand, dtype: np.dtype) -> Operand:
    """A number as `where` makes it one of a dtype: integers out of its range begin at the other end."""
    if isinstance(operand, Value) or dtype.kind not in "iu":
        return operand
    number: Number = np.asarray(operand).astype(dtype).item()
    return number

"""Writes down operations, each once: what is computed a second time from the same values is the first one's result.

What changes no bit of a result is simplified on the way: a product with 1 is the other factor, a sum along an axis of
length one is a view, a matrix product with an inner dimension of 1 is an element-wise one.
"""

import os
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from xpnet.capture.graph import Number, Operation, Value
from xpnet.capture.tracing.operations import DTYPES, ELEMENTWISE, REDUCTIONS, described
from xpnet.errors import CaptureError

Operand = Value | Number
HERE = str(Path(__file__).parent.parent)


class Recorder:
    """The operations of one function, as they come."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._known: dict[Any, Value] = {}
        self._filled: dict[Value, Number] = {}

    def record(
        self, name: str, inputs: tuple[Operand, ...], output: Callable[[], Value], options: tuple[Any, ...] = ()
    ) -> Value:
        """The operation's result: a new value, or the one that the same operation gave before."""
        key = (name, tuple((type(operand), operand) for operand in inputs), options)
        if key not in self._known:
            self._known[key] = output()
            self.operations.append(Operation(name, inputs, self._known[key], options, line()))
        return self._known[key]

    def elementwise(self, name: str, *inputs: Operand) -> Value:
        """A function of the standard, element by element."""
        for operand in inputs:
            check_number(operand)
        shape = self.broadcast(*inputs)
        output = described(ELEMENTWISE[name], inputs, shape)
        inputs = tuple(self._as_number(operand, output, inputs) for operand in inputs)
        kept = inputs[0]
        if name in ("multiply", "divide", "positive"):
            rest = inputs[1:]
            if name == "multiply" and _is_one(kept):
                kept, rest = inputs[1], inputs[:1]
            if isinstance(kept, Value) and all(map(_is_one, rest)) and same_kind(kept, output):
                return kept
        return self.record(name, inputs, lambda: output)

    def where(self, condition: Operand, one: Operand, other: Operand) -> Value:
        """One where the condition holds, else the other."""
        shape = self.broadcast(condition, one, other)
        return self.record(
            "where", (condition, one, other), lambda: described(np.where, (condition, one, other), shape)
        )

    def reduced(self, name: str, x: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
        """A sum, a maximum and so on, over axes."""
        dtype = REDUCTIONS[name].reduce(np.ones(1, x.dtype), axis=0).dtype
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
        shape = kept if keepdims else tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
        if all(x.shape[axis] == 1 for axis in axes):
            return self.reshape(self.astype(x, dtype), shape)
        order = tuple(range(len(kept)))
        reduced = self.record(name, (x,), lambda: _contiguous(kept, dtype), (tuple(a for a in order if a in axes),))
        return self.reshape(reduced, shape)

    def searched(self, name: str, x: Value, axis: int, keepdims: bool) -> Value:
        """The index of the largest or the smallest, along an axis."""
        kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        found = self.record(name, (x,), lambda: _contiguous(kept, np.dtype(np.intp)), (axis,))
        return found if keepdims else self.reshape(found, (*x.shape[:axis], *x.shape[axis + 1 :]))

    def matmul(self, a: Operand, b: Operand) -> Value:
        """A product of two matrices."""
        if not (isinstance(a, Value) and isinstance(b, Value) and len(a.shape) == len(b.shape) == 2):
            refuse("matmul of anything but two matrices", "reshape them to two axes")
        if a.shape[1] != b.shape[0]:
            refuse(f"matmul of shapes {a.shape} and {b.shape}", "the inner dimensions must be equal")
        output = _contiguous((a.shape[0], b.shape[1]), np.result_type(a.dtype, b.dtype))
        return self.record("multiply" if a.shape[1] == 1 else "matmul", (a, b), lambda: output)

    def astype(self, x: Value, dtype: Any) -> Value:
        """The same numbers in another dtype."""
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if dtype.name not in DTYPES:
            refuse(f"astype to {dtype}", f"it can be {', '.join(DTYPES)}")
        return self.record("astype", (x,), lambda: Value(x.shape, dtype, x.order), (dtype,))

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        """Other axes; a view where the rows lie end to end, else a copy."""
        if -1 in shape:
            rest = prod(size for size in shape if size != -1)
            shape = tuple(prod(x.shape) // max(rest, 1) if size == -1 else size for size in shape)
        if prod(shape) != prod(x.shape):
            refuse(f"reshape of {x.shape} to {shape}", "they must hold equally many numbers")
        if shape == x.shape:
            return x
        if not x.is_contiguous:
            copied = x
            x = self.record("copy", (x,), lambda: _contiguous(copied.shape, copied.dtype))
        return self.record("reshape", (x,), lambda: _contiguous(shape, x.dtype), (shape,))

    def transpose(self, x: Value, axes: tuple[int, ...]) -> Value:
        """The axes in another order; a view."""
        shape = tuple(x.shape[axis] for axis in axes)
        order = tuple(axes.index(axis) for axis in x.order)
        return self.record("transpose", (x,), lambda: Value(shape, x.dtype, order), (axes,))

    def full(self, shape: tuple[int, ...], number: Number, dtype: Any) -> Value:
        """An array of one number."""
        dtype = np.dtype(dtype)
        value = self.record("full", (), lambda: _contiguous(shape, dtype), (shape, type(number), number, dtype))
        self._filled[value] = number
        return value

    def take(self, x: Value, indices: Value, axis: int) -> Value:
        """Some rows, columns and so on."""
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        return self.record("take", (x, indices), lambda: _contiguous(shape, x.dtype), (axis,))

    def broadcast(self, *inputs: Operand) -> tuple[int, ...]:
        """The shape that operands have together."""
        shapes = [operand.shape for operand in inputs if isinstance(operand, Value)]
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            refuse(f"shapes {' and '.join(map(str, shapes))} together", "they must be equal, or 1")

    def _as_number(self, operand: Operand, output: Value, inputs: tuple[Operand, ...]) -> Operand:
        """An array of one number as that number, where that changes neither shape nor dtype of the result."""
        others = [other for other in inputs if isinstance(other, Value) and other is not operand]
        if not isinstance(operand, Value) or operand not in self._filled or not others:
            return operand
        number = self._filled[operand]
        same_dtype = all(np.result_type(other.dtype, number) == operand.dtype == other.dtype for other in others)
        return number if same_dtype and self.broadcast(*others) == output.shape else operand


def same_kind(one: Value, other: Value) -> bool:
    """Whether two values are laid out alike."""
    return (one.shape, one.dtype, one.order) == (other.shape, other.dtype, other.order)


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
    """Where the function that is recorded is now: `backprop.py:48`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_one(operand: Operand) -> bool:
    return not isinstance(operand, Value) and operand == 1


def _contiguous(shape: tuple[int, ...], dtype: np.dtype) -> Value:
    return Value(shape, dtype, tuple(axis for axis, size in enumerate(shape) if size > 1))

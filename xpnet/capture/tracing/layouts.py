"""Layouts of reshaped values, as NumPy decides them."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from xpnet.capture.graph import Value
from xpnet.capture.tracing.operations import order_of


def reshaped(x: Value, shape: tuple[int, ...]) -> Value | None:
    """The view of x that has that shape; None where only a copy can have it."""
    if x.is_contiguous:
        return Value.contiguous(shape, x.dtype)
    longer = [axis for axis, size in enumerate(shape) if size > 1]
    if [shape[axis] for axis in longer] == [size for size in x.shape if size > 1]:
        places = dict(zip(sorted(x.order), longer, strict=True))
        return Value(shape, x.dtype, tuple(places[axis] for axis in x.order))
    # An array with these strides and without memory: nothing of it is read.
    stand_in = as_strided(np.empty(1, x.dtype), x.shape, tuple(stride * x.dtype.itemsize for stride in x.strides))
    try:
        view = np.reshape(stand_in, shape, copy=False)
    except ValueError:
        return None
    return Value(shape, x.dtype, order_of(view, shape))

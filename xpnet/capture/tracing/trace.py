"""Records a pure function: runs it once with arrays that compute nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture.graph import Graph, Value
from xpnet.capture.tracing.namespace import Namespace
from xpnet.capture.tracing.operations import order_of
from xpnet.capture.tracing.recorder import Recorder
from xpnet.capture.tracing.tracer import Recorded
from xpnet.errors import CaptureError


@dataclass(frozen=True)
class Like:
    """What stands for an array that is to come."""

    shape: tuple[int, ...]
    dtype: np.dtype


def trace(function: Callable[..., Any], *arguments: Any) -> tuple[Graph, Any]:
    """Record a function.

    Args:
        function: Pure, of arrays of the Array API standard; called as `function(*arguments, xp=namespace)`.
        arguments: Trees of arrays, or of `Like`; only shapes, dtypes and layouts count.

    Returns:
        What it computes, and its result with a `Value` at the place of each array.

    Raises:
        CaptureError: It reads an array's numbers, writes into one, or calls what is not known; with the line.
    """
    recorder = Recorder()
    namespace = Namespace(recorder)
    taken = map_arrays(lambda array: Recorded(namespace, _input(array)), arguments)
    # NumPy is asked about the results of functions outside their domain too.
    with np.errstate(all="ignore"):
        given = function(*taken, xp=namespace)

    def value(result: Any) -> Value:
        if isinstance(result, bool | int | float):
            result = namespace.asarray(result)
        if not isinstance(result, Recorded):
            raise CaptureError(f"The function gives a {type(result).__name__}; give arrays, in nested tuples.")
        return result.value

    given = map_arrays(value, given)
    inputs = tuple(array.value for array in arrays_in(taken))
    return Graph(inputs, tuple(arrays_in(given)), tuple(recorder.operations)).living(), given


def _input(array: Any) -> Value:
    """The value that stands for an array."""
    shape = tuple(array.shape)
    if isinstance(array, np.ndarray):
        return Value(shape, array.dtype, order_of(array, shape))
    return Value(shape, np.dtype(array.dtype), tuple(axis for axis, size in enumerate(shape) if size > 1))

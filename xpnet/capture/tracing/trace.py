"""Tracing: a pure function is run once with arrays that compute nothing, and what it calls is recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet.capture.graph import Graph, Value
from xpnet.capture.tracing.namespace import Namespace
from xpnet.capture.tracing.operations import DTYPES, order_of
from xpnet.capture.tracing.recorder import Recorder
from xpnet.capture.tracing.tracer import Recorded
from xpnet.errors import CaptureError


@dataclass(frozen=True)
class Like:
    """Stand-in for an array that is to come."""

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
    recorded = map_arrays(lambda array: Recorded(namespace, _input(array)), arguments)
    # NumPy is asked about the results of functions outside their domain too.
    with np.errstate(all="ignore"):
        results = function(*recorded, xp=namespace)

    def value(result: Any) -> Value:
        if isinstance(result, bool | int | float):
            result = namespace.asarray(result)
        if not isinstance(result, Recorded):
            raise CaptureError(f"The function gives a {type(result).__name__}; give arrays, in nested tuples.")
        return result.value

    results = map_arrays(value, results)
    inputs = tuple(array.value for array in arrays_in(recorded))
    return Graph(inputs, tuple(arrays_in(results)), tuple(recorder.operations)).living(), results


def _input(array: Any) -> Value:
    """The value that stands for an array."""
    shape, dtype = tuple(array.shape), np.dtype(array.dtype)
    if dtype.name not in (*DTYPES, "float16") or not dtype.isnative:
        raise CaptureError(f"An array of {dtype} cannot be captured; it can be of {', '.join((*DTYPES, 'float16'))}.")
    return (
        Value(shape, dtype, order_of(array, shape)) if isinstance(array, np.ndarray) else Value.contiguous(shape, dtype)
    )

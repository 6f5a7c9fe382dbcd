"""Replay of a function of rows: its plan as one Python function of NumPy's calls, for so many rows at a time or fewer.

Nothing is bound to the parameters: they come in with each call, so that the function is right for whatever arrays of
these shapes they are, and keeps none of them alive. Bit for bit what the function gives on such rows.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from xpnet._support.quiet import quiet
from xpnet.capture.engines.numpy_calls import calls
from xpnet.capture.graph import VIEWS, Value
from xpnet.capture.planning.plan import Plan
from xpnet.errors import CaptureError


class RowReplay:
    """Plan of a function of rows with its buffers; for one thread at a time.

    Args:
        plan: Plan of a step whose carry, the parameters, stays as it is, and that is fed with as many rows at a time.

    Attributes:
        plan: The plan.
        rows: Rows at a time.

    Raises:
        CaptureError: The function is not one of rows, each for itself.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.rows = plan, plan.fed[0].shape[0]
        self._check()
        memory = plan.memory()
        inputs = [np.empty(value.shape, value.dtype) for value in plan.graph.inputs]
        # What would have a buffer is computed where the result is to be.
        places = {value: np.empty(value.shape, value.dtype) for value in plan.results}
        arrays = memory.arrays(plan.graph, inputs, memory.scratch(), places)
        given = {f"p{i}": array for i, array in enumerate(inputs[: plan.donated])}
        given |= {f"x{i}": array for i, array in enumerate(inputs[plan.donated :])}
        given |= {f"y{plan.results.index(value)}": place for value, place in places.items()}
        writer = _Writer(given, self.rows)
        self._run = writer.function(plan, arrays)
        self._buffers = writer.buffers
        self._nbytes = sum(memory.sizes) + plan.nbytes
        self._shapes = [(value.shape[1:], value.dtype) for value in plan.results]
        self._cut: tuple[int, list[np.ndarray]] = (self.rows, self._buffers)

    @property
    def nbytes(self) -> int:
        """Bytes of its buffers and calls."""
        return self._nbytes

    def __call__(self, params: Sequence[np.ndarray], data: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Results of the function for any number of rows, in new arrays; floating-point errors pass silently.

        Args:
            params: Arrays in C order.
            data: Arrays with a row for each row, in C order.
        """
        n, rows = len(data[0]), self.rows
        results = [np.empty((n, *shape), dtype) for shape, dtype in self._shapes]
        if n <= rows:
            quiet(self._run, params, data, results, self._buffers_for(n))
            return results
        for start in range(0, n, rows):
            fed, made = ([array[start : start + rows] for array in arrays] for arrays in (data, results))
            quiet(self._run, params, fed, made, self._buffers_for(len(fed[0])))
        return results

    def _buffers_for(self, n: int) -> list[np.ndarray]:
        """Buffers with so many rows."""
        if self._cut[0] != n:
            self._cut = n, [buffer[:n] for buffer in self._buffers]
        return self._cut[1]

    def _check(self) -> None:
        """Refuse what mixes rows, or computes something of the parameters alone."""
        by_row = set(self.plan.fed)
        for operation in self.plan.graph.operations:
            if by_row.isdisjoint(operation.arrays):
                if operation.name in VIEWS:
                    continue
                raise CaptureError(f"{operation.name} at {operation.line} is not computed from rows.")
            by_row.add(operation.output)
            if operation.output.shape[:1] != (self.rows,) or operation.name == "transpose":
                raise CaptureError(f"{operation.name} at {operation.line} does not keep the rows apart.")
        if not by_row.issuperset(self.plan.results):
            raise CaptureError("A result is not computed from rows.")


class _Writer:
    """Writer of the function's text.

    Attributes:
        buffers: Arrays with a row for each row, which the text calls by their number.
    """

    def __init__(self, given: dict[str, np.ndarray], rows: int) -> None:
        # Parameters, rows and results, which come with each call.
        self._given, self._rows = {id(array): name for name, array in given.items()}, rows
        self._names: dict[str, Any] = {"copyto": np.copyto}
        self._numbers: dict[int, int] = {}
        self.buffers: list[np.ndarray] = []

    def function(self, plan: Plan, arrays: dict[Value, np.ndarray]) -> Callable[..., None]:
        """Python function `(params, fed, results, buffers)`."""
        operations = [operation for operation in plan.graph.operations if operation.name not in VIEWS]
        lines = [self._call(*call) for operation in operations for call in calls(operation, arrays)]
        results = [self._array(arrays[value]) for value in plan.results]
        lines += [f"copyto(y{i}, {text})" for i, text in enumerate(results) if text != f"y{i}"]
        head = [
            *(f"[{', '.join(f'{letter}{i}' for i in range(count))}] = {name}" for letter, count, name in (
                ("p", plan.donated, "params"), ("x", len(plan.fed), "fed"),
                ("y", len(plan.results), "results"), ("b", len(self.buffers), "buffers"))),
        ]  # fmt: skip
        text = "\n    ".join(["def run(params, fed, results, buffers):", *head, *lines])
        exec(compile(text, "<plan>", "exec"), self._names)
        run: Callable[..., None] = self._names["run"]
        return run

    def _call(self, function: Any, arguments: Sequence[Any]) -> str:
        """Text of a call."""
        texts = [self._argument(argument) for argument in arguments]
        if isinstance(function, partial) and not function.args:
            texts += [f"{name}={self._argument(value)}" for name, value in function.keywords.items()]
            function = function.func
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ndarray):
            return f"{self._array(owner)}.{function.__name__}({', '.join(texts)})"
        return f"{self._constant(function)}({', '.join(texts)})"

    def _argument(self, argument: Any) -> str:
        if isinstance(argument, np.ndarray):
            return self._array(argument)
        if isinstance(argument, bool | int | str | type(None) | np.dtype):
            return self._constant(argument)
        raise CaptureError(f"A call with a {type(argument).__name__} is not one of rows.")

    def _constant(self, value: Any) -> str:
        name = f"c{len(self._names)}"
        self._names[name] = value
        return name

    def _array(self, array: np.ndarray) -> str:
        """Text of an array: of an input, a result, or a view of it; of a buffer; or of a number."""
        owner = array if id(array) in self._given else array.base
        if (name := self._given.get(id(owner))) is not None:
            return name + _view(owner, array, "" if name.startswith("p") or self._rows == 1 else name)
        if array.ndim == 0:
            return self._constant(array)
        if len(array) != self._rows > 1:
            raise CaptureError("An array has no row for each row.")
        if id(array) not in self._numbers:
            self._numbers[id(array)] = len(self.buffers)
            self.buffers.append(array)
        return f"b{self._numbers[id(array)]}"


def _view(owner: Any, array: np.ndarray, rows_of: str) -> str:
    """Text that makes an array of its owner's memory from the owner; its name, if a call may have fewer rows of it."""
    if array.shape == owner.shape and array.strides == owner.strides:
        return ""
    turned = owner.T
    if array.shape == turned.shape and array.strides == turned.strides:
        return ".T"
    if array.flags.c_contiguous and array.size == owner.size:
        if not rows_of:
            return f".reshape({array.shape})"
        if array.shape[:1] == owner.shape[:1]:
            return f".reshape((len({rows_of}), *{array.shape[1:]}))"
    raise CaptureError("A view of an input is not one of rows.")

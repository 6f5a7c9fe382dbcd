"""NumPy backend; since version 2.1 NumPy follows the Array API standard as far as this package needs it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from operator import is_
from typing import Any, ClassVar, Self

import numpy as np

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet._support.typing import Batch
from xpnet.backends.base import CAPTURED, Backend, BlockRunner, Carry, Rowwise, Step, join
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.thread_count import one_of_blas
from xpnet.errors import CaptureError, InputError

CHUNK = 1024
"""Most rows that a function is applied to at once, unless it is compiled: fewer make products slower."""


class NumpyBackend(Backend):
    """NumPy arrays, writable or not, and whatever NumPy can make one of."""

    name = "numpy"
    xp = np
    device = None
    engines = ("plain", *CAPTURED)
    needs: ClassVar = {"compiled": {"llvmlite": "llvmlite"}}
    engine = "replay"
    _ordered: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    def __init__(self) -> None:
        """Leave everything to the class: each array that comes in asks for its backend, and most are NumPy's."""

    def asarray(self, array: Any, dtype: Any = None) -> np.ndarray:
        """NumPy array of anything array-like: lists and data frames too.

        Raises:
            InputError: For rows of different lengths, and values that are not of the dtype.
        """
        try:
            return np.asarray(array, dtype=dtype)
        except (TypeError, ValueError) as error:
            why = "its rows differ in length" if "inhomogeneous" in str(error) else str(error)
            raise InputError(
                f"a {type(array).__name__} does not make an array: {why}; every row needs equally many numbers."
            ) from error

    def owns(self, array: Any) -> bool:
        """Whether it is of NumPy's own class."""
        return type(array) is np.ndarray

    def copy(self, tree: Any) -> Any:
        """Copy in C order that can be written to."""
        return map_arrays(lambda array: np.array(array, order="C"), tree)

    def current(self) -> AbstractContextManager[Any]:
        """Context in which numbers beyond the floating-point range pass silently, as in every other library."""
        return np.errstate(all="ignore")

    def view_on_host(self, array: Any) -> np.ndarray | None:
        """The array itself, if it is one."""
        return np.asarray(array) if isinstance(array, np.ndarray) and not np.ma.isMaskedArray(array) else None

    def to_host(self, array: Any) -> np.ndarray:
        """NumPy array with the same memory."""
        return np.asarray(array)

    def choose(self, step: Step, carry: Carry, data: Batch, batch_size: int, steps: int) -> str:
        """Engine compiled where the training wins that time back; replay for less, plain for the rest."""
        try:
            worth = programs.is_worth_compiling(step, carry, data, batch_size, steps)
        except CaptureError:
            return "plain"
        return "compiled" if worth else "replay"

    @property
    def rarely(self) -> Self:
        """Backend that replays plans instead of compiling them, which would take longer than it ever saves."""
        return self.with_engine("replay") if self.engine == "compiled" else self

    def prepare(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> None:
        """Plan and compile, by running a block of no steps."""
        self.run_block(step, carry, data, np.empty((0, batch_size), np.intp))

    def run_block(
        self, step: Step, carry: Carry, data: Batch | None, rows: np.ndarray
    ) -> tuple[Carry, tuple[np.ndarray, ...]]:
        """Run the steps from a plan, each carry in the place of the last one."""
        if self.engine != "plain":
            carry = filled(carry, _own(arrays_in(carry)))
        with self.bound(step, carry, data, rows.shape[1]) as run:
            return run(carry, rows)

    @contextmanager
    def bound(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> Iterator[BlockRunner]:
        """Context as every backend's; captured, the carry that comes out is always the one that was bound."""
        if self.engine == "plain":
            plain, ordered = super().run_block, filled(data, self._in_order(arrays_in(data)))
            yield lambda carry, rows: plain(_in_c_order(step), map_arrays(_c_order, carry), ordered, rows)
            return
        bound_carry, arrays, inputs = carry, arrays_in(carry), self._in_order(arrays_in(data))
        program = programs.block(step, carry, data, batch_size, compiled=self.engine == "compiled")
        with program.bound(arrays, inputs) as run_rows:

            def run(carry: Carry, rows: np.ndarray) -> tuple[Carry, tuple[np.ndarray, ...]]:
                if inputs and rows.size and not 0 <= rows.min() <= rows.max() < len(inputs[0]):
                    raise IndexError(f"rows are from {rows.min()} to {rows.max()}, but the data have {len(inputs[0])}.")
                for array, new in zip(arrays, arrays_in(carry), strict=True):
                    if new is not array:
                        array[...] = new
                results = [np.empty((len(rows), *value.shape), value.dtype) for value in program.plan.results]
                run_rows(rows, results)
                return bound_carry, filled(program.plan.result, results)

            yield run

    def take(self, data: Any, rows: np.ndarray) -> Any:
        """Rows of an array, or of each in a tuple; by NumPy's method, since its function takes as long again."""
        return map_arrays(lambda array: array.take(rows, axis=0), data)

    def stack(self, numbers: Sequence[Any]) -> np.ndarray:
        """Array of numbers, read one by one: np.stack makes several arrays of each."""
        return np.asarray(numbers)

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply the function from a plan; compiled to whole chunks, and to the rest, of another size, without one."""
        arrays = arrays_in(data)
        inputs = self._in_order(arrays)
        data = data if all(map(is_, inputs, arrays)) else filled(data, inputs)
        ordered = arrays_in(params)
        if not all(map(_is_c_ordered, ordered)):
            params = map_arrays(_c_order, params)
            ordered = arrays_in(params)
        if self.engine != "compiled":
            chunk = min(chunk, CHUNK)
            planned = self.engine == "replay" and programs.row_replay(function, params, data, chunk)
            if not planned:
                return super().map_rows(function, params, data, chunk)
            return filled(planned.plan.result, planned(ordered, inputs))
        chunks = len(inputs[0]) // chunk
        if not chunks:
            return super().map_rows(function, params, data, chunk)
        try:
            program = programs.stretch(function, params, data, chunk)
        except CaptureError:
            return super().map_rows(function, params, data, chunk)
        results = [np.empty((chunks, *value.shape), value.dtype) for value in program.plan.results]
        program.sliced(arrays_in(params), inputs, results)
        whole = filled(program.plan.result, (result.reshape(-1, *result.shape[2:]) for result in results))
        if chunks * chunk == len(inputs[0]):
            return whole
        with one_of_blas():
            rest = function(params, map_arrays(lambda array: array[chunks * chunk :], data), xp=self.xp)
        return join([whole, rest], self.xp)

    def _in_order(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Arrays in C order; copies are cached, so that a training on other layouts does not copy block by block."""
        if all(array.flags.c_contiguous for array in arrays):
            return arrays
        sources, copies = self._ordered
        if len(sources) != len(arrays) or any(a is not b for a, b in zip(sources, arrays, strict=True)):
            copies = [np.ascontiguousarray(array) for array in arrays]
            self._ordered = (arrays, copies)
        return copies


def _own(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays, each with memory of its own in C order that can be written to; the others are copied."""
    taken: set[int] = set()
    owned = []
    for array in arrays:
        # What owns its memory shares it with none of the others but itself; views are copied.
        if not (array.flags.carray and array.flags.owndata) or id(array) in taken:
            array = np.array(array, order="C")
        taken.add(id(array))
        owned.append(array)
    return owned


def _in_c_order(step: Step) -> Step:
    """Step with its carry in C order, as the other engines have it: sums over other layouts are rounded otherwise."""

    def ordered(carry: Carry, batch: Batch, *, xp: Any) -> tuple[Carry, Any]:
        carry, metrics = step(carry, batch, xp=xp)
        return map_arrays(_c_order, carry), metrics

    return ordered


def _is_c_ordered(array: Any) -> bool:
    """Whether it is an array in C order."""
    return isinstance(array, np.ndarray) and array.flags.c_contiguous


def _c_order(array: Any) -> np.ndarray:
    """Array in C order, copied from one in another order; an array without axes for a scalar."""
    return array if _is_c_ordered(array) else np.array(array, order="C")


def backend_on(number: int | None) -> NumpyBackend:
    """Backend on the CPU, its only device."""
    return NumpyBackend()


def backend_of(array: Any) -> NumpyBackend:
    """Backend of an array."""
    return NumpyBackend()

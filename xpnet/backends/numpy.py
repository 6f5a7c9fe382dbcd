"""NumPy itself: since version 2.1 it follows the Array API standard as far as this package needs it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from operator import is_
from typing import Any, ClassVar, Self

import numpy as np

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet._support.typing import Batch
from xpnet.backends.base import ENGINES, Backend, Carry, Rowwise, Run, Step, join
from xpnet.capture import program_cache as programs
from xpnet.errors import CaptureError, InputError


class NumpyBackend(Backend):
    """NumPy arrays, writable or not, and whatever NumPy can make one of."""

    engines = ENGINES
    needs: ClassVar = {"compiled": {"llvmlite": "llvmlite"}}
    engine = "replay"

    def __init__(self) -> None:
        super().__init__("numpy", np)
        self._ordered: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    def asarray(self, array: Any, dtype: Any = None) -> np.ndarray:
        """A NumPy array of anything array-like: lists and data frames too.

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

    def copy(self, tree: Any) -> Any:
        """A copy in C order that can be written to."""
        return map_arrays(lambda array: np.array(array, order="C"), tree)

    def current(self) -> AbstractContextManager[Any]:
        """A context in which numbers beyond the floating-point range pass silently, as in every other library."""
        return np.errstate(all="ignore")

    def to_host(self, array: Any) -> np.ndarray:
        """The array itself."""
        return np.asarray(array)

    def choose(self, step: Step, carry: Carry, data: Batch, batch_size: int, steps: int) -> str:
        """Compiled where the training wins back what that takes, replay for less, plain for what cannot be captured."""
        try:
            worth = programs.is_worth_compiling(step, carry, data, batch_size, steps)
        except CaptureError:
            return "plain"
        return "compiled" if worth else "replay"

    @property
    def rarely(self) -> Self:
        """Plans replayed instead of compiled, for which the compiler would take longer than it ever saves."""
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
    def bound(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> Iterator[Run]:
        """As every backend's; captured, the carry that comes out is always the one that was bound."""
        if self.engine == "plain":
            plain, ordered = super().run_block, filled(data, self._in_order(arrays_in(data)))
            yield lambda carry, rows: plain(_in_c_order(step), map_arrays(_c_order, carry), ordered, rows)
            return
        held, arrays, inputs = carry, arrays_in(carry), self._in_order(arrays_in(data))
        program = programs.block(step, carry, data, batch_size, compiled=self.engine == "compiled")
        with program.bound(arrays, inputs) as run_rows:

            def run(carry: Carry, rows: np.ndarray) -> tuple[Carry, tuple[np.ndarray, ...]]:
                if inputs and rows.size and not 0 <= rows.min() <= rows.max() < len(inputs[0]):
                    raise IndexError(f"rows are from {rows.min()} to {rows.max()}, but the data have {len(inputs[0])}.")
                for array, given in zip(arrays, arrays_in(carry), strict=True):
                    if given is not array:
                        array[...] = given
                results = [np.empty((len(rows), *value.shape), value.dtype) for value in program.plan.results]
                run_rows(rows, results)
                return held, filled(program.plan.result, results)

            yield run

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply the function to whole chunks from a plan; the rest of the rows, which differ in number, as they are."""
        given = arrays_in(data)
        inputs, chunks = self._in_order(given), len(given[0]) // chunk
        data = data if all(map(is_, inputs, given)) else filled(data, inputs)
        if not all(map(_is_c_ordered, arrays_in(params))):
            params = map_arrays(_c_order, params)
        if self.engine == "plain" or not chunks:
            return super().map_rows(function, params, data, chunk)
        try:
            program = programs.stretch(function, params, data, chunk, compiled=self.engine == "compiled")
        except CaptureError:
            return super().map_rows(function, params, data, chunk)
        results = [np.empty((chunks, *value.shape), value.dtype) for value in program.plan.results]
        program.sliced(arrays_in(params), inputs, results)
        whole = filled(program.plan.result, (result.reshape(-1, *result.shape[2:]) for result in results))
        if chunks * chunk == len(inputs[0]):
            return whole
        rest = function(params, map_arrays(lambda array: array[chunks * chunk :], data), xp=self.xp)
        return join([whole, rest], self.xp)

    def _in_order(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The arrays in C order; copies are kept, so that a training on others does not make them block by block."""
        if all(array.flags.c_contiguous for array in arrays):
            return arrays
        sources, copies = self._ordered
        if len(sources) != len(arrays) or any(a is not b for a, b in zip(sources, arrays, strict=True)):
            copies = [np.ascontiguousarray(array) for array in arrays]
            self._ordered = (arrays, copies)
        return copies


def _own(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The arrays, each with memory of its own that lies in order and can be written to; copied where it is not so."""
    taken: set[int] = set()
    found = []
    for array in arrays:
        # What owns its memory shares it with none of the others but itself; views are copied.
        if not (array.flags.carray and array.flags.owndata) or id(array) in taken:
            array = np.array(array, order="C")
        taken.add(id(array))
        found.append(array)
    return found


def _in_c_order(step: Step) -> Step:
    """The step with its carry in C order, as the other engines have it: sums of other layouts are rounded otherwise."""

    def ordered(carry: Carry, batch: Batch, *, xp: Any) -> tuple[Carry, Any]:
        carry, metrics = step(carry, batch, xp=xp)
        return map_arrays(_c_order, carry), metrics

    return ordered


def _is_c_ordered(array: Any) -> bool:
    """Whether it is an array, whose numbers lie row by row."""
    return isinstance(array, np.ndarray) and array.flags.c_contiguous


def _c_order(array: Any) -> np.ndarray:
    """The array itself, or a copy of one in another order; an array without axes for a scalar."""
    return array if _is_c_ordered(array) else np.array(array, order="C")


def load(index: int | None) -> NumpyBackend:
    """The backend; the CPU is its only device."""
    return NumpyBackend()


def holding(array: Any) -> NumpyBackend:
    """The backend of an array."""
    return NumpyBackend()

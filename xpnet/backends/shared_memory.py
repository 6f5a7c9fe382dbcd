"""Arrays on the CPU that share memory with NumPy's: the engines of the CPU run on them, as on NumPy's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np

from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array, Batch
from xpnet.backends.base import CAPTURED, Backend, Carry, Rowwise, Step
from xpnet.backends.cuda import first_line
from xpnet.backends.numpy import NumpyBackend
from xpnet.errors import CaptureError


class SharedMemory(Backend):
    """Backend of another library's arrays on the CPU; a mix-in that stands before the library's own backend.

    All that it asks of a library is `to_host`, which is a view on the CPU, and `from_views`. Its `engines` are those of
    the library and then NumPy's.

    Attributes:
        otherwise: The library's engine for what cannot be captured.
    """

    engines: tuple[str, ...] = ("plain", *CAPTURED)
    needs: ClassVar[Mapping[str, Mapping[str, str]]] = NumpyBackend.needs
    engine = "replay"
    otherwise: str = "plain"

    @property
    def computing(self) -> Backend:
        """NumPy's backend with the same engine, unless that is the library's own."""
        if self.engine not in CAPTURED:
            return self
        computing = NumpyBackend()
        computing.engine = self.engine
        return computing

    def views(self, tree: Any) -> Any:
        """NumPy arrays in the same memory, if NumPy's backend computes.

        Raises:
            CaptureError: NumPy has no such arrays.
        """
        return map_arrays(self._view, tree) if self.engine in CAPTURED else tree

    def from_views(self, tree: Any) -> Any:
        """The library's arrays, where they are NumPy's; in the same memory if the library can take it."""
        return map_arrays(self.asarray, tree) if self.engine in CAPTURED else tree

    @contextmanager
    def current(self) -> Iterator[None]:
        """Context as the library's, and as NumPy's."""
        with super().current(), np.errstate(all="ignore"):
            yield

    @property
    def rarely(self) -> Self:
        """As NumPy's."""
        return self.with_engine("replay") if self.engine == "compiled" else self

    def choose(self, step: Step, carry: Carry, data: Batch, batch_size: int, steps: int) -> str:
        """Engine that NumPy's backend would choose; the library's own for what cannot be captured."""
        try:
            carry, data = map_arrays(self._view, (carry, data))
        except CaptureError:
            return self.otherwise
        chosen = NumpyBackend().choose(step, carry, data, batch_size, steps)
        return chosen if chosen in CAPTURED else self.otherwise

    def prepare(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> None:
        """Plan and compile as NumPy's backend, or prepare the library's own engine."""
        if self.engine in CAPTURED:
            carry, data = self.views((carry, data))
            self.computing.prepare(step, carry, data, batch_size)
        else:
            super().prepare(step, carry, data, batch_size)

    def run_block(
        self, step: Step, carry: Carry, data: Batch | None, rows: np.ndarray
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Run the steps in NumPy's memory; no array that comes in is written to, the carry is copied once."""
        if self.engine not in CAPTURED:
            return super().run_block(step, carry, data, rows)
        carry, data = self.views((carry, data))
        after: tuple[Carry, tuple[Array, ...]] = self.from_views(self.computing.run_block(step, carry, data, rows))
        return after

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply the function as NumPy's backend does; to arrays that NumPy does not have, as the library does."""
        if self.engine in CAPTURED:
            try:
                params, data = self.views((params, data))
            except CaptureError:
                pass
            else:
                return self.from_views(self.computing.map_rows(function, params, data, chunk))
        return super().map_rows(function, params, data, chunk)

    def _view(self, array: Array) -> np.ndarray:
        try:
            return self.to_host(array)
        except (RuntimeError, TypeError) as error:
            raise CaptureError(
                f"NumPy cannot read {self.name}'s arrays of {getattr(array, 'dtype', type(array))} "
                f"({first_line(error)}); use engine {self.otherwise}."
            ) from error

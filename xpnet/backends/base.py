"""Backend: an array library on a device, with what a training asks of it, done in the generic way.

A library with a faster way overrides it.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import numpy as np

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch, Namespace
from xpnet.backends.transfer import Transfer
from xpnet.errors import DeviceError, InputError

Carry = Any
"""Parameters and state, nested tuples of arrays that a step takes and returns."""

Step = Callable[..., tuple[Carry, tuple[Array, ...]]]
"""A pure function `(carry, batch, xp=xp)` to the new carry and the metrics, 0-d arrays."""

BlockRunner = Callable[[Carry, np.ndarray], tuple[Carry, tuple[Array, ...]]]
"""A function `(carry, rows)` that runs a block of known steps, one for each line of row indices."""

Rowwise = Callable[..., Any]
"""A pure function `(params, rows, xp=xp)` to arrays with a row for each of those rows."""

CAPTURED = ("replay", "compiled")
"""Ways to run a plan that is made once: call by call, or as compiled code."""

ENGINES = ("plain", *CAPTURED, "jit")
"""Ways to run a block of steps: operation by operation, from a plan, or compiled by the array library itself."""

PRECISIONS = ("fp32", "tf32")
"""Precisions of float32 products on a GPU: full, or with 10 bits of the mantissas, which is faster."""


BLOCK_WORK = {"cpu": 8e9, "cuda": 4e12}
"""Most floating-point operations per block of steps: for one core, and for a large GPU, about a tenth of a second."""


def dtype_name(array: Array) -> str:
    """Name of the array's dtype in the standard, whatever library it is from: "float32"."""
    dtype = array.dtype
    return _numpys_name(dtype) if isinstance(dtype, np.dtype) else str(dtype).rpartition(".")[2]


@lru_cache
def _numpys_name(dtype: np.dtype) -> str:
    """Name of a dtype of NumPy's, which takes microseconds to spell."""
    return str(dtype)


class Backend(Transfer):
    """Array library on one device.

    Attributes:
        name: Name that `--backend` has for it.
        engines: Engines that the library has on the device, out of `ENGINES`, the fastest last.
        needs: Modules that an engine needs beside the library, with the names that pip has for them.
        engine: Engine that runs blocks of steps and maps over rows; at first the library's default.
        wide: Whether it computes with float64, which needs `current()` in a library that has it only there.
        precision: Precision of products within `current()`, out of `PRECISIONS`.
    """

    name: str
    engines: tuple[str, ...] = ("plain",)
    needs: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    engine: str = "plain"
    precision: str = "fp32"
    wide: bool = False

    def __init__(self, name: str, xp: Namespace, device: Any = None) -> None:
        super().__init__(xp, device)
        self.name = name

    def __str__(self) -> str:
        """Library, version, engine and device, as the first line of a training shows them."""
        how = self.engine if self.precision == "fp32" else f"{self.engine}, {self.precision}"
        return f"{self.name} {self.version} ({how}) on {self.device_name}"

    @property
    def version(self) -> str:
        """Version of the library."""
        return str(getattr(self.xp, "__version__", "unknown"))

    @property
    def device_name(self) -> str:
        """Device as `--device` spells it."""
        return "cpu" if self.device is None else str(self.device)

    @property
    def block_work(self) -> float:
        """Most floating-point operations per block of steps, by the kind of device alone."""
        return BLOCK_WORK["cuda" if self.device_name.startswith("cuda") else "cpu"]

    def with_engine(self, engine: str) -> Self:
        """Backend with another engine.

        Raises:
            InputError: The library has no such engine.
            DeviceError: The engine needs packages that are not installed.
        """
        if engine not in self.engines:
            raise InputError(f"{self.name} has no engine {engine}: use {alternatives(self.engines)}.")
        if self.missing(engine):
            packages = self.needs[engine].values()
            raise DeviceError(f"engine {engine} needs {' and '.join(packages)}; run pip install {' '.join(packages)}.")
        other = copy.copy(self)
        other.engine = engine
        return other

    def missing(self, engine: str) -> bool:
        """Whether something that an engine needs is not installed."""
        return any(find_spec(module) is None for module in self.needs.get(engine, ()))

    def with_precision(self, precision: str) -> Self:
        """Backend that multiplies float32 matrices in another precision.

        Raises:
            InputError: There is no such precision, or not on this device.
        """
        if not isinstance(precision, str) or precision not in PRECISIONS:
            raise InputError(f"precision is {precision!r}; it can be {alternatives(PRECISIONS)}.")
        if precision == "tf32" and not self.device_name.startswith("cuda"):
            raise InputError(
                f"precision tf32 needs a GPU, but {self.name} computes on {self.device_name}: "
                "use device cuda, or precision fp32."
            )
        other = copy.copy(self)
        other.precision = precision
        return other

    def with_dtypes(self, *names: str) -> Self:
        """Backend that can compute with arrays of these dtypes within `current()`."""
        return self

    def choose(self, step: Step, carry: Carry, data: Batch, batch_size: int, steps: int) -> str:
        """Engine that "auto" is for a training; it depends on no clock and no cache, so that a seed is one result.

        Args:
            step: As `run_block` will get it.
            carry: Parameters and state before the first step; only looked at.
            data: Rows like those that are to come, on the device.
            batch_size: Rows per step.
            steps: Steps of the whole training, as far as that is known.
        """
        return self.engines[-1]

    def recorded_engine(self, name: str) -> str:
        """Engine that a checkpoint means by the name that it has recorded."""
        return name

    @property
    def computing(self) -> "Backend":
        """Backend that runs this one's engine, on the `views` of its arrays: NumPy's, where those share its memory."""
        return self

    def views(self, tree: Any) -> Any:
        """Arrays in the same memory, as the backend that is `computing` has them.

        Raises:
            CaptureError: They cannot be shared.
        """
        return tree

    def from_views(self, tree: Any) -> Any:
        """Arrays of this backend from arrays of the one that is `computing`, which nobody writes to from now on."""
        return tree

    @property
    def rarely(self) -> Self:
        """Backend with the engine for what is run once or twice per epoch, if that is another."""
        return self

    def prepare(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> None:
        """Prepare the engine for a training, once before its first block: compile, for example.

        Args:
            step: As `run_block` will get it.
            carry: Parameters and state before the first step; only looked at.
            data: Rows like those that are to come, on the device, or None; see `run_block`.
            batch_size: Rows per step.
        """

    def current(self) -> AbstractContextManager[Any]:
        """Context in which the library creates its arrays on this device, and multiplies in this precision."""
        return nullcontext()

    def synchronize(self) -> None:
        """Wait until the device has done all its work; a library that computes at once has nothing to wait for."""

    def run_block(
        self, step: Step, carry: Carry, data: Batch | None, rows: np.ndarray
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Run one step for each line of `rows`.

        Args:
            step: A pure function of the carry and a batch, called with this backend's namespace or a tracer's.
            carry: Parameters and state before the first step. Its arrays may be overwritten; copy those you keep.
            data: Rows on the device, or None for steps that are fed with none.
            rows: Row indices of each step's batch, (steps, batch), on the host.

        Returns:
            The carry after the last step, whose arrays are the caller's from now on, and each metric as an array
            (steps,) on the device.
        """
        rows = self.asarray(rows)
        metrics = []
        for i in range(rows.shape[0]):
            carry, measured = step(carry, self.take(data, rows[i, :]), xp=self.xp)
            metrics.append(measured)
        return carry, tuple(self.stack(column) for column in zip(*metrics, strict=True))

    @contextmanager
    def bound(self, step: Step, carry: Carry, data: Batch | None, batch_size: int) -> Iterator[BlockRunner]:
        """Context for the same step again and again, with something else in between.

        Args:
            step: As `run_block` takes it.
            carry: Carry of the first step, each of its arrays with memory of its own in C order.
            data: As `run_block` takes it.
            batch_size: Rows per step.

        Returns:
            A function `run(carry, rows)` that runs a block.
        """
        yield lambda carry, rows: self.run_block(step, carry, data, rows)

    def take(self, data: Any, rows: Array) -> Any:
        """Rows of an array, or of each in a tuple."""
        return map_arrays(lambda array: self.xp.take(array, rows, axis=0), data)

    def stack(self, numbers: Sequence[Array]) -> Array:
        """Array (n,) of n 0-d arrays."""
        return self.xp.stack(numbers)

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply `function(params, rows, xp=xp)` to a data set in chunks of rows, and join the results.

        Args:
            function: A pure function whose results have a row for each of its rows.
            params: Parameters of the function, passed on as they are.
            data: An array, or a tuple of arrays with equally many rows.
            chunk: Rows at a time.
        """
        n = arrays_in(data)[0].shape[0]

        def part(start: int) -> Any:
            # The standard leaves open what a slice that ends behind the last row gives.
            return map_arrays(lambda array: array[start : min(start + chunk, n), ...], data)

        # No rows are one empty chunk, so that the result has its shape and dtype all the same.
        return join([function(params, part(start), xp=self.xp) for start in range(0, max(n, 1), chunk)], self.xp)


def alternatives(names: Sequence[str]) -> str:
    """List of names in a sentence: plain, replay or compiled."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def join(results: Sequence[Any], xp: Namespace) -> Any:
    """Lay arrays, or nested tuples of them, end to end."""
    first = results[0]
    if len(results) == 1:
        return first
    if isinstance(first, tuple):
        columns = [join(column, xp) for column in zip(*results, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    return xp.concat(list(results), axis=0)

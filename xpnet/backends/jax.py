"""JAX backend: on the CPU by NumPy's engines, elsewhere as one program that JAX compiles, its engine jit.

Operation by operation, the engine plain, JAX is slow.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from xpnet._support.traced import is_traced
from xpnet._support.trees import map_arrays
from xpnet._support.typing import Array, Batch, Namespace
from xpnet.backends import cuda
from xpnet.backends.base import CAPTURED, Backend, Carry, Rowwise, Step
from xpnet.backends.shared_memory import SharedMemory
from xpnet.errors import DeviceError


# The carry is not donated: the scan updates it in place anyway, and the caller may still hold what it passed in.
@partial(jax.jit, static_argnums=0)
def scan(step: Step, carry: Carry, data: Batch | None, rows: Array) -> tuple[Carry, tuple[Array, ...]]:
    """Scan a step over the rows of each batch; compiled once for a step and its arrays' shapes."""

    def body(carry: Carry, batch: Array) -> tuple[Carry, tuple[Array, ...]]:
        return step(carry, map_arrays(lambda array: jnp.take(array, batch, axis=0), data), xp=jnp)

    return jax.lax.scan(body, carry, rows)


@partial(jax.jit, static_argnums=0)
def call(function: Rowwise, params: Any, rows: Any) -> Any:
    """Call a function; compiled once for it and its arrays' shapes."""
    return function(params, rows, xp=jnp)


joined, parted = (jax.jit(method, static_argnums=0) for method in (Backend.joined, Backend.parted))
"""Compiled, since JAX takes as long for each of their many operations as for all of them."""

JAX_PRECISIONS = {"fp32": "highest", "tf32": "tensorfloat32"}
"""Precisions by the names that JAX has for them."""


WIDE = ("float64", "int64", "uint64")
"""Dtypes that JAX has only where its 64 bits are switched on."""

HALVES = {"int64": "int32", "uint64": "uint32"}
"""Dtypes that integers get where they are off."""


class JaxBackend(Backend):
    """Backend of JAX arrays on one device; a step or function is compiled once, as long as it is the same object."""

    engines: tuple[str, ...] = ("plain", "jit")
    engine = "jit"
    wide = False

    def __init__(self, device: Any, *dtypes: str) -> None:
        super().__init__("jax", jnp, device)
        self.wide = "float64" in dtypes

    @property
    def version(self) -> str:
        """Version of JAX."""
        return str(jax.__version__)

    @property
    def device_name(self) -> str:
        """Device, as cpu or cuda:N; JAX itself says gpu for the latter."""
        if self.device is None or str(self.device) == "cpu:0":
            return "cpu"
        return f"cuda:{self.device.id}" if getattr(self.device, "platform", None) == "gpu" else str(self.device)

    def with_engine(self, engine: str) -> Self:
        """Backend with another engine; where it has no other compiler, JAX's own is also called compiled."""
        is_jit = engine == "compiled" and engine not in self.engines
        return super().with_engine("jit" if is_jit else engine)

    def with_dtypes(self, *names: str) -> Self:
        """The same backend, within whose `current()` JAX has 64 bits if one of the dtypes is float64."""
        wide = self.wide or "float64" in names
        if wide == self.wide:
            return self
        widened = copy.copy(self)
        widened.wide = wide
        return widened

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """Array committed to this device; float64 stays float64, whatever JAX makes of it by itself.

        Where 64 bits are off, integers of 64 bits get 32, or where they do not fit into these become floats.
        """
        name = str(dtype or getattr(array, "dtype", ""))
        if isinstance(array, np.ndarray) and name in HALVES and dtype is None and not self.has_64_bits:
            half = np.iinfo(HALVES[name])
            fits = array.size == 0 or (half.min <= array.min() and array.max() <= half.max)
            array = array.astype(HALVES[name] if fits else "float32")
        with jax.enable_x64(True) if name in WIDE else nullcontext():
            return super().asarray(array, dtype)

    @property
    def has_64_bits(self) -> bool:
        """Whether JAX has numbers of 64 bits at the moment."""
        return bool(jax.config.jax_enable_x64)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Context in which products have the backend's precision, and numbers 64 bits if those of the data have.

        On a GPU JAX's own default is TF32; its switch for 64 bits is for the process, and is left as it is.
        """
        bits = jax.enable_x64(True) if self.wide else nullcontext()
        with jax.default_matmul_precision(JAX_PRECISIONS[self.precision]), bits:
            yield

    def owns(self, array: Any) -> bool:
        """Whether it is an array on the device; one that is traced has none yet."""
        return isinstance(array, jax.Array) and getattr(array, "device", None) == self.device is not None

    def view_on_host(self, array: Array) -> np.ndarray | None:
        """Read-only NumPy array on the CPU; None while a function is traced."""
        is_there = isinstance(array, jax.Array) and not is_traced(array) and self.device_name == "cpu"
        return np.asarray(array) if is_there else None

    def to_host(self, array: Array) -> np.ndarray:
        """Read-only NumPy array; waits for the device."""
        return np.asarray(array)

    def synchronize(self) -> None:
        """Wait for every array that is still to be computed: JAX waits for arrays, not for devices."""
        jax.block_until_ready(jax.live_arrays())

    def run_block(
        self, step: Step, carry: Carry, data: Batch | None, rows: np.ndarray
    ) -> tuple[Carry, tuple[Array, ...]]:
        """Run the whole block as one compiled scan, unless the engine is plain."""
        # What a block returns is committed to its device; a first carry that is not would be compiled for separately.
        carry = jax.device_put(carry, self.device)
        if self.engine == "plain":
            return super().run_block(step, carry, data, rows)
        after, metrics = scan(step, carry, data, self.asarray(rows.astype("int32")))
        return after, metrics

    def joined(self, tree: Any) -> Array:
        """Concatenation as every backend's, compiled."""
        return joined(self, tree)

    def parted(self, flat: Array, tree: Any) -> Any:
        """Arrays as every backend's, compiled."""
        return parted(self, flat, tree)

    def upload(self, buffers: Any) -> Any:
        """Upload, from copies: JAX keeps the host's memory where it can, and a buffer is filled again."""
        return super().upload(map_arrays(np.copy, buffers))

    def map_rows(self, function: Rowwise, params: Any, data: Any, chunk: int) -> Any:
        """Apply the function chunk by chunk, compiled unless the engine is plain; a short last chunk for itself."""

        def compiled(params: Any, rows: Any, *, xp: Namespace) -> Any:
            return call(function, params, rows)

        return super().map_rows(function if self.engine == "plain" else compiled, params, data, chunk)


class SharedJaxBackend(SharedMemory, JaxBackend):
    """Backend of JAX arrays on one of the devices that are the CPU."""

    engines = ("plain", "jit", *CAPTURED)
    engine = "replay"
    otherwise = "jit"

    def recorded_engine(self, name: str) -> str:
        """Engine of a checkpoint: compiled was JAX's own compiler, which still goes on without another."""
        return "jit" if name == "compiled" and self.missing(name) else name

    def from_views(self, tree: Any) -> Any:
        """JAX arrays in the same memory where that begins at a cache line; from any other JAX copies."""
        return map_arrays(self._from_view, tree) if self.engine in CAPTURED else tree

    def _from_view(self, array: np.ndarray) -> Array:
        if array.dtype.name in HALVES:
            return self.asarray(array)
        # Here asarray of JAX 0.10 always copies.
        with jax.enable_x64(True) if array.dtype == np.float64 else nullcontext():
            return jax.device_put(array, self.device)


def backend_on(number: int | None) -> JaxBackend:
    """Backend on the CPU or on a CUDA device that JAX finds."""
    if number is None:
        return SharedJaxBackend(jax.devices("cpu")[0])
    try:
        devices = jax.devices("cuda")
    except RuntimeError as error:
        plugin = cuda.wheel("jax")
        if plugin is None:
            raise DeviceError(f"JAX {jax.__version__} has no CUDA plugin; {cuda.install('jax')}") from error
        raise cuda.no_device("jax", plugin[0], error) from error
    cuda.check_device_number(number, len(devices))
    return JaxBackend(devices[number])


def backend_of(array: Array) -> JaxBackend:
    """Backend on an array's device; while a function is traced the device is open."""
    device = getattr(array, "device", None)
    kind = SharedJaxBackend if getattr(device, "platform", "") == "cpu" else JaxBackend
    return kind(device, str(array.dtype))

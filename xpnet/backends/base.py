"""What every array library can do for a training, in the generic way; a library with a faster way overrides it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from xpnet._typing import Array, Batch, Namespace

Carry = Any
"""Parameters and state, as nested tuples of arrays; what a step takes and gives back."""

Step = Callable[[Carry, Batch], tuple[Carry, tuple[Array, ...]]]
"""A pure function of the carry and a batch, to the new carry and the metrics, 0-d arrays."""


def map_arrays(function: Callable[[Array], Array], tree: Any) -> Any:
    """Apply a function to every array in nested tuples and named tuples; None stays None."""
    if tree is None:
        return None
    if isinstance(tree, tuple):
        leaves = [map_arrays(function, branch) for branch in tree]
        return type(tree)(*leaves) if hasattr(tree, "_fields") else tuple(leaves)
    return function(tree)


def dtype_name(array: Array) -> str:
    """The array's dtype as the standard names it, whatever library it is from: "float32"."""
    return str(array.dtype).rpartition(".")[2]


class Backend:
    """An array library on one device.

    Attributes:
        name: What `--backend` calls it.
        xp: Its namespace, which follows the Array API standard.
        device: Where its arrays lie, in the library's own type; None for the library's default.
    """

    name: str
    xp: Namespace

    def __init__(self, name: str, xp: Namespace, device: Any = None) -> None:
        self.name, self.xp, self.device = name, xp, device

    def __str__(self) -> str:
        """The library, its version and the device, as the first line of a training shows them."""
        return f"{self.name} {self.version} on {self.device_name}"

    @property
    def version(self) -> str:
        """The library's version."""
        return str(getattr(self.xp, "__version__", "unknown"))

    @property
    def device_name(self) -> str:
        """The device as `--device` spells it."""
        return "cpu" if self.device is None else str(self.device)

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """An array on this device, from a host array or from one of this library; `dtype` is a name."""
        return self.xp.asarray(array, dtype=self.dtype(dtype), device=self.device)

    def dtype(self, name: Any) -> Any:
        """The library's dtype of that name; None stays None."""
        return None if name is None else getattr(self.xp, str(name))

    def to_host(self, array: Array) -> np.ndarray:
        """The array as NumPy's; waits for the device."""
        return np.from_dlpack(array)

    def copy(self, tree: Any) -> Any:
        """A copy that later steps leave alone."""
        return map_arrays(lambda array: self.xp.asarray(array, copy=True), tree)

    def current(self) -> AbstractContextManager[Any]:
        """A context in which the library creates its arrays on this device; most need none."""
        return nullcontext()

    def synchronize(self) -> None:
        """Wait until the device has done all its work; a library that computes at once has nothing to wait for."""

    def run_block(self, step: Step, carry: Carry, data: Batch, rows: np.ndarray) -> tuple[Carry, tuple[Array, ...]]:
        """Run one step for each line of `rows`.

        Args:
            step: A pure function of the carry and a batch.
            carry: Parameters and state before the first step.
            data: The whole training set on the device.
            rows: Row indices of each step's batch, (steps, batch), on the host.

        Returns:
            The carry after the last step, and each metric as an array (steps,) on the device.
        """
        rows = self.asarray(rows)
        metrics = []
        for i in range(rows.shape[0]):
            carry, measured = step(carry, self.take(data, rows[i, :]))
            metrics.append(measured)
        return carry, tuple(self.xp.stack(column) for column in zip(*metrics, strict=True))

    def take(self, data: Any, rows: Array) -> Any:
        """Those rows of an array, or of each in a tuple."""
        return map_arrays(lambda array: self.xp.take(array, rows, axis=0), data)

    def map_rows(self, function: Callable[[Any, Any], Any], params: Any, data: Any, chunk: int) -> Any:
        """Apply `function(params, rows)` to a data set in chunks of rows, and join the results.

        Args:
            function: A pure function whose results have a row for each row it is given.
            params: Handed on as it is.
            data: An array, or a tuple of arrays with equally many rows.
            chunk: Rows at a time.
        """
        n = first_array(data).shape[0]

        def part(start: int) -> Any:
            # The standard leaves open what a slice that ends behind the last row gives.
            return map_arrays(lambda array: array[start : min(start + chunk, n), ...], data)

        # No rows are one empty chunk, so that the result has its shape and dtype all the same.
        return join([function(params, part(start)) for start in range(0, max(n, 1), chunk)], self.xp)


def first_array(tree: Any) -> Array:
    """The first array in nested tuples."""
    while isinstance(tree, tuple):
        tree = tree[0]
    return tree


def join(results: Sequence[Any], xp: Namespace) -> Any:
    """Lay arrays, or nested tuples of them, end to end."""
    first = results[0]
    if len(results) == 1:
        return first
    if isinstance(first, tuple):
        columns = [join(column, xp) for column in zip(*results, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    return xp.concat(list(results), axis=0)

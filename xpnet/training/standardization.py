"""Standardization: columns brought to mean 0 and standard deviation 1 before a network sees them, and targets back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpnet import backends
from xpnet._support.typing import Array, Layer, Params
from xpnet.backends import Backend, dtype_name
from xpnet.data import Stored, in_pieces
from xpnet.errors import InputError
from xpnet.training.sparse import is_sparse


@dataclass(frozen=True)
class Standardization:
    """Means and standard deviations by column: a column x becomes (x − mean) / deviation.

    Attributes:
        mean: Mean of each column.
        deviation: Standard deviation of each column, above 0.

    Raises:
        InputError: They are no numbers, or not as many.

    Example:
        >>> Standardization.of(np.asarray([[1.0, 5.0], [3.0, 5.0]]))
        Standardization(mean=(2.0, 5.0), deviation=(1.0, 1.0))
    """

    mean: Sequence[float]
    deviation: Sequence[float]

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            try:
                numbers = np.asarray(getattr(self, name), np.float64)
            except (TypeError, ValueError):
                numbers = np.full(1, np.nan)
            if numbers.ndim != 1 or not np.isfinite(numbers).all():
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be a finite number per column.")
            object.__setattr__(self, name, tuple(numbers.tolist()))
        if len(self.mean) != len(self.deviation) or min(self.deviation, default=0) <= 0:
            raise InputError("a standardization needs a mean and a deviation above 0 for each column.")

    @classmethod
    def of(cls, x: Any) -> "Standardization":
        """Means and standard deviations of the columns of rows, in memory or `Stored`; 1 for a constant column."""
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        rows = x if isinstance(x, Stored) else backends.of(x).to_host(x)
        for _, part in in_pieces(rows):
            # Chan, Golub and LeVeque (1979): what several parts have in common, without a loss of digits.
            part = part.reshape(len(part), -1).astype(np.float64)
            middle = part.mean(axis=0)
            away = middle - mean
            squares = squares + ((part - middle) ** 2).sum(axis=0) + away**2 * (count * len(part) / (count + len(part)))
            mean = mean + away * (len(part) / (count + len(part)))
            count += len(part)
        deviation = np.sqrt(squares / count)
        return cls(tuple(mean), tuple(np.where(deviation > 0, deviation, 1.0)))

    def applied(self, x: Array, backend: Backend, dtype: str, *, name: str) -> Array:
        """Standardized rows, in a dtype; sparse ones, which would not stay sparse, are refused by their name."""
        if is_sparse(x):
            raise InputError(f"{name} is sparse, but a standardized network takes it dense; use {name}.toarray().")
        wide = "float64" if dtype_name(x) == "float64" else dtype
        mean, deviation = self.arrays(backend, wide)
        return backend.asarray((backend.asarray(x, wide) - mean) / deviation, dtype)

    def undone(self, a: Array, backend: Backend) -> Array:
        """Rows as they were before they were standardized."""
        mean, deviation = self.arrays(backend, dtype_name(a))
        return a * deviation + mean

    def arrays(self, backend: Backend, dtype: str) -> tuple[Array, Array]:
        """Means and deviations on a backend."""
        mean, deviation = (backend.asarray(np.asarray(numbers), dtype) for numbers in (self.mean, self.deviation))
        return mean, deviation


def is_standardized(network: Any) -> bool:
    """Whether a network standardizes its inputs or its targets."""
    return isinstance(network.input_scale, Standardization) or network.target_scale is not None


def folded_params(
    inputs: Standardization | None, targets: Standardization | None, params: Params, backend: Backend
) -> Params:
    """Parameters of a network that takes inputs and gives outputs as they are, and predicts the same to rounding.

    Of the first layer w (x − mean) / deviation + b, of the last deviation (w a + b) + mean.
    """
    *layers, last = params
    if targets is not None:
        mean, deviation = targets.arrays(backend, dtype_name(last.w))
        last = Layer(last.w * deviation[:, None], last.b * deviation + mean)
    first, *others = (*layers, last)
    if inputs is not None:
        mean, deviation = inputs.arrays(backend, dtype_name(first.w))
        w = first.w / deviation
        first = Layer(w, first.b - w @ mean)
    return (first, *others)

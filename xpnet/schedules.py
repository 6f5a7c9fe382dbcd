"""Learning rates that change: functions of the training's progress in epochs, evaluated on the host once a block.

Each carries its own length, so that how long a training is does not change what its epochs do.
"""

import math
from dataclasses import dataclass

from xpnet.errors import InputError


@dataclass(frozen=True)
class Constant:
    """η = η₀."""

    learning_rate: float

    def __post_init__(self) -> None:
        _check(self.learning_rate)

    def __call__(self, epoch: float) -> float:
        """η after so many epochs."""
        return self.learning_rate


@dataclass(frozen=True)
class InverseScaling:
    """η = η₀ / (1 + t / T)ᵖ, with t the epochs done, T `epochs` and p `power`."""

    learning_rate: float
    epochs: float = 1.0
    power: float = 0.5

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.epochs)

    def __call__(self, epoch: float) -> float:
        """η after so many epochs."""
        return self.learning_rate * math.pow(1 + epoch / self.epochs, -self.power)


@dataclass(frozen=True)
class Step:
    """η = η₀ fᵏ after k times `epochs` epochs, with f `factor`."""

    learning_rate: float
    epochs: float
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.epochs)

    def __call__(self, epoch: float) -> float:
        """η after so many epochs."""
        return self.learning_rate * self.factor ** math.floor(epoch / self.epochs)


@dataclass(frozen=True)
class Cosine:
    """η rises in a straight line to η₀ over `warm_up` epochs, then falls to 0 at `epochs` as half a cosine wave."""

    learning_rate: float
    epochs: float
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        _check(self.learning_rate, self.epochs)
        if not 0 <= self.warm_up < self.epochs:
            raise InputError(
                f"warm_up is {self.warm_up}; it must be 0 or more, and end before the {self.epochs} epochs do."
            )

    def __call__(self, epoch: float) -> float:
        """η after so many epochs."""
        if epoch < self.warm_up:
            return self.learning_rate * epoch / self.warm_up
        fallen = min((epoch - self.warm_up) / (self.epochs - self.warm_up), 1.0)
        return self.learning_rate * (1 + math.cos(math.pi * fallen)) / 2


def _check(learning_rate: float, epochs: float = 1.0) -> None:
    """Refuse a rate that leads upwards, and a schedule that takes no time, or no end of it."""
    if not 0 <= learning_rate < math.inf:
        raise InputError(f"learning_rate is {learning_rate}; it must be 0 or more.")
    if not 0 < epochs < math.inf:
        raise InputError(f"epochs is {epochs}; a schedule's length must be above 0, and finite.")

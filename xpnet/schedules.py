"""Learning rates that change: functions of the training's progress in epochs, evaluated on the host once a block.

Each carries its own length, so that how long a training is does not change what its epochs do.
"""

import math
from dataclasses import dataclass

from xpnet._support.arguments import check_number


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
        _check(self.learning_rate, self.epochs, power=self.power)

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
        _check(self.learning_rate, self.epochs, factor=self.factor)

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
        needed = f"0 or more, and end before the {self.epochs} epochs do"
        check_number("warm_up", self.warm_up, lambda value: 0 <= value < self.epochs, needed)

    def __call__(self, epoch: float) -> float:
        """η after so many epochs."""
        if epoch < self.warm_up:
            return self.learning_rate * epoch / self.warm_up
        fallen = min((epoch - self.warm_up) / (self.epochs - self.warm_up), 1.0)
        return self.learning_rate * (1 + math.cos(math.pi * fallen)) / 2


def _check(learning_rate: float, epochs: float = 1.0, **others: float) -> None:
    """Refuse a rate, or what changes it, that is below 0 or no number, and a schedule of no length or no end."""
    check_number("learning_rate", learning_rate)
    check_number("epochs", epochs, lambda value: 0 < value < math.inf, "above 0, and finite: a schedule's length")
    for name, value in others.items():
        check_number(name, value)

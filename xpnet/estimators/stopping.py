"""Stopping and learning rate by scikit-learn's rules."""

import math
from collections.abc import Callable
from dataclasses import dataclass

SMALLEST = 1e-6
"""Learning rate at or below which an adaptive one is not lowered."""


@dataclass
class Improvement:
    """Improvement of a value that should fall from epoch to epoch.

    Attributes:
        best: Lowest value so far.
        waited: Epochs since it fell by more than the tolerance.
    """

    best: float = math.inf
    waited: int = 0

    def update(self, value: float, tolerance: float) -> bool:
        """Take an epoch's value, and say whether it is the lowest so far."""
        self.waited = self.waited + 1 if value > self.best - tolerance else 0
        if lowest := value < self.best:
            # Not `min`, which would keep NaN: the score of predictions that are not finite.
            self.best = value
        return lowest


@dataclass
class LearningRate:
    """Learning rate by one of scikit-learn's rules or by a schedule, as a schedule for the optimizer.

    Attributes:
        rule: "constant", "invscaling" (η₀ / (t + 1)ᵖ after t samples), "adaptive" (divided by 5 whenever the value
            that is watched stops falling), or a schedule.
        initial: Initial learning rate η₀.
        power: Exponent p.
        current: Learning rate η.
    """

    rule: str | Callable[[float], float]
    initial: float
    power: float

    def __post_init__(self) -> None:
        self.current = self.initial

    def __call__(self, epoch: float) -> float:
        """Learning rate η after this many epochs."""
        return self.rule(epoch) if callable(self.rule) else self.current

    def after_epoch(self, samples: int) -> None:
        """Update η at the end of an epoch, after this many samples in all."""
        if self.rule == "invscaling":
            self.current = self.initial / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Lower η if the rule allows it, and say whether it did; if not, it is time to stop."""
        if self.rule != "adaptive" or self.current <= SMALLEST:
            return False
        self.current /= 5
        return True

    def verdict(self, lowered: bool) -> str:
        """Words of scikit-learn's for what `lower` did."""
        if lowered:
            return f"Setting learning rate to {self.current:f}"
        return "Learning rate too small. Stopping." if self.rule == "adaptive" else "Stopping."

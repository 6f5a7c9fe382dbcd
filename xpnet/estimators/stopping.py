"""When scikit-learn's perceptrons stop, and what their learning rate does meanwhile."""

import math
from collections.abc import Callable
from dataclasses import dataclass

SMALLEST = 1e-6
"""The learning rate from which an adaptive one is not lowered."""


@dataclass
class Watch:
    """Whether something that should fall still does.

    Attributes:
        best: The lowest value so far.
        waited: Epochs since it fell by more than the tolerance.
    """

    best: float = math.inf
    waited: int = 0

    def tell(self, value: float, tolerance: float) -> bool:
        """Take the next value; whether it is the lowest one."""
        self.waited = self.waited + 1 if value > self.best - tolerance else 0
        if lowest := value < self.best:
            # Not `min`, which would keep NaN: the score of predictions that are not finite.
            self.best = value
        return lowest


@dataclass
class Rate:
    """A learning rate by scikit-learn's rules, or by a schedule; a schedule itself, for the optimizer.

    Attributes:
        rule: "constant", "invscaling" (η₀ / (t + 1)ᵖ after t samples), "adaptive" (a fifth whenever nothing falls any
            more), or a schedule.
        initial: η₀.
        power: p.
        now: η.
    """

    rule: str | Callable[[float], float]
    initial: float
    power: float

    def __post_init__(self) -> None:
        self.now = self.initial

    def __call__(self, epoch: float) -> float:
        """η after so many epochs."""
        return self.rule(epoch) if callable(self.rule) else self.now

    def go_on(self, samples: int) -> None:
        """Take an epoch's end, after so many samples in all."""
        if self.rule == "invscaling":
            self.now = self.initial / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Go down by the rule, if that has a way down; else it is time to stop."""
        if self.rule != "adaptive" or self.now <= SMALLEST:
            return False
        self.now /= 5
        return True

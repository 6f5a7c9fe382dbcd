"""What a private training guarantees: its settings, and the ε that dp-accounting computes from its steps.

A step adds normal noise to the sum of clipped gradients of rows that were each drawn with probability q; the privacy
loss distributions of all steps are composed, for neighbors that differ by one row added or removed.

Sources: Meiser and Mohammadi, "Tight on Budget?" (2018); Koskela et al., "Computing Tight Differential Privacy
Guarantees Using FFT" (2020).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xpnet._support.arguments import check_number, not_negative
from xpnet._support.optional import needed
from xpnet.errors import InputError

NEARLY = 0.99
"""Fraction of a target ε that counts as all of it."""


class Spent(NamedTuple):
    """Steps of a private training that are alike.

    Attributes:
        probability: q, with which each row is in a batch.
        noise_multiplier: σ; 0 where the noise protects nobody.
        steps: Number of the steps.
    """

    probability: float
    noise_multiplier: float
    steps: int


@dataclass(frozen=True)
class Privacy:
    """Settings of a private training, DP-SGD: give either `noise_multiplier` or `target_epsilon`.

    Attributes:
        noise_multiplier: σ, the noise's standard deviation divided by `clip_norm`.
        target_epsilon: The largest ε that the training may end with; the least σ for it is computed.
        clip_norm: C, the largest norm of one row's gradient over all parameters.
        delta: δ of (ε, δ); below 1 / n to mean anything.
        insecure_seed: Seed of sampling and noise, for tests; whoever knows it can subtract the noise, so that no ε is
            reported. None takes keys from the system's generator.

    Example:
        >>> Privacy(noise_multiplier=1.0, clip_norm=0.5, delta=1e-5).clip_norm
        0.5
    """

    noise_multiplier: float | None = None
    target_epsilon: float | None = None
    clip_norm: float = 1.0
    delta: float = 1e-5
    insecure_seed: int | None = None

    def __post_init__(self) -> None:
        if (self.noise_multiplier is None) == (self.target_epsilon is None):
            raise InputError("a private training takes either noise_multiplier or target_epsilon; give one of them.")
        if self.noise_multiplier is not None:
            check_number("noise_multiplier", self.noise_multiplier, not_negative, "0 or more")
        else:
            check_number("target_epsilon", self.target_epsilon, lambda value: 0 < value < math.inf, "above 0")
        check_number("clip_norm", self.clip_norm, lambda value: 0 < value < math.inf, "above 0")
        check_number("delta", self.delta, lambda value: 0 < value < 1, "above 0 and below 1")

    def multiplier(self, probability: float, steps: int, spent: Sequence[Spent] = ()) -> float:
        """Noise multiplier σ for so many steps after what is spent already; that of before, if it meets the target.

        Raises:
            InputError: Hardly anything of the target is left.
            MissingExtraError: dp-accounting is not installed.
        """
        if self.insecure_seed is None:
            # Every epoch will ask for it.
            _accounting()
        if self.noise_multiplier is not None:
            return float(self.noise_multiplier)
        assert self.target_epsilon is not None
        if steps == 0:
            return 0.0
        if spent:
            sigma, least = spent[-1].noise_multiplier, NEARLY * self.target_epsilon
            if least <= epsilon([*spent, Spent(probability, sigma, steps)], self.delta) <= self.target_epsilon:
                return sigma
            if (before := epsilon(spent, self.delta)) >= least:
                # Noise that hardly adds to it would undo what was learned.
                raise InputError(
                    f"target_epsilon is {self.target_epsilon:g}, but the training that is resumed has spent "
                    f"ε = {before:.4g} already; give a larger one."
                )
        accounting, pld = _accounting()

        def event(sigma: float) -> Any:
            return _event([*spent, Spent(probability, sigma, steps)], accounting)

        # The search ends on the private side of the target.
        sigma = accounting.calibrate_dp_mechanism(
            lambda: _accountant(accounting, pld), event, self.target_epsilon, self.delta, tol=1e-4
        )
        return float(sigma)


def epsilon(spent: Sequence[Spent], delta: float) -> float:
    """ε of all steps together, for one row added or removed.

    Raises:
        MissingExtraError: dp-accounting is not installed.
    """
    if any(each.noise_multiplier == 0 for each in spent):
        return math.inf
    accounting, pld = _accounting()
    accountant = _accountant(accounting, pld)
    accountant.compose(_event(spent, accounting))
    return float(accountant.get_epsilon(delta))


def with_steps(spent: Sequence[Spent], more: Spent) -> tuple[Spent, ...]:
    """Everything spent after further steps, those that are alike as one."""
    if spent and spent[-1][:2] == more[:2]:
        return (*spent[:-1], more._replace(steps=spent[-1].steps + more.steps))
    return (*spent, more)


def _event(spent: Sequence[Spent], accounting: Any) -> Any:
    """All steps in dp-accounting's terms."""
    return accounting.ComposedDpEvent(
        [
            accounting.SelfComposedDpEvent(
                accounting.PoissonSampledDpEvent(q, accounting.GaussianDpEvent(sigma)), steps
            )
            for q, sigma, steps in spent
        ]
    )


def _accountant(accounting: Any, pld: Any) -> Any:
    """Fresh accountant by privacy loss distributions."""
    return pld.PLDAccountant(accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)


def _accounting() -> tuple[Any, Any]:
    """dp-accounting, which takes a second to import, and its accountants by privacy loss distributions."""
    with needed("a private training", "dp_accounting"):
        import dp_accounting
        from dp_accounting import pld
    return dp_accounting, pld

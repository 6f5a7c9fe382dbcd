"""Schedules give the learning rate for the progress of a training, within their length and beyond it."""

import math
from itertools import pairwise

import pytest

from xpnet.errors import InputError
from xpnet.schedules import Constant, Cosine, InverseScaling, Step


@pytest.mark.parametrize("epoch", [0.0, 0.5, 3.0, 1e6])
def test_constant_never_changes(epoch):
    """η = η₀ at any time."""
    assert Constant(0.3)(epoch) == 0.3


@pytest.mark.parametrize(
    ("schedule", "epoch", "rate"),
    [
        (InverseScaling(0.8), 0.0, 0.8),
        (InverseScaling(0.8), 3.0, 0.4),
        (InverseScaling(0.8, epochs=2.0, power=1.0), 2.0, 0.4),
        (InverseScaling(0.8, epochs=2.0, power=1.0), 6.0, 0.2),
        (InverseScaling(0.8, epochs=2.0, power=0.0), 6.0, 0.8),
    ],
)
def test_inverse_scaling_divides_by_a_power_of_the_time(schedule, epoch, rate):
    """η = η₀ / (1 + t / T)ᵖ, by default with the square root and one epoch."""
    assert schedule(epoch) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0.0, 0.8),
        (math.nextafter(2.0, 0.0), 0.8),
        (2.0, 0.4),
        (math.nextafter(4.0, 0.0), 0.4),
        (4.0, 0.2),
        (21.0, 0.8 / 1024),
    ],
)
def test_step_falls_where_an_interval_ends(epoch, rate):
    """η stays for `epochs` epochs, the end excluded, and is then multiplied by `factor`, again and again."""
    assert Step(0.8, epochs=2.0, factor=0.5)(epoch) == pytest.approx(rate)


def test_step_falls_to_a_tenth_by_default():
    """The default factor is 0.1."""
    assert Step(1.0, epochs=1.0)(2.5) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0.0, 0.6), (2.5, 0.3 * (1 + math.sqrt(0.5))), (5.0, 0.3), (10.0, 0.0), (11.0, 0.0), (1e6, 0.0)],
)
def test_cosine_falls_to_zero_and_stays(epoch, rate):
    """η falls from η₀ as half a cosine wave, with η₀ / 2 in the middle and 0 from the end on."""
    assert Cosine(0.6, epochs=10.0)(epoch) == pytest.approx(rate, abs=1e-15)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0.0, 0.0), (0.5, 0.15), (1.0, 0.3), (2.0, 0.6), (6.0, 0.3), (10.0, 0.0), (12.0, 0.0)],
)
def test_cosine_warms_up_in_a_straight_line(epoch, rate):
    """η rises from 0 to η₀ over `warm_up` epochs, then falls over what is left of `epochs`."""
    assert Cosine(0.6, epochs=10.0, warm_up=2.0)(epoch) == pytest.approx(rate, abs=1e-15)


@pytest.mark.parametrize("schedule", [InverseScaling(0.5), Step(0.5, 3.0), Cosine(0.5, 10.0), Cosine(0.5, 10.0, 3.0)])
def test_rates_stay_between_zero_and_the_first(schedule):
    """No schedule leaves [0, η₀], and after the warm-up none rises."""
    rates = [schedule(epoch / 8) for epoch in range(24, 400)]
    assert all(0 <= later <= earlier <= 0.5 for earlier, later in pairwise(rates))


@pytest.mark.parametrize("kind", [InverseScaling, Step, Cosine])
@pytest.mark.parametrize("epochs", [0.0, -1.0, math.inf, math.nan])
def test_a_length_that_is_none_is_refused(kind, epochs):
    """A schedule needs a positive, finite length."""
    with pytest.raises(InputError, match=rf"epochs is {epochs}; .* must be above 0, and finite"):
        kind(0.1, epochs)


@pytest.mark.parametrize("warm_up", [10.0, 11.0, -0.5, math.nan])
def test_a_warm_up_that_does_not_fit_is_refused(warm_up):
    """The warm-up must leave epochs to fall in, and cannot be negative."""
    with pytest.raises(InputError, match=rf"warm_up is {warm_up}; .* end before the 10.0 epochs do"):
        Cosine(0.1, 10.0, warm_up)


def test_equal_schedules_are_equal():
    """Schedules are values: they compare and hash by what they hold, and cannot be changed."""
    assert Cosine(0.1, 10.0) == Cosine(0.1, 10.0, warm_up=0.0)
    assert len({Step(0.1, 5.0), Step(0.1, 5.0), Step(0.1, 6.0)}) == 2
    with pytest.raises(AttributeError, match="cannot assign"):
        Constant(0.1).learning_rate = 0.2

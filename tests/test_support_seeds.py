"""One seed, and a generator of its own for each purpose."""

import numpy as np
import pytest

from xpnet._support.seeds import PURPOSES, generator


def test_purposes_are_the_children_of_the_seed():
    """Each purpose has the child that SeedSequence.spawn would give, so that none draws from another's stream."""
    children = np.random.SeedSequence(5).spawn(len(PURPOSES))
    for purpose, child in zip(PURPOSES, children, strict=True):
        assert generator(5, purpose).bit_generator.state == np.random.default_rng(child).bit_generator.state
    assert len({generator(5, purpose).integers(2**62) for purpose in PURPOSES}) == len(PURPOSES)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_seeds_differ(purpose):
    """Another seed gives another stream, the same seed the same."""
    draws = [generator(seed, purpose).normal(size=3).tolist() for seed in (0, 1, 2**70, 0)]
    assert draws[0] == draws[3]
    assert len({*map(tuple, draws)}) == 3

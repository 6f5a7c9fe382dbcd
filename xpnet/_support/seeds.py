"""Randomness: one host generator per purpose, all from one seed, so that none changes what another draws."""

import numpy as np

PURPOSES = ("weights", "validation", "order")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """The generator for a purpose: the child of that number that `SeedSequence(seed).spawn` would give."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES.index(purpose),)))

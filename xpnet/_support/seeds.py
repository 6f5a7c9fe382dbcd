"""Random generators: one on the host per purpose, all from one seed, so that none changes what another draws."""

import numpy as np

PURPOSES = ("weights", "validation", "order", "dropout")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Generator for a purpose: the child of that number of `SeedSequence(seed).spawn`."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES.index(purpose),)))

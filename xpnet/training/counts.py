"""How often a network was right, and what it took for what; counted on the host."""

import numpy as np
from jaxtyping import Integer, Shaped


def confusion(
    y: Integer[np.ndarray, " n"], guess: Integer[np.ndarray, " n"], k: int | None = None
) -> Integer[np.ndarray, "k k"]:
    """How often label i was taken for label j; of as many labels as occur, if it is not said of how many."""
    k = int(max(y.max(), guess.max())) + 1 if k is None else k
    return np.bincount(y.astype(np.int64) * k + guess, minlength=k * k).reshape(k, k)


def cases(y: Shaped[np.ndarray, "n k"], guess: Shaped[np.ndarray, "n k"]) -> dict[str, Integer[np.ndarray, " k"]]:
    """For each of several labels how often it was found or missed where it was there, or imagined where it was not."""
    there, said = y > 0, guess > 0
    found = {
        "found": there & said,
        "missed": there & ~said,
        "imagined": ~there & said,
        "rightly absent": ~there & ~said,
    }
    return {name: np.sum(which, axis=0) for name, which in found.items()}

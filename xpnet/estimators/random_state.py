"""Random numbers as scikit-learn's perceptrons draw them from a `RandomState`, in the same order."""

from collections.abc import Iterator, Sequence

import numpy as np

from xpnet._support.typing import Layer, Params


def initial_params(
    sizes: Sequence[int], activations: Sequence[str], random_state: np.random.RandomState, dtype: str
) -> Params:
    """Initial weights and biases: uniform from −r to r, r = √(6 / (d_in + d_out)), with 2 for 6 if a layer is logistic.

    Args:
        sizes: Neurons per layer, inputs first.
        activations: Names, as in scikit-learn, for each layer but the first; the last repeats the one before.
        random_state: Source of the random numbers.
        dtype: Name of the dtype of the NumPy arrays.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
    """
    params = []
    for d_in, d_out, activation in zip(sizes, sizes[1:], activations, strict=False):
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (d_in + d_out))
        w = random_state.uniform(-bound, bound, (d_in, d_out)).astype(dtype)
        params.append(Layer(w.T, random_state.uniform(-bound, bound, d_out).astype(dtype)))
    return tuple(params)


class EpochOrders(Iterator[np.ndarray]):
    """Orders of the rows, epoch by epoch: each is the order of the epoch before, shuffled.

    Attributes:
        last: Latest order.
    """

    def __init__(self, n: int, random_state: np.random.RandomState) -> None:
        self.last = np.arange(n)
        self._random_state = random_state

    def __next__(self) -> np.ndarray:
        drawn = np.arange(len(self.last))
        self._random_state.shuffle(drawn)
        self.last = self.last[drawn]
        return self.last

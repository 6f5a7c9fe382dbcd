"""Contender: a way to train a network and to predict with it, which is timed beside others."""

from typing import ClassVar

import numpy as np
from configurations import Parameters, Problem


class Unavailable(Exception):
    """A contender cannot be timed; the message says why."""


class Contender:
    """Way to train a network, by blocks of steps or whole epochs, and to predict many rows.

    A method returns when the work is done, on whatever device.

    Attributes:
        compiles: Whether new shapes take time of their own, the first time.
        close: Distance that its parameters may be from NumPy's after the first steps: ‖a − b‖ / ‖b‖.
        note: Choice among the library's options, or "".
    """

    compiles: ClassVar[bool] = False
    close: float = 1e-4
    note: str = ""

    def __init__(self, problem: Problem, device: str) -> None:
        self.problem = problem

    def block(self, rows: np.ndarray) -> None:
        """Train a step for each line of rows (steps, batch)."""
        raise NotImplementedError

    def epoch(self, rows: int) -> None:
        """Train one epoch on the first rows, in a new order; the last batch is short where they do not divide."""
        order = np.random.default_rng().permutation(rows)
        size = self.problem.configuration.batch_size
        whole = rows // size * size
        if whole:
            self.block(order[:whole].reshape(-1, size))
        if whole < rows:
            self.block(order[None, whole:])

    def params(self) -> Parameters:
        """Current parameters, copied."""
        raise NotImplementedError

    def predict(self) -> np.ndarray:
        """Probabilities (m, k) of the rows that the problem asks for, on the host."""
        raise NotImplementedError


TF32 = 1e-2
"""Distance of parameters where products have about three digits."""


def on_gpu_only(device: str) -> None:
    """Refuse the CPU."""
    if device == "cpu":
        raise Unavailable("computes on a GPU only")


def on_cpu_only(device: str) -> None:
    """Refuse another device."""
    if device != "cpu":
        raise Unavailable("computes on the CPU only")

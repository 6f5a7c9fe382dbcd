"""What is timed, whoever's it is: trained a block of steps at a time, a whole epoch, or asked for many rows."""

from typing import ClassVar

import numpy as np
from configurations import Parameters, Problem


class Unavailable(Exception):
    """A contender cannot take part; the message says why."""


class Contender:
    """One way to train a network and to ask it.

    A method returns when the work is done, on whatever device.

    Attributes:
        compiles: Whether new shapes take time of their own, the first time.
        close: How far its parameters may be from NumPy's after the first steps: ‖a − b‖ / ‖b‖.
        note: What was chosen among the library's options, if anything.
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
        """The parameters as they are now, copied."""
        raise NotImplementedError

    def predict(self) -> np.ndarray:
        """The probabilities (m, k) of the rows that the problem asks for, on the host."""
        raise NotImplementedError


TF32 = 1e-2
"""How close parameters are where products keep about three digits."""


def on_gpu_only(device: str) -> None:
    """Refuse the CPU."""
    if device == "cpu":
        raise Unavailable("computes on a GPU only")


def on_cpu_only(device: str) -> None:
    """Refuse another device."""
    if device != "cpu":
        raise Unavailable("computes on the CPU only")

"""A training that is over, with all that a report tells of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xpnet._support.typing import Params
from xpnet.data import Data, Stored
from xpnet.training.network import Network

MOST_ROWS = 10_000
"""Of rows on disk, that a report is made of."""


@dataclass(frozen=True)
class Run:
    """A training.

    Attributes:
        network: What was trained.
        params: Its parameters, on the host.
        data: What it was trained on, there too.
        records: Each epoch's numbers.
        settings: What it was told, by name.
        where: The library, its engine and the device.
        command: What started it.
    """

    network: Network
    params: Params
    data: Data
    records: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]
    where: str
    command: str

    @property
    def judged(self) -> str:
        """Which rows it is judged by."""
        return "training" if self.data.x_test is None else "test"

    @cached_property
    def x(self) -> np.ndarray:
        """Their inputs; of rows on disk some from everywhere."""
        return shown(self.data.x_train if self.data.x_test is None else self.data.x_test)

    @cached_property
    def y(self) -> np.ndarray:
        """Their targets."""
        return shown(self.data.y_train if self.data.y_test is None else self.data.y_test)

    @cached_property
    def a(self) -> np.ndarray:
        """What the network makes of them."""
        found: np.ndarray = self.network.predict(self.params, self.x)
        return found

    @cached_property
    def score(self) -> float:
        """The fraction that is right, or R²."""
        return self.network.score(self.params, self.x, self.y)


def shown(array: np.ndarray | Stored) -> np.ndarray:
    """All rows, but of those on disk as many as a report needs."""
    return array.some(MOST_ROWS) if isinstance(array, Stored) else array

"""Run: a finished training, with everything that a report shows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xpnet._support.typing import Params
from xpnet.data import Data, Stored
from xpnet.plots.images import stored_image
from xpnet.training.network import Network

MOST_ROWS = 10_000
"""Most rows on disk that a report is made from."""


@dataclass(frozen=True)
class Run:
    """Finished training.

    Attributes:
        network: Network that was trained.
        params: Trained parameters, on the host.
        data: Data that it was trained on, on the host.
        records: Numbers of each epoch.
        settings: Settings of the training, by name.
        where: Array library, engine and device.
        command: Command that started the training.
    """

    network: Network
    params: Params
    data: Data
    records: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]
    where: str
    command: str

    @property
    def judged_on(self) -> str:
        """Name of the rows that the network is judged on."""
        return "training" if self.data.x_test is None else "test"

    @property
    def is_private(self) -> bool:
        """Whether it was a private training."""
        return self.records[-1].get("epsilon") is not None

    @property
    def image(self) -> tuple[int, ...] | None:
        """Shape of the images that the rows were stored as, if they were."""
        return stored_image(self.data.row_shape)

    @cached_property
    def x(self) -> np.ndarray:
        """Inputs of the rows that the network is judged on; of rows on disk a spread of them."""
        return in_memory_rows(self.data.x_train if self.data.x_test is None else self.data.x_test)

    @cached_property
    def y(self) -> np.ndarray:
        """Targets of those rows."""
        return in_memory_rows(self.data.y_train if self.data.y_test is None else self.data.y_test)

    @cached_property
    def a(self) -> np.ndarray:
        """Outputs of the network for those rows."""
        a: np.ndarray = self.network.predict(self.params, self.x)
        return a

    @cached_property
    def cost(self) -> float:
        """Mean cost of those rows, without L2."""
        return self.network.cost(self.params, self.x, self.y)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the training; of a schedule its highest one."""
        return float(max(record["learning_rate"] for record in self.records))

    @cached_property
    def score(self) -> float:
        """Fraction of those rows that is correct, or R²."""
        return self.network.score(self.params, self.x, self.y)


def in_memory_rows(array: np.ndarray | Stored) -> np.ndarray:
    """All rows in memory, but of rows on disk no more than a report needs."""
    return array.spread_rows(MOST_ROWS) if isinstance(array, Stored) else array

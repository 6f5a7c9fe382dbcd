"""History: the numbers of a training's epochs in columns, which take no more memory than they need."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xpnet._support.optional import pictures
from xpnet.training.checkpoint import Epoch


class History(Mapping[str, list[Any]]):
    """Numbers of all epochs by name: `history["cost"]` is a list; parameters are those of the last epoch alone.

    Attributes:
        records: Numbers of each epoch, as `Epoch.record` gives them.
        last: The last epoch, with its parameters and checkpoint; None where there was none.
        regression: Whether accuracies are R².
    """

    def __init__(self, epochs: Iterable[Epoch], *, regression: bool) -> None:
        self.records: list[dict[str, Any]] = []
        self.last: Epoch | None = None
        self.regression = regression
        for self.last in epochs:
            self.records.append(self.last.record())

    def __getitem__(self, name: str) -> list[Any]:
        if not any(name in record for record in self.records):
            raise KeyError(name)
        return [record.get(name) for record in self.records]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for record in self.records for name in record))

    def __len__(self) -> int:
        """Number of columns."""
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"History of {len(self.records)} epochs: {', '.join(self)}"

    def plot(self) -> Any:
        """Learning curves as a Matplotlib figure, which a notebook shows.

        Raises:
            MissingExtraError: Matplotlib is not installed.
        """
        return pictures().learning_curves(self.records, regression=self.regression)

"""What a training knows of an epoch while it is trained, tells after it, and needs to go on from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from xpnet._support.typing import Params, Slots


class Checkpoint(NamedTuple):
    """What a training needs to go on from the end of an epoch as if it had not stopped.

    Attributes:
        epoch: Epochs done.
        params: The parameters, on the training's device.
        slots: The optimizer's memory, there too.
        steps: Steps done.
        order: The state of the generator that shuffles.
        best_params: The parameters of the best epoch so far.
        best_cost: Its cost, on the validation rows where there are any.
        waited: Epochs since.
        engine: How its blocks of steps were run: "plain", "replay" or "compiled".
    """

    epoch: int
    params: Params
    slots: Slots
    steps: int
    order: Mapping[str, Any]
    best_params: Params
    best_cost: float
    waited: int
    engine: str


@dataclass(frozen=True)
class Epoch:
    """What one epoch did. Accuracies are fractions; in a regression R² stands in their place.

    Attributes:
        number: Which epoch, the first being 1.
        cost: The mean of the objective over the epoch's batches, while they were trained on.
        penalty: What L2 added to it.
        train_accuracy: The running one, each sample judged just before it was trained on.
        test_accuracy: After the epoch, or None without test data.
        validation_cost: The mean cost of the validation rows after the epoch, or None.
        validation_accuracy: Their accuracy, or None.
        learning_rate: Of the epoch's last block.
        seconds: Training alone.
        samples_per_second: Training alone.
        checkpoint: What `epochs(..., resume=...)` goes on from.
    """

    number: int
    cost: float
    penalty: float
    train_accuracy: float
    test_accuracy: float | None
    validation_cost: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    samples_per_second: float
    checkpoint: Checkpoint

    @property
    def params(self) -> Params:
        """The parameters after the epoch; a copy that stays."""
        return self.checkpoint.params

    @property
    def best_params(self) -> Params:
        """The parameters of the epoch with the lowest validation cost so far, or training cost if nothing validates."""
        return self.checkpoint.best_params

    def numbers(self) -> dict[str, Any]:
        """Its numbers by name, as a line of a log holds them; of a validation only where there was one."""
        names = ("cost", "train_accuracy", "test_accuracy", "learning_rate", "seconds", "samples_per_second")
        validation = () if self.validation_cost is None else ("validation_cost", "validation_accuracy")
        return {"epoch": self.number} | {name: getattr(self, name) for name in (*names, *validation)}

    def __str__(self) -> str:
        """One line for people."""
        parts = [f"epoch {self.number:3d}", f"cost {self.cost:.4f}", f"train {self.train_accuracy:7.2%}"]
        if self.validation_accuracy is not None:
            parts.append(f"validation {self.validation_accuracy:7.2%}")
        if self.test_accuracy is not None:
            parts.append(f"test {self.test_accuracy:7.2%}")
        return "  ".join([*parts, f"{self.seconds:.2f} s", f"{self.samples_per_second:,.0f} samples/s"])

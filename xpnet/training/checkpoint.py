"""Records of a training: an epoch's numbers, and the checkpoint that it can be resumed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xpnet._support.typing import Params, Slots


class Checkpoint(NamedTuple):
    """State needed to resume a training after an epoch, as if it had not stopped.

    Attributes:
        epoch: Epochs done.
        params: The parameters, on the training's device.
        slots: The optimizer's state, on the same device.
        steps: Steps done.
        order: State of the generator that shuffles.
        best_params: Parameters of the best epoch so far.
        best_cost: Its cost, on the validation rows where there are any.
        waited: Epochs since.
        engine: How its blocks of steps were run: "plain", "replay" or "compiled".
        optimizer: The optimizer's name and settings, without its learning rate; "" where that is not known.
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
    optimizer: str = ""


@dataclass(frozen=True)
class Epoch:
    """Results of one epoch. Accuracies are fractions; for a regression they are R².

    Attributes:
        number: Number of the epoch, the first being 1.
        cost: Mean of the objective over the epoch's batches, each computed just before it was trained on.
        penalty: The part of it that L2 adds.
        train_accuracy: Running accuracy: each sample is predicted just before it is trained on.
        test_accuracy: Accuracy of the test rows after the epoch, or None without any.
        validation_cost: Mean cost of the validation rows after the epoch, without L2, or None.
        validation_accuracy: Accuracy of the validation rows, or None.
        learning_rate: Learning rate of the last steps.
        seconds: Duration of the training steps.
        samples_per_second: Training rows per second of these.
        checkpoint: For `epochs(..., resume=checkpoint)`.
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
    checkpoint: Checkpoint = field(repr=False)

    @property
    def params(self) -> Params:
        """Parameters after the epoch; later epochs do not change them."""
        return self.checkpoint.params

    @property
    def best_params(self) -> Params:
        """Parameters of the epoch with the lowest validation cost so far, or training cost without validation rows."""
        return self.checkpoint.best_params

    def numbers(self) -> dict[str, Any]:
        """Numbers by name, as a line of a log holds them; those of a validation only where there was one."""
        names = ("cost", "train_accuracy", "test_accuracy", "learning_rate", "seconds", "samples_per_second")
        validation = () if self.validation_cost is None else ("validation_cost", "validation_accuracy")
        return {"epoch": self.number} | {name: getattr(self, name) for name in (*names, *validation)}

    def __str__(self) -> str:
        """One line for people."""
        parts = [
            f"epoch {self.number:3d}",
            f"cost {cost_text(self.cost)}",
            f"train {accuracy_text(self.train_accuracy)}",
        ]
        if self.validation_accuracy is not None:
            parts.append(f"validation {accuracy_text(self.validation_accuracy)}")
        if self.test_accuracy is not None:
            parts.append(f"test {accuracy_text(self.test_accuracy)}")
        return "  ".join([*parts, f"{self.seconds:.2f} s", f"{self.samples_per_second:,.0f} samples/s"])


def cost_text(number: float) -> str:
    """Cost in few characters, however large."""
    return f"{number:.4f}" if abs(number) < 1e6 else f"{number:.4g}"


def accuracy_text(accuracy: float) -> str:
    """Accuracy or R² in percent, in few characters however far below 0."""
    return f"{accuracy:7.2%}" if abs(accuracy) < 1e4 else f"{100 * accuracy:.4g}%"

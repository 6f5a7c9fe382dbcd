"""Records of a training: an epoch's numbers, and the checkpoint that it can be resumed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xpnet._support.letters import r_squared
from xpnet._support.typing import Params, Slots
from xpnet.training.running import Running

LONG = 1e6
"""Size from which on a number has an exponent where it is printed, since it might have hundreds of digits."""


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
        engine: How its blocks of steps were run: "plain", "replay", "compiled" or "jit".
        optimizer: The optimizer's name and settings, without its learning rate; "" where that is not known.
        privacy: Steps of a private training that are alike, (q, σ, how many) each; empty for any other training.
        epsilon: ε of all of them, or None.
        delta: δ of that ε, or None.
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
    privacy: tuple[tuple[float, float, int], ...] = ()
    epsilon: float | None = None
    delta: float | None = None

    @property
    def best_epoch(self) -> int:
        """Number of the epoch that `best_params` are from; without patience that is the last one."""
        return self.epoch - self.waited


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
        regression: Whether accuracies are R².
        test_cost: Mean cost of the test rows after the epoch, without L2, or None.
        running: Running cost and accuracy within the epoch, each of the last thousand rows, at up to 60 points; empty
            in a private training.
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
    regression: bool = field(default=False, repr=False)
    test_cost: float | None = None
    running: tuple[Running, ...] = field(default=(), repr=False)

    @property
    def params(self) -> Params:
        """Parameters after the epoch; later epochs do not change them."""
        return self.checkpoint.params

    @property
    def best_params(self) -> Params:
        """Parameters of the epoch with the lowest validation cost so far, or training cost without validation rows."""
        return self.checkpoint.best_params

    @property
    def epsilon(self) -> float | None:
        """ε that the private training has spent so far; None for any other, and with an `insecure_seed`."""
        return self.checkpoint.epsilon

    def numbers(self) -> dict[str, Any]:
        """Numbers by name; those of test rows and of a validation only where there were any."""
        names = ("cost", "train_accuracy", "test_accuracy", "learning_rate", "seconds", "samples_per_second")
        others = ("validation_cost", "validation_accuracy", "test_cost", "epsilon")
        numbers = {"epoch": self.number} | {name: getattr(self, name) for name in (*names, *others)}
        return {name: number for name, number in numbers.items() if number is not None}

    def record(self) -> dict[str, Any]:
        """Numbers as a line of a log holds them: also the running ones, where there are any, by name in columns."""
        columns = {name: [getattr(point, name) for point in self.running] for name in Running._fields}
        return self.numbers() | ({"running": columns} if self.running else {})

    def __str__(self) -> str:
        """One line for people."""
        accuracies = {"train": self.train_accuracy, "validation": self.validation_accuracy, "test": self.test_accuracy}
        text = r_squared_text if self.regression else "{:7.2%}".format
        # Early stopping goes by the validation cost.
        costs = {"cost": self.cost, "validation cost": self.validation_cost}
        parts = [
            f"epoch {self.number:3d}",
            *(f"{name} {cost_text(cost)}" for name, cost in costs.items() if cost is not None),
            *(f"{name} {text(accuracy)}" for name, accuracy in accuracies.items() if accuracy is not None),
        ]
        if self.epsilon is not None:
            parts.append(f"ε {self.epsilon:.3f} at δ {self.checkpoint.delta:g}")
        return "  ".join([*parts, f"{self.seconds:.2f} s", f"{self.samples_per_second:,.0f} samples/s"])


def cost_text(number: float) -> str:
    """Cost or loss in few characters, however large."""
    return f"{number:.4f}" if abs(number) < LONG else f"{number:.4g}"


def r_squared_text(accuracy: float) -> str:
    """R² by its name, in few characters however far below 0."""
    return f"{r_squared()} {cost_text(accuracy)}"

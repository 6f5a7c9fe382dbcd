"""What a training is told: flags, the defaults that fit the data, and what is made of them."""

from dataclasses import dataclass, replace
from typing import Any

from xpnet.data import Data, task
from xpnet.equations.optimizers import OPTIMIZERS, Optimizer, default_rate
from xpnet.errors import InputError
from xpnet.schedules import Constant, Cosine, InverseScaling, Step
from xpnet.training.network import Network

WITH_MOMENTUM = ("momentum", "nesterov")

Schedule = Constant | InverseScaling | Step | Cosine
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "inverse-scaling": InverseScaling,
    "step": Step,
    "cosine": Cosine,
}

PRESETS: dict[str, dict[str, Any]] = {
    "post": {
        "hidden": (32, 32),
        "activation": ("sigmoid",),
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "batch_size": 1,
        "epochs": 3,
    }
}
"""Known trainings, as flags: "post" is the post's own network, one sample at a time, on scaled inputs."""

FOR_DATA: dict[str, dict[str, Any]] = {
    "digits": {"learning_rate": 0.003, "batch_size": 32, "epochs": 20},
    "mnist": {"hidden": (512,), "batch_size": 256, "epochs": 16},
}
"""Defaults that differ for a data set."""


@dataclass(frozen=True)
class Configuration:
    """All that decides a training's result, by the names of the flags; what `--resume` restores.

    Attributes:
        fingerprint: Of the data that it was trained on.
    """

    data: str = "digits"
    hidden: tuple[int, ...] = (128,)
    activation: tuple[str, ...] = ("relu",)
    optimizer: str = "adam"
    learning_rate: float = 0.001
    momentum: float = 0.9
    l2: float = 0.0
    schedule: str = "constant"
    batch_size: int = 128
    epochs: int = 20
    patience: int | None = None
    validation_fraction: float = 0.0
    chunk_size: float = 64.0
    seed: int = 0
    dtype: str = "float32"
    precision: str = "fp32"
    device: str = "cpu"
    backend: str = "auto"
    fingerprint: str = ""

    def network(self, data: Data) -> Network:
        """The network for these data: an input for each column, outputs and loss as the targets ask for."""
        loss: Any
        loss, outputs = task(data.y_train, name="y_train")
        activation: Any = self.activation[0] if len(self.activation) == 1 else self.activation
        return Network((data.x_train.shape[1], *self.hidden, outputs), activation, loss, data.scale)

    def rule(self) -> Optimizer:
        """The optimizer, with its schedule."""
        rate = schedule(self.schedule, self.learning_rate)
        if isinstance(rate, Cosine) and self.epochs > rate.epochs:
            raise InputError(
                f"the schedule {self.schedule} ends after {rate.epochs:g} epochs, but --epochs is {self.epochs}; "
                f"start anew with --schedule cosine:{self.epochs}, or stay within it."
            )
        if self.optimizer in WITH_MOMENTUM:
            return OPTIMIZERS[self.optimizer](rate, self.momentum)
        return OPTIMIZERS[self.optimizer](rate)


def configure(flags: dict[str, Any], preset: str | None = None) -> Configuration:
    """The configuration that flags ask for: a flag goes before the preset, the preset before the data's defaults."""
    asked = _asked(flags, preset)
    values = {**FOR_DATA.get(asked.get("data", "digits"), {}), **asked}
    optimizer = asked.get("optimizer", Configuration.optimizer)
    if optimizer != Configuration.optimizer:
        # The rate that stands with the data is for the default rule.
        values["learning_rate"] = asked.get("learning_rate", default_rate(optimizer))
    if asked.get("backend") == "cupy":
        # It has no CPU.
        values.setdefault("device", "cuda")
    configuration = Configuration(**values)
    if configuration.schedule == "cosine":
        # Its length stays what it is now, however far a resumed training goes.
        configuration = replace(configuration, schedule=f"cosine:{configuration.epochs}")
    return configuration


def resumed(saved: dict[str, Any], flags: dict[str, Any], preset: str | None, path: str) -> Configuration:
    """The configuration of a saved model; a flag may name another number of epochs, and nothing else anew."""
    if not saved:
        raise InputError(f"{path} was not trained by this command, so it cannot be resumed.")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()}
    kept = Configuration(**values)
    asked = _asked(flags, preset, kept.optimizer)
    for name, value in asked.items():
        before = getattr(kept, name)
        if name != "epochs" and value != before:
            raise contradiction(name, value, before, path)
    return replace(kept, epochs=asked.get("epochs", kept.epochs))


def contradiction(name: str, value: Any, before: Any, path: str) -> InputError:
    """The error of a flag that is not what a saved model was trained with."""
    how = "without it" if before is None else f"with {spelled(before)}"
    return InputError(
        f"{flag(name)} {spelled(value)} contradicts {path}, which was trained {how}; "
        "leave the flag out, or start anew without --resume."
    )


def schedule(text: str, learning_rate: float) -> Schedule:
    """The schedule of `NAME`, `NAME:EPOCHS` or `NAME:EPOCHS:NUMBER`."""
    name, *numbers = text.split(":")
    try:
        return SCHEDULES[name](learning_rate, *map(float, numbers))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"--schedule {text} is not one of constant, inverse-scaling[:EPOCHS[:POWER]], step:EPOCHS[:FACTOR] and "
            "cosine[:EPOCHS[:WARM_UP]]."
        ) from error


def flag(name: str) -> str:
    """What the command calls it."""
    return f"--{name.replace('_', '-')}"


def spelled(value: Any) -> str:
    """A value as its flag takes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value)


def _asked(flags: dict[str, Any], preset: str | None, optimizer: str = Configuration.optimizer) -> dict[str, Any]:
    """Flags over a preset; plain SGD with a momentum is the momentum rule, `optimizer` the one where none is named."""
    asked = {**(PRESETS[preset] if preset else {}), **flags}
    if "momentum" in asked:
        if asked.get("optimizer") == "sgd":
            asked["optimizer"] = "momentum"
        if asked.get("optimizer", optimizer) not in WITH_MOMENTUM:
            raise InputError("--momentum goes with --optimizer sgd, momentum or nesterov.")
    return asked

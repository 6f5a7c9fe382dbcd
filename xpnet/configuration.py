"""What a training is told: flags, the defaults that fit the data, and what is made of them."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from xpnet.data import Data, task
from xpnet.errors import InputError
from xpnet.network import Network
from xpnet.optimizers import LearningRate, Optimizer, adam, adamw, momentum, nesterov, sgd
from xpnet.schedules import Constant, Cosine, InverseScaling, Step

RULES = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov, "adam": adam, "adamw": adamw}
WITH_MOMENTUM = ("momentum", "nesterov")

RATES = {"sgd": 0.1, "momentum": 0.05, "nesterov": 0.05, "adam": 0.001, "adamw": 0.001}
"""The learning rate of a rule where none is given."""

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
    "digits": {"batch_size": 32, "epochs": 30},
    "mnist": {"hidden": (256,), "epochs": 12},
}
"""Defaults that differ for a data set."""

FREE = ("epochs",)
"""What a resumed training may be told anew."""


@dataclass(frozen=True)
class Configuration:
    """All that decides a training's result; what `--resume` restores. The names are those of the flags."""

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
    seed: int = 0
    dtype: str = "float32"
    device: str | None = None
    backend: str | None = None
    fingerprint: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a saved model holds it."""
        return asdict(self)

    def network(self, data: Data) -> Network:
        """The network for these data: as many inputs as columns, outputs and loss as the targets ask for."""
        loss, outputs = task(data.y_train, name="y_train")
        activation = self.activation * len(self.hidden) if len(self.activation) == 1 else self.activation
        return Network((data.x_train.shape[1], *self.hidden, outputs), activation, loss, data.scale)

    def rule(self) -> Optimizer:
        """The optimizer with its schedule."""
        rate = schedule(self.schedule, self.learning_rate)
        if self.optimizer in WITH_MOMENTUM:
            return RULES[self.optimizer](rate, self.momentum)
        return RULES[self.optimizer](rate)


def configure(flags: dict[str, Any], preset: str | None = None) -> Configuration:
    """The configuration that flags ask for: a flag goes before the preset, the preset before the data's defaults."""
    given = {**PRESETS.get(preset or "", {}), **flags}
    if "momentum" in flags:
        if given.get("optimizer") == "sgd":
            given["optimizer"] = "momentum"
        if given.get("optimizer") not in WITH_MOMENTUM:
            raise InputError(f"--momentum goes with --optimizer sgd, {' or '.join(WITH_MOMENTUM)}.")
    values = {**FOR_DATA.get(given.get("data", "digits"), {}), **given}
    values.setdefault("learning_rate", RATES[values.get("optimizer", "adam")])
    configuration = Configuration(**values)
    if configuration.schedule == "cosine":
        # Its length stays what it is now, however long a resumed training becomes.
        configuration = replace(configuration, schedule=f"cosine:{configuration.epochs}")
    return configuration

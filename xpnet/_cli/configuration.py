"""Configuration: all that decides a training's result; each field is a flag, written once."""

from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any

import numpy as np

from xpnet._cli.commandline import real_number, whole_number
from xpnet._cli.flags import flag, flag_text, flags_of, value_text
from xpnet.backends import BACKENDS, PRECISIONS
from xpnet.backends.base import alternatives
from xpnet.data import Data, task
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import FAMILIES, LOSSES
from xpnet.equations.losses import loss as named_loss
from xpnet.equations.optimizers import OPTIMIZERS, Optimizer, default_rate
from xpnet.errors import InputError
from xpnet.schedules import Constant, Cosine, InverseScaling, Step
from xpnet.training.network import Network
from xpnet.training.placement import DTYPES

Schedule = Constant | InverseScaling | Step | Cosine
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "inverse-scaling": InverseScaling,
    "step": Step,
    "cosine": Cosine,
}
SPELLINGS = ("constant", "inverse-scaling[:EPOCHS[:POWER]]", "step:EPOCHS[:FACTOR]", "cosine[:EPOCHS[:WARM_UP]]")

DEFAULT_OPTIMIZER = "adam"

WITH_MOMENTUM = tuple(name for name, rule in OPTIMIZERS.items() if "momentum" in signature(rule).parameters)
"""Names of the optimizers that have a momentum."""

BY_TARGETS = "auto"
"""Loss that suits the targets."""

REGRESSIONS = tuple(name for name, loss in LOSSES.items() if loss.regression and name != "squared_error")
"""Losses for numbers that targets alone do not call for."""

DATA, TRAINING, STOPPING = "data and network", "training", "validation and early stopping"
FILES, MACHINE = "files", "device and arithmetic"
HEADINGS = (DATA, TRAINING, FILES, STOPPING, MACHINE)
"""Headings of `--help`, the most used first."""


def widths(text: str) -> tuple[int, ...]:
    """Neurons of the hidden layers from `512,256` or `none`."""
    return () if text == "none" else tuple(whole_number(part) for part in text.split(","))


def activation_names(text: str) -> tuple[str, ...]:
    """Activations from `relu` or `sigmoid,relu`."""
    return tuple(text.split(","))


def optimizer_titles() -> str:
    """What the names of optimizers stand for that are not words: the beginning of their docstrings."""
    titles = {name: (optimizer.__doc__ or name).splitlines()[0] for name, optimizer in OPTIMIZERS.items()}
    titles = {name: title.partition(":")[0].rstrip(".") for name, title in titles.items()}
    return ", ".join(f"{name}: {title}" for name, title in titles.items() if title.lower() != name)


def default_rates() -> str:
    """Default learning rates in words, optimizers with the same rate together."""
    optimizers: dict[float, list[str]] = {}
    for name in OPTIMIZERS:
        if name != DEFAULT_OPTIMIZER:
            optimizers.setdefault(default_rate(name), []).append(name)
    rates = [f"{' and '.join(names)} {rate:g}" for rate, names in optimizers.items()]
    return ", ".join([*rates, f"{DEFAULT_OPTIMIZER} by data, below"])


@dataclass(frozen=True)
class Configuration:
    """All that decides a training's result, one field per flag; `--resume` restores it.

    Attributes:
        fingerprint: Digest of the training data, which is no flag.
    """

    data: str = flag(
        "digits", "data set: digits, mnist, FILE.npz, or a folder of .npy or IDX files", group=DATA, metavar="DATA"
    )
    hidden: tuple[int, ...] = flag(
        (128,), "number of neurons in each hidden layer, or none", group=DATA, parse=widths, metavar="N,N"
    )
    activation: tuple[str, ...] = flag(
        ("relu",),
        f"activation of the hidden layers, one for all or one for each: {', '.join(ACTIVATIONS)}, leaky_relu:X, elu:X",
        group=DATA,
        parse=activation_names,
        metavar="A,A",
    )
    loss: str = flag(
        BY_TARGETS,
        "loss; auto: softmax for integer labels, sigmoids for a matrix of 0 and 1, squared error for other numbers, "
        f"which also take {', '.join(REGRESSIONS)}, {', '.join(f'{name}:X' for name in FAMILIES)}",
        group=DATA,
        metavar="LOSS",
    )
    epochs: int = flag(
        20,
        "number of passes over the training rows, in all",
        group=TRAINING,
        parse=whole_number,
        metavar="N",
        of_epochs=True,
    )
    batch_size: int = flag(
        128, "number of rows per step", group=TRAINING, parse=whole_number, metavar="N", of_epochs=True
    )
    optimizer: str = flag(DEFAULT_OPTIMIZER, f"update rule; {optimizer_titles()}", group=TRAINING, choices=OPTIMIZERS)
    learning_rate: float = flag(
        default_rate(DEFAULT_OPTIMIZER),
        "learning rate η",
        group=TRAINING,
        parse=real_number,
        metavar="X",
        default=default_rates(),
    )
    schedule: str = flag(
        "constant", f"learning rate over the epochs: {', '.join(SPELLINGS)}", group=TRAINING, metavar="S"
    )
    momentum: float = flag(
        0.9,
        f"momentum μ of {' and '.join(WITH_MOMENTUM)}; with it, --optimizer sgd is momentum",
        group=TRAINING,
        parse=real_number,
        metavar="X",
    )
    l2: float = flag(
        0.0,
        "weight decay λ: λ/2 · Σ ‖w‖² is added to the cost",
        group=TRAINING,
        parse=real_number,
        metavar="X",
        of_epochs=True,
    )
    clip_norm: float | None = flag(
        None,
        "largest norm of one row's gradient; a longer one is scaled down to it",
        group=TRAINING,
        parse=real_number,
        metavar="X",
        default="no clipping",
        of_epochs=True,
    )
    seed: int = flag(
        0,
        "seed of initial weights, held-out rows and batches",
        group=TRAINING,
        parse=whole_number,
        metavar="N",
        of_epochs=True,
    )
    validation_fraction: float = flag(
        0.0,
        "fraction of the training rows to hold out",
        group=STOPPING,
        parse=real_number,
        metavar="X",
        of_epochs=True,
    )
    patience: int | None = flag(
        None,
        "number of epochs without a lower cost, of held-out rows if any, that ends it",
        group=STOPPING,
        parse=whole_number,
        metavar="N",
        default="no early stopping",
        of_epochs=True,
    )
    device: str = flag("cpu", "device: cpu, cuda, cuda:N, or auto, a GPU if there is one", group=MACHINE, metavar="D")
    backend: str = flag(
        "auto",
        "array library; auto: NumPy, on a GPU the first that works",
        group=MACHINE,
        choices=("auto", *BACKENDS),
    )
    dtype: str = flag(
        "float32",
        "floating-point type",
        group=MACHINE,
        choices=DTYPES,
        of_epochs=True,
    )
    precision: str = flag(
        "fp32",
        "precision of float32 matrix products on a GPU; tf32 is faster, with about three digits",
        group=MACHINE,
        choices=PRECISIONS,
        of_epochs=True,
    )
    chunk_size: float = flag(
        64.0,
        "megabytes of .npy files in memory at a time",
        group=MACHINE,
        parse=real_number,
        metavar="MB",
        of_epochs=True,
    )
    fingerprint: str = ""

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `xpnet.epochs` that are flags of the same name."""
        return {name: getattr(self, name) for name, (_, meta) in flags_of(type(self)).items() if meta.of_epochs}

    def flags(self) -> dict[str, str]:
        """Text of every setting by its flag, and of the data's digest."""
        return {flag_text(name): value_text(value) for name, value in asdict(self).items()}

    def network(self, data: Data) -> Network:
        """Network for these data: one input per column, outputs and loss to suit the targets."""
        loss, outputs = task(data.y_train, name="y_train")
        if self.loss not in (BY_TARGETS, loss):
            check_loss(self.loss, loss, data.y_train.dtype)
            loss = self.loss
        activation: Any = self.activation[0] if len(self.activation) == 1 else self.activation
        return Network((data.x_train.shape[1], *self.hidden, outputs), activation, loss, data.scale, data.classes)

    def rule(self) -> Optimizer:
        """Optimizer with its schedule."""
        rate = schedule(self.schedule, self.learning_rate)
        if isinstance(rate, Cosine) and self.epochs > rate.epochs:
            raise InputError(
                f"the schedule {self.schedule} ends after {rate.epochs:g} epochs, but --epochs is {self.epochs}; "
                f"start anew with --schedule cosine:{self.epochs}, or stay within it."
            )
        rule = OPTIMIZERS[self.optimizer]
        return rule(rate, self.momentum) if self.optimizer in WITH_MOMENTUM else rule(rate)

    def __str__(self) -> str:
        """Settings of the training in a line: `adam, learning rate 0.003, batches of 32 rows, 20 epochs, seed 0`."""
        rate = f"learning rate {self.learning_rate:g}" + ("" if self.schedule == "constant" else f" ({self.schedule})")
        parts = [*([] if self.loss == BY_TARGETS else [f"loss {self.loss}"]), self.optimizer, rate]
        parts += [f"momentum {self.momentum:g}"] * (self.optimizer in WITH_MOMENTUM)
        parts += [f"L2 {self.l2:g}"] * bool(self.l2)
        parts += [] if self.clip_norm is None else [f"gradients of rows clipped to {self.clip_norm:g}"]
        parts += [f"batches of {self.batch_size:,} row{'s' * (self.batch_size != 1)}", f"{self.epochs:,} epochs"]
        return ", ".join([*parts, f"seed {self.seed}"])


def check_loss(asked: str, called_for: str, dtype: np.dtype) -> None:
    """Refuse a loss that is not for targets of that kind."""
    if not (named_loss(asked).regression and dtype.kind == "f"):
        instead = "save the numbers as floating-point" if named_loss(asked).regression else "leave the flag out"
        raise InputError(
            f"--loss {asked} is not for these targets: y_train holds {dtype}, which calls for {called_for}; {instead}."
        )


def schedule(text: str, learning_rate: float) -> Schedule:
    """Schedule from `NAME`, `NAME:EPOCHS` or `NAME:EPOCHS:NUMBER`."""
    name, *settings = text.split(":")
    try:
        return SCHEDULES[name](learning_rate, *map(float, settings))
    except InputError as error:
        # Without settings of its own the fault is the learning rate's.
        raise InputError(f"--schedule {text}: {error}" if settings else str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"--schedule {text} is not {alternatives(SPELLINGS)}.") from error

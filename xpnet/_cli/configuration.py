"""Configuration: all that decides a training's result; each field is a flag, written once."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from xpnet._cli.commandline import real_number, whole_number
from xpnet._cli.flags import flag, flag_text, flags_of, value_text
from xpnet._cli.spellings import (
    DEFAULT_OPTIMIZER,
    SPELLINGS,
    WITH_MOMENTUM,
    activation_names,
    column_names,
    default_rates,
    fractions,
    optimizer_titles,
    schedule,
    spelled,
    widths,
)
from xpnet.backends import BACKENDS, PRECISIONS
from xpnet.data import Columns, Data, load, task
from xpnet.equations import activations, losses
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.losses import loss as named_loss
from xpnet.equations.optimizers import OPTIMIZERS, Optimizer, default_rate
from xpnet.errors import InputError
from xpnet.schedules import Cosine
from xpnet.training.network import Network
from xpnet.training.placement import DTYPES
from xpnet.training.privacy import Privacy
from xpnet.training.standardization import Standardization

BY_TARGETS = "auto"
"""Loss that suits the targets."""

REGRESSIONS = tuple(name for name, loss in LOSSES.items() if loss.regression and name != "squared_error")
"""Losses for numbers that targets alone do not call for."""

PRIVATE_CLIP_NORM = Privacy.clip_norm
"""Clip norm of a private training without `--clip-norm`."""

DATA, TRAINING, STOPPING = "data and network", "training", "validation and early stopping"
TABLES, FILES, MACHINE = "tables", "files", "device and arithmetic"
HEADINGS = (DATA, TRAINING, FILES, STOPPING, TABLES, MACHINE)
"""Headings of `--help`, the most used first."""


@dataclass(frozen=True)
class Configuration:
    """All that decides a training's result, one field per flag; `--resume` restores it.

    Attributes:
        fingerprint: Digest of the training data, which is no flag.
    """

    data: str = flag(
        "digits",
        "digits, mnist, FILE.npz, a folder of .npy or IDX files, or a table: .csv, .parquet, .feather",
        group=DATA,
        metavar="DATA",
    )
    hidden: tuple[int, ...] = flag((128,), "neurons per hidden layer, or none", group=DATA, parse=widths, metavar="N,N")
    activation: tuple[str, ...] = flag(
        ("relu",),
        f"activation of all hidden layers, or of each: {spelled(ACTIVATIONS, activations.FAMILIES)}",
        group=DATA,
        parse=activation_names,
        metavar="A,A",
    )
    dropout: tuple[float, ...] = flag(
        (),
        "fraction of a hidden layer that steps leave out",
        group=DATA,
        parse=fractions,
        metavar="X,X",
    )
    loss: str = flag(
        BY_TARGETS,
        f"loss; auto: by the targets; for numbers also {spelled(REGRESSIONS, losses.FAMILIES)}",
        group=DATA,
        metavar="LOSS",
    )
    epochs: int = flag(
        20,
        "passes over the training rows, in all",
        group=TRAINING,
        parse=whole_number,
        metavar="N",
        of_epochs=True,
    )
    batch_size: int = flag(128, "rows per step", group=TRAINING, parse=whole_number, metavar="N", of_epochs=True)
    optimizer: str = flag(
        DEFAULT_OPTIMIZER, f"update rule: {optimizer_titles()}", group=TRAINING, metavar="O", choices=OPTIMIZERS
    )
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
        f"μ of {' and '.join(WITH_MOMENTUM)}; with it, sgd is momentum",
        group=TRAINING,
        parse=real_number,
        metavar="X",
    )
    l2: float = flag(
        0.0,
        "weight decay λ: adds λ/2 · Σ ‖w‖² to the cost",
        group=TRAINING,
        parse=real_number,
        metavar="X",
        of_epochs=True,
    )
    clip_norm: float | None = flag(
        None,
        "largest norm of a row's own gradient; privately",
        group=TRAINING,
        parse=real_number,
        metavar="X",
        default=f"{PRIVATE_CLIP_NORM:g}",
        of_epochs=True,
    )
    target_epsilon: float | None = flag(
        None, "ε of a private training, which adds noise", group=TRAINING, parse=real_number, metavar="X", default=""
    )
    noise_multiplier: float | None = flag(
        None,
        "σ of that noise, in clip norms, instead of ε",
        group=TRAINING,
        parse=real_number,
        metavar="X",
        default="",
    )
    delta: float = flag(1e-5, "δ that goes with ε", group=TRAINING, parse=real_number, metavar="X", default="1e-5")
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
        "training rows to hold out",
        group=STOPPING,
        parse=real_number,
        metavar="X",
        of_epochs=True,
    )
    patience: int | None = flag(
        None,
        "epochs without a lower cost, of held-out rows if any, until it stops",
        group=STOPPING,
        parse=whole_number,
        metavar="N",
        default="never",
        of_epochs=True,
    )
    class_weight: str | None = flag(
        None,
        "balanced: rare classes count as much as others",
        group=DATA,
        metavar="W",
        choices=("balanced",),
    )
    standardize: bool = flag(False, "bring columns, and a regression's targets, to mean 0 and deviation 1", group=DATA)
    label: str | None = flag(None, "column to predict: classes, or a regression's targets", group=TABLES, metavar="C")
    regression: bool = flag(False, "whole numbers of the label are targets, not classes", group=TABLES)
    weight: str | None = flag(None, "column of sample weights", group=TABLES, metavar="C")
    id: str | None = flag(None, "column of identifiers, which predictions keep", group=TABLES, metavar="C")
    drop: tuple[str, ...] = flag((), "columns to leave out", group=TABLES, parse=column_names, metavar="C,C")
    one_hot: tuple[str, ...] = flag(
        (), "columns of categories, an input for each category", group=TABLES, parse=column_names, metavar="C,C"
    )
    test: str | None = flag(None, "table of test rows", group=TABLES, metavar="FILE")
    test_fraction: float = flag(
        0.0,
        "rows to set aside as test rows, of every class alike",
        group=DATA,
        parse=real_number,
        metavar="X",
    )
    device: str = flag("cpu", "cpu, cuda, cuda:N, or auto, a GPU if there is one", group=MACHINE, metavar="D")
    backend: str = flag(
        "auto",
        f"{', '.join(BACKENDS)}; auto: NumPy, on a GPU the first that works",
        group=MACHINE,
        metavar="B",
        choices=("auto", *BACKENDS),
    )
    dtype: str = flag(
        "float32",
        " or ".join(DTYPES),
        group=MACHINE,
        metavar="T",
        choices=DTYPES,
        of_epochs=True,
    )
    precision: str = flag(
        "fp32",
        "of a GPU's products: fp32, or tf32, faster with three digits",
        group=MACHINE,
        metavar="P",
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
        given = {name: getattr(self, name) for name, (_, meta) in flags_of(type(self)).items() if meta.of_epochs}
        private = self.privacy
        return given if private is None else given | {"clip_norm": None, "privacy": private}

    @property
    def privacy(self) -> Privacy | None:
        """Settings of a private training, or None.

        Raises:
            InputError: There cannot be one with these settings.
        """
        if self.target_epsilon is None and self.noise_multiplier is None:
            return None
        if self.noise_multiplier == 0:
            raise InputError("--noise-multiplier 0 protects nobody; use a larger one, or --clip-norm alone.")
        clip_norm = PRIVATE_CLIP_NORM if self.clip_norm is None else self.clip_norm
        return Privacy(self.noise_multiplier, self.target_epsilon, clip_norm, self.delta)

    @property
    def columns(self) -> Columns:
        """What the columns of a table are."""
        return Columns(self.label, self.weight, self.id, self.drop, self.one_hot, self.regression)

    def load(self) -> Data:
        """Data set with its test rows."""
        return load(
            self.data,
            self.columns,
            test=self.test,
            test_fraction=self.test_fraction,
            seed=self.seed,
            dtype=self.dtype,
            megabytes=self.chunk_size,
        )

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
        dropout = self.dropout[0] if len(self.dropout) == 1 else self.dropout or 0.0
        sizes = (data.x_train.shape[1], *self.hidden, outputs)
        if not self.standardize:
            return Network(sizes, activation, loss, data.scale, data.classes, dropout=dropout)
        network = Network(sizes, activation, loss, Standardization.of(data.x_train), data.classes, dropout=dropout)
        # A Poisson loss needs its counts.
        regression = network.model.loss.regression and network.loss != "poisson"
        return replace(network, target_scale=Standardization.of(data.y_train)) if regression else network

    def weights(self, data: Data, network: Network) -> np.ndarray | None:
        """Sample weights: those of the data, times n / (k nᵢ) for a class of nᵢ rows out of k classes if balanced."""
        if self.class_weight is None:
            return data.weight
        if network.loss != "cross_entropy":
            raise InputError("--class-weight goes with classes, but the labels are something else; leave it out.")
        y = np.asarray(data.y_train)
        counts = np.bincount(y)
        balanced: np.ndarray = (len(y) / (len(counts) * counts))[y]
        return balanced if data.weight is None else balanced * data.weight

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
        private = self.privacy
        clip_norm = self.clip_norm if private is None else private.clip_norm
        parts += [] if clip_norm is None else [f"gradients of rows clipped to {clip_norm:g}"]
        parts += [] if self.target_epsilon is None else [f"ε up to {self.target_epsilon:g} at δ {self.delta:g}"]
        batches = "batches of" if private is None else "batches of about"
        parts += [f"{batches} {self.batch_size:,} row{'s' * (self.batch_size != 1)}", f"{self.epochs:,} epochs"]
        return ", ".join([*parts, f"seed {self.seed}"])


def check_loss(asked: str, called_for: str, dtype: np.dtype) -> None:
    """Refuse a loss that is not for targets of that kind."""
    if not (named_loss(asked).regression and dtype.kind == "f"):
        instead = "save the numbers as floating-point" if named_loss(asked).regression else "leave the flag out"
        raise InputError(
            f"--loss {asked} is not for these targets: y_train holds {dtype}, which calls for {called_for}; {instead}."
        )

"""Spellings of flags' values: lists, names with numbers behind a colon, schedules, and what `--help` says of them."""

import csv
from collections.abc import Container, Iterable
from inspect import signature

from xpnet._cli.commandline import real_number, whole_number
from xpnet.backends.base import alternatives
from xpnet.equations.optimizers import OPTIMIZERS, default_rate
from xpnet.errors import InputError
from xpnet.schedules import Constant, Cosine, InverseScaling, Step

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


def spelled(names: Iterable[str], families: Container[str]) -> str:
    """Names, with what may stand behind a colon."""
    return ", ".join(f"{name}[:X]" if name in families else name for name in names)


def widths(text: str) -> tuple[int, ...]:
    """Neurons of the hidden layers from `512,256` or `none`."""
    return () if text == "none" else tuple(whole_number(part) for part in text.split(","))


def column_names(text: str) -> tuple[str, ...]:
    """Names of columns from `age,height` or `none`; one with a comma in it stands in double quotes, as in a CSV."""
    return () if text == "none" else tuple(next(csv.reader([text]))) or ("",)


def fractions(text: str) -> tuple[float, ...]:
    """Fractions from `0.5`, `0.2,0.5` or `none`."""
    return () if text == "none" else tuple(real_number(part) for part in text.split(","))


def activation_names(text: str) -> tuple[str, ...]:
    """Activations from `relu` or `sigmoid,relu`."""
    return tuple(text.split(","))


def optimizer_titles() -> str:
    """Names of the optimizers, with what they stand for where it is another word: their docstrings' beginnings."""
    titles = {name: (optimizer.__doc__ or name).splitlines()[0] for name, optimizer in OPTIMIZERS.items()}
    titles = {name: title.partition(":")[0].rstrip(".") for name, title in titles.items()}
    return ", ".join(name if title.lower() == name else f"{name} ({title})" for name, title in titles.items())


def default_rates() -> str:
    """Default learning rates in words, optimizers with the same rate together."""
    optimizers: dict[float, list[str]] = {}
    for name in OPTIMIZERS:
        if name != DEFAULT_OPTIMIZER:
            optimizers.setdefault(default_rate(name), []).append(name)
    rates = [f"{' and '.join(names)} {rate:g}" for rate, names in optimizers.items()]
    return ", ".join([*rates, f"{DEFAULT_OPTIMIZER} by data"])


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

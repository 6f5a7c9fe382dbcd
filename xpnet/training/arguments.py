"""Checks of the arguments of `epochs` that need no array: each refusal says what to give instead."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from xpnet._support.arguments import check_number, not_negative
from xpnet.backends import ENGINES
from xpnet.equations.optimizers import OPTIMIZERS, Optimizer
from xpnet.equations.step import L2_OF
from xpnet.errors import InputError
from xpnet.training.checkpoint import Checkpoint, Epoch
from xpnet.training.network import Network
from xpnet.training.placement import check_weights_are_rows, check_whole
from xpnet.training.privacy import Privacy

LEAST = {"batch_size": 1, "epochs": 1, "seed": 0, "patience": 1}
"""Smallest value of each whole number."""

RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "l2": (not_negative, "0 or more"),
    "chunk_size": (lambda value: 0 < value < math.inf, "above 0, in megabytes"),
    "clip_norm": (lambda value: 0 < value < math.inf, "above 0, or None to clip nothing"),
    "validation_fraction": (lambda value: 0 <= value < 1, "at least 0 and below 1"),
}
"""Range of each other number, and how a message says it."""

OPTIONAL = ("patience", "clip_norm")
"""Those that None leaves out."""


NOT_PRIVATE = {
    "weight": "a row's weight would be seen in its part of the sum; leave it out",
    "order": "each row is in a batch by itself, by chance; leave it out",
    "validation_fraction": "rows that it holds back are scored without noise; give validation=(x, y) of others",
    "patience": "it would go by the cost of private rows; give validation=(x, y) of others, or leave it out",
    "clip_norm": "xpnet.Privacy has a clip_norm of its own; leave this one out",
    "dropout": "a row's mask goes by its place in the batch, which another row would change; use a network without",
}
"""What a private training refuses, and why."""


def check_ranges(**values: Any) -> None:
    """Refuse what is no number, and numbers outside their range."""
    for name, least in LEAST.items():
        if name in OPTIONAL and values[name] is None:
            continue
        check_whole(name, values[name], least, ", or None to never stop early" if name == "patience" else "")
        if name != "seed" and values[name] >= 2**63:
            raise InputError(f"{name} must be below 2⁶³.")
    for name, (fits, needed) in RANGES.items():
        if name not in OPTIONAL or values[name] is not None:
            check_number(name, values[name], fits, needed)


def check_choices(engine: Any, l2_of: Any) -> None:
    """Refuse names that are none of the choices."""
    if not isinstance(l2_of, str) or l2_of not in L2_OF:
        raise InputError(f"l2_of is {l2_of!r}; it can be {' or '.join(L2_OF)}.")
    if not isinstance(engine, str | None) or engine not in (None, "auto", *ENGINES):
        raise InputError(f"engine is {engine!r}; it can be auto, {', '.join(ENGINES)}.")


def check_flags(**values: Any) -> None:
    """Refuse what is neither true nor false, and words, which would all be true."""
    for name, value in values.items():
        if not isinstance(value, bool | int | np.bool | None):
            raise InputError(f"{name} is {_shown(value)}; it must be True or False.")


def check_objects(network: Any, optimizer: Any, resume: Any, weight: Any, order: Any, average: Any) -> None:
    """Refuse objects of another type, whose first use would fail in words of Python's."""
    if not isinstance(network, Network):
        raise InputError(f"network is {_shown(network)}; give a Network, such as Network([784, 128, 10]).")
    if not isinstance(optimizer, Optimizer):
        raise InputError(f"optimizer is {_shown(optimizer)}; give {_meant(optimizer)}.")
    if isinstance(resume, Epoch):
        raise InputError("resume is an Epoch; give its checkpoint, epoch.checkpoint.")
    if resume is not None and not isinstance(resume, Checkpoint):
        raise InputError(
            f"resume is {_shown(resume)}; give epoch.checkpoint, or xpnet.serialization.load(path).checkpoint."
        )
    check_weights_are_rows(weight)
    if average is not None and not hasattr(average, "agree"):
        raise InputError(f"average is {_shown(average)}; give what `with xpnet.distributed.session() as ranks` gives.")
    if order is not None and not isinstance(order, Iterator):
        raise InputError(
            f"order is a {type(order).__name__}; give an iterator with an array of row indices for each epoch, such as "
            "iter([first, second])."
        )


def check_validation(validation: Any, fraction: float) -> None:
    """Refuse validation rows that are no rows, or are asked for in two ways."""
    if isinstance(validation, float):
        raise InputError(
            f"validation is {validation}; give rows (x, y) or (x, y, weight), or validation_fraction={validation}."
        )
    if validation is None:
        return
    if fraction:
        raise InputError("validation and validation_fraction are both given; leave out one of them.")
    if not isinstance(validation, Sequence) or isinstance(validation, str):
        raise InputError(f"validation is a {type(validation).__name__}; give (x, y) or (x, y, weight).")
    if len(validation) not in (2, 3):
        raise InputError(f"validation holds {len(validation)} arrays; give (x, y) or (x, y, weight).")


def check_privacy(privacy: Any, **refused: Any) -> None:
    """Refuse what a private training cannot have, each with the reason."""
    if privacy is None:
        return
    if not isinstance(privacy, Privacy):
        raise InputError(f"privacy is {_shown(privacy)}; give xpnet.Privacy(noise_multiplier=..., delta=...).")
    for name, why in NOT_PRIVATE.items():
        if refused[name]:
            raise InputError(f"{name} does not go with privacy: {why}.")


def _meant(optimizer: Any) -> str:
    """Call that was probably meant by something that is no optimizer."""
    if isinstance(optimizer, float | int):
        return f"adam({optimizer}), sgd({optimizer}) or another with that learning rate"
    name = getattr(optimizer, "__name__", str(optimizer).lower())
    return f"{name}(), with a learning rate or without" if name in OPTIMIZERS else "sgd(0.1), adam(0.001) or another"


def _shown(thing: Any) -> str:
    """Object as a message shows it: the value where it is short, else the type."""
    if thing is None or isinstance(thing, str | int | float):
        return repr(thing)
    name = getattr(thing, "__name__", None)
    return f"the {'class' if isinstance(thing, type) else 'function'} {name}" if name else f"a {type(thing).__name__}"

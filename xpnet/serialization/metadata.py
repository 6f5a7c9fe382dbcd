"""Metadata of a model file: one schema, by which every field is checked before any of it is used."""

import json
import math
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import fields
from typing import Any

from xpnet import __version__
from xpnet.backends import ENGINES
from xpnet.equations.activations import activation
from xpnet.equations.losses import loss
from xpnet.errors import InputError, ModelFileError
from xpnet.serialization.history import KNOWN
from xpnet.training.class_names import are_names
from xpnet.training.network import Network
from xpnet.training.rows import generator_in

FORMAT = 1
"""The layout of the file; one that a reader of this version would misread has a higher number."""

LONGEST = 300
"""Most characters of a message's part that repeats what a file holds."""


def plain(text: object) -> str:
    """Text of a file as a message may show it: without control characters, and not longer than a few lines."""
    spelled = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(text)[: LONGEST + 1])
    return spelled if len(spelled) <= LONGEST else f"{spelled[:LONGEST]}…"


def is_whole(value: Any) -> bool:
    """Whether it is an integer from 0 to 2⁶³ − 1."""
    return type(value) is int and 0 <= value < 2**63


def is_number(value: Any) -> bool:
    """Whether it is a number that a double can hold, or infinity."""
    try:
        return type(value) in (int, float) and not math.isnan(float(value))
    except OverflowError:
        return False


def is_state(value: Any) -> bool:
    """Whether it is a state of the generator that shuffles."""
    try:
        generator_in(value)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return False
    return True


def is_spent(value: Any) -> bool:
    """Whether it is a probability, a noise multiplier, and a number of steps."""
    if not isinstance(value, list) or len(value) != 3 or not all(map(is_number, value[:2])):
        return False
    probability, multiplier, steps = value
    return 0 < probability <= 1 and 0 <= multiplier < math.inf and is_whole(steps)


def is_list(value: Any, of: type) -> bool:
    """Whether it is a list of values of one type."""
    return isinstance(value, list) and all(type(each) is of for each in value)


def is_scale(value: Any) -> bool:
    """Whether it is None, or a finite number above 0."""
    return value is None or (is_number(value) and 0 < value < math.inf)


def is_standardization(value: Any) -> bool:
    """Whether it is an object of a list of means and one of deviations."""
    return (
        isinstance(value, dict)
        and set(value) == {"mean", "deviation"}
        and all(isinstance(numbers, list) and all(map(is_number, numbers)) for numbers in value.values())
    )


Schema = Mapping[str, tuple[Callable[[Any], bool], str]]
"""For each field whether a value fits, and what is needed in words."""

FILE: Schema = {
    "xpnet": (lambda value: True, "a version"),
    "format": (lambda value: is_whole(value) and value >= 1, "a number"),
    "network": (lambda value: isinstance(value, dict), "an object"),
    "configuration": (lambda value: isinstance(value, dict), "an object"),
    "training": (lambda value: value is None or isinstance(value, dict), "an object"),
    "history": (lambda value: is_list(value, str), "a list of names"),
    "layout": (lambda value: value is None or isinstance(value, dict), "an object"),
}

NETWORK: Schema = {
    "sizes": (lambda value: is_list(value, int) and all(0 < size < 2**31 for size in value), "a list of whole numbers"),
    "activation": (lambda value: is_list(value, str), "a list of names"),
    "loss": (lambda value: isinstance(value, str), "a name"),
    "input_scale": (
        lambda value: is_scale(value) or is_standardization(value),
        "a number above 0, or a standardization",
    ),
    "target_scale": (lambda value: value is None or is_standardization(value), "a standardization"),
    "classes": (lambda value: value is None or are_names(value), "a list of different names"),
    "dropout": (
        lambda value: isinstance(value, list) and all(is_number(rate) and 0 <= rate < 1 for rate in value),
        "a list of fractions",
    ),
}

TRAINING: Schema = {
    "epoch": (is_whole, "a whole number"),
    "steps": (lambda value: is_whole(value) and value < 2**31, "a whole number below 2³¹"),
    "order": (lambda value: value == {} or is_state(value), "a state of NumPy's PCG64"),
    "best_cost": (is_number, "a number"),
    "waited": (is_whole, "a whole number"),
    "engine": (lambda value: isinstance(value, str), "a name"),
    "slots": (lambda value: is_whole(value) and value < 100, "a whole number below 100"),
    "optimizer": (lambda value: isinstance(value, str) and value == plain(value), "a name with settings"),
    "privacy": (lambda value: isinstance(value, list) and all(map(is_spent, value)), "a list of (q, σ, steps)"),
    "epsilon": (lambda value: value is None or (is_number(value) and value >= 0), "a number from 0 on"),
    "delta": (lambda value: value is None or (is_number(value) and 0 < value < 1), "a number between 0 and 1"),
}
"""What the metadata hold of a training that can be resumed; its arrays are tensors."""

LAYOUT: Schema = {
    "inputs": (lambda value: is_list(value, str), "a list of names"),
    "categories": (
        lambda value: isinstance(value, dict) and all(is_list(names, str) for names in value.values()),
        "lists of names",
    ),
    "label": (lambda value: value is None or isinstance(value, str), "a name"),
    "classes": (lambda value: value is None, "those of the network"),
    "weight": (lambda value: value is None or isinstance(value, str), "a name"),
    "id": (lambda value: value is None or isinstance(value, str), "a name"),
    "bytes": (lambda value: isinstance(value, bool), "true or false"),
}
"""What the metadata hold of the table that a model was trained on."""

LATER: dict[str, Any] = {
    "target_scale": None,
    "training": None,
    "configuration": {},
    "history": [],
    "optimizer": "",
    "privacy": [],
    "epsilon": None,
    "delta": None,
    "classes": None,
    "layout": None,
    "dropout": [],
}
"""Values of fields that may be missing: those that an older version did not write."""


def read_metadata(text: str) -> dict[str, Any]:
    """Metadata in which every field has a value that can be used.

    Raises:
        ModelFileError: This version cannot understand them; the message goes on after the file's name.
    """
    written_by: Any = __version__
    try:
        about = json.loads(text)
        if not isinstance(about, dict):
            raise ValueError(f"the metadata are a {type(about).__name__}")
        written_by = about.get("xpnet", "")
        about |= checked(about, FILE, "the file")
        _refuse(written_by, [f"file format {about['format']}"] * (about["format"] > FORMAT))
        network, training = about["network"], about["training"]
        settings = {field.name for field in fields(Network)}
        _refuse(written_by, [f"a network with {plain(name)}" for name in sorted(set(network) - settings)])
        _refuse(written_by, [f"a training with {plain(name)}" for name in sorted(set(training or ()) - set(TRAINING))])
        known = about["history"] in ([], *map(list, KNOWN))
        _refuse(written_by, ["a history of other numbers"] * (not known))
        about["network"] = network = checked(network, NETWORK, "the network")
        unknown = [
            *(f"the activation {plain(repr(name))}" for name in _refused_by(activation, network["activation"])),
            *(f"the loss {plain(repr(name))}" for name in _refused_by(loss, [network["loss"]])),
        ]
        if about["layout"] is not None:
            about["layout"] = checked(about["layout"], LAYOUT, "the table")
        if training is not None:
            about["training"] = training = checked(training, TRAINING, "the training")
            if bool(training["order"]) == bool(training["privacy"]):
                raise ValueError("a training has either an order or is private")
            unknown += [f"the engine {plain(repr(name))}" for name in _others([training["engine"]], ENGINES)]
        _refuse(written_by, unknown)
    except RecursionError:
        raise ModelFileError("is damaged: its metadata are nested too deeply.") from None
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(written_by, error) from error
    return about


def checked(fields: Mapping[str, Any], schema: Schema, whose: str) -> dict[str, Any]:
    """Fields of a schema, each with a value that fits."""
    values = {name: fields[name] if name not in LATER else fields.get(name, LATER[name]) for name in schema}
    for name, (fits, needed) in schema.items():
        if not fits(values[name]):
            raise ValueError(f"{name} of {whose} is {values[name]!r}, not {needed}")
    return values


def damaged(written_by: Any, error: Exception) -> ModelFileError:
    """Error about a file that something in it keeps from being understood."""
    what = f"it lacks {plain(error)}" if isinstance(error, KeyError) else plain(str(error).rstrip("."))
    return ModelFileError(f"{_misread(written_by, 'is damaged')}: {what}.")


def _refuse(written_by: Any, unknown: list[str]) -> None:
    """Raise what a file needs that this version lacks, if anything."""
    if unknown:
        why = _misread(written_by, "is damaged, or was written by a modified xpnet")
        raise ModelFileError(f"{why}: it needs {plain(' and '.join(unknown))}.")


def _others(names: Iterable[str], known: Container[str]) -> list[str]:
    """Names that are not known, each once."""
    return [name for name in dict.fromkeys(names) if name not in known]


def _refused_by(member: Callable[[str], object], names: Iterable[str]) -> list[str]:
    """Names that are in no registry, or with a number that makes nothing, each once."""
    found = []
    for name in dict.fromkeys(names):
        try:
            member(name)
        except InputError:
            found.append(name)
    return found


def _misread(written_by: Any, otherwise: str) -> str:
    """Beginning of the message about a file that cannot be understood: a newer version wrote it, or something else."""
    if _release(written_by) > _release(__version__):
        return f"was written by xpnet {plain(written_by)}, this is {__version__}; update xpnet to read it"
    return otherwise


def _release(version: Any) -> list[int]:
    """The numbers of a version, to compare it with another."""
    return [int(number) for number in re.findall(r"\d+", str(version)[:LONGEST])]

"""Presets: the configuration that flags ask for, over a known training, over defaults that suit the data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xpnet._cli.configuration import Configuration
from xpnet._cli.flags import flag_text, flags_of, value_text
from xpnet._cli.spellings import WITH_MOMENTUM
from xpnet.backends.base import alternatives
from xpnet.backends.registry import default_device
from xpnet.equations.optimizers import default_rate
from xpnet.errors import InputError

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

BY_DATA = [name for name in flags_of(Configuration) if any(name in defaults for defaults in FOR_DATA.values())]
"""Names of the flags whose default depends on the data."""


def configure(flags: Mapping[str, Any], preset: str | None = None) -> Configuration:
    """Configuration that flags ask for: flags override the preset, and the preset the defaults for the data."""
    asked = requested(flags, preset)
    values = {**FOR_DATA.get(asked.get("data", "digits"), {}), **asked}
    optimizer = asked.get("optimizer", Configuration.optimizer)
    if optimizer != Configuration.optimizer:
        # The learning rate that suits the data is one for the default optimizer.
        values["learning_rate"] = asked.get("learning_rate", default_rate(optimizer))
    values.setdefault("device", default_device(asked.get("backend")))
    configuration = Configuration(**values)
    if configuration.privacy is None and "delta" in asked:
        raise InputError("--delta goes with --target-epsilon or --noise-multiplier; leave it out, or give one of them.")
    if configuration.schedule == "cosine":
        # Its length stays what it is now, however far a resumed training goes.
        configuration = replace(configuration, schedule=f"cosine:{configuration.epochs}")
    return configuration


def requested(flags: Mapping[str, Any], preset: str | None, optimizer: str = Configuration.optimizer) -> dict[str, Any]:
    """Flags over a preset; `sgd` with a momentum is `momentum`.

    Args:
        flags: Values of the flags that are used.
        preset: Name of a preset.
        optimizer: Optimizer where neither names one.

    Raises:
        InputError: The optimizer has no momentum, but a flag sets it.
    """
    asked = {**(PRESETS[preset] if preset else {}), **flags}
    if "momentum" in asked:
        if asked.get("optimizer") == "sgd":
            asked["optimizer"] = "momentum"
        if asked.get("optimizer", optimizer) not in WITH_MOMENTUM:
            raise InputError(f"--momentum goes with --optimizer {alternatives(('sgd', *WITH_MOMENTUM))}.")
    return asked


def defaults_table() -> str:
    """Table of the defaults that depend on the data, for `--help`."""
    columns = {**{data: configure({"data": data}) for data in FOR_DATA}, "own data": Configuration()}
    lines = [f"  {'':<16}" + "".join(f"  {data:<8}" for data in columns)]
    for name in BY_DATA:
        values = (value_text(getattr(configuration, name)) for configuration in columns.values())
        lines.append(f"  {flag_text(name):<16}" + "".join(f"  {value:<8}" for value in values))
    return "\n".join(["defaults by data:", *map(str.rstrip, lines)])

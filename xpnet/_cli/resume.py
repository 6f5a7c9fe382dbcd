"""Resuming a saved training: its configuration, what contradicts it, and whether anything is left to do."""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from xpnet import __version__
from xpnet._cli.configuration import Configuration
from xpnet._cli.flags import flag_text, flags_of, value_text
from xpnet._cli.presets import requested
from xpnet.errors import InputError, ModelFileError
from xpnet.serialization.metadata import plain
from xpnet.training.checkpoint import Checkpoint


def resumed(saved: Mapping[str, Any], flags: Mapping[str, Any], preset: str | None, path: str) -> Configuration:
    """Configuration of a saved model; flags may change the number of epochs, the ε to end with, and nothing else.

    Args:
        saved: Configuration in the file, which an older version may have written.
        flags: Values of the flags that are used.
        preset: Name of a preset.
        path: File, for messages.

    Raises:
        InputError: A flag contradicts the configuration, or there is none.
        ModelFileError: It has settings that this version lacks.
    """
    if not saved:
        raise InputError(f"{path} was not trained by this command, so it cannot be resumed.")
    if unknown := [name for name in saved if name not in {each.name for each in fields(Configuration)}]:
        raise ModelFileError(
            f"{path} was trained with {', '.join(map(flag_text, unknown))}, but this is xpnet {__version__}, which has "
            "no such flag; update xpnet to resume it."
        )
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()}
    for name, value in values.items():
        if not can_be_flag(name, value):
            raise ModelFileError(f"{path} is damaged: its setting {flag_text(name)} is {plain(repr(value))}.")
    configuration = Configuration(**values)
    asked = requested(flags, preset, configuration.optimizer)
    for name, value in asked.items():
        before = getattr(configuration, name)
        # `--schedule cosine` is short for that of the length which it began with.
        short = name == "schedule" and before.startswith(f"{value}:")
        further = name == "epochs" or (name == "target_epsilon" and before is not None)
        if value != before and not (further or short):
            raise contradiction(name, value, before, path)
    return replace(configuration, **{name: asked[name] for name in ("epochs", "target_epsilon") if name in asked})


def can_be_flag(name: str, value: Any) -> bool:
    """Whether a saved value is one that the flag of that name could have had."""
    attribute, about = flags_of(Configuration).get(name, (None, None))
    if attribute is None or about is None:
        return isinstance(value, str)
    if value is None or isinstance(attribute.default, bool):
        return isinstance(value, type(attribute.default))
    try:
        typed = (about.parse or str)(value_text(value))
    except (ArgumentTypeError, OverflowError, TypeError, ValueError):
        return False
    alike = type(typed) is type(value) or (type(typed), type(value)) == (float, int)
    return alike and bool(typed == value) and plain(value) == str(value) and value in (about.choices or (value,))


def contradiction(name: str, value: Any, before: Any, path: str) -> InputError:
    """Error of a flag with another value than a saved model was trained with."""
    how = "without it" if before is None or isinstance(before, bool) else f"with {value_text(before)}"
    return InputError(
        f"{flag_text(name, value)} contradicts {path}, which was trained {how}; "
        "leave the flag out, or start anew with another file."
    )


def resumable(checkpoint: Checkpoint | None, path: str) -> Checkpoint:
    """Checkpoint to resume from; refused where there is none."""
    if checkpoint is None:
        raise InputError(f"{path} holds parameters only, no training that could go on.")
    return checkpoint


def why_finished(configuration: Configuration, checkpoint: Checkpoint | None, path: str | None) -> str:
    """Sentence about a training that has nothing left to do; empty for any other."""
    if checkpoint is None:
        return ""
    if checkpoint.epoch >= configuration.epochs:
        return f"{path} has its {checkpoint.epoch} epochs; ask for more with --epochs {2 * checkpoint.epoch}."
    if configuration.patience is not None and checkpoint.waited >= configuration.patience:
        return (
            f"{path} stopped early after epoch {checkpoint.epoch}: {checkpoint.waited} epochs had not lowered the "
            f"cost; epoch {checkpoint.best_epoch} is kept."
        )
    return ""


def check_engine(asked: str | None, checkpoint: Checkpoint, path: str) -> None:
    """Refuse to resume with another engine than before; "auto" names none and is chosen again."""
    if asked not in (None, "auto", checkpoint.engine):
        raise contradiction("engine", asked, checkpoint.engine, path)


def check_fingerprint(configuration: Configuration, fingerprint: str, path: str | None) -> None:
    """Refuse to resume on other data than before."""
    if configuration.fingerprint not in ("", fingerprint):
        raise InputError(f"the data {configuration.data} changed since {path} was trained on them.")

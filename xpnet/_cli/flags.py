"""Flags of a command, each written once: as a field of a dataclass, from which parser, help and messages are made."""

from argparse import SUPPRESS, ArgumentParser, _ArgumentGroup
from collections.abc import Callable, Collection, Iterable
from dataclasses import Field, field, fields
from typing import Any, NamedTuple

NOTHING = ("", "0", "none")
"""Defaults that go without saying."""


class Flag(NamedTuple):
    """Command-line side of a field.

    Attributes:
        help: What the flag decides, beginning with a noun.
        group: Heading that it stands under in `--help`.
        parse: Function from a word to the value; a flag whose field is False or True takes no word.
        metavar: Placeholder for the word in `--help`.
        choices: Words that are allowed, where not any is.
        default: Default in words, where it is not the field's own.
        of_epochs: Whether `xpnet.epochs` takes it under the same name.
    """

    help: str
    group: str
    parse: Callable[[str], Any] | None = None
    metavar: str | None = None
    choices: Iterable[str] | None = None
    default: str | None = None
    of_epochs: bool = False


def flag(value: Any, help: str, *, group: str, **more: Any) -> Any:
    """Field of a dataclass that is a flag too, with its default; `more` are further attributes of `Flag`."""
    return field(default=value, metadata={"flag": Flag(help, group, **more)})


def flags_of(options: type) -> dict[str, tuple[Field[Any], Flag]]:
    """Fields of a dataclass that are flags, by name."""
    return {each.name: (each, each.metadata["flag"]) for each in fields(options) if "flag" in each.metadata}


def add_flags(parser: ArgumentParser, headings: Iterable[str], *options: type, by_data: Collection[str] = ()) -> None:
    """Add the flags of dataclasses to a parser; a flag that is not used is not in the parser's result.

    Args:
        parser: Parser to add them to.
        headings: Groups, in the order of `--help`.
        options: Dataclasses, in the order of their flags within a group.
        by_data: Names of flags whose default depends on the data.
    """
    groups = {heading: parser.add_argument_group(heading) for heading in headings}
    for each in options:
        for name, (attribute, about) in flags_of(each).items():
            _add_flag(groups[about.group], attribute, about, name in by_data)


def _add_flag(group: _ArgumentGroup, attribute: Field[Any], about: Flag, by_data: bool) -> None:
    """Add one flag to its group."""
    if isinstance(attribute.default, bool):
        group.add_argument(
            flag_text(attribute.name, not attribute.default),
            dest=attribute.name,
            action="store_false" if attribute.default else "store_true",
            default=SUPPRESS,
            help=about.help,
        )
        return
    default = about.default or ("by data" if by_data else value_text(attribute.default))
    group.add_argument(
        flag_text(attribute.name),
        type=about.parse or str,
        metavar=about.metavar,
        choices=None if about.choices is None else tuple(about.choices),
        default=SUPPRESS,
        help=about.help if default in NOTHING else f"{about.help} [{default}]",
    )


def flag_text(name: str, value: Any = None) -> str:
    """Flag as it is typed, with a value if there is one: `--batch-size 32`, `--no-shuffle`."""
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{dashed}" if value else f"--no-{dashed}"
    return f"--{dashed}" if value is None else f"--{dashed} {value_text(value)}"


def value_text(value: Any) -> str:
    """Value as it is typed behind its flag; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)

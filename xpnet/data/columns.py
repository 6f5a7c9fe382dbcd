"""Columns: what each column of a table is for, as it is asked for and as a model remembers it."""

import re
import shlex
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from xpnet.errors import InputError

INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""Names that pandas gives columns which have none, in CSV and Parquet files."""

SHOWN = 8
"""Columns that a message lists at most."""


class Columns(NamedTuple):
    """What columns of a table are for; those that are not named are inputs.

    Attributes:
        label: Classes or targets: words, booleans and whole numbers are classes, other numbers a regression's targets.
        weight: Sample weights.
        id: Identifiers of rows, which are no inputs.
        drop: Columns to leave out.
        one_hot: Columns of categories, each to become as many inputs of 0 and 1 as it has categories.
        regression: Whether whole numbers in `label` are a regression's targets.
    """

    label: str | None = None
    weight: str | None = None
    id: str | None = None
    drop: tuple[str, ...] = ()
    one_hot: tuple[str, ...] = ()
    regression: bool = False

    @property
    def others(self) -> set[str | None]:
        """Columns that are no inputs."""
        return {self.label, self.weight, self.id, *self.drop}

    def check(self, names: Iterable[str]) -> None:
        """Refuse columns that a table lacks, and one column for two purposes."""
        single = [(role, name) for role, name in self._asdict().items() if isinstance(name, str)]
        several = [("drop", name) for name in self.drop] + [("one-hot", name) for name in self.one_hot]
        require((name for _, name in [*single, *several]), list(names))
        purposes: dict[str, str] = {}
        for role, name in [*single, *several]:
            if purposes.setdefault(name, role) != role:
                raise InputError(f"the column {name} cannot be both {purposes[name]} and {role}; leave one of them out")


class Layout(NamedTuple):
    """Columns of a table that a model was trained on, from which rows to predict on are made alike.

    Attributes:
        inputs: Names of the columns that are inputs, in order.
        categories: Categories of those that are one-hot.
        label: Column of the classes or targets.
        classes: Names of the classes, where they are not the numbers from 0 on.
        weight: Column of the sample weights.
        id: Column of the identifiers.
        bytes: Whether the inputs are bytes.
    """

    inputs: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    label: str | None = None
    classes: tuple[str | int, ...] | None = None
    weight: str | None = None
    id: str | None = None
    bytes: bool = False

    @property
    def width(self) -> int:
        """Number of inputs."""
        return sum(len(self.categories.get(name, (name,))) for name in self.inputs)

    def within(self, names: Container[str]) -> "Layout":
        """The same without a label, weights and identifiers that a table lacks."""
        label, weight, id = (name if name in names else None for name in (self.label, self.weight, self.id))
        return self._replace(label=label, weight=weight, id=id)

    def spelled(self) -> list[str]:
        """Names of the inputs: that of the column, or for a category `column=category`."""
        categories = self.categories
        return [
            input_name
            for name in self.inputs
            for input_name in ([f"{name}={each}" for each in categories[name]] if name in categories else [name])
        ]


def require(wanted: Iterable[str], names: list[str]) -> None:
    """Refuse a table that lacks any of the wanted columns, with those that it has."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(f"has no column {listed(quoted(missing))}; its columns are {listed(quoted(names))}")


def require_numbers(types: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse inputs that are not numbers, all of them at once."""
    words = [name for name in names if not is_number(types[name])]
    if words:
        those = spelled(words[:SHOWN])
        kinds = listed([f"{shown} ({types[name]})" for name, shown in zip(words, quoted(words), strict=True)])
        raise InputError(
            f"holds no numbers in the column{'s' * (len(words) > 1)} {kinds}; leave them out with --drop {those}, "
            f"or make every value an input with --one-hot {those} (in the library drop= and one_hot=)"
        )


def is_number(kind: Any) -> bool:
    """Whether pyarrow's type is one of numbers, booleans among them; one without any value may become numbers."""
    text = str(kind)
    return text.startswith(("int", "uint", "float", "double", "halffloat", "decimal")) or text in ("bool", "null")


def is_index(name: str) -> bool:
    """Whether a column has no name of its own: pandas' index, or what follows a comma at the end of each line."""
    return INDEX.fullmatch(name) is not None


def quoted(names: Sequence[str]) -> list[str]:
    """Names as a CSV and `--drop` have them: in double quotes where there are commas, or blanks that nobody sees."""
    strange = [not name or name != name.strip() or "," in name or '"' in name for name in names]
    doubled = [name.replace('"', '""') for name in names]
    return [f'"{text}"' if odd else text for text, odd in zip(doubled, strange, strict=True)]


def spelled(names: Sequence[str]) -> str:
    """Names as a shell takes them behind `--drop`."""
    return shlex.quote(",".join(quoted(names)))


def listed(names: list[str]) -> str:
    """Names with commas, the first ones of many."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

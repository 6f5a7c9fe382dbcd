"""History of a training in its model file: the numbers of its epochs as a table, of a long one a spread of them.

How long an epoch took is not in it: a training that was interrupted ends with the same bytes as one that was not.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

COLUMNS = (
    "epoch",
    "cost",
    "train_accuracy",
    "test_accuracy",
    "learning_rate",
    "validation_cost",
    "validation_accuracy",
    "test_cost",
)
"""Numbers of an epoch, by their names in `Epoch.numbers`."""

PRIVATE = (*COLUMNS, "epsilon")
"""Those of a private training."""

KNOWN = (COLUMNS[:-1], COLUMNS, PRIVATE)
"""Those of all files: of an older version, and of trainings that are not private and that are."""

ALWAYS = ("epoch", "cost", "train_accuracy", "learning_rate")
"""Those that every epoch has, though a file may hold none."""

TIMED_AFTER = 5
"""How many of them stand before the time that an epoch took."""

MOST, RECENT = 1000, 100
"""About how many epochs are kept of a long training, and how many of the last ones in any case."""

Record = Mapping[str, Any]


def thinned(records: Sequence[Record]) -> list[Record]:
    """Records of the first epoch, the last ones, and between them every 2ⁿth.

    What is left does not depend on where a training was interrupted: of fewer epochs all of these are left too.
    """
    last, every = records[-1]["epoch"] if records else 0, 1
    while last // every > MOST:
        every *= 2
    return [
        each for each in records if each["epoch"] == 1 or each["epoch"] % every == 0 or each["epoch"] > last - RECENT
    ]


def columns(records: Sequence[Record]) -> tuple[str, ...]:
    """Columns of the table of these records."""
    return PRIVATE if any("epsilon" in record for record in records) else COLUMNS


def table(records: Sequence[Record]) -> np.ndarray:
    """Numbers as (epochs, columns), NaN for those that there are none of."""
    names = columns(records)
    return np.array([[_number(record.get(name)) for name in names] for record in thinned(records)])


def records_in(numbers: np.ndarray, last: int, names: Sequence[str] = COLUMNS) -> list[dict[str, Any]]:
    """Records from a table with columns of these names, as a log has them, without the time that each took.

    Raises:
        ValueError: It is not the history of a training with so many epochs.
    """
    if numbers.dtype != np.float64 or numbers.ndim != 2 or numbers.shape[1] != len(names):
        raise ValueError("its history is not a table of numbers of its epochs")
    epochs = numbers[:, 0]
    in_order = np.all(np.diff(epochs, prepend=0.0, append=last + 1.0) > 0)
    if not in_order or np.any(epochs != np.floor(epochs)) or len(epochs) > MOST + RECENT + 1:
        raise ValueError("its history is not that of its epochs")
    return [_record(row, names) for row in numbers.tolist()]


def _number(value: float | None) -> float:
    """Number of a table; every NaN has the same bits."""
    return math.nan if value is None or math.isnan(value) else float(value)


def _record(row: Sequence[float], names: Sequence[str]) -> dict[str, Any]:
    """Record of one epoch."""
    values = [None if math.isnan(value) else value for value in row]
    record = list(zip(names, [int(row[0]), *values[1:]], strict=True))
    record[TIMED_AFTER:TIMED_AFTER] = [("seconds", None), ("samples_per_second", None)]
    timed = (*ALWAYS, "seconds", "samples_per_second")
    return {name: value for name, value in record if name in timed or value is not None}

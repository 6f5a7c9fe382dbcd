"""The rows of each epoch: their order, and the blocks of steps that it is cut into."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from xpnet.errors import InputError


class Order(NamedTuple):
    """The rows of an epoch.

    Attributes:
        rows: Their indices, in the order in which they are trained on; of rows on disk, those of their runs.
        state: Of the generator that has drawn it, from which the next epoch's is drawn.
        within: What seeds the orders within parts of the rows, where these have orders of their own.
    """

    rows: np.ndarray
    state: Mapping[str, Any]
    within: int | None = None


def drawn(rows: np.ndarray, state: Any, shuffle: bool) -> Order:
    """The next order of the rows: their own without shuffling, which leaves the generator as it is."""
    if not shuffle:
        return Order(rows, state)
    rng, bits = generator_in(state)
    return Order(rows[rng.permutation(len(rows))], bits.state)


def drawn_in_parts(parts: np.ndarray, state: Any, shuffle: bool) -> Order:
    """As `drawn`, of parts of the rows, with a seed for the orders within them."""
    if not shuffle:
        return Order(parts, state)
    rng, bits = generator_in(state)
    order, within = rng.permutation(parts), int(rng.integers(2**63))
    return Order(order, bits.state, within)


def generator_in(state: Any) -> tuple[np.random.Generator, np.random.PCG64]:
    """A generator in that state, and what tells its state later."""
    bits = np.random.PCG64()
    bits.state = state
    return np.random.Generator(bits), bits


def told(rows: np.ndarray, orders: Iterator[Any]) -> np.ndarray:
    """The rows in the order that a caller tells next, as indices from 0 on.

    Raises:
        InputError: There is none, or it has not as many.
    """
    given = next(orders, None)
    if given is None or np.shape(given) != rows.shape:
        came = "has ended" if given is None else f"gave an array of shape {np.shape(given)}"
        raise InputError(
            f"order {came}; it must give an order of {len(rows)} rows, ({len(rows)},) indices from 0 on, every epoch."
        )
    ordered: np.ndarray = rows[np.asarray(given)]
    return ordered


def blocks(rows: np.ndarray, batch_size: int, steps: int) -> Iterator[np.ndarray]:
    """Rows as matrices (steps, batch): whole batches in blocks of nearly equal length, then the short last batch."""
    whole = len(rows) // batch_size * batch_size
    if whole:
        batches = rows[:whole].reshape(-1, batch_size)
        parts = math.ceil(len(batches) / steps)
        yield from np.array_split(batches, parts) if parts > 1 else [batches]
    if whole < len(rows):
        yield rows[None, whole:]

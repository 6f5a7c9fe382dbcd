"""Rows as a training asks for them: an epoch's order and its steps to train on, and all of them in order to judge."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from xpnet._support.seeds import generator
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Batch
from xpnet.backends import Backend
from xpnet.data import digest
from xpnet.equations.losses import Loss
from xpnet.errors import InputError

Share = Callable[[int], slice]
"""Which of so many rows are meant."""


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


class Piece(NamedTuple):
    """Some steps of an epoch.

    Attributes:
        data: Rows where they are computed with.
        batches: Indices into them, (steps, batch), on the host.
        middle: How many rows the epoch has trained on at the middle of the block that the steps belong to.
    """

    data: Batch
    batches: np.ndarray
    middle: float


class Rows(Protocol):
    """What a training asks of its rows."""

    def __len__(self) -> int: ...

    @property
    def sample(self) -> Batch:
        """Rows like a piece's, for what is made ready before there is one."""

    def split(self, fraction: float, seed: int) -> tuple["Rows", "Rows | None"]:
        """Those to train on, and those held back, of which there are none where the fraction is 0."""

    def digest(self) -> str:
        """What tells whether these are the same rows as others."""

    def total_error(self, loss: Loss) -> float:
        """The error of an accuracy of 0."""

    def ordered(self, state: Mapping[str, Any], shuffle: bool, orders: Iterator[np.ndarray] | None) -> Order:
        """The next epoch's order: shuffled, as a caller tells, or as the rows are."""

    def pieces(self, order: Order, batch_size: int, steps: int) -> Iterator[Piece]:
        """An epoch's steps, in blocks of so many at most."""

    def parts(self, share: Share) -> Iterator[Batch]:
        """All rows in order, in as many parts as it takes, and of each part a share."""


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


def next_order(rows: np.ndarray, orders: Iterator[Any]) -> np.ndarray:
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


def digest_of(backend: Backend, tree: Any) -> str:
    """What tells whether a tree's arrays are the same as others; waits for the device."""
    return digest(map(backend.to_host, arrays_in(tree)))


def split(n: int, validation_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The indices of n rows, those to train on and those held back, each in rising order."""
    held_back = round(n * validation_fraction)
    check_held_back(held_back, n, validation_fraction)
    rows = generator(seed, "validation").permutation(n)
    return np.sort(rows[held_back:]), np.sort(rows[:held_back])


def check_held_back(held_back: int, n: int, validation_fraction: float) -> None:
    """Refuse a fraction that leaves no rows on either side."""
    if validation_fraction and not 0 < held_back < n:
        raise InputError(f"validation_fraction is {validation_fraction}, which holds back {held_back} of {n} rows.")

"""Rows as a training asks for them: an epoch's order and its steps to train on, and all of them in order to judge."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from xpnet._support.seeds import generator
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Batch
from xpnet.backends import Backend
from xpnet.data import digest
from xpnet.equations.losses import Loss
from xpnet.errors import InputError

Share = Callable[[int], slice]
"""Slice of n rows that this process computes."""


class Order(NamedTuple):
    """Order of an epoch's rows.

    Attributes:
        rows: Indices in the order in which they are trained on; of rows on disk, indices of their runs.
        state: State of the generator after drawing it, from which the next epoch's order is drawn.
        within: Seed of the orders within parts of the rows, where these have orders of their own.
    """

    rows: np.ndarray
    state: Mapping[str, Any]
    within: int | None = None


class Piece(NamedTuple):
    """Some steps of an epoch.

    Attributes:
        data: Rows on the device.
        batches: Indices into them, (steps, batch), on the host.
        middle: How many rows the epoch has trained on at the middle of the block that the steps belong to.
    """

    data: Batch
    batches: np.ndarray
    middle: float


class Rows(Protocol):
    """Rows of a training, in memory or on disk."""

    def __len__(self) -> int: ...

    @property
    def sample(self) -> Batch:
        """Rows like a piece's, to prepare steps with before the first one."""

    def split(self, fraction: float, seed: int) -> tuple["Rows", "Rows | None"]:
        """Rows to train on, and held-out rows, which are None where the fraction is 0."""

    def seen_by(self, backend: Backend) -> Self:
        """The same rows for the backend that computes for another one, in the same memory."""

    def digest(self) -> str:
        """Digest that is the same for the same rows."""

    def total_error(self, loss: Loss) -> float:
        """Error of an accuracy of 0."""

    def ordered(self, state: Mapping[str, Any], shuffle: bool, orders: Iterator[np.ndarray] | None) -> Order:
        """Order of the next epoch: shuffled, the caller's next, or that of the rows."""

    def pieces(self, order: Order, batch_size: int, steps: int) -> Iterator[Piece]:
        """Steps of an epoch, in blocks of at most `steps`."""

    def parts(self, share: Share) -> Iterator[Batch]:
        """All rows in order, in as many parts as it takes, and of each part this process's share."""


def drawn(rows: np.ndarray, state: Any, shuffle: bool) -> Order:
    """Draw the next order of the rows; without shuffling it is their own, and the generator is left as it is."""
    if not shuffle:
        return Order(rows, state)
    rng, bits = generator_in(state)
    return Order(rows[rng.permutation(len(rows))], bits.state)


def drawn_in_parts(parts: np.ndarray, state: Any, shuffle: bool) -> Order:
    """Draw the next order of parts of the rows, as `drawn` does, with a seed for the orders within them."""
    if not shuffle:
        return Order(parts, state)
    rng, bits = generator_in(state)
    order, within = rng.permutation(parts), int(rng.integers(2**63))
    return Order(order, bits.state, within)


def generator_in(state: Any) -> tuple[np.random.Generator, np.random.PCG64]:
    """Generator in that state, and the bit generator that has its later states."""
    bits = np.random.PCG64()
    bits.state = state
    return np.random.Generator(bits), bits


def next_order(rows: np.ndarray, orders: Iterator[Any]) -> np.ndarray:
    """Rows in the caller's next order, which is indices from 0 on.

    Raises:
        InputError: No order is left, or it has another number of indices.
    """
    order = next(orders, None)
    if order is None or np.shape(order) != rows.shape:
        came = "has ended" if order is None else f"gave an array of shape {np.shape(order)}"
        raise InputError(
            f"order {came}; it must give an order of {len(rows)} rows, ({len(rows)},) indices from 0 on, every epoch."
        )
    ordered: np.ndarray = rows[np.asarray(order)]
    return ordered


def blocks(rows: np.ndarray, batch_size: int, steps: int) -> Iterator[np.ndarray]:
    """Cut rows into blocks (steps, batch), whole batches in blocks of nearly equal length, then the short last one."""
    whole = len(rows) // batch_size * batch_size
    if whole:
        batches = rows[:whole].reshape(-1, batch_size)
        parts = math.ceil(len(batches) / steps)
        yield from np.array_split(batches, parts) if parts > 1 else [batches]
    if whole < len(rows):
        yield rows[None, whole:]


def digest_of(backend: Backend, tree: Any) -> str:
    """Digest of a tree's arrays; waits for the device."""
    return digest(map(backend.to_host, arrays_in(tree)))


def validation_split(n: int, validation_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of n rows: those to train on, and the held-out ones, each in rising order."""
    held_out = round(n * validation_fraction)
    check_held_out(held_out, n, validation_fraction)
    rows = generator(seed, "validation").permutation(n)
    return np.sort(rows[held_out:]), np.sort(rows[:held_out])


def check_weights_on_both_sides(weights: Sequence[np.ndarray], validation_fraction: float) -> None:
    """Refuse a fraction whose training rows or held-out rows have only weights of 0."""
    for weight, does in zip(weights, ("leaves to train on", "holds back"), strict=True):
        if not np.any(weight):
            raise InputError(
                f"validation_fraction is {validation_fraction}; the rows that it {does} have only weights of 0. "
                "Leave out the rows of weight 0, or choose those to validate on yourself."
            )


def check_held_out(held_out: int, n: int, validation_fraction: float) -> None:
    """Refuse a fraction that leaves no rows on either side."""
    if validation_fraction and not 0 < held_out < n:
        raise InputError(f"validation_fraction is {validation_fraction}, which holds back {held_out} of {n} rows.")

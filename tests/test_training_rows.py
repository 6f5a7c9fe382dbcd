"""The order of an epoch's rows, and the blocks of steps that it is cut into."""

import numpy as np
import pytest

from xpnet._support.seeds import generator
from xpnet.training.rows import blocks, drawn

ROWS = np.asarray([2, 3, 5, 7, 11, 13, 17])


def test_orders_are_those_of_one_generator():
    """Each drawn from the state that the last one left, they are what the generator draws in a row."""
    whole, state = generator(3, "order"), generator(3, "order").bit_generator.state
    for _ in range(3):
        order = drawn(ROWS, state, shuffle=True)
        assert order.rows.tolist() == ROWS[whole.permutation(7)].tolist()
        assert order.state == whole.bit_generator.state
        state = order.state


def test_without_shuffling_rows_keep_their_order():
    """And the generator its state."""
    state = generator(3, "order").bit_generator.state
    order = drawn(ROWS, state, shuffle=False)
    assert order.rows is ROWS
    assert order.state == state


@pytest.mark.parametrize(
    ("n", "batch_size", "steps", "shapes"),
    [
        (10, 2, 5, [(5, 2)]),
        (10, 2, 3, [(3, 2), (2, 2)]),
        (11, 2, 2, [(2, 2), (2, 2), (1, 2), (1, 1)]),
        (3, 5, 4, [(1, 3)]),
        (5, 5, 4, [(1, 5)]),
    ],
)
def test_blocks_hold_every_row_once(n, batch_size, steps, shapes):
    """Whole batches go in blocks of nearly equal length, the short last one alone, every row once and in its order."""
    found = list(blocks(np.arange(n), batch_size, steps))
    assert [block.shape for block in found] == shapes
    assert np.concatenate([block.reshape(-1) for block in found]).tolist() == list(range(n))

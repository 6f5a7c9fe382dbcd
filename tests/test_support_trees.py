"""Nested tuples of arrays are mapped, listed and filled anew, and keep their form."""

import pytest

from xpnet._support.trees import arrays_in, filled, map_arrays
from xpnet._support.typing import Batch, Layer

TREE = ((Layer(1, 2), Layer(3, 4)), Batch(5, 6, None), (), 7)


def test_a_function_is_applied_to_every_array():
    """Tuples and named tuples keep their types, and None stays None."""
    found = map_arrays(lambda array: 10 * array, TREE)
    assert found == ((Layer(10, 20), Layer(30, 40)), Batch(50, 60, None), (), 70)
    assert [type(branch) for branch in (found, found[0][0], found[1])] == [tuple, Layer, Batch]


def test_arrays_come_in_order():
    """What is None is no array; an array alone is a tree of its own."""
    assert arrays_in(TREE) == [1, 2, 3, 4, 5, 6, 7]
    assert arrays_in(None) == arrays_in(()) == []
    assert arrays_in(8) == [8]


def test_a_tree_is_filled_with_its_own_arrays():
    """Listing and filling undo each other, and too few arrays are an error."""
    assert filled(TREE, arrays_in(TREE)) == TREE
    assert filled(TREE, "abcdefg") == ((Layer("a", "b"), Layer("c", "d")), Batch("e", "f", None), (), "g")
    with pytest.raises(StopIteration):
        filled(TREE, "abc")

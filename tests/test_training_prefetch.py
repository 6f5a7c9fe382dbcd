"""Things made one ahead: while one is used the next is made, and no third is there."""

import threading

import pytest

from xpnet.training.prefetch import prefetch


def test_each_item_with_what_is_made_of_it():
    """In order; of none there is nothing."""
    assert list(prefetch(lambda n: n * n, range(4))) == [(0, 0), (1, 1), (2, 4), (3, 9)]
    assert list(prefetch(str, [])) == []


def test_the_next_is_made_while_one_is_used():
    """Nobody needs to ask for it; the one after it waits until the first is done with."""
    made = [threading.Event() for _ in range(3)]
    items = prefetch(lambda n: made[n].set(), range(3))
    next(items)
    assert made[1].wait(10)
    assert not made[2].wait(0.1)
    next(items)
    assert made[2].wait(10)
    items.close()


def test_it_is_made_on_another_thread():
    """Whoever asks for it can go on meanwhile."""
    assert all(made != threading.get_ident() for _, made in prefetch(lambda _: threading.get_ident(), range(3)))


def test_an_error_is_raised_where_the_item_would_be():
    """What was made before it is handed out."""
    items = prefetch(lambda n: 1 / (2 - n), range(5))
    assert [next(items)[0], next(items)[0]] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)

"""Prefetch: the next item is made on a thread of its own while one is used."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(make: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Make something of each item, and hand it out with the item; while one is used, the next is made.

    Asking for the next means that the last is no longer used: no more than two exist at a time.
    """
    with ThreadPoolExecutor(1, "xpnet-prefetch") as thread:
        waiting: tuple[Item, Future[Result]] | None = None
        for item in items:
            following = item, thread.submit(make, item)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following
        if waiting is not None:
            yield waiting[0], waiting[1].result()

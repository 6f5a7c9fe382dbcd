"""Things made one ahead of their use, on a thread of their own."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[tuple[Item, Made]]:
    """Each item with what is made of it; while one is used, the next is made.

    Whoever asks for the next is done with the last: no more than two are there at a time.
    """
    with ThreadPoolExecutor(1, "xpnet-ahead") as thread:
        waiting: tuple[Item, Future[Made]] | None = None
        for item in items:
            following = item, thread.submit(make, item)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following
        if waiting is not None:
            yield waiting[0], waiting[1].result()

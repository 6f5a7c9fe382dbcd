"""Threads that do one thing together, started once and kept."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

_busy = threading.Lock()


def together(function: Callable[[int, int], None], threads: int) -> None:
    """Call `function(thread, threads)` on so many threads at once; on this one alone where the others are busy."""
    if threads == 1 or not _busy.acquire(blocking=False):
        function(0, 1)
        return
    try:
        pool = workers(os.getpid(), threads - 1)
        if pool is None:
            function(0, 1)
            return
        others = [pool.submit(function, thread, threads) for thread in range(1, threads)]
        function(0, threads)
        for other in others:
            other.result()
    finally:
        _busy.release()


@lru_cache(maxsize=1)
def workers(process: int, count: int) -> ThreadPoolExecutor | None:
    """So many threads, all of them there; None where the system does not give them. A fork has none of its parent's."""
    pool, there = ThreadPoolExecutor(count, "xpnet"), threading.Barrier(count + 1)
    try:
        for _ in range(count):
            pool.submit(there.wait)
    except RuntimeError:
        there.abort()
        return None
    there.wait()
    return pool

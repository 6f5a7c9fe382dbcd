"""Pool of threads that run one function together, started once."""

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
    """Pool of so many threads, all running; None where the system refuses them. A fork has none of its parent's."""
    pool, started = ThreadPoolExecutor(count, "xpnet"), threading.Barrier(count + 1)
    try:
        for _ in range(count):
            pool.submit(started.wait)
    except RuntimeError:
        started.abort()
        return None
    started.wait()
    return pool

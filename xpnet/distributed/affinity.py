"""Processor affinity: the processors of a machine, divided among the ranks on it."""

import os
from collections.abc import Sequence
from contextlib import suppress


def divide_processors(masks: Sequence[frozenset[int]], number: int) -> tuple[frozenset[int], int]:
    """Processors that one of several ranks keeps to, and the number of its threads.

    Those that may use the same processors divide them; where there are fewer than ranks, each may use all of them, with
    one thread. Whoever may use others than the rest has been bound by the launcher and keeps what it has.

    Args:
        masks: The processors that each rank may use.
        number: Which of the ranks.
    """
    mine = sorted(masks[number])
    peers = [i for i, mask in enumerate(masks) if mask == masks[number]]
    if len(mine) < len(peers):
        return masks[number], 1
    first, last = (at * len(mine) // len(peers) for at in (peers.index(number), peers.index(number) + 1))
    return frozenset(mine[first:last]), last - first


def usable_processors() -> frozenset[int]:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def pin_to(processors: frozenset[int], threads: int) -> int:
    """Pin this process to processors, where the system can do that, and limit the threads of BLAS.

    Returns:
        The number of threads that multiply: BLAS may have been limited to fewer already.
    """
    from threadpoolctl import threadpool_info, threadpool_limits

    if hasattr(os, "sched_setaffinity"):
        for thread in os.listdir("/proc/self/task"):
            # It may have ended.
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread), processors)
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = min([threads, *blas])
    threadpool_limits(limits=threads, user_api="blas")
    return threads

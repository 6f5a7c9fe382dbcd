"""The processors of a machine, divided among the ranks on it."""

import os
from collections.abc import Sequence
from contextlib import suppress


def divided(masks: Sequence[frozenset[int]], number: int) -> tuple[frozenset[int], int]:
    """The processors that one of several ranks keeps to, and how many threads are busy there.

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


def allowed() -> frozenset[int]:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def keep_to(processors: frozenset[int], threads: int) -> int:
    """Let this process run there only, where the system can do that, with so many threads at most.

    Returns:
        How many threads those may be that multiply: BLAS may have been given fewer.
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

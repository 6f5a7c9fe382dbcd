"""Number of threads that run a plan: as many as BLAS has, where each of them has enough to do."""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from xpnet.capture.planning.plan import Plan

WORTH_THREADS = 4 * 10**6
"""Floating-point operations of the largest product from which BLAS is faster with more than one thread."""

EACH = 8 * 10**6
"""Floating-point operations of a step's products that keep a thread of a compiled plan busy."""


def of_blas(plan: Plan) -> AbstractContextManager[Any]:
    """Context with one BLAS thread, where more would only wait for each other."""
    return one_of_blas() if 0 < plan.largest_product < WORTH_THREADS else nullcontext()


def one_of_blas() -> AbstractContextManager[Any]:
    """Context with one BLAS thread: others go on waiting for work for milliseconds, and take a processor meanwhile."""
    context: AbstractContextManager[Any] = _pools().limit(limits=1, user_api="blas")
    return context


def team(plan: Plan) -> int:
    """Number of threads of a compiled plan; `threadpoolctl` and the variables that limit BLAS limit it too."""
    return team_for(plan.products)


def team_for(products: int) -> int:
    """Number of threads for so many floating-point operations of products."""
    worth = products // EACH
    if worth < 2:
        return 1
    blas = [library["num_threads"] for library in _pools().info() if library["user_api"] == "blas"]
    return int(min(worth, processors(), max(blas, default=processors())))


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

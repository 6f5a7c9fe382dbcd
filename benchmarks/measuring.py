"""Contenders set up once for a problem, checked against NumPy by hand, on pinned threads."""

import os
import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Any

import numpy as np
from configurations import CONFIGURATIONS, Problem, random_problem
from contenders import Contender, Unavailable
from peers import ByHand
from roster import ROSTER

CLOSE = 1e-4
"""How far parameters may be apart after the first steps: ‖a − b‖ / ‖b‖."""

CHECKED = 20
"""Steps after which they are compared."""


def pin(threads: int) -> None:
    """Leave so many cores to this process, and so many threads to each library; before any of them is imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


@lru_cache(maxsize=1)
def problem(name: str, quick: bool) -> Problem:
    """The data and the start of a configuration; the last one asked for is kept."""
    return random_problem(CONFIGURATIONS[name], quick)


_ready: dict[tuple[str, str], Contender | str] = {}


def contender(configuration: str, name: str, quick: bool, device: str) -> Contender:
    """A contender, made and checked the first time; those of another configuration are forgotten.

    Raises:
        Unavailable: It cannot take part.
    """
    for key in [key for key in _ready if key[0] != configuration]:
        del _ready[key]
    key = (configuration, name)
    if key not in _ready:
        try:
            _ready[key] = _checked(problem(configuration, quick), name, quick, device)
        except Unavailable as error:
            _ready[key] = str(error)
    found = _ready[key]
    if isinstance(found, str):
        raise Unavailable(found)
    return found


def _checked(given: Problem, name: str, quick: bool, device: str) -> Contender:
    """The contender, if it comes to the parameters of NumPy by hand."""
    entry = ROSTER[name]
    if entry.hopeless or (quick and entry.slow):
        raise Unavailable(entry.hopeless or entry.slow)
    made = entry.make(given, device)
    assert given.rows is not None
    few = given.rows[:CHECKED]
    made.block(few)
    if entry.kind != "floor":
        by_hand = ByHand(given, "cpu")
        by_hand.block(few)
        for found, wanted in zip(chain(*made.params()), chain(*by_hand.params()), strict=True):
            off = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
            assert off < CLOSE, f"{name} is {off:.1e} off after {len(few)} steps of {given.configuration}"
    # What is compiled for a block's shape is compiled now.
    made.block(given.rows)
    return made


def machine(threads: int) -> dict[str, Any]:
    """What the numbers were measured on, and with."""
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpu = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), cpu)
    names = ("xpnet", "numpy", "numba", "scipy", "cupy", "torch", "jax", "scikit-learn", "thinc")
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "python": platform.python_version()} | versions

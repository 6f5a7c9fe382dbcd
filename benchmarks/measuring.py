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
from threadpoolctl import threadpool_info

CHECKED = 20
"""Steps after which they are compared."""


def blas(threads: int) -> str:
    """NumPy's matrix products, as they say they are; refuses others than so many threads."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if any(library["num_threads"] != threads for library in found):
        raise SystemExit(f"BLAS has other than {threads} threads; run python benchmarks --threads {threads}.")
    return ", ".join(f"{each['internal_api']} {each['version']} {each['architecture']}" for each in found)


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
            assert off < made.close, f"{name} is {off:.1e} off after {len(few)} steps of {given.configuration}"
    # What is compiled for a block's shape is compiled now.
    made.block(given.rows)
    return made


def machine(threads: int, device: str) -> dict[str, Any]:
    """What the numbers were measured on, and with."""
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpu = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), cpu)
    names = ("xpnet", "numpy", "llvmlite", "cupy", "torch", "jax", "scikit-learn", "skorch", "thinc")
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    about = {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "blas": blas(threads)}
    if device != "cpu":
        about |= card(device)
    return about | {"python": platform.python_version()} | versions


def card(device: str) -> dict[str, Any]:
    """A GPU's name, and the CUDA versions of its driver and of the library that tells."""
    number = int(device.partition(":")[2] or 0)
    try:
        from cupy.cuda import runtime

        name = runtime.getDeviceProperties(number)["name"].decode()
        return {"gpu": name, "driver": runtime.driverGetVersion(), "cuda": runtime.runtimeGetVersion()}
    except ImportError:
        import torch

        return {"gpu": torch.cuda.get_device_name(number), "cuda": torch.version.cuda}

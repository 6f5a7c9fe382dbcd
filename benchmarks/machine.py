"""Machine that is measured: its processor, GPU and libraries, and a check that the threads are pinned."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from threadpoolctl import threadpool_info


def blas(threads: int) -> str:
    """Library of NumPy's matrix products; refuses another number of threads."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if any(library["num_threads"] != threads for library in libraries):
        raise SystemExit(f"BLAS has other than {threads} threads; run python benchmarks --threads {threads}.")
    return ", ".join(f"{each['internal_api']} {each['version']} {each['architecture']}" for each in libraries)


def machine(threads: int, device: str) -> dict[str, Any]:
    """Processor, threads, GPU and versions that the numbers were measured with."""
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
    """Name of a GPU, and the CUDA versions of its driver and of the library that reads it."""
    number = int(device.partition(":")[2] or 0)
    try:
        from cupy.cuda import runtime

        name = runtime.getDeviceProperties(number)["name"].decode()
        return {"gpu": name, "driver": runtime.driverGetVersion(), "cuda": runtime.runtimeGetVersion()}
    except ImportError:
        import torch

        return {"gpu": torch.cuda.get_device_name(number), "cuda": torch.version.cuda}

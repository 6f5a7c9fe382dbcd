"""Machine that is measured: its processor, GPU and libraries, and a check that the threads are pinned."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from threadpoolctl import threadpool_info

from xpnet.backends import cuda


def blas(threads: int | None) -> str:
    """Library of NumPy's matrix products; refuses another number of threads, if one is asked for."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if threads is not None and any(library["num_threads"] != threads for library in libraries):
        raise SystemExit(f"BLAS has other than {threads} threads; run python benchmarks --threads {threads}.")
    return ", ".join(f"{each['internal_api']} {each['version']} {each['architecture']}" for each in libraries)


def machine(threads: int | None, device: str) -> dict[str, Any]:
    """Processor, threads, GPU and versions that the numbers were measured with."""
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpu = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), cpu)
    names = ("xpnet", "numpy", "llvmlite", "nvmath-python", "torch", "jax", "scikit-learn", "skorch", "thinc")
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    about = {"cpu": cpu, "cores": os.cpu_count(), "threads": threads or os.cpu_count(), "blas": blas(threads)}
    if device != "cpu":
        about |= card(device)
    if cupy := cuda.wheel("cupy"):
        # The wheels are named for the CUDA version that they are built for.
        versions[cuda.WHEELS["cupy"].format(cupy[0])] = cupy[1]
    return about | {"python": platform.python_version()} | versions | commit()


def commit() -> dict[str, str]:
    """Commit of this checkout, with a mark if files differ from it; nothing outside one."""
    command = [
        "git",
        "-C",
        os.path.dirname(os.path.abspath(__file__)),
        "describe",
        "--always",
        "--dirty",
        "--exclude=*",
    ]
    try:
        return {"commit": subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}
    except (OSError, subprocess.CalledProcessError):
        return {}


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

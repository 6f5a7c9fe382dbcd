"""Names and parameters of CuPy and nvmath, as they are installed or as the stand-in for a device has them.

python tests/helpers/device_names.py           # what the stand-in offers, as JSON
python tests/helpers/device_names.py NAMES     # the same names, of what is installed; null where there is none
"""

import inspect
import json
import re
import sys
from importlib import import_module

OF_THE_TEST = {"name", "driver", "capturable", "capturing", "before", "launched", "destroyed"}
"""What the stand-in has for the tests alone."""


def offered():
    """What the stand-in has of its own, name by name."""
    cupy, cublas = import_module("cupy"), import_module("nvmath.bindings").cublas
    names = [f"cupy.{name}" for name, value in vars(cupy).items() if own(value, "cupy") and not name.startswith("_")]
    names += [f"cupy.ndarray.{name}" for name in vars(cupy.ndarray) if not name.startswith("_")]
    for kind in ("Stream", "Device"):
        members = (name for each in getattr(cupy.cuda, kind).__mro__[:-1] for name in vars(each))
        names += [f"cupy.cuda.{kind}.{name}" for name in members if not name.startswith("_")]
    names += [f"cupy.cuda.runtime.{name}" for name in vars(cupy.cuda.runtime)]
    names += ["cupy.cuda.get_current_stream", "cupy.cuda.get_cublas_handle", "cupy.cuda.nvrtc.getVersion"]
    names += [f"cupy._core.{name}" for name in ("get_compute_type", "set_compute_type")]
    names += [f"cupy._core._routines_linalg.COMPUTE_TYPE_{name}" for name in ("TBD", "DEFAULT", "TF32")]
    names += ["cupyx.empty_pinned", "cupy.cuda.nccl.available"]
    ranks = vars(import_module("cupyx.distributed").NCCLBackend)
    names += [f"cupyx.distributed.NCCLBackend.{name}" for name in ranks if not name.startswith("_")]
    names += ["cupyx.distributed.NCCLBackend.__init__"]
    members = (name for each in type(cublas).__mro__[:-1] for name in vars(each) if not name.startswith("_"))
    names += [f"nvmath.bindings.cublas.{name}" for name in members]
    for kind in ("Operation", "PointerMode", "ComputeType"):
        names += [f"nvmath.bindings.cublas.{kind}.{name}" for name in vars(getattr(cublas, kind))]
    return sorted(name for name in names if name.rpartition(".")[2] not in OF_THE_TEST)


def own(value, package):
    """Whether the package defines it, instead of borrowing it from NumPy."""
    return callable(value) and (getattr(value, "__module__", None) or "").split(".")[0] == package


def described(name):
    """A name's parameters, or its value where it is a number; None where there is none."""
    *path, last = name.split(".")
    value = None
    for i in range(len(path), 0, -1):
        try:
            value, rest = import_module(".".join(path[:i])), [*path[i:], last]
            break
        except ImportError:
            continue
    for part in rest:
        if not hasattr(value, part):
            return None
        value = getattr(value, part)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, type):
        return []
    try:
        return list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        # What is compiled tells of its parameters in the first line of its docstring.
        found = re.search(r"\((.*)\)", (getattr(value, "__doc__", None) or "").split("\n")[0])
        return [re.split(r"[=:]", part.strip())[0].split(" ")[-1] for part in found[1].split(",")] if found else []


if __name__ == "__main__":
    names = json.loads(sys.argv[1]) if len(sys.argv) > 1 else offered()
    print(json.dumps({name: described(name) for name in names}))

"""Programs for CUDA on the stand-in for a device, beside what NumPy makes of the same functions."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np

from helpers.cuda_on_cpu import Driver
from xpnet import backends
from xpnet._support.trees import arrays_in, filled
from xpnet.capture import program_cache as programs

PLAIN = backends.resolve("numpy").with_engine("plain")


def stand_in(folder, monkeypatch, make=Driver):
    """The stand-in, in the place of CuPy and nvmath until the test is over."""
    made = make(folder)
    nvmath, bindings = ModuleType("nvmath"), ModuleType("nvmath.bindings")
    nvmath.__spec__, bindings.cublas = ModuleSpec("nvmath", None), made.cublas
    stood_in = {
        "cupy": (cupy := made.cupy()),
        "array_api_compat.cupy": cupy,
        "nvmath": nvmath,
        bindings.__name__: bindings,
    }
    for name, module in stood_in.items():
        monkeypatch.setitem(sys.modules, name, module)
    importers = (
        *(f"xpnet.capture.engines.cuda.{name}" for name in ("carry", "device", "products")),
        "xpnet.backends.cupy",
    )
    # Programs that were made before are bound to another device.
    monkeypatch.setattr(programs, "_local", programs._Local())
    for name in importers:
        # Imported anew with the stand-in, and after the test without it.
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    return made


def program(step, carry, data, size, graphs=True):
    """A step as a program of the stand-in's."""
    from xpnet.capture.engines.cuda.device import DeviceProgram

    return DeviceProgram(programs.planned(step, carry, data, size), precision="fp32", graphs=graphs)


def ran(driver, made, carry, data, rows):
    """What a program gives, as NumPy's arrays in the step's own form."""
    given_ = [driver.array(array) for array in arrays_in(data)]
    arrays, results = made.run([driver.array(array) for array in arrays_in(carry)], given_, rows)
    return tuple(map(np.array, arrays)), tuple(map(np.array, results))


def both(driver, step, carry, data, rows, graphs=True):
    """The carry and the results of a program, and the plain ones."""
    arrays, results = ran(driver, program(step, carry, data, rows.shape[1], graphs), carry, data, rows)
    after, metrics = PLAIN.run_block(step, PLAIN.copy(carry), data, rows)
    return (filled(carry, arrays), tuple(results)), (after, tuple(arrays_in(metrics)))

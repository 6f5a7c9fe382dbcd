"""A stand-in for CuPy, on a machine without a GPU: all of xpnet's own CUDA code runs on it.

Arrays are held apart from the host's, kernels are compiled for the CPU, and a capture refuses what CUDA's refuses. It
is found in CuPy's place where this package's folder is on the path, in processes that tests start too. It says nothing
of a device's speed, and nothing of CuPy's own kernels: their place is taken by NumPy.
"""

import os
import sys
import types

import numpy

from cupy import _runtime
from cupy._array import called as _called
from cupy._array import ndarray
from cupy._array import wrapped as _wrapped
from cupy._runtime import driver

__version__ = "14.2.0"

_OWN = ("numpy", "os", "sys", "types", "driver", "MISSING")
"""Names that are this package's own."""

newaxis, pi, e, inf, nan = None, numpy.pi, numpy.e, numpy.inf, numpy.nan


def _hosted(obj):
    """Arrays of the device, in lists too, as NumPy takes them at once."""
    driver.flush()
    if isinstance(obj, ndarray):
        return obj._held
    return [_hosted(each) for each in obj] if isinstance(obj, (list, tuple)) else obj


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    """An array on the device."""
    driver.refuse("an allocation")
    return _wrapped(numpy.array(_hosted(obj), dtype=dtype, order=order, ndmin=ndmin))


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    """An array on the device, as it is if it is one already."""
    if isinstance(a, ndarray) and dtype in (None, a.dtype) and not copy:
        return a
    return array(a, dtype)


def ascontiguousarray(a, dtype=None):
    """Its rows end to end."""
    return _wrapped(numpy.array(_hosted(a), dtype, order="C"))


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    """A copy on the host."""
    return a.get(out=out) if isinstance(a, ndarray) else numpy.asarray(a)


def copyto(dst, src, casting="same_kind", where=None):
    """A copy on the device."""
    if not isinstance(src, ndarray):
        driver.refuse("a copy from the host")
        raise TypeError(f"Unsupported type {type(src)}")
    target, source = dst._held, src._held
    driver.do(lambda: numpy.copyto(target, source, casting))


def empty(shape, dtype=float, order="C"):
    """Memory that holds anything."""
    return ndarray(shape, dtype)


def zeros(shape, dtype=float, order="C"):
    """Zeros."""
    driver.refuse("an allocation")
    driver.flush()
    return _wrapped(numpy.zeros(shape, dtype))


def full(shape, fill_value, dtype=None, order="C"):
    """One number throughout."""
    driver.refuse("an allocation")
    return _wrapped(numpy.full(shape, _hosted(fill_value), dtype))


def from_dlpack(array, **_):
    """An array of another library."""
    return array if isinstance(array, ndarray) else asarray(numpy.from_dlpack(array))


class RawModule:
    """Kernels, compiled when they are first asked for."""

    def __init__(self, code=None, *, path=None, options=(), backend="nvrtc", **_):
        self._module = driver.module(code, options)

    def get_function(self, name):
        """One of them."""
        return self._module.get_function(name)


_kind = {"float32": 1}
_core = types.SimpleNamespace(
    get_compute_type=lambda dtype: _kind[numpy.dtype(dtype).name],
    set_compute_type=lambda dtype, compute_type: _kind.update({numpy.dtype(dtype).name: compute_type}),
    _routines_linalg=types.SimpleNamespace(COMPUTE_TYPE_TBD=0, COMPUTE_TYPE_DEFAULT=1, COMPUTE_TYPE_TF32=7),
)

cuda = types.ModuleType("cupy.cuda")
cuda.__path__ = []
cuda.Device, cuda.Stream, cuda.runtime = _runtime.Device, _runtime.DeviceStream, _runtime.runtime
cuda.get_current_stream = lambda device_id=-1: driver.current
cuda.get_cublas_handle = lambda: 1
cuda.nvrtc = types.SimpleNamespace(getVersion=lambda: (13, 5))
cuda.nccl = types.ModuleType("cupy.cuda.nccl")
cuda.nccl.available = os.environ.get("XPNET_STAND_IN_NCCL") == "1"
cuda.device = types.ModuleType("cupy.cuda.device")
cuda.device.Device = _runtime.Device
sys.modules |= {"cupy.cuda": cuda, "cupy.cuda.nccl": cuda.nccl, "cupy.cuda.device": cuda.device}


MISSING = {
    "asmatrix", "block", "bmat", "busday_count", "busday_offset", "datetime_as_string", "datetime_data", "einsum_path",
    "frompyfunc", "fromregex", "geomspace", "get_include", "getbufsize", "geterr", "geterrcall", "histogram_bin_edges",
    "info", "insert", "is_busday", "isnat", "matvec", "nanpercentile", "nanquantile", "nested_iters", "polyder",
    "polydiv", "polyint", "setbufsize", "seterr", "seterrcall", "show_runtime", "spacing", "unstack", "vecdot",
    "vecmat",
}  # fmt: skip
"""What NumPy has and CuPy has not."""


def _borrowed(source, names):
    """NumPy's names as the device's."""
    found = {}
    for name in names:
        value = getattr(source, name)
        if isinstance(value, type) or not callable(value):
            found[name] = value
            continue

        def call(*arguments, _function=value, **options):
            return _called(_function, *arguments, **options)

        call.__name__ = name
        found[name] = call
    return found


def _public(module, without=()):
    return [
        name
        for name in dir(module)
        if not name.startswith("_") and name not in without and not isinstance(getattr(module, name), types.ModuleType)
    ]


globals().update(_borrowed(numpy, _public(numpy, {*globals(), *MISSING, "test", "asarray_chkfinite"})))
bool_ = numpy.bool_
for _name in ("linalg", "fft", "random"):
    _module = types.ModuleType(f"cupy.{_name}")
    vars(_module).update(_borrowed(getattr(numpy, _name), _public(getattr(numpy, _name))))
    _module.__all__ = _public(_module)
    sys.modules[f"cupy.{_name}"] = globals()[_name] = _module
__all__ = [name for name in globals() if not name.startswith("_") and name not in _OWN]

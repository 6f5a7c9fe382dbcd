"""A CUDA device of a test's making: NumPy's memory, the real kernels compiled for the CPU, and capture's rules.

What is checked with it are the kernels' own text, what they are handed, the layout that cuBLAS is told, and the order
of launches. It says nothing about a real device's speed, memory or driver.
"""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from threading import Lock
from types import ModuleType, SimpleNamespace

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_cpu.h")


class CaptureBroken(RuntimeError):
    """Something that CUDA does not allow while a graph is captured."""


class Array(np.ndarray):
    """An array of the device; its memory has an address."""

    @property
    def data(self):
        """Whose `ptr` is the address."""
        return SimpleNamespace(ptr=self.ctypes.data)

    def set(self, host, stream=None):
        """A copy from the host."""
        self.driver.refuse("a copy from the host")
        if stream is not None:
            self.driver.launched.append(f"set on {stream.name}")
        self[...] = host

    def get(self, out=None):
        """A copy to the host."""
        self.driver.refuse("a copy to the host")
        if out is None:
            return np.array(self)
        out[...] = self
        return out

    def fill(self, value):
        """A kernel that fills."""
        self.driver.do(lambda: np.ndarray.fill(self, value))

    def copy(self):
        """An allocation, and a copy into it."""
        self.driver.refuse("an allocation")
        made = np.ndarray.__new__(Array, self.shape, self.dtype)
        made.driver = self.driver
        np.copyto(made, self)
        return made

    def __array_finalize__(self, source):
        self.driver = getattr(source, "driver", None)


class Driver:
    """Launches, done at once or captured.

    Attributes:
        captured: The launches of the graph that is being captured, or None.
        launched: The names of all kernels and graphs that were launched, in order.
        backwards: Whether threads and blocks take turns from the last to the first.
        broken: What capturing fails with, or None.
        invalidated: Whether something broke off the capture that has not been ended yet.
    """

    def __init__(self, folder):
        self.folder, self.modules = folder, 0
        self.captured = None
        self.launched = []
        self.backwards = False
        self.broken = None
        self.invalidated = False
        self.current = Stream(self, capturable=False)
        self.cublas = Cublas(self)
        self.launching = Lock()

    def do(self, function):
        """Do something on the current stream, or put it into the graph that is captured there."""
        if self.captured is None:
            function()
        elif self.current.capturing:
            self.captured.append(function)
        else:
            raise CaptureBroken("work on another stream while one is captured")

    def refuse(self, what):
        """Refuse what a capture does not allow."""
        if self.captured is not None:
            self.invalidated = True
            raise CaptureBroken(f"{what} while a graph is captured")

    def array(self, host):
        """An array on the device."""
        self.refuse("an allocation")
        made = np.array(host, order="C").view(Array)
        made.driver = self
        return made

    def copyto(self, target, source):
        """A copy on the device, or to it."""
        if not isinstance(source, Array):
            self.refuse("a copy from the host")
        self.do(lambda: np.copyto(target, source))

    def module(self, code, options):
        """Compile kernels for the CPU."""
        self.refuse("a compilation")
        self.modules += 1
        parameters = re.findall(r"void (?:__launch_bounds__\(\d+\) )?(k\d+)\(([^)]*)\)", code)
        cases = []
        for i, (name, declared) in enumerate(parameters):
            types = [parameter.partition("*")[0] for parameter in declared.split(", ")]
            cases.append(f"case {i}: {name}({', '.join(f'({t}*)p[{j}]' for j, t in enumerate(types))}); break;")
        dispatch = f"static void call(int kernel, void **p) {{ switch (kernel) {{ {' '.join(cases)} }} }}"
        source, library = (self.folder / f"kernels{self.modules}.{end}" for end in ("cpp", "so"))
        source.write_text("\n".join([f'#include "{HEADER}"', code, dispatch]))
        command = ["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        loaded = ctypes.CDLL(str(library))
        names = {name: i for i, (name, _) in enumerate(parameters)}
        texts = code.split('extern "C"')
        waits = {name: any(f" {name}(" in text and "__s" in text.partition(")")[2] for text in texts) for name in names}

        def function(name):
            def launch(blocks, threads, arguments):
                self.launched.append(name)
                addresses = (ctypes.c_void_p * len(arguments))(*(array.data.ptr for array in arguments))
                turns = ctypes.c_int(self.backwards)

                def do():
                    # The threads of a block, and what they share, are in one place for all that launch.
                    with self.launching:
                        loaded.launch(names[name], *blocks, *threads, addresses, turns, waits[name])

                self.do(do)

            return launch

        return SimpleNamespace(get_function=function)

    def cupy(self):
        """What the code under test imports as cupy."""
        made = self.module_of_cupy = ModuleType("cupy")
        made.zeros = lambda shape, dtype: self.array(np.zeros(shape, dtype))
        # Poisoned: nothing may count on what new memory holds.
        made.empty = lambda shape, dtype: self.array(np.full(shape, 77, dtype))
        made.full = lambda shape, value, dtype: self.array(np.full(shape, value, dtype))
        made.ascontiguousarray = self.array
        made.copyto = self.copyto
        made.RawModule = self.module
        made.cuda = SimpleNamespace(
            Stream=lambda non_blocking: Stream(self, non_blocking), get_current_stream=lambda device_id=-1: self.current
        )
        return made


class Stream:
    """A stream; the default one cannot be captured."""

    def __init__(self, driver, capturable):
        self.driver, self.capturable, self.capturing = driver, capturable, False
        self.ptr, self.name = id(self), "a stream of its own" if capturable else "the default stream"

    def __enter__(self):
        self.before, self.driver.current = self.driver.current, self
        return self

    def __exit__(self, *_):
        self.driver.current = self.before

    def synchronize(self):
        """Wait."""
        self.driver.launched.append(f"wait for {self.name}")

    def begin_capture(self):
        """Put what follows into a graph."""
        if not self.capturable:
            raise CaptureBroken("capture of a stream that waits for others")
        if self.driver.broken:
            raise self.driver.broken
        self.driver.captured, self.capturing = [], True

    def end_capture(self):
        """The graph; where something broke the capture off, an error that does not say what."""
        if not self.capturing:
            raise RuntimeError("cudaErrorIllegalState: operation would make the legacy stream depend on a capture")
        if self.driver.invalidated:
            self.driver.captured, self.capturing, self.driver.invalidated = None, False, False
            raise RuntimeError("cudaErrorStreamCaptureInvalidated: operation failed due to a previous error")
        steps, self.driver.captured, self.capturing = self.driver.captured, None, False
        return SimpleNamespace(launch=lambda: self._replay(steps))

    def _replay(self, steps):
        self.driver.launched.append("graph")
        for step in steps:
            step()


class Cublas:
    """cuBLAS on NumPy: column by column, scalars on the device, on the stream and in the memory that it was given."""

    Operation = SimpleNamespace(N=0, T=1)
    PointerMode = SimpleNamespace(HOST=0, DEVICE=1)
    ComputeType = SimpleNamespace(COMPUTE_32F=68, COMPUTE_32F_FAST_TF32=77, COMPUTE_64F=70)

    def __init__(self, driver):
        self.driver = driver
        self.handles = {}
        self.destroyed = []

    def create(self):
        """A handle."""
        self.driver.refuse("a handle")
        handle = len(self.handles) + 1
        self.handles[handle] = SimpleNamespace(stream=None, workspace=None, mode=None)
        return handle

    def destroy(self, handle):
        """Free it."""
        self.destroyed.append(handle)

    def set_pointer_mode(self, handle, mode):
        """Where scalars lie."""
        self.handles[handle].mode = mode

    def set_stream(self, handle, stream_id):
        """Work there, and forget the memory that was given."""
        self.handles[handle].stream, self.handles[handle].workspace = stream_id, None

    def set_workspace(self, handle, workspace, workspace_size_in_bytes):
        """Work in this memory."""
        self.handles[handle].workspace = workspace

    def gemm_ex(self, handle, op_a, op_b, m, n, k, alpha, a, a_type, lda, b, b_type, ldb, beta, c, c_type, ldc, *how):
        """c ← alpha·a·b + beta·c, column by column."""
        own = self.handles[handle]
        if own.stream != self.driver.current.ptr or not own.workspace or own.mode != self.PointerMode.DEVICE:
            raise CaptureBroken("a product on another stream, without memory or with a scalar on the host")
        assert a_type == b_type == c_type
        assert how == ({0: 68, 1: 70}[a_type], -1)
        real = {0: np.float32, 1: np.float64}[a_type]

        def matrix(address, rows, columns, leading):
            assert leading >= rows
            size = (leading * (columns - 1) + rows) * np.dtype(real).itemsize
            flat = np.frombuffer((ctypes.c_char * size).from_address(address), real)
            strides = (flat.itemsize, leading * flat.itemsize)
            return np.lib.stride_tricks.as_strided(flat, (rows, columns), strides)

        if c in (a, b):
            raise CaptureBroken("a product that is written over a factor")

        def multiply():
            left = matrix(a, k, m, lda).T if op_a else matrix(a, m, k, lda)
            right = matrix(b, n, k, ldb).T if op_b else matrix(b, k, n, ldb)
            out = matrix(c, m, n, ldc)
            by, of = (matrix(address, 1, 1, 1)[0, 0] for address in (alpha, beta))
            out[...] = by * (left @ right) + (of * out if of else 0)

        self.driver.launched.append("gemm")
        self.driver.do(multiply)


def can_compile():
    """Whether there is a C++ compiler."""
    return shutil.which("g++") is not None

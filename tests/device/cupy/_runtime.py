"""Devices, streams, capture and kernels of the stand-in, on the tests' driver; each thread has its own current ones.

A stream does what it is given when something waits for it, so that what counts on another stream's order fails.
"""

import hashlib
import os
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy
from helpers.cuda_on_cpu import Driver, Stream

DEVICES = int(os.environ.get("XPNET_STAND_IN_GPUS", "2"))


MESSAGES = {
    101: "cudaErrorInvalidDevice: invalid device ordinal",
    900: "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing",
}


class CUDARuntimeError(RuntimeError):
    """An error of CUDA's runtime."""

    def __init__(self, status):
        super().__init__(MESSAGES[status])
        self.status = status


class _Local(threading.local):
    """What is a thread's own."""

    def __init__(self):
        self.captured, self.invalidated, self.stream, self.device = None, False, None, 0


class ThreadedDriver(Driver):
    """The tests' driver, with captures and current streams of each thread's own; kernels are compiled once a text."""

    def __init__(self, folder):
        self._local, self._known, self._compiling = _Local(), {}, threading.Lock()
        super().__init__(folder)
        self._local.stream, self.capturing = None, set()

    captured = property(lambda self: self._local.captured, lambda self, value: setattr(self._local, "captured", value))
    invalidated = property(
        lambda self: self._local.invalidated, lambda self, value: setattr(self._local, "invalidated", value)
    )

    @property
    def current(self):
        """The thread's current stream, at first the default one."""
        if self._local.stream is None:
            self._local.stream = DeviceStream(null=True)
        return self._local.stream

    @current.setter
    def current(self, stream):
        self._local.stream = stream

    def do(self, function):
        """Put something into the graph that is captured, or at the end of what the current stream has to do."""
        if self.captured is not None:
            super().do(function)
        else:
            self.current.waiting.append(function)

    def flush(self, *_):
        """Have the current stream do what it has to: what follows reads or writes memory at once."""
        if self._local.stream is not None:
            self._local.stream._flush()

    def memory(self, size):
        """Memory of the current stream's: at once what an array that it had gave back, whoever else still reads it."""
        free = self.current.free.setdefault(size, [])
        return free.pop() if free else numpy.empty(size, numpy.uint8)

    def module(self, code, options):
        """Compile kernels that have not been compiled before."""
        self.refuse("a compilation")
        key = hashlib.sha256(code.encode()).hexdigest()
        with self._compiling:
            if key not in self._known:
                self._known[key] = super().module(code, options)
        return self._known[key]


driver = ThreadedDriver(Path(tempfile.mkdtemp(prefix="stand-in-device-")))


class Device:
    """A device by number; CuPy checks the number when it is used."""

    def __init__(self, device=None):
        self.id = driver._local.device if device is None else int(device)

    def __int__(self):
        return self.id

    __index__ = __int__

    def __enter__(self):
        self._before = [*getattr(self, "_before", []), driver._local.device]
        self.use()
        return self

    def __exit__(self, *_):
        driver._local.device = self._before.pop()

    def use(self):
        """Make it the current one."""
        if self.id >= DEVICES:
            raise CUDARuntimeError(101)
        driver._local.device = self.id

    def synchronize(self):
        """Wait for all of its streams, which none may be that is captured, on any thread."""
        if driver.capturing:
            raise CUDARuntimeError(900)
        driver.flush()

    compute_capability = "75"

    def __eq__(self, other):
        return isinstance(other, Device) and other.id == self.id

    def __hash__(self):
        return self.id

    def __repr__(self):
        return f"<CUDA Device {self.id}>"


class DeviceStream(Stream):
    """A stream; the driver is told of those that are captured."""

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
        super().__init__(driver, not null)
        self.waiting, self.free = [], {}

    def _flush(self):
        """Do what waits, in order."""
        while self.waiting:
            self.waiting.pop(0)()

    def begin_capture(self, mode=None):
        """Begin."""
        super().begin_capture()
        driver.capturing.add(self.ptr)

    def end_capture(self):
        """The graph."""
        driver.capturing.discard(self.ptr)
        graph = super().end_capture()
        return SimpleNamespace(launch=lambda stream=None: driver.do(graph.launch))

    def synchronize(self):
        """Wait, which a capture does not allow."""
        if self.capturing:
            driver.refuse("a synchronisation")
        super().synchronize()
        self._flush()


def device_count():
    """How many GPUs there are."""
    return DEVICES


def device_properties(device):
    """What a GPU tells of itself."""
    return {"name": b"Stand-in", "uuid": bytes([device] * 16), "major": 7, "minor": 5}


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    runtimeGetVersion=lambda: 13020,
    driverGetVersion=lambda: 13020,
    getDeviceCount=device_count,
    getDeviceProperties=device_properties,
)

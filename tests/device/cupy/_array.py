"""Arrays of the stand-in: NumPy's, held where NumPy's functions do not reach them."""

from weakref import finalize

import numpy

from cupy._runtime import Device, driver

BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift",
)  # fmt: skip
COMPARISONS = ("lt", "le", "eq", "ne", "gt", "ge")
NOT_HERE = "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array."


class Memory:
    """Where an array begins."""

    def __init__(self, held):
        self.ptr = held.ctypes.data


class ndarray:
    """An array of a device. NumPy's functions hand it to the device's; to become one of NumPy's it must be fetched."""

    __slots__ = ("__weakref__", "_base", "_held", "_number")
    __hash__ = None
    __array_priority__ = 100

    def __new__(cls, shape, dtype=float):
        """An empty one, whose memory holds anything."""
        driver.refuse("an allocation")
        form = numpy.empty(shape, numpy.dtype(dtype))
        memory = driver.memory(form.nbytes)
        made = wrapped(memory.view(form.dtype).reshape(form.shape), watched=False)
        finalize(made, driver.current.free[form.nbytes].append, memory)
        return made

    shape = property(lambda self: self._held.shape)
    dtype = property(lambda self: self._held.dtype)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    nbytes = property(lambda self: self._held.nbytes)
    strides = property(lambda self: self._held.strides)
    itemsize = property(lambda self: self._held.itemsize)
    flags = property(lambda self: self._held.flags)
    base = property(lambda self: self._base)
    data = property(lambda self: Memory(self._held))
    device = property(lambda self: Device(self._number))
    T = property(lambda self: self._view(self._held.T))
    mT = property(lambda self: self._view(self._held.mT))
    real = property(lambda self: self)

    def __array__(self, *_, **__):
        raise TypeError(NOT_HERE)

    def __array_ufunc__(self, function, method, *arguments, **options):
        return called(getattr(function, method), *arguments, **options)

    def __array_function__(self, function, types, arguments, options):
        return called(function, *arguments, **options)

    def _view(self, held):
        """Another array of the same memory."""
        return wrapped(held, self._number, self if self._base is None else self._base)

    def get(self, stream=None, order="C", out=None, blocking=True):
        """A copy on the host."""
        driver.refuse("a copy to the host")
        driver.flush()
        if out is None:
            return numpy.array(self._held, order=order)
        if out.dtype != self.dtype or out.shape != self.shape:
            raise TypeError(f"{self.dtype} array of shape {self.shape} cannot be got into {out.dtype} {out.shape}")
        out[...] = self._held
        return out

    def set(self, arr, stream=None):
        """Copy from the host."""
        driver.refuse("a copy from the host")
        if type(arr) is not numpy.ndarray:
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        held = self._held
        if stream is None:
            driver.flush()
            held[...] = arr
        else:
            stream.waiting.append(lambda: numpy.copyto(held, arr))

    def fill(self, value):
        """Fill with a number."""
        held = self._held
        driver.do(lambda: held.fill(plain(value)))

    def copy(self, order="C"):
        """A copy on the device."""
        driver.refuse("an allocation")
        driver.flush()
        return wrapped(self._held.copy(order), self._number)

    def view(self, dtype=None):
        """The same memory as another dtype."""
        return self._view(self._held.view(dtype))

    def reshape(self, *shape, order="C", copy=None):
        """The same numbers along other axes."""
        return self._view(self._held.reshape(*shape, order=order))

    def __getitem__(self, index):
        return self._view(self._held[plain(index)])

    def __setitem__(self, index, value):
        if isinstance(value, numpy.ndarray) and value.ndim:
            raise TypeError(f"Unsupported type {type(value)}")
        driver.flush()
        self._held[plain(index)] = plain(value)

    def __len__(self):
        return len(self._held)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __bool__(self):
        return bool(self.get())

    def __index__(self):
        return self.get().__index__()

    def __complex__(self):
        return complex(self.get())

    def __repr__(self):
        return repr(self._held)

    def __format__(self, spec):
        return format(self.get(), spec)

    def __deepcopy__(self, memo):
        return self.copy()

    def __dlpack_device__(self):
        return (2, self._number)

    def __dlpack__(self, **_):
        raise BufferError("the stand-in hands its memory to no other library")

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(numpy.ndarray, name)
        if not callable(method):
            raise AttributeError(name)
        return lambda *arguments, **options: called(method, self, *arguments, **options)


def wrapped(held, number=None, base=None, watched=True):
    """NumPy's array as a device's; before its memory goes, its stream does what may still need it."""
    made = object.__new__(ndarray)
    made._held, made._base = numpy.asarray(held), base
    made._number = driver._local.device if number is None else number
    if watched and base is None:
        finalize(made, driver.flush, made._held).atexit = False
    return made


def plain(value):
    """What stands for arrays of a device in NumPy's functions; NumPy's own arrays are refused, as CuPy does."""
    if isinstance(value, ndarray):
        return value._held
    if isinstance(value, numpy.ndarray) and value.ndim:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(plain, value))
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, slice):
        return slice(*map(plain, (value.start, value.stop, value.step)))
    return value


def called(function, *arguments, **options):
    """What a function of NumPy's gives on the device; in a capture only kernels of one's own are launched."""
    numbers = {each._number for each in _arrays(arguments)} | {each._number for each in _arrays(options.values())}
    if len(numbers) > 1:
        raise ValueError(f"Array device must be same as the current device: array devices = {sorted(numbers)}")
    driver.refuse(f"{getattr(function, '__name__', function)} of arrays")
    driver.flush()
    return _given(function(*map(plain, arguments), **plain(options)), next(iter(numbers), None))


def _arrays(values):
    for value in values:
        if isinstance(value, ndarray):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _arrays(value)


def _given(result, number):
    """NumPy's results as a device's: numbers are arrays there too."""
    if isinstance(result, (numpy.ndarray, numpy.generic)):
        return wrapped(result, number)
    if isinstance(result, (list, tuple)):
        parts = [_given(each, number) for each in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def _operator(name, is_comparison=False):
    """A Python operator, with arrays of the device and numbers only."""

    def operate(self, other):
        if isinstance(other, numpy.ndarray) and other.ndim:
            raise TypeError(f"Unsupported type {type(other)}")
        if not isinstance(other, (ndarray, int, float, complex, numpy.generic, numpy.ndarray)):
            return NotImplemented
        return called(getattr(numpy.ndarray, name), self, other)

    return operate


def _in_place(name):
    def operate(self, other):
        result = called(getattr(numpy.ndarray, name), self, other)
        self._held[...] = result._held
        return self

    return operate


for _name in (*BINARY, *COMPARISONS):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in BINARY:
    setattr(ndarray, f"__r{_name}__", _operator(f"__r{_name}__"))
    setattr(ndarray, f"__i{_name}__", _in_place(f"__{_name}__"))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", lambda self, _name=_name: called(getattr(numpy.ndarray, f"__{_name}__"), self))

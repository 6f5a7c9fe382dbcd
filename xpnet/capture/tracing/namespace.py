"""The namespace of recorded arrays: functions that write down what they would compute."""

from collections.abc import Callable
from functools import wraps
from math import prod
from operator import index
from types import SimpleNamespace
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from xpnet.capture.graph import NORMAL, Value
from xpnet.capture.tracing.operations import CONSTANTS, DTYPES, ELEMENTWISE, REDUCTIONS, SEARCHES
from xpnet.capture.tracing.recorder import Recorder, refuse
from xpnet.capture.tracing.tracer import Recorded
from xpnet.errors import CaptureError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _refusing(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function, with a CaptureError for whatever NumPy or Python says against its arguments."""

    @wraps(function)
    def call(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        try:
            return function(*arguments, **options)
        except CaptureError:
            raise
        except (TypeError, ValueError, ArithmeticError, IndexError) as error:
            why = str(error).splitlines()[0].removesuffix(".")
            refuse(f"xp.{function.__name__}", why)

    return call


class Namespace:
    """The functions of the standard that can be recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        for name in DTYPES:
            setattr(self, name, np.dtype(name))
        for name in CONSTANTS:
            setattr(self, name, getattr(np, name))
        for name in ELEMENTWISE.keys() - {"clip"}:
            setattr(self, name, self._elementwise(name))
        for name in REDUCTIONS:
            setattr(self, name, self._reduction(name))
        for name in SEARCHES:
            setattr(self, name, self._search(name))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"xp.{name}", "it is not among the functions that can be; see xpnet.capture")

    def finfo(self, dtype: Any, /) -> SimpleNamespace:
        """The limits of a floating dtype, in Python numbers."""
        about = np.finfo(dtype)
        names = ("eps", "max", "min", "smallest_normal")
        return SimpleNamespace(
            bits=about.bits, dtype=about.dtype, **{name: float(getattr(about, name)) for name in names}
        )

    iinfo = staticmethod(np.iinfo)
    isdtype = staticmethod(np.isdtype)

    def wrap(self, value: Value, **memory: Any) -> Recorded:
        """The recorded array of a value."""
        return Recorded(self, value, **memory)

    @_refusing
    def power_of_scalars(self, x: Any, exponent: Any) -> Recorded:
        """NumPy's operator `**` of its scalars, which rounds unlike that of its arrays."""
        are_scalars = tuple(isinstance(one, Recorded) and one.is_scalar for one in (x, exponent))
        value = self._recorder.elementwise("pow", _operand(x), _operand(exponent), options=are_scalars)
        return self.wrap(value, is_scalar=True)

    @_refusing
    def matmul(self, a: Any, b: Any, /) -> Recorded:
        """The product of two matrices."""
        apart = isinstance(a, Recorded) and isinstance(b, Recorded) and a.memory is not b.memory
        return self.wrap(self._recorder.matmul(_operand(a), _operand(b), apart=apart))

    @_refusing
    def where(self, condition: Any, x1: Any, x2: Any, /) -> Recorded:
        """x1 where the condition holds, else x2."""
        return self.wrap(self._recorder.where(_operand(condition), _operand(x1), _operand(x2)))

    @_refusing
    def clip(self, x: Any, /, min: Any = None, max: Any = None) -> Recorded:
        """x, but not below min and not above max."""
        if _array(x).dtype.kind in "iu":
            # What no element can be below or above is no bound.
            least, most = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
            min = None if type(min) is int and min <= least else min
            max = None if type(max) is int and max >= most else max
        if min is None and max is None:
            return self._apply("positive", x)
        if min is None or max is None:
            return self._apply("minimum", x, max) if min is None else self._apply("maximum", x, min)
        return self._apply("clip", x, min, max)

    @_refusing
    def mean(self, x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Recorded:
        """The sum over axes by their number of elements, in the widths that NumPy computes it in."""
        value, axes, double = _array(x).value, _axes(axis, x.ndim), np.dtype("float64")
        result = value.dtype if value.dtype.kind == "f" else double
        summed = np.dtype("float32") if result == np.float16 else result
        total = self._recorder.reduced("sum", value, axes, keepdims, summed)
        count = prod(value.shape[a] for a in axes)
        quotient = self._recorder.elementwise("divide", self._recorder.astype(total, double), count)
        if total.shape:
            # Arrays are rounded twice, NumPy's scalars once.
            quotient = self._recorder.astype(quotient, summed)
        return self.wrap(self._recorder.astype(quotient, result), is_scalar=True)

    @_refusing
    def astype(self, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Recorded:
        """The same numbers in another dtype."""
        value, dtype = _array(x).value, _dtype(dtype)
        memory = x.memory if dtype == x.dtype and not copy else None
        return self.wrap(self._recorder.astype(value, dtype), memory=memory, is_scalar=x.is_scalar)

    @_refusing
    def reshape(self, x: Any, /, shape: Any, *, copy: bool | None = None) -> Recorded:
        """The same numbers along other axes; one of them can be -1."""
        if copy is False:
            refuse("reshape with copy=False", "leave it to the layout whether it is one")
        value = self._recorder.reshape(_array(x).value, _shape(shape))
        return self.wrap(value, memory=None if copy else x.memory, is_scalar=x.is_scalar)

    @_refusing
    def expand_dims(self, x: Any, /, *, axis: Any) -> Recorded:
        """With new axes of length one."""
        added = (axis,) if isinstance(axis, int) else tuple(axis)
        added = normalize_axis_tuple(added, _array(x).ndim + len(added))
        sizes = iter(x.shape)
        shape = tuple(1 if a in added else next(sizes) for a in range(x.ndim + len(added)))
        return self.wrap(self._recorder.reshape(x.value, shape), memory=x.memory)

    @_refusing
    def squeeze(self, x: Any, /, axis: Any) -> Recorded:
        """Without some axes of length one."""
        dropped = _axes(axis, _array(x).ndim)
        if axis is None or any(x.shape[a] != 1 for a in dropped):
            refuse(f"squeeze of shape {x.shape} along {axis}", "only axes of length one can go, by name")
        return self.reshape(x, tuple(size for a, size in enumerate(x.shape) if a not in dropped))

    @_refusing
    def permute_dims(self, x: Any, /, axes: Any) -> Recorded:
        """The axes in another order."""
        axes = normalize_axis_tuple(axes, _array(x).ndim)
        if len(axes) != x.ndim:
            refuse(f"permute_dims of shape {x.shape} to {axes}", "each axis must be named")
        return self.wrap(self._recorder.transpose(x.value, axes), memory=x.memory, is_scalar=x.is_scalar)

    @_refusing
    def matrix_transpose(self, x: Any, /) -> Recorded:
        """The last two axes exchanged."""
        if _array(x).ndim < 2:
            refuse(f"the transpose of shape {x.shape}", "it needs two axes")
        axes = tuple(range(x.ndim))
        return self.permute_dims(x, (*axes[:-2], axes[-1], axes[-2]))

    @_refusing
    def take(self, x: Any, indices: Any, /, *, axis: int | None = None) -> Recorded:
        """Some rows, columns and so on."""
        if axis is None and _array(x).ndim != 1:
            refuse(f"take of shape {x.shape} without an axis", "name it")
        at = normalize_axis_index(0 if axis is None else axis, _array(x).ndim)
        return self.wrap(self._recorder.take(x.value, _array(indices).value, at), is_scalar=True)

    @_refusing
    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Recorded:
        """An array of a Python number; a recorded array as it is, or in that dtype."""
        if isinstance(obj, Recorded):
            result = obj.dtype if dtype is None else _dtype(dtype)
            memory = obj.memory if result == obj.dtype and not copy else None
            return self.wrap(self._recorder.astype(obj.value, result), memory=memory)
        if not isinstance(obj, bool | int | float):
            refuse(f"asarray of a {type(obj).__name__}", "hand it in as an argument")
        number = np.asarray(obj, None if dtype is None else _dtype(dtype))
        return self.full((), number.item(), dtype=number.dtype)

    def random_bits(self, low: Any, high: Any, first: Any, step: Any, like: Any, options: tuple[Any, ...]) -> Recorded:
        """Philox's numbers for a matrix, as one operation; see `xpnet._support.philox`."""
        return self._random("random_bits", (low, high, first, step), like, np.dtype(np.uint32), options)

    def random_normal(
        self, low: Any, high: Any, first: Any, step: Any, like: Any, options: tuple[Any, ...]
    ) -> Recorded:
        """Normal numbers for a matrix, as one operation; see `xpnet._support.box_muller`."""
        return self._random(NORMAL, (low, high, first, step), like, like.dtype, options)

    @_refusing
    def _random(
        self, name: str, scalars: tuple[Any, ...], like: Any, dtype: np.dtype, options: tuple[Any, ...]
    ) -> Recorded:
        """One operation that makes a matrix of scalars."""
        values = tuple(_array(x).value for x in scalars)
        if any((value.shape, value.dtype) != ((), np.dtype(np.int32)) for value in values) or _array(like).ndim != 2:
            refuse(name, "it takes a key, a row and a step in int32, each without axes, and a matrix")
        return self.wrap(self._recorder.record(name, values, Value.contiguous(like.shape, dtype), options))

    @_refusing
    def full(self, shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of one number."""
        dtype = _dtype(np.asarray(fill_value).dtype if dtype is None else dtype)
        return self.wrap(self._recorder.full(_shape(shape), _number(fill_value), dtype))

    def zeros(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of zeros."""
        return self.full(shape, 0, dtype=np.float64 if dtype is None else dtype)

    def ones(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of ones."""
        return self.full(shape, 1, dtype=np.float64 if dtype is None else dtype)

    @_refusing
    def full_like(self, x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of one number, shaped and laid out as x."""
        dtype, value = _dtype(x.dtype if dtype is None else dtype), _array(x).value
        return self.wrap(self._recorder.full(value.shape, _number(fill_value), dtype, value.order))

    def zeros_like(self, x: Any, /, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of zeros, shaped as x."""
        return self.full_like(x, 0, dtype=dtype)

    def ones_like(self, x: Any, /, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of ones, shaped as x."""
        return self.full_like(x, 1, dtype=dtype)

    def _apply(self, name: str, *arrays: Any) -> Recorded:
        """An element-wise function; without axes NumPy's result is one of its scalars, as that of a reduction is."""
        return self.wrap(self._recorder.elementwise(name, *map(_operand, arrays)), is_scalar=True)

    def _elementwise(self, name: str) -> Callable[..., Recorded]:
        def function(*arrays: Any) -> Recorded:
            if len(arrays) != ELEMENTWISE[name].nin:
                raise TypeError(f"it takes {ELEMENTWISE[name].nin} arrays, not {len(arrays)}")
            return self._apply(name, *arrays)

        return _named(name, function)

    def _reduction(self, name: str) -> Callable[..., Recorded]:
        def function(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Recorded:
            axes = _axes(axis, _array(x).ndim)
            return self.wrap(self._recorder.reduced(name, x.value, axes, keepdims), is_scalar=True)

        return _named(name, function)

    def _search(self, name: str) -> Callable[..., Recorded]:
        def function(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Recorded:
            if axis is None:
                refuse(f"{name} without an axis", "reshape to one axis, and name it")
            at = normalize_axis_index(axis, _array(x).ndim)
            return self.wrap(self._recorder.searched(name, x.value, at, keepdims), is_scalar=True)

        return _named(name, function)


def _named(name: str, function: Callable[..., Recorded]) -> Callable[..., Recorded]:
    """A function under the name that its errors say."""
    function.__name__ = name
    return _refusing(function)


def _array(x: Any) -> Recorded:
    """What must be a recorded array."""
    if not isinstance(x, Recorded):
        refuse(f"a {type(x).__name__} in the place of an array", "hand it in as an argument")
    return x


def _number(number: Any) -> Any:
    """What must be a Python number."""
    if not isinstance(number, bool | int | float):
        refuse(f"an array filled with a {type(number).__name__}", "multiply an array of ones by it")
    return number


def _operand(array: Any) -> Any:
    """The value of a recorded array; anything else as it is."""
    return array.value if isinstance(array, Recorded) else array


def _dtype(dtype: Any) -> np.dtype:
    """A dtype of the standard's."""
    standard: np.dtype = np.dtype(dtype)
    if standard.name not in DTYPES:
        refuse(f"the dtype {standard}", f"it can be {', '.join(DTYPES)}")
    return standard


def _shape(shape: Any) -> tuple[int, ...]:
    """A shape; a number is that of one axis."""
    return (shape,) if isinstance(shape, int) else tuple(map(index, shape))


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as non-negative numbers; None is all of them."""
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)

"""The namespace of recorded arrays: functions that write down what they would compute."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from xpnet.capture.graph import Value
from xpnet.capture.tracing.operations import CONSTANTS, DTYPES, ELEMENTWISE, REDUCTIONS, SEARCHES
from xpnet.capture.tracing.recorder import Recorder, refuse
from xpnet.capture.tracing.tracer import Recorded


class Namespace:
    """The functions of the standard that can be recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        for name in DTYPES:
            setattr(self, name, np.dtype(name))
        for name in CONSTANTS:
            setattr(self, name, getattr(np, name))
        for name in ELEMENTWISE:
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
        """What a floating dtype can hold, in Python numbers."""
        about = np.finfo(dtype)
        names = ("eps", "max", "min", "smallest_normal")
        return SimpleNamespace(
            bits=about.bits, dtype=about.dtype, **{name: float(getattr(about, name)) for name in names}
        )

    iinfo = staticmethod(np.iinfo)
    isdtype = staticmethod(np.isdtype)

    def wrap(self, value: Value) -> Recorded:
        """The recorded array of a value."""
        return Recorded(self, value)

    def matmul(self, a: Recorded, b: Recorded, /) -> Recorded:
        """The product of two matrices."""
        return self.wrap(self._recorder.matmul(_operand(a), _operand(b)))

    def where(self, condition: Any, x1: Any, x2: Any, /) -> Recorded:
        """x1 where the condition holds, else x2."""
        return self.wrap(self._recorder.where(_operand(condition), _operand(x1), _operand(x2)))

    def clip(self, x: Recorded, /, min: Any = None, max: Any = None) -> Recorded:
        """x, but not below min and not above max."""
        raised = x if min is None else self.maximum(x, min)
        return raised if max is None else self.minimum(raised, max)

    def mean(self, x: Recorded, /, *, axis: Any = None, keepdims: bool = False) -> Recorded:
        """The sum over axes by their number of elements."""
        total: Recorded = self.sum(x, axis=axis, keepdims=keepdims)
        return self.divide(total, x.size // max(total.size, 1))

    def astype(self, x: Recorded, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Recorded:
        """The same numbers in another dtype; nothing is written to, so that a copy is never needed."""
        return self.wrap(self._recorder.astype(x.value, dtype))

    def reshape(self, x: Recorded, /, shape: Any, *, copy: bool | None = None) -> Recorded:
        """The same numbers along other axes; one of them can be -1."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return self.wrap(self._recorder.reshape(x.value, shape))

    def expand_dims(self, x: Recorded, /, *, axis: int = 0) -> Recorded:
        """With a new axis of length one."""
        shape = list(x.shape)
        shape.insert(axis % (x.ndim + 1), 1)
        return self.reshape(x, shape)

    def squeeze(self, x: Recorded, /, axis: Any) -> Recorded:
        """Without some axes of length one."""
        dropped = _axes(axis, x.ndim)
        if any(x.shape[a] != 1 for a in dropped):
            refuse(f"squeeze of shape {x.shape} along {axis}", "only axes of length one can go")
        return self.reshape(x, [size for a, size in enumerate(x.shape) if a not in dropped])

    def permute_dims(self, x: Recorded, /, axes: tuple[int, ...]) -> Recorded:
        """The axes in another order."""
        return self.wrap(self._recorder.transpose(x.value, tuple(axis % x.ndim for axis in axes)))

    def matrix_transpose(self, x: Recorded, /) -> Recorded:
        """The last two axes exchanged."""
        if x.ndim < 2:
            refuse(f"the transpose of shape {x.shape}", "it needs two axes")
        axes = tuple(range(x.ndim))
        return self.permute_dims(x, (*axes[:-2], axes[-1], axes[-2]))

    def take(self, x: Recorded, indices: Recorded, /, *, axis: int = 0) -> Recorded:
        """Some rows, columns and so on."""
        return self.wrap(self._recorder.take(x.value, indices.value, axis % x.ndim))

    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Recorded:
        """An array of a Python number; a recorded array as it is, or in that dtype."""
        if isinstance(obj, Recorded):
            return obj if dtype is None else self.astype(obj, dtype)
        if not isinstance(obj, bool | int | float):
            refuse(f"asarray of a {type(obj).__name__}", "hand it in as an argument")
        return self.full((), obj, dtype=dtype)

    def full(self, shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of one number."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        dtype = np.asarray(fill_value).dtype if dtype is None else dtype
        return self.wrap(self._recorder.full(shape, fill_value, dtype))

    def zeros(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of zeros."""
        return self.full(shape, 0, dtype=np.float64 if dtype is None else dtype)

    def ones(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of ones."""
        return self.full(shape, 1, dtype=np.float64 if dtype is None else dtype)

    def full_like(self, x: Recorded, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of one number, shaped as x."""
        return self.full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype)

    def zeros_like(self, x: Recorded, /, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of zeros, shaped as x."""
        return self.full_like(x, 0, dtype=dtype)

    def ones_like(self, x: Recorded, /, *, dtype: Any = None, device: Any = None) -> Recorded:
        """An array of ones, shaped as x."""
        return self.full_like(x, 1, dtype=dtype)

    def _elementwise(self, name: str) -> Callable[..., Recorded]:
        def function(*arrays: Any) -> Recorded:
            return self.wrap(self._recorder.elementwise(name, *map(_operand, arrays)))

        return function

    def _reduction(self, name: str) -> Callable[..., Recorded]:
        def function(x: Recorded, /, *, axis: Any = None, keepdims: bool = False) -> Recorded:
            return self.wrap(self._recorder.reduced(name, x.value, _axes(axis, x.ndim), keepdims))

        return function

    def _search(self, name: str) -> Callable[..., Recorded]:
        def function(x: Recorded, /, *, axis: int | None = None, keepdims: bool = False) -> Recorded:
            if axis is None:
                refuse(f"{name} without an axis", "reshape to one axis, and name it")
            return self.wrap(self._recorder.searched(name, x.value, axis % x.ndim, keepdims))

        return function


def _operand(array: Any) -> Any:
    """The value of a recorded array; anything else as it is."""
    return array.value if isinstance(array, Recorded) else array


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as non-negative numbers; None is all of them."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in ((axis,) if isinstance(axis, int) else axis))

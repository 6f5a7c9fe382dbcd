"""Arrays that compute nothing: each operation on them is written down, from shapes and dtypes alone."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from xpnet._support.typing import Namespace
from xpnet.capture.graph import Value
from xpnet.capture.tracing.recorder import refuse


class Recorded:
    """What stands for an array while a function is recorded; it has a shape and a dtype, but no numbers."""

    def __init__(self, namespace: Namespace, value: Value) -> None:
        self._namespace, self.value = namespace, value

    def __array_namespace__(self, *, api_version: str | None = None) -> Namespace:
        return self._namespace

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        """The array's dtype, one of NumPy's."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.value.shape, dtype=np.int64))

    @property
    def T(self) -> "Recorded":
        """A matrix's transpose."""
        turned: Recorded = self._namespace.matrix_transpose(self)
        return turned

    mT = T

    def __getitem__(self, key: Any) -> "Recorded":
        """New axes of length one, and whole axes; nothing else."""
        keys = list(key) if isinstance(key, tuple) else [key]
        taken = sum(part is not None and part is not Ellipsis for part in keys)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - taken)
        else:
            keys += [slice(None)] * (self.ndim - taken)
        if any(part is not None and part != slice(None) for part in keys) or taken > self.ndim:
            refuse("indexing with anything but None, : and ...", "use take for rows and columns")
        sizes = iter(self.shape)
        view: Recorded = self._namespace.reshape(self, tuple(1 if part is None else next(sizes) for part in keys))
        return view

    def __pow__(self, exponent: Any) -> "Recorded":
        """Powers as NumPy's operator takes them, which has short ways for some."""
        short = {2: "square", 0.5: "sqrt", -1: "reciprocal"}.get(exponent) if type(exponent) in (int, float) else None
        if short and self.dtype.kind == "f":
            return _operator(short)(self)
        return _operator("pow")(self, exponent)

    def __rpow__(self, base: Any) -> "Recorded":
        return _operator("pow", swapped=True)(self, base)

    def __setitem__(self, key: Any, item: Any) -> None:
        refuse("item assignment", "make a new array, with where if need be")

    def __iter__(self) -> NoReturn:
        refuse("iterating over an array", "compute with whole arrays")

    def __len__(self) -> NoReturn:
        refuse("len()", "use shape[0]")

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        _numpys("array")

    def __array_ufunc__(self, function: Any, *arguments: Any, **options: Any) -> NoReturn:
        _numpys(function.__name__)

    def __array_function__(self, function: Any, *arguments: Any) -> NoReturn:
        _numpys(function.__name__)


def _numpys(name: str) -> NoReturn:
    refuse(
        f"NumPy's {name} of a recorded array", "use the namespace that comes in as xp, and arrays that are arguments"
    )


def _reading(name: str) -> Callable[[Recorded], NoReturn]:
    """What would need the array's numbers."""

    def read(array: Recorded) -> NoReturn:
        refuse(f"{name}() of an array", "its numbers are not known yet; compute with arrays, and choose with where")

    return read


def _operator(name: str, swapped: bool = False) -> Callable[..., Recorded]:
    """A Python operator as the function of the standard that it stands for."""

    def operate(array: Recorded, *others: Any) -> Recorded:
        operands = (*others, array) if swapped else (array, *others)
        found: Recorded = getattr(array._namespace, name)(*operands)
        return found

    return operate


for _name in ("bool", "int", "float", "complex", "index"):
    setattr(Recorded, f"__{_name}__", _reading(_name))
for _name, _function in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
    "mod": "remainder", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}.items():  # fmt: skip
    setattr(Recorded, f"__{_name}__", _operator(_function))
    setattr(Recorded, f"__r{_name}__", _operator(_function, swapped=True))
for _name, _function in {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}.items():  # fmt: skip
    setattr(Recorded, f"__{_name}__", _operator(_function))
for _name, _function in {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}.items():
    setattr(Recorded, f"__{_name}__", _operator(_function))

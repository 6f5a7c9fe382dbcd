"""Recorded arrays: each operation on them is written down, from shapes and dtypes alone, and nothing computed."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from xpnet._support.typing import Namespace
from xpnet.capture.graph import Value
from xpnet.capture.tracing.operations import power_of
from xpnet.capture.tracing.recorder import refuse


class Recorded:
    """Stand-in for an array while a function is recorded; it has a shape and a dtype, but no numbers.

    Attributes:
        value: The value that is recorded for it.
        memory: What it shares with its views, and with no copy, where NumPy runs the function.
        is_scalar: Whether NumPy has a scalar in its place, not an array without axes.
    """

    def __init__(self, namespace: Namespace, value: Value, *, memory: Any = None, is_scalar: bool = False) -> None:
        self._namespace, self.value = namespace, value
        self.memory = object() if memory is None else memory
        self.is_scalar = is_scalar and value.shape == ()

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
        """Number of elements."""
        return self.value.size

    @property
    def T(self) -> "Recorded":
        """The axes the other way round, as NumPy has it: a matrix's transpose."""
        turned: Recorded = self._namespace.permute_dims(self, tuple(reversed(range(self.ndim))))
        return turned

    @property
    def mT(self) -> "Recorded":
        """The last two axes exchanged."""
        turned: Recorded = self._namespace.matrix_transpose(self)
        return turned

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"A recorded array has no attribute {name}.")
        refuse(f"an array's .{name}", "use the functions of the namespace that comes in as xp")

    def __getitem__(self, key: Any) -> "Recorded":
        """New axes of length one, and whole axes; nothing else."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if any(part is not None and part is not Ellipsis and not isinstance(part, slice) for part in keys):
            _refuse_index()
        indexed = sum(part is not None and part is not Ellipsis for part in keys)
        has_ellipsis = Ellipsis in keys
        at = keys.index(Ellipsis) if has_ellipsis else len(keys)
        keys[at : at + has_ellipsis] = [slice(None)] * (self.ndim - indexed)
        if any(part is not None and part != slice(None) for part in keys) or indexed > self.ndim:
            _refuse_index()
        sizes = iter(self.shape)
        shape = tuple(1 if part is None else next(sizes) for part in keys)
        view: Recorded = self._namespace.reshape(self, shape)
        # NumPy makes a scalar an array by an ellipsis, and an array a scalar without one.
        return Recorded(self._namespace, view.value, memory=self.memory, is_scalar=not has_ellipsis)

    def __pow__(self, exponent: Any) -> "Recorded":
        """Powers as NumPy's operator takes them, which has short ways for some."""
        if self._are_scalars(exponent):
            return _operator("power_of_scalars")(self, exponent)
        if isinstance(exponent, bool | int | float) and (short := power_of(self.dtype, exponent)) != "pow":
            return _operator(short)(self)
        return _operator("pow")(self, exponent)

    def __rpow__(self, base: Any) -> "Recorded":
        if self._are_scalars(base):
            return _operator("power_of_scalars", swapped=True)(self, base)
        return _operator("pow", swapped=True)(self, base)

    def _are_scalars(self, other: Any) -> bool:
        """Whether one of two operands is a scalar of NumPy's, and neither has axes."""
        others = [self, other] if isinstance(other, Recorded) else [self]
        return any(one.is_scalar for one in others) and all(one.ndim == 0 for one in others)

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


def _refuse_index() -> NoReturn:
    refuse("indexing with anything but None, : and ...", "use take for rows and columns, and where for masks")


def _numpys(name: str) -> NoReturn:
    refuse(
        f"NumPy's {name} of a recorded array", "use the namespace that comes in as xp, and arrays that are arguments"
    )


def _reading(name: str) -> Callable[[Recorded], NoReturn]:
    """A conversion that would need the array's numbers."""

    def read(array: Recorded) -> NoReturn:
        refuse(f"{name}() of an array", "its numbers are not known yet; compute with arrays, and choose with where")

    return read


def _operator(name: str, swapped: bool = False) -> Callable[..., Recorded]:
    """A Python operator as the function of the standard that it stands for."""

    def operate(array: Recorded, *others: Any) -> Recorded:
        operands = (*others, array) if swapped else (array, *others)
        result: Recorded = getattr(array._namespace, name)(*operands)
        return result

    return operate


def _in_place(name: str, sign: str) -> Callable[..., Recorded]:
    """An operator that writes into an array, or gives the name of a scalar to another."""

    def operate(array: Recorded, other: Any) -> Recorded:
        if not array.is_scalar:
            refuse(f"{sign}= on an array", f"it would write into it; make a new one, x = x {sign} y")
        result: Recorded = getattr(array, f"__{name}__")(other)
        return result

    return operate


def _without(sign: str) -> Callable[..., NoReturn]:
    """An operator that has no function to be recorded as."""

    def operate(*_: Any) -> NoReturn:
        refuse(f"{sign} of an array", "it is not among the operators that can be; see xpnet.capture")

    return operate


ARITHMETIC = {
    "add": ("add", "+"), "sub": ("subtract", "-"), "mul": ("multiply", "*"), "truediv": ("divide", "/"),
    "floordiv": ("floor_divide", "//"), "mod": ("remainder", "%"), "matmul": ("matmul", "@"),
    "and": ("bitwise_and", "&"), "or": ("bitwise_or", "|"), "xor": ("bitwise_xor", "^"),
}  # fmt: skip
COMPARED = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}  # fmt: skip
SIGNED = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}

for _name in ("bool", "int", "float", "complex", "index"):
    setattr(Recorded, f"__{_name}__", _reading(_name))
for _name, (_function, _sign) in ARITHMETIC.items():
    setattr(Recorded, f"__{_name}__", _operator(_function))
    setattr(Recorded, f"__r{_name}__", _operator(_function, swapped=True))
for _name, (_, _sign) in (ARITHMETIC | {"pow": ("pow", "**")}).items():
    setattr(Recorded, f"__i{_name}__", _in_place(_name, _sign))
for _name, _sign in {
    "lshift": "<<", "rlshift": "<<", "ilshift": "<<=", "rshift": ">>", "rrshift": ">>", "irshift": ">>=",
    "divmod": "divmod()", "rdivmod": "divmod()", "round": "round()",
}.items():  # fmt: skip
    setattr(Recorded, f"__{_name}__", _without(_sign))
for _name, _function in (COMPARED | SIGNED).items():
    setattr(Recorded, f"__{_name}__", _operator(_function))

"""Operations of the standard on vectors, with NumPy's results for every kind of number."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xpnet.capture.engines.cpu.vectors import FAST, TRUTH, Vectors
from xpnet.capture.graph import Operation, Value
from xpnet.capture.planning.kernels import computed
from xpnet.capture.tracing.operations import REDUCTIONS
from xpnet.errors import CaptureError

LIBRARY = {name: name for name in (
    "acosh", "asinh", "atan2", "atanh", "cos", "cosh", "expm1", "hypot", "log", "log10", "log1p", "log2", "pow", "sin",
    "sinh", "tan", "acos", "asin", "atan",
)}  # fmt: skip
OWN = {"abs": "fabs", "ceil": "ceil", "floor": "floor", "sqrt": "sqrt", "trunc": "trunc"}
FLOATS = {"add": "fadd", "divide": "fdiv", "multiply": "fmul", "subtract": "fsub"}
WHOLES = {"add": "add", "multiply": "mul", "subtract": "sub"}
BITS = {"bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor"}
# Booleans as numbers, as in NumPy.
TRUTHS = {"add": "or", "multiply": "and", "maximum": "or", "minimum": "and", **BITS}
LOGIC = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
COMPARED = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"}
ALIKE = ("positive", "copy", "astype")


def apply(of: Vectors, operation: Operation, operands: Sequence[str]) -> str:
    """Result of an operation on operands of the dtype that it is computed in.

    Raises:
        CaptureError: It is not known for that dtype.
    """
    name, dtype, output = operation.name, computed(operation), operation.output.dtype
    if name in ALIKE:
        source = operation.arrays[0].dtype
        if source.kind == "f" and output.name == "uint32":
            # Numbers out of range come to one thing in NumPy's vectors, and to another behind the last of them.
            raise CaptureError(f"astype to uint32 at {operation.line} cannot be compiled; use engine replay.")
        return of.cast(operands[0], source if name == "astype" else dtype, output)
    if name == "where":
        return of.choose(operands[0], output, *operands[1:])
    if name in COMPARED:
        return compare(of, name, dtype, *operands)
    if name in LOGIC or name == "logical_not":
        truths = [of.cast(operand, dtype, TRUTH) for operand in operands]
        return of.do(LOGIC[name], TRUTH, *truths) if name in LOGIC else _not(of, truths[0])
    if name in ("isnan", "isinf", "isfinite"):
        return of.cast(_classified(of, name, dtype, operands[0]), TRUTH, output)
    if name == "clip":
        return _clipped(of, dtype, *operands)
    exponent = operation.inputs[-1]
    if name == "pow" and dtype.kind in "iu" and isinstance(exponent, int) and exponent >= 0:
        return _power(of, dtype, operands[0], exponent)
    table = {"f": _real, "b": _truth}.get(dtype.kind, _whole)
    value = table(of, name, dtype, operands)
    if value is None:
        raise CaptureError(f"{name} of {dtype} at {operation.line} cannot be compiled; use engine replay.")
    return value


def compare(of: Vectors, name: str, dtype: np.dtype, one: str, other: str) -> str:
    """Comparison by the operator of that name; NaN is unequal to all."""
    if dtype.kind == "f":
        test = f"fcmp {'u' if name == 'not_equal' else 'o'}{COMPARED[name]}"
    else:
        sign = "" if name in ("equal", "not_equal") else "s" if dtype.kind == "i" else "u"
        test = f"icmp {sign}{COMPARED[name]}"
    return of.do(test, dtype, one, other)


def _real(of: Vectors, name: str, dtype: np.dtype, operands: Sequence[str]) -> str | None:
    """Operation on floating-point numbers."""
    x, y = operands[0], operands[-1]
    if name in FLOATS:
        return of.do(f"{FLOATS[name]} {FAST}", dtype, x, y)
    if name in OWN:
        return of.intrinsic(OWN[name], dtype, x)
    if name in ("exp", "tanh"):
        return of.exp(dtype, x) if name == "exp" else of.tanh(dtype, x)
    if name in LIBRARY:
        return of.from_library(LIBRARY[name], dtype, *operands)
    if name == "negative":
        return of.f.value(f"fneg {of.kind(dtype)} {x}")
    if name == "square":
        return of.do(f"fmul {FAST}", dtype, x, x)
    if name == "reciprocal":
        return of.do("fdiv", dtype, of.number(1, dtype), x)
    if name in ("maximum", "minimum"):
        return larger(of, dtype, x, y, name == "maximum")
    return {"sign": _sign, "logaddexp": _logaddexp, "remainder": _remainder, "floor_divide": _floor_divide}.get(
        name, lambda *_: None
    )(of, dtype, x, y)


def larger(of: Vectors, dtype: np.dtype, one: str, other: str, is_maximum: bool) -> str:
    """Maximum or minimum of two; NaN propagates, and of zeros the second is returned, as by a CPU."""
    keep = compare(of, "greater" if is_maximum else "less", dtype, one, other)
    if dtype.kind == "f":
        keep = of.do("or", TRUTH, keep, of.do("fcmp uno", dtype, one, one))
    return of.choose(keep, dtype, one, other)


def _clipped(of: Vectors, dtype: np.dtype, x: str, low: str, high: str) -> str:
    """Clip to two bounds; −0 between zeros stays, and the first NaN propagates."""
    result = of.choose(compare(of, "less", dtype, x, low), dtype, low, x)
    above = of.do("or", TRUTH, compare(of, "greater", dtype, low, high), compare(of, "greater", dtype, x, high))
    if dtype.kind == "f":
        above = of.do("or", TRUTH, above, of.do("fcmp uno", dtype, high, high))
    result = of.choose(above, dtype, high, result)
    if dtype.kind == "f":
        for number in (low, x):
            result = of.choose(of.do("fcmp uno", dtype, number, number), dtype, number, result)
    return result


def _sign(of: Vectors, dtype: np.dtype, x: str, _: str) -> str:
    zero = of.number(0, dtype)
    size = of.intrinsic("copysign", dtype, of.number(1, dtype), x)
    return of.choose(of.do("fcmp one", dtype, x, zero), dtype, size, of.choose(
        of.do("fcmp uno", dtype, x, x), dtype, x, zero))  # fmt: skip


def _logaddexp(of: Vectors, dtype: np.dtype, x: str, y: str) -> str:
    """max + log1p(exp(−|x − y|)); of equal infinities the difference is not taken."""
    apart = of.do("fsub", dtype, x, y)
    size = of.f.value(f"fneg {of.kind(dtype)} {of.intrinsic('fabs', dtype, apart)}")
    size = of.choose(of.do("fcmp oeq", dtype, x, y), dtype, of.number(0, dtype), size)
    more = of.from_library("log1p", dtype, of.exp(dtype, size))
    return of.do("fadd", dtype, larger(of, dtype, x, y, is_maximum=True), more)


def _remainder(of: Vectors, dtype: np.dtype, x: str, y: str) -> str:
    """Remainder with the divisor's sign, as in Python."""
    rest = of.do("frem", dtype, x, y)
    is_zero = of.do("fcmp oeq", dtype, rest, of.number(0, dtype))
    moved = of.choose(_apart(of, dtype, rest, y), dtype, of.do("fadd", dtype, rest, y), rest)
    return of.choose(is_zero, dtype, of.intrinsic("copysign", dtype, rest, y), moved)


def _floor_divide(of: Vectors, dtype: np.dtype, x: str, y: str) -> str:
    """Floor division as NumPy does it: x less the remainder, divided, and rounded to the nearest integer."""
    zero, one = of.number(0, dtype), of.number(1, dtype)
    ratio = of.do("fdiv", dtype, x, y)
    rest = of.do("frem", dtype, x, y)
    whole = of.do("fdiv", dtype, of.do("fsub", dtype, x, rest), y)
    is_apart = of.do("and", TRUTH, _apart(of, dtype, rest, y), of.do("fcmp une", dtype, rest, zero))
    whole = of.choose(is_apart, dtype, of.do("fsub", dtype, whole, one), whole)
    down = of.intrinsic("floor", dtype, whole)
    is_less = of.do("fcmp ogt", dtype, of.do("fsub", dtype, whole, down), of.number(0.5, dtype))
    down = of.choose(is_less, dtype, of.do("fadd", dtype, down, one), down)
    none = of.intrinsic("copysign", dtype, zero, ratio)
    ratio_down = of.choose(of.do("fcmp une", dtype, whole, zero), dtype, down, none)
    return of.choose(of.do("fcmp oeq", dtype, y, zero), dtype, ratio, ratio_down)


def _apart(of: Vectors, dtype: np.dtype, one: str, other: str) -> str:
    """Whether exactly one of two numbers is negative."""
    below = (of.do("fcmp olt", dtype, x, of.number(0, dtype)) for x in (one, other))
    return of.do("xor", TRUTH, *below)


def _whole(of: Vectors, name: str, dtype: np.dtype, operands: Sequence[str]) -> str | None:
    """Operation on integers, which wrap around on overflow."""
    x, y, zero = operands[0], operands[-1], of.number(0, dtype)
    if name in WHOLES or name in BITS:
        return of.do({**WHOLES, **BITS}[name], dtype, x, y)
    if name == "square":
        return of.do("mul", dtype, x, x)
    if name == "negative":
        return of.do("sub", dtype, zero, x)
    if name == "bitwise_invert":
        return of.do("xor", dtype, x, of.number(-1, dtype))
    if name in ("floor", "ceil", "trunc"):
        return x
    if name in ("maximum", "minimum"):
        return larger(of, dtype, x, y, name == "maximum")
    is_positive = compare(of, "greater", dtype, x, zero)
    if name == "abs":
        return of.choose(is_positive, dtype, x, of.do("sub", dtype, zero, x)) if dtype.kind == "i" else x
    if name == "sign":
        below = of.do("sub", dtype, zero, of.cast(compare(of, "less", dtype, x, zero), TRUTH, dtype))
        return of.choose(is_positive, dtype, of.number(1, dtype), below)
    return _divided(of, name, dtype, x, y) if name in ("floor_divide", "remainder") else None


def _power(of: Vectors, dtype: np.dtype, x: str, exponent: int) -> str:
    """Integers to a power, by squares, which wrap around on overflow."""
    total = of.number(1, dtype)
    while exponent:
        if exponent & 1:
            total = of.do("mul", dtype, total, x)
        exponent >>= 1
        if exponent:
            x = of.do("mul", dtype, x, x)
    return total


def _divided(of: Vectors, name: str, dtype: np.dtype, x: str, y: str) -> str:
    """Floor division of integers or its remainder; 0 for a divisor of 0, without a trap on any CPU."""
    zero, one = of.number(0, dtype), of.number(1, dtype)
    is_none = compare(of, "equal", dtype, y, zero)
    is_odd = is_none
    if dtype.kind == "i":
        is_odd = of.do("or", TRUTH, is_none, compare(of, "equal", dtype, y, of.number(-1, dtype)))
    divisor = of.choose(is_odd, dtype, one, y)
    letter = "s" if dtype.kind == "i" else "u"
    ratio = of.do(f"{letter}div", dtype, x, divisor)
    rest = of.do("sub", dtype, x, of.do("mul", dtype, ratio, divisor))
    if dtype.kind == "i":
        apart = compare(of, "less", dtype, of.do("xor", dtype, rest, divisor), zero)
        apart = of.do("and", TRUTH, apart, compare(of, "not_equal", dtype, rest, zero))
        ratio = of.choose(apart, dtype, of.do("sub", dtype, ratio, one), ratio)
        rest = of.choose(apart, dtype, of.do("add", dtype, rest, divisor), rest)
        ratio = of.choose(is_odd, dtype, of.do("sub", dtype, zero, x), ratio)
    if name == "remainder":
        return of.choose(is_odd, dtype, zero, rest)
    return of.choose(is_none, dtype, zero, ratio)


def _truth(of: Vectors, name: str, dtype: np.dtype, operands: Sequence[str]) -> str | None:
    """Operation on booleans."""
    if name in TRUTHS:
        return of.do(TRUTHS[name], dtype, *operands)
    if name == "bitwise_invert":
        return _not(of, operands[0])
    return operands[0] if name in ("abs", "floor", "ceil", "trunc") else None


def _not(of: Vectors, truth: str) -> str:
    return of.do("xor", TRUTH, truth, of.number(True, TRUTH))


def _classified(of: Vectors, name: str, dtype: np.dtype, x: str) -> str:
    """Test for NaN, for infinity, or for neither."""
    if dtype.kind != "f":
        return of.number(name == "isfinite", TRUTH)
    if name == "isnan":
        return of.do("fcmp uno", dtype, x, x)
    test = "fcmp oeq" if name == "isinf" else "fcmp one"
    return of.do(test, dtype, of.intrinsic("fabs", dtype, x), of.number(np.inf, dtype))


def operand(of: Vectors, operation: Operation, value: Value | Any, text: str | None, at: int) -> str:
    """Operand of an operation in the dtype that it is computed in, from a value's text or a number.

    Raises:
        CaptureError: A number is not one of that dtype.
    """
    dtype = TRUTH if operation.name == "where" and at == 0 else computed(operation)
    if isinstance(value, Value):
        assert text is not None
        if operation.name == "astype":
            return text
        return of.cast(text, value.dtype, operation.output.dtype if operation.name in REDUCTIONS else dtype)
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
        raise CaptureError(
            f"{operation.name} at {operation.line} with {value}, which is no {dtype}, cannot be compiled; "
            "use engine replay."
        )
    return of.number(value, dtype)

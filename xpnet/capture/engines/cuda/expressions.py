"""Operations as C++ expressions of their operands' names; functions are overloaded by type, as CUDA has them."""

from typing import Any

import numpy as np

from xpnet.capture.engines.cuda.layout import TYPES
from xpnet.capture.graph import Operation
from xpnet.capture.planning.kernels import computed
from xpnet.errors import CaptureError

INFINITY = {"float32": "__int_as_float(0x7f800000)", "float64": "__longlong_as_double(0x7ff0000000000000LL)"}
NAN = {"float32": "__int_as_float(0x7fc00000)", "float64": "__longlong_as_double(0x7ff8000000000000LL)"}

ANY_TYPE = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    "abs": "{0} < 0 ? -{0} : {0}",
    "sign": "{0} != {0} ? {0} : ({0} > 0) - ({0} < 0)",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    # NaN is handed on, as everywhere.
    "maximum": "{0} >= {1} || {0} != {0} ? {0} : {1}",
    "minimum": "{0} <= {1} || {0} != {0} ? {0} : {1}",
    "clip": "{0} != {0} ? {0} : {1} != {1} ? {1} : {2} != {2} || {1} > {2} || {0} > {2} ? {2} : {0} < {1} ? {1} : {0}",
    "where": "{0} ? {1} : {2}",
    "logical_not": "!{0}",
    "logical_and": "{0} && {1}",
    "logical_or": "{0} || {1}",
    "logical_xor": "!{0} != !{1}",
    "isnan": "{0} != {0}",
    "astype": "{0}",
    "copy": "{0}",
}
BOOLEANS_ONLY = {"bitwise_invert": "!{0}"}
INTEGERS_ONLY = {
    "bitwise_and": "{0} & {1}",
    "bitwise_or": "{0} | {1}",
    "bitwise_xor": "{0} ^ {1}",
    "bitwise_invert": "~{0}",
}
FLOATS_ONLY = {
    **{name: f"{name}({{0}})" for name in (
        "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "exp", "expm1", "floor", "log",
        "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
    )},
    "abs": "fabs({0})",
    "atan2": "atan2({0}, {1})",
    "hypot": "hypot({0}, {1})",
    "pow": "pow({0}, {1})",
    "reciprocal": "1 / {0}",
    "floor_divide": "floor_divided({0}, {1})",
    "isinf": "{0} - {0} != {0} - {0} && {0} == {0}",
    "isfinite": "{0} - {0} == {0} - {0}",
}  # fmt: skip

FUNCTIONS = """\
template <class T, int n> struct alignas(n * sizeof(T)) Pack { T of[n]; };
template <int n, class T> __device__ Pack<T, n> packed(const T *from, long long at) {
    return *(const Pack<T, n> *)(from + at);
}
template <int n, class T> __device__ void put(T *to, long long at, Pack<T, n> pack) {
    *(Pack<T, n> *)(to + at) = pack;
}
template <class T> __device__ T floor_divided(T a, T b) {
    // NumPy's way: a / b rounds, and may come to a whole number that the quotient does not reach.
    if (b == 0) return a / b;
    T left = fmod(a, b), whole = (a - left) / b;
    if (left != 0 && (b < 0) != (left < 0)) whole -= 1;
    if (whole == 0) return copysign((T)0, a / b);
    T below = floor(whole);
    return whole - below > (T)0.5 ? below + 1 : below;
}
struct Words { unsigned int of[4]; };
__device__ Words philox(
    unsigned int k0, unsigned int k1, unsigned int first, unsigned int step,
    long long i, long long j, unsigned int layer) {
    // Philox4x32-10: the counter's four words are those of four columns.
    unsigned int c0 = (unsigned int)(j / 4), c1 = first + (unsigned int)i, c2 = layer, c3 = step;
    for (int turn = 0; turn < 10; ++turn) {
        const unsigned long long p0 = 0xD2511F53ULL * c0, p1 = 0xCD9E8D57ULL * c2;
        c0 = (unsigned int)(p1 >> 32) ^ c1 ^ k0;
        c2 = (unsigned int)(p0 >> 32) ^ c3 ^ k1;
        c1 = (unsigned int)p1, c3 = (unsigned int)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
}
__device__ unsigned int random_word(
    unsigned int k0, unsigned int k1, unsigned int first, unsigned int step,
    long long i, long long j, unsigned int layer) {
    const Words words = philox(k0, k1, first, step, i, j, layer);
    const int at = (int)(j % 4);
    return at < 2 ? (at ? words.of[1] : words.of[0]) : at == 2 ? words.of[2] : words.of[3];
}
template <class T> __device__ T random_normal(
    unsigned int k0, unsigned int k1, unsigned int first, unsigned int step,
    long long i, long long j, unsigned int layer) {
    // Box and Muller's way: a pair of columns has a radius and an angle.
    const Words words = philox(k0, k1, first, step, i, j, layer);
    const bool is_first = j % 4 < 2;
    const int less = sizeof(T) == 4 ? 9 : 0;
    const T whole = (T)(1ULL << (32 - less));
    const T u = ((T)((is_first ? words.of[0] : words.of[2]) >> less) + (T)0.5) / whole;
    const T v = ((T)((is_first ? words.of[1] : words.of[3]) >> less) + (T)0.5) / whole;
    const T radius = sqrt((T)-2 * log(u)), angle = (T)6.283185307179586 * v;
    return radius * (j % 2 ? sin(angle) : cos(angle));
}
"""
"""What expressions call that C++ does not have; a pack is read and written by one access, as float4 is."""

COLLECTED = {
    "sum": "{0} + {1}",
    "prod": "{0} * {1}",
    "max": "{1} > {0} || {1} != {1} ? {1} : {0}",
    "min": "{1} < {0} || {1} != {1} ? {1} : {0}",
    "any": "{0} || {1}",
    "all": "{0} && {1}",
}
"""What a reduction makes of what it has and one number more."""

SEARCHED = {
    "argmax": "{1} > {0} || ({1} != {1} && {0} == {0})",
    "argmin": "{1} < {0} || ({1} != {1} && {0} == {0})",
}
"""Whether a search goes on with the second number instead of the first."""


def number(value: Any, dtype: np.dtype) -> str:
    """A number as C++ spells it in a dtype, every digit kept."""
    if dtype == np.bool_:
        return "true" if value else "false"
    if dtype.kind != "f":
        suffix = {"i": "LL", "u": "ULL"}[dtype.kind] if dtype.itemsize == 8 else ""
        # The lowest number of all is spelled as a difference: its digits alone are out of range.
        lowest = np.iinfo(dtype).min
        text = f"{int(value) + 1}{suffix} - 1" if value == lowest < 0 else f"{int(value)}{suffix}"
        return f"({TYPES[dtype.name]})({text})"
    exact = float(dtype.type(value))
    if np.isnan(exact):
        return NAN[dtype.name]
    size = INFINITY[dtype.name] if np.isinf(exact) else f"{abs(exact).hex()}{'f' if dtype.name == 'float32' else ''}"
    return f"(-{size})" if np.signbit(exact) else size


def expression(operation: Operation, operands: list[str]) -> str:
    """What an operation gives, in its dtype.

    Raises:
        CaptureError: There is no such function for the dtype in C++.
    """
    dtype = computed(operation)
    special = {"f": FLOATS_ONLY, "b": {**INTEGERS_ONLY, **BOOLEANS_ONLY}}.get(dtype.kind, INTEGERS_ONLY)
    tables = (special, ANY_TYPE)
    for table in tables:
        if operation.name in table:
            return f"({TYPES[operation.output.dtype.name]})({table[operation.name].format(*operands)})"
    raise CaptureError(
        f"{operation.name} of {dtype} at {operation.line} cannot be compiled for CUDA; use engine plain."
    )

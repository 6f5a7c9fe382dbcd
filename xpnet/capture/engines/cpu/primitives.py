"""Functions of numbers that vectorise, for compiled plans."""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# Sums may be taken in any order and products joined to sums, but nothing is assumed about infinities and NaNs.
FAST = {"contract", "reassoc", "nsz", "arcp"}
# Where the order of the operations is what makes the result precise.
EXACT = {"contract"}


@intrinsic
def _power_of_two_32(typing, n):
    """2ⁿ for a whole n from −126 to 127, made of the bits of a float32."""

    def build(context, builder, signature, arguments):
        int32 = ir.IntType(32)
        bits = builder.shl(builder.add(builder.fptosi(arguments[0], int32), int32(127)), int32(23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32), build


@intrinsic
def _power_of_two_64(typing, n):
    """2ⁿ for a whole n from −1022 to 1023, made of the bits of a float64."""

    def build(context, builder, signature, arguments):
        int64 = ir.IntType(64)
        bits = builder.shl(builder.add(builder.fptosi(arguments[0], int64), int64(1023)), int64(52))
        return builder.bitcast(bits, ir.DoubleType())

    return types.float64(types.float64), build


_F = np.float32
_LOG2E_32, _LN2_HIGH_32, _LN2_LOW_32 = _F(1.4426950408889634), _F(0.693359375), _F(-2.12194440e-4)
_E0, _E1, _E2 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_E3, _E4, _E5 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)
_ONE_32, _HALF_32, _TWO_32 = _F(1), _F(0.5), _F(2)
_LOWEST_32, _HIGHEST_32, _INF_32, _ZERO_32 = _F(-103.9), _F(88.72284), _F(np.inf), _F(0)


@njit(fastmath=EXACT, error_model="numpy")
def exp_float32(x):
    """exp(x) = 2ⁿ exp(r) with r = x − n ln 2 in [−½ ln 2, ½ ln 2]; the polynomial is that of Cephes' expf."""
    c = _LOWEST_32 if x < _LOWEST_32 else x
    c = _HIGHEST_32 if c > _HIGHEST_32 else c
    n = np.floor(c * _LOG2E_32 + _HALF_32)
    r = (c - n * _LN2_HIGH_32) - n * _LN2_LOW_32
    p = ((((_E0 * r + _E1) * r + _E2) * r + _E3) * r + _E4) * r + _E5
    p = p * r * r + r + _ONE_32
    # In two factors, of which each is a normal number.
    half = np.floor(n * _HALF_32)
    found = p * _power_of_two_32(half) * _power_of_two_32(n - half)
    found = _INF_32 if x > _HIGHEST_32 else found
    found = _ZERO_32 if x < _LOWEST_32 else found
    return x if x != x else found


_T0, _T1, _T2 = _F(-5.70498872745e-3), _F(2.06390887954e-2), _F(-5.37397155531e-2)
_T3, _T4, _SMALL_32 = _F(1.33314422036e-1), _F(-3.33332819422e-1), _F(0.625)


@njit(fastmath=EXACT, error_model="numpy")
def tanh_float32(x):
    """tanh(x) = 1 − 2 / (exp(2x) + 1) for large |x|, a polynomial (Cephes' tanhf) for small ones."""
    s = x * x
    small = ((((_T0 * s + _T1) * s + _T2) * s + _T3) * s + _T4) * s * x + x
    size = abs(x)
    large = _ONE_32 - _TWO_32 / (exp_float32(size + size) + _ONE_32)
    large = -large if x < _ZERO_32 else large
    return small if size < _SMALL_32 else large


_LN2_HIGH_64, _LN2_LOW_64 = 6.93145751953125e-1, 1.42860682030941723212e-6


@njit(fastmath=EXACT, error_model="numpy")
def exp_float64(x):
    """exp(x) = 2ⁿ exp(r) as in float32, with Taylor's polynomial of degree 13, whose rest is below 5e-18."""
    c = -745.2 if x < -745.2 else x
    c = 709.782712893384 if c > 709.782712893384 else c
    n = np.floor(c * 1.4426950408889634 + 0.5)
    r = (c - n * _LN2_HIGH_64) - n * _LN2_LOW_64
    p = 1 / 6227020800.0
    p = p * r + 1 / 479001600.0
    p = p * r + 1 / 39916800.0
    p = p * r + 1 / 3628800.0
    p = p * r + 1 / 362880.0
    p = p * r + 1 / 40320.0
    p = p * r + 1 / 5040.0
    p = p * r + 1 / 720.0
    p = p * r + 1 / 120.0
    p = p * r + 1 / 24.0
    p = p * r + 1 / 6.0
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    half = np.floor(n * 0.5)
    found = p * _power_of_two_64(half) * _power_of_two_64(n - half)
    found = np.inf if x > 709.782712893384 else found
    found = 0.0 if x < -745.2 else found
    return x if x != x else found


@njit(fastmath=EXACT, error_model="numpy")
def tanh_float64(x):
    """The library's, which does not vectorise but keeps every digit."""
    return math.tanh(x)


@intrinsic
def _prefetched(typing, address):
    """Have the cache line there read before it is needed."""

    def build(context, builder, signature, arguments):
        int32, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, int32, int32, int32])
        name = "llvm.prefetch.p0"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        # To be read, into the nearest cache, and data.
        builder.call(function, [builder.inttoptr(arguments[0], pointer), int32(0), int32(3), int32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), build


@njit(error_model="numpy")
def fetch(address, size):
    """Have so many bytes read before they are needed."""
    for line in range(0, size, 64):
        _prefetched(address + line)

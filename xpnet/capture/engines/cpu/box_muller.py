"""Pairs of normal numbers in vectors, by Box and Muller's way; in float32 its functions are polynomials.

They are Cephes' for the numbers that occur, without what others need: u is between 0 and 1, an angle between 0 and 2π.
"""

import math

import numpy as np

from xpnet.capture.engines.cpu.vectors import INT32, Vectors

FLOAT = np.dtype("float32")

LN2 = (0.693359375, -2.12194440e-4)
"""ln 2 in two parts."""

LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
    2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
"""Polynomial of (ln(1 + x) − x + x²/2) / x³."""

QUARTER = (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8)
"""π/2 in three parts, so that a few of each are exact."""

SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
"""Polynomial of (sin x − x) / x³ in x²."""

COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
"""Polynomial of (cos x − 1 + x²/2) / x⁴ in x²."""


def pair(of: Vectors, dtype: np.dtype, u: str, v: str) -> tuple[str, str]:
    """√(−2 ln u) cos 2πv and √(−2 ln u) sin 2πv."""
    angle = of.do("fmul", dtype, v, of.number(2 * math.pi, dtype))
    if dtype == FLOAT:
        log, (cos, sin) = _log(of, u), _cos_and_sin(of, angle)
    else:
        log, cos, sin = (of.from_library(name, dtype, x) for name, x in (("log", u), ("cos", angle), ("sin", angle)))
    radius = of.intrinsic("sqrt", dtype, of.do("fmul", dtype, log, of.number(-2, dtype)))
    return of.do("fmul", dtype, radius, cos), of.do("fmul", dtype, radius, sin)


def _log(of: Vectors, u: str) -> str:
    """ln u = n ln 2 + ln(1 + x), with 1 + x between √½ and √2."""
    bits = _bits(of, u)
    n = of.do("sub", INT32, of.do("lshr", INT32, bits, of.number(23, INT32)), of.number(126, INT32))
    half = of.do("or", INT32, of.do("and", INT32, bits, of.number(0x7FFFFF, INT32)), of.number(0x3F000000, INT32))
    m = _number(of, half)
    is_low = of.do("fcmp olt", FLOAT, m, of.number(math.sqrt(0.5), FLOAT))
    n = of.do("add", INT32, n, of.f.value(f"sext {of.kind(np.dtype(np.bool_))} {is_low} to {of.kind(INT32)}"))
    m = of.choose(is_low, FLOAT, of.do("fadd", FLOAT, m, m), m)
    x, whole = of.do("fsub", FLOAT, m, of.number(1, FLOAT)), of.cast(n, INT32, FLOAT)
    square = of.do("fmul", FLOAT, x, x)
    rest = of.do("fmul", FLOAT, of.polynomial(FLOAT, x, LOG), of.do("fmul", FLOAT, x, square))
    rest = of.fma(FLOAT, whole, of.number(LN2[1], FLOAT), rest)
    rest = of.fma(FLOAT, square, of.number(-0.5, FLOAT), rest)
    return of.fma(FLOAT, whole, of.number(LN2[0], FLOAT), of.do("fadd", FLOAT, x, rest))


def _cos_and_sin(of: Vectors, angle: str) -> tuple[str, str]:
    """Cosine and sine of n π/2 + r: those of r, changed about for an odd n, with a sign for two quarters in four."""
    n = of.intrinsic("floor", FLOAT, of.fma(FLOAT, angle, of.number(2 / math.pi, FLOAT), of.number(0.5, FLOAT)))
    r = angle
    for part in QUARTER:
        r = of.fma(FLOAT, n, of.number(-part, FLOAT), r)
    square, quarters = of.do("fmul", FLOAT, r, r), of.cast(n, FLOAT, INT32)
    sin = of.fma(FLOAT, of.do("fmul", FLOAT, of.polynomial(FLOAT, square, SIN), square), r, r)
    cos = of.fma(FLOAT, square, of.number(-0.5, FLOAT), of.number(1, FLOAT))
    cos = of.fma(FLOAT, of.polynomial(FLOAT, square, COS), of.do("fmul", FLOAT, square, square), cos)
    odd = of.do("icmp ne", INT32, of.do("and", INT32, quarters, of.number(1, INT32)), of.number(0, INT32))
    turned = of.do("add", INT32, quarters, of.number(1, INT32))
    return _signed(of, of.choose(odd, FLOAT, sin, cos), turned), _signed(of, of.choose(odd, FLOAT, cos, sin), quarters)


def _signed(of: Vectors, x: str, quarters: str) -> str:
    """The negative of a number in the third and fourth quarter."""
    sign = of.do("shl", INT32, of.do("and", INT32, quarters, of.number(2, INT32)), of.number(30, INT32))
    return _number(of, of.do("xor", INT32, _bits(of, x), sign))


def _bits(of: Vectors, x: str) -> str:
    return of.f.value(f"bitcast {of.kind(FLOAT)} {x} to {of.kind(INT32)}")


def _number(of: Vectors, bits: str) -> str:
    return of.f.value(f"bitcast {of.kind(INT32)} {bits} to {of.kind(FLOAT)}")

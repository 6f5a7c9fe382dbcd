"""Vectors of numbers in a function being written; a last one may have fewer that count.

Functions that LLVM has none for are polynomials where trainings need them, else those of the system's library.
"""

import math
import struct
from typing import Any

import numpy as np

from xpnet.capture.engines.cpu.text import Function, Word, kind

TRUTH = np.dtype(np.bool_)
BYTE, INT32, INT64 = (np.dtype(name) for name in ("uint8", "int32", "int64"))
FAST = "contract"
"""Fast-math flag: a product may be fused with a sum; nothing else is assumed, and no order is changed."""

EXP = {
    # The polynomial is that of Cephes' expf.
    "float32": (
        (-103.9, 88.72284), (0.693359375, -2.12194440e-4), INT32, 23, 127,
        (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
    ),
    # Taylor's, whose rest is below 5e-18.
    "float64": (
        (-745.2, 709.782712893384), (6.93145751953125e-1, 1.42860682030941723212e-6), INT64, 52, 1023,
        tuple(1 / math.factorial(n) for n in range(13, 1, -1)),
    ),
}  # fmt: skip
"""Constants of exp: where it is 0 and infinite, ln 2 in two parts, the exponent's place and offset, the polynomial."""

TANH = {
    "float32": ((-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1), (1.0,)),
    "float64": (
        (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3),
        (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3),
    ),
}
"""Cephes' fractions of tanh for small numbers, numerator and denominator."""

SMALL = 0.625


class Vectors:
    """Vectors of some lanes, or numbers where there is one.

    Args:
        f: The function that is written.
        lanes: Numbers a vector.
        count: Lanes that count, from the first on; all of them by default.
    """

    def __init__(self, f: Function, lanes: int, count: Word | None = None) -> None:
        self.f, self.lanes = f, lanes
        self.count: Word = lanes if count is None else count
        self.mask = "" if self.count == lanes else self._mask()

    def _mask(self) -> str:
        if isinstance(self.count, int):
            return f"<{', '.join(f'i1 {str(lane < self.count).lower()}' for lane in range(self.lanes))}>"
        count = self.spread(INT64, str(self.count))
        return self.f.value(f"icmp slt <{self.lanes} x i64> {self.steps('i64')}, {count}")

    def steps(self, whole: str) -> str:
        """Indices of the lanes."""
        return f"<{', '.join(f'{whole} {lane}' for lane in range(self.lanes))}>" if self.lanes > 1 else "0"

    def kind(self, dtype: np.dtype) -> str:
        """Type of a vector."""
        return kind(dtype, self.lanes)

    def number(self, value: Any, dtype: np.dtype) -> str:
        """Constant in all lanes."""
        if dtype.kind == "f":
            digits = f"0x{struct.pack('>d', float(dtype.type(value))).hex().upper()}"
        else:
            digits = str(bool(value)).lower() if dtype == TRUTH else str(int(value))
        return digits if self.lanes == 1 else f"splat ({kind(dtype)} {digits})"

    def spread(self, dtype: np.dtype, number: str) -> str:
        """Broadcast of one value to all lanes."""
        if self.lanes == 1:
            return number
        kind_ = self.kind(dtype)
        one = self.f.value(f"insertelement {kind_} poison, {kind(dtype)} {number}, i32 0")
        return self.f.value(f"shufflevector {kind_} {one}, {kind_} poison, <{self.lanes} x i32> zeroinitializer")

    def load(self, dtype: np.dtype, row: str, column: Word, stride: int = 1) -> str:
        """Load a row's numbers from a column on, so far apart; zeros for those that do not count."""
        stored = BYTE if dtype == TRUTH else dtype
        address = self._address(stored, row, column, stride, write=False)
        kind_, size = self.kind(stored), stored.itemsize
        if stride != 1 and self.lanes > 1:
            value = self._masked("gather", stored, [self._scattered(stored, address, stride)], kind_)
        elif self.mask and self.count == 1:
            one = self.f.value(f"load {kind(stored)}, ptr {address}, align {size}")
            value = self.f.value(f"insertelement {kind_} zeroinitializer, {kind(stored)} {one}, i32 0")
        elif self.mask:
            value = self._masked("load", stored, [address], kind_)
        else:
            value = self.f.value(f"load {kind_}, ptr {address}, align {size}")
        return self.f.value(f"icmp ne {kind_} {value}, {self.number(0, BYTE)}") if dtype == TRUTH else value

    def store(self, dtype: np.dtype, value: str, row: str, column: Word, stride: int = 1) -> None:
        """Store the numbers that count in a row from a column on, so far apart."""
        if dtype == TRUTH:
            value, dtype = self.f.value(f"zext {self.kind(TRUTH)} {value} to {self.kind(BYTE)}"), BYTE
        address = self._address(dtype, row, column, stride, write=True)
        if stride != 1 and self.lanes > 1:
            self._masked("scatter", dtype, [value, self._scattered(dtype, address, stride)], "void")
        elif self.mask and self.count == 1:
            # LLVM 22 lets a masked store of a single narrowed lane write the wide number, beyond its place.
            one = self.f.value(f"extractelement {self.kind(dtype)} {value}, i32 0")
            self.f.do(f"store {kind(dtype)} {one}, ptr {address}, align {dtype.itemsize}")
        elif self.mask:
            self._masked("store", dtype, [value, address], "void")
        else:
            self.f.do(f"store {self.kind(dtype)} {value}, ptr {address}, align {dtype.itemsize}")

    def _address(self, dtype: np.dtype, row: str, column: Word, stride: int, write: bool) -> str:
        address = self.f.at(row, self.f.times(column, stride), kind(dtype))
        if not self.f.checks:
            return address
        last = self.f.add(self.count if self.mask else self.lanes, -1)
        return self.f.checked(address, self.f.add(self.f.times(last, stride * dtype.itemsize), dtype.itemsize), write)

    def _scattered(self, dtype: np.dtype, address: str, stride: int) -> str:
        """Addresses of lanes that are so far apart."""
        places = f"<{', '.join(f'i64 {lane * stride}' for lane in range(self.lanes))}>"
        return self.f.value(f"getelementptr {kind(dtype)}, ptr {address}, <{self.lanes} x i64> {places}")

    def _masked(self, name: str, dtype: np.dtype, operands: list[str], result: str) -> str:
        """Masked load or store of the lanes that count, side by side or scattered."""
        is_scattered, kind_, bits = name in ("gather", "scatter"), self.kind(dtype), f"<{self.lanes} x i1>"
        place = f"<{self.lanes} x ptr>" if is_scattered else "ptr"
        mask = self.mask or "splat (i1 true)"
        kinds, values = [place, "i32", bits], [operands[-1], str(dtype.itemsize), mask]
        if result == "void":
            kinds, values = [kind_, *kinds], [operands[0], *values]
        else:
            kinds, values = [*kinds, kind_], [*values, "zeroinitializer"]
        letter = {"f": "f", "i": "i", "u": "i"}[dtype.kind] + str(8 * dtype.itemsize)
        suffix = f"v{self.lanes}{letter}.{f'v{self.lanes}p0' if is_scattered else 'p0'}"
        return self.f.call(result, f"llvm.masked.{name}.{suffix}", kinds, values)

    def cast(self, value: str, dtype: np.dtype, to: np.dtype) -> str:
        """Cast to another dtype."""
        if dtype == to:
            return value
        old, new = self.kind(dtype), self.kind(to)
        if to == TRUTH:
            test = "fcmp une" if dtype.kind == "f" else "icmp ne"
            return self.f.value(f"{test} {old} {value}, {self.number(0, dtype)}")
        is_signed = dtype.kind == "i"
        if dtype.kind == "f" and to.kind == "f":
            return self.f.value(f"{'fpext' if to.itemsize > dtype.itemsize else 'fptrunc'} {old} {value} to {new}")
        if to.kind == "f":
            return self.f.value(f"{'sitofp' if is_signed else 'uitofp'} {old} {value} to {new}")
        if dtype.kind == "f":
            # Through a wider one, as C compilers do it, so that what does not fit comes to what NumPy has.
            if to.itemsize < 4:
                return self.cast(self._truncated(value, dtype, INT32), INT32, to)
            whole = self._truncated(value, dtype, to)
            if to.kind == "i":
                return whole
            # Half of them are too large to have a sign; those below zero go round.
            half = self.number(2.0**63, dtype)
            rest = self._truncated(self.do("fsub", dtype, value, half), dtype, to)
            large = self.do("xor", to, rest, self.number(2**63, to))
            return self.choose(self.do("fcmp oge", dtype, value, half), to, large, whole)
        size, wanted = (0 if d == TRUTH else d.itemsize for d in (dtype, to))
        if size == wanted:
            return value
        how = "trunc" if size > wanted else "sext" if is_signed else "zext"
        return self.f.value(f"{how} {old} {value} to {new}")

    def _truncated(self, value: str, dtype: np.dtype, to: np.dtype) -> str:
        """Integer of a floating-point number; frozen, or LLVM skips it where it becomes one of these again."""
        whole = self.f.value(f"fptosi {self.kind(dtype)} {value} to {self.kind(to)}")
        return self.f.value(f"freeze {self.kind(to)} {whole}")

    def do(self, instruction: str, dtype: np.dtype, *operands: str) -> str:
        """Value of an instruction on operands of one dtype."""
        return self.f.value(f"{instruction} {self.kind(dtype)} {', '.join(operands)}")

    def choose(self, condition: str, dtype: np.dtype, one: str, other: str) -> str:
        """Selection: one where the condition holds, else the other."""
        kind_ = self.kind(dtype)
        return self.f.value(f"select {self.kind(TRUTH)} {condition}, {kind_} {one}, {kind_} {other}")

    def intrinsic(self, name: str, dtype: np.dtype, *operands: str) -> str:
        """Value of one of LLVM's intrinsics on operands of one dtype."""
        letter = {"f": "f", "i": "i", "u": "i"}[dtype.kind] + str(8 * dtype.itemsize)
        suffix = letter if self.lanes == 1 else f"v{self.lanes}{letter}"
        kind_ = self.kind(dtype)
        return self.f.call(kind_, f"llvm.{name}.{suffix}", [kind_] * len(operands), operands)

    def from_library(self, name: str, dtype: np.dtype, *operands: str) -> str:
        """Value of a function of the system's library, lane by lane."""
        name = f"{name}f" if dtype.itemsize == 4 else name
        kind_, whole = kind(dtype), self.kind(dtype)
        if self.lanes == 1:
            return self.f.call(kind_, name, [kind_] * len(operands), operands)
        total = "poison"
        for lane in range(self.count if isinstance(self.count, int) else self.lanes):
            each = [self.f.value(f"extractelement {whole} {operand}, i32 {lane}") for operand in operands]
            one = self.f.call(kind_, name, [kind_] * len(operands), each)
            total = self.f.value(f"insertelement {whole} {total}, {kind_} {one}, i32 {lane}")
        return total

    def fma(self, dtype: np.dtype, a: str, b: str, c: str) -> str:
        """a·b + c, rounded once where the CPU can."""
        return self.intrinsic("fmuladd", dtype, a, b, c)

    def polynomial(self, dtype: np.dtype, x: str, coefficients: tuple[float, ...]) -> str:
        """Polynomial, its highest coefficient first."""
        total = self.number(coefficients[0], dtype)
        for coefficient in coefficients[1:]:
            total = self.fma(dtype, total, x, self.number(coefficient, dtype))
        return total

    def exp(self, dtype: np.dtype, x: str) -> str:
        """exp(x) = 2ⁿ exp(r) with r = x − n ln 2 in [−½ ln 2, ½ ln 2]."""
        (lowest, highest), (high, low), whole, place, offset, coefficients = EXP[dtype.name]

        def number(value: float) -> str:
            return self.number(value, dtype)

        def power(n: str) -> str:
            """2ⁿ, made of its bits."""
            bits = self.f.value(f"fptosi {self.kind(dtype)} {n} to {self.kind(whole)}")
            bits = self.do("add", whole, bits, self.number(offset, whole))
            bits = self.do("shl", whole, bits, self.number(place, whole))
            return self.f.value(f"bitcast {self.kind(whole)} {bits} to {self.kind(dtype)}")

        is_low = self.do("fcmp olt", dtype, x, number(lowest))
        is_high = self.do("fcmp ogt", dtype, x, number(highest))
        is_number = self.do("fcmp ord", dtype, x, x)
        c = self.choose(is_number, dtype, x, number(0))
        c = self.choose(is_low, dtype, number(lowest), c)
        c = self.choose(is_high, dtype, number(highest), c)
        n = self.intrinsic("floor", dtype, self.fma(dtype, c, number(math.log2(math.e)), number(0.5)))
        r = self.fma(dtype, n, number(-high), c)
        r = self.fma(dtype, n, number(-low), r)
        square = self.do("fmul", dtype, r, r)
        p = self.fma(dtype, self.polynomial(dtype, r, coefficients), square, r)
        p = self.do("fadd", dtype, p, number(1))
        # In two factors, of which each is a normal number.
        half = self.intrinsic("floor", dtype, self.do("fmul", dtype, n, number(0.5)))
        total = self.do("fmul", dtype, p, power(half))
        total = self.do("fmul", dtype, total, power(self.do("fsub", dtype, n, half)))
        total = self.choose(is_high, dtype, number(math.inf), total)
        total = self.choose(is_low, dtype, number(0), total)
        return self.choose(is_number, dtype, total, x)

    def tanh(self, dtype: np.dtype, x: str) -> str:
        """tanh(x) = 1 − 2 / (exp(2x) + 1) for large |x|, a fraction of polynomials for small ones."""
        above, below = TANH[dtype.name]
        square = self.do("fmul", dtype, x, x)
        ratio = self.polynomial(dtype, square, above)
        if len(below) > 1:
            ratio = self.do("fdiv", dtype, ratio, self.polynomial(dtype, square, below))
        small = self.fma(dtype, self.do("fmul", dtype, ratio, square), x, x)
        size = self.intrinsic("fabs", dtype, x)
        power = self.exp(dtype, self.do("fadd", dtype, size, size))
        one = self.number(1, dtype)
        rest = self.do("fdiv", dtype, self.number(2, dtype), self.do("fadd", dtype, power, one))
        large = self.do("fsub", dtype, one, rest)
        is_small = self.do("fcmp olt", dtype, size, self.number(SMALL, dtype))
        return self.intrinsic("copysign", dtype, self.choose(is_small, dtype, small, large), x)

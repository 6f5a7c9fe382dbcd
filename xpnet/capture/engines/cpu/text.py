"""LLVM IR, written line by line: one function with its values, blocks and loops.

Every value is assigned once. Functions of LLVM's own, or of the system's library of mathematics, are declared as they
are called.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha256

import numpy as np

from xpnet.errors import CaptureError

KINDS = {
    "bool": "i1", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "i8", "uint16": "i16",
    "uint32": "i32", "uint64": "i64", "float32": "float", "float64": "double",
}  # fmt: skip

NAME = "@NAME"
"""Placeholder of a function's name, which is a digest of the text."""

Word = int | str
"""Integer that is known, or the value that has it."""


@cache
def kind(dtype: np.dtype, lanes: int = 1) -> str:
    """Type of a number, or of a vector of so many.

    Raises:
        CaptureError: Machine code has no such numbers.
    """
    if dtype.name not in KINDS:
        raise CaptureError(f"An array of {dtype} cannot be compiled; use engine replay.")
    return KINDS[dtype.name] if lanes == 1 else f"<{lanes} x {KINDS[dtype.name]}>"


class LoopBlock:
    """Loop being written.

    Attributes:
        index: The value that counts.
        carried: Values that each turn gets from the one before.
        following: Values for the next turn, set while the loop is written.
        last: Values of the last turn, known once the loop is written.
    """

    def __init__(self, index: str, carried: list[str]) -> None:
        self.index, self.carried = index, carried
        self.following: list[str] = []
        self.last: list[str] = []


class Function:
    """Function being written, with `parameters` as LLVM spells them."""

    def __init__(self, parameters: str, checks: int = 0, name: str = "") -> None:
        self.name = name
        self._head = (
            f"define internal void @{name}({parameters}) #1 {{" if name else f"define void {NAME}({parameters}) #0 {{"
        )
        self._lines: list[str] = []
        self._values, self._blocks, self._block = 0, 0, "entry"
        self._declared: dict[str, str] = {}
        self._checks = checks

    def value(self, text: str) -> str:
        """Value of an instruction."""
        name = f"%v{self._values}"
        self._values += 1
        self._lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Write an instruction without a value."""
        self._lines.append(f"  {text}")

    def call(self, result: str, name: str, kinds: Sequence[str], operands: Sequence[str]) -> str:
        """Value of a call of an external function, which is declared; empty where it returns void."""
        self._declared.setdefault(name, f"declare {result} @{name}({', '.join(kinds)})")
        call = f"call {result} @{name}({', '.join(map(' '.join, zip(kinds, operands, strict=True)))})"
        if result != "void":
            return self.value(call)
        self.do(call)
        return ""

    def include(self, other: "Function") -> None:
        """Add another function, and all it calls, to the module."""
        for name, text in (*other._declared.items(), (other.name, other.text())):
            self._declared.setdefault(name, text)

    def add(self, one: Word, other: Word) -> Word:
        """Sum of integers."""
        if isinstance(one, int) and isinstance(other, int):
            return one + other
        return one if other == 0 else other if one == 0 else self.value(f"add i64 {one}, {other}")

    def times(self, one: Word, other: int) -> Word:
        """Multiple of an integer."""
        if isinstance(one, int):
            return one * other
        return 0 if other == 0 else one if other == 1 else self.value(f"mul i64 {one}, {other}")

    def least(self, one: Word, other: Word) -> Word:
        """Smaller of two integers."""
        if isinstance(one, int) and isinstance(other, int):
            return min(one, other)
        return self.call("i64", "llvm.smin.i64", ["i64", "i64"], [str(one), str(other)])

    def most(self, one: Word, other: Word) -> Word:
        """Larger of two integers."""
        return self.call("i64", "llvm.smax.i64", ["i64", "i64"], [str(one), str(other)])

    def at(self, pointer: str, offset: Word, dtype: str = "i8") -> str:
        """Address so many numbers on."""
        return pointer if offset == 0 else self.value(f"getelementptr {dtype}, ptr {pointer}, i64 {offset}")

    def checked(self, address: str, size: Word, write: bool) -> str:
        """Address to be accessed; where bounds are checked and it is outside, that of spare memory."""
        if not self._checks:
            return address
        operands = [str(self._checks), address, str(size), str(int(write))]
        self._declared.setdefault("xpnet_checked", CHECKED)
        return self.call("ptr", "xpnet_checked", ["i64", "ptr", "i64", "i64"], operands)

    @property
    def checks(self) -> int:
        """Address of the bounds that are checked, or 0."""
        return self._checks

    @contextmanager
    def loop(
        self, first: Word, end: Word, step: int = 1, carried: Sequence[tuple[str, str]] = ()
    ) -> Iterator[LoopBlock]:
        """Context of a loop from one number to below another; there is no turn if none lies between.

        Args:
            first: First index.
            end: Index after the last.
            step: Step of the index.
            carried: Types and first values of what each turn gets from the one before.
        """
        before, body, done = self._block, self._label(), self._label()
        certain = isinstance(first, int) and isinstance(end, int)
        if certain and first >= end:  # type: ignore[operator]
            raise ValueError("A loop without turns is not written.")
        if certain:
            self.do(f"br label %{body}")
        else:
            some = self.value(f"icmp slt i64 {first}, {end}")
            self.do(f"br i1 {some}, label %{body}, label %{done}")
        self.begin(body)
        place = len(self._lines)
        names = [f"%v{self._values + i}" for i in range(1 + len(carried))]
        self._values += len(names)
        loop = LoopBlock(names[0], names[1:])
        yield loop
        following = self.value(f"add i64 {loop.index}, {step}")
        more = self.value(f"icmp slt i64 {following}, {end}")
        latch = self._block
        self.do(f"br i1 {more}, label %{body}, label %{done}")
        kinds = [("i64", str(first), following)]
        kinds += [(k, start, then) for (k, start), then in zip(carried, loop.following, strict=True)]
        self._lines[place:place] = [
            f"  {name} = phi {k} [{start}, %{before}], [{then}, %{latch}]"
            for name, (k, start, then) in zip(names, kinds, strict=True)
        ]
        self.begin(done)
        for (k, start), then in zip(carried, loop.following, strict=True):
            skipped = "" if certain else f", [{start}, %{before}]"
            loop.last.append(self.value(f"phi {k} [{then}, %{latch}]{skipped}"))

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Context of what is done where a condition holds."""
        then, done = self._label(), self._label()
        self.do(f"br i1 {condition}, label %{then}, label %{done}")
        self.begin(then)
        yield
        self.do(f"br label %{done}")
        self.begin(done)

    def either(self, condition: str, kind_: str, one: str, other: str) -> str:
        """Value of one of two instructions, of which only that one is executed."""
        labels = [self._label() for _ in range(3)]
        self.do(f"br i1 {condition}, label %{labels[0]}, label %{labels[1]}")
        values = []
        for label, text in zip(labels, (one, other), strict=False):
            self.begin(label)
            values.append(self.value(text))
            self.do(f"br label %{labels[2]}")
        self.begin(labels[2])
        return self.value(f"phi {kind_} [{values[0]}, %{labels[0]}], [{values[1]}, %{labels[1]}]")

    def begin(self, label: str) -> None:
        """Begin a block, which earlier ones can branch to."""
        self._lines.append(f"{label}:")
        self._block = label

    def _label(self) -> str:
        self._blocks += 1
        return f"b{self._blocks}"

    def text(self) -> str:
        """Text of the function alone."""
        return "\n".join([self._head, "entry:", *self._lines, "  ret void", "}"])

    def module(self) -> str:
        """Module with the function, named by its text, and all it calls."""
        attributes = ["attributes #0 = { nounwind }", "attributes #1 = { nounwind noinline }", ""]
        text = "\n".join([*self._declared.values(), self.text(), *attributes])
        return text.replace(NAME, f"@{name_of(text)}")


def name_of(text: str) -> str:
    """Name of a module's function: a digest of the text with the placeholder."""
    return f"xpnet_{sha256(text.encode()).hexdigest()[:32]}"


CHECKED = """define internal ptr @xpnet_checked(i64 %bounds, ptr %address, i64 %size, i64 %write) #1 {
entry:
  %places = inttoptr i64 %bounds to ptr
  %count = load i64, ptr %places
  %begin = ptrtoint ptr %address to i64
  %end = add i64 %begin, %size
  br label %look
look:
  %i = phi i64 [0, %entry], [%next, %other]
  %known = icmp slt i64 %i, %count
  br i1 %known, label %compare, label %out
compare:
  %at = mul i64 %i, 3
  %first.at = add i64 %at, 2
  %first.place = getelementptr i64, ptr %places, i64 %first.at
  %first = load i64, ptr %first.place
  %last.at = add i64 %at, 3
  %last.place = getelementptr i64, ptr %places, i64 %last.at
  %last = load i64, ptr %last.place
  %mode.at = add i64 %at, 4
  %mode.place = getelementptr i64, ptr %places, i64 %mode.at
  %mode = load i64, ptr %mode.place
  %above = icmp uge i64 %begin, %first
  %below = icmp ule i64 %end, %last
  %allowed = icmp uge i64 %mode, %write
  %inside = and i1 %above, %below
  %fine = and i1 %inside, %allowed
  br i1 %fine, label %good, label %other
other:
  %next = add i64 %i, 1
  br label %look
good:
  ret ptr %address
out:
  %flag = getelementptr i64, ptr %places, i64 1
  store i64 1, ptr %flag
  %spare.at = mul i64 %count, 3
  %spare.from = add i64 %spare.at, 2
  %spare = getelementptr i64, ptr %places, i64 %spare.from
  ret ptr %spare
}"""
"""Function that returns an address if so many bytes lie within known bounds, else spare memory, with a note.

The bounds are a count, what is noted, and of each place where it begins, where it ends, and whether it may be written.
"""


def exported(text: str) -> str:
    """Name of the function that a module exports."""
    start = text.rindex("define void @") + len("define void @")
    return text[start : text.index("(", start)]

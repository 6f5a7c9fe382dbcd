"""Parts of a plan, each a function that does some of its units: rows, numbers or tiles."""

from typing import NamedTuple, TypeAlias

from xpnet.capture.engines.cpu.text import Function, Word
from xpnet.capture.graph import Value

Pointer: TypeAlias = Value | tuple[str, int]
"""Memory whose address a function takes: a value's, or ("data", 0), ("result", 0), ("rows", 0)."""

PARAMETERS = "ptr %table, ptr %thread, i64 %begin, i64 %end"
"""Parameters of a part's function: its addresses, the thread's own memory, the first unit and the end."""

ENOUGH = 2**17
"""Operations that a thread takes at a time."""


class Part(NamedTuple):
    """Part of a plan.

    Attributes:
        text: A module with the function.
        pointers: The addresses in the table.
        total: Units.
        chunk: Units that a thread takes at a time.
    """

    text: str
    pointers: tuple[Pointer, ...]
    total: int
    chunk: int


class Body(Function):
    """Function of a part, being written.

    Attributes:
        pointers: The addresses that it takes, by their names.
    """

    def __init__(self, checks: int) -> None:
        super().__init__(PARAMETERS, checks)
        self.pointers: dict[Pointer, str] = {}
        self._addresses: dict[tuple[str, Word, int, str], str] = {}

    def pointer(self, what: Pointer) -> str:
        """Name of an address in the table."""
        return self.pointers.setdefault(what, f"%p{len(self.pointers)}")

    def row(self, pointer: str, row: Word, stride: int, kind_: str) -> str:
        """Address of a row, which is computed once."""
        key = (pointer, row, stride, kind_)
        if key not in self._addresses:
            self._addresses[key] = self.at(pointer, self.times(row, stride), kind_)
        return self._addresses[key]

    def part(self, total: int, chunk: int) -> Part:
        """Part with the function, which loads its addresses first."""
        first = []
        for i, name in enumerate(self.pointers.values()):
            first += [f"  {name}.at = getelementptr i64, ptr %table, i64 {i}", f"  {name} = load ptr, ptr {name}.at"]
        self._lines[:0] = first
        return Part(self.module(), tuple(self.pointers), total, max(chunk, 1))

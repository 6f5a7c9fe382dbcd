"""Memory of values: scratch buffers that are used again once their value is dead, and the inputs' own arrays."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xpnet.capture.graph import VIEWS, Graph, Value
from xpnet.capture.tracing.operations import laid_out

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


class Stage(NamedTuple):
    """An operation, or several fused into one.

    Attributes:
        reads: The values it needs; views of a value count as that value.
        writes: The values it leaves behind.
        overwritable: Pairs (written, read) of which the first may take the second's memory.
    """

    reads: frozenset[Value]
    writes: tuple[Value, ...]
    overwritable: frozenset[tuple[Value, Value]] = frozenset()


class Home(NamedTuple):
    """The memory of a value: the array of an input, or a scratch buffer."""

    is_input: bool
    number: int

    def __str__(self) -> str:
        return f"{'input' if self.is_input else 'buffer'} {self.number}"


class Memory(NamedTuple):
    """A layout.

    Attributes:
        homes: Of every value that is not a view.
        sizes: Of the scratch buffers, in bytes.
        copies: Outputs that must be copied into the input that they replace, with its index, after the last stage.
    """

    homes: Mapping[Value, Home]
    sizes: tuple[int, ...]
    copies: tuple[tuple[Value, int], ...]

    def scratch(self) -> dict[Value, np.ndarray]:
        """Arrays in new buffers, for the values that live in buffers.

        Values that lie alike in the same buffer have the same array: NumPy sees at a glance then that a call may write
        its result over its operand, and takes twice as long for a small one to find out otherwise.
        """
        buffers, arrays, scratch = [aligned(size) for size in self.sizes], dict[Any, np.ndarray](), {}
        for value, home in self.homes.items():
            if not home.is_input:
                form = home.number, value.shape, value.dtype, value.order
                if form not in arrays:
                    arrays[form] = laid_out(value, buffers[home.number])
                scratch[value] = arrays[form]
        return scratch

    def arrays(
        self,
        graph: Graph,
        inputs: Sequence[np.ndarray],
        scratch: Mapping[Value, np.ndarray],
        places: Mapping[Value, np.ndarray] | None = None,
    ) -> dict[Value, np.ndarray]:
        """An array for every value, views included, on the inputs' arrays and those of the buffers.

        Args:
            graph: What is computed.
            inputs: An array for each of its inputs.
            scratch: Arrays of values in buffers.
            places: Arrays in C order that take the place of buffers, where values would have one and lie like that.
        """
        own = {value: place for value, place in (places or {}).items() if value in scratch and value.is_contiguous}
        arrays = {**dict(zip(graph.inputs, inputs, strict=True)), **scratch, **own}
        arrays |= {value: inputs[home.number] for value, home in self.homes.items() if value not in arrays}
        for operation in graph.operations:
            if operation.name in VIEWS and (source := arrays.get(operation.arrays[0])) is not None:
                arrays[operation.output] = getattr(source, operation.name)(*operation.options)
        return arrays


def aligned(size: int) -> np.ndarray:
    """A buffer of that many bytes, at the beginning of a cache line."""
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]


def lay_out(
    graph: Graph, stages: Sequence[Stage], donated: int, pinned: Iterable[Value] = (), spent: Iterable[Value] = ()
) -> Memory:
    """Give every value that a stage writes a home.

    Args:
        graph: What is computed.
        stages: In what order; together they do all of it.
        donated: So many of the first inputs are replaced by as many first outputs: each is overwritten as soon as
            its old value is no longer needed.
        pinned: Values whose buffer must not be used for anything else, neither later nor before.
        spent: Inputs that nobody needs afterwards: what is made of one can overwrite it.
    """
    roots, pinned, spent = graph.roots(), frozenset(pinned), frozenset(spent)
    never = len(stages)
    last = {value: at for at, stage in enumerate(stages) for value in stage.reads}
    last |= dict.fromkeys((roots[value] for value in (*graph.outputs, *pinned)), never)
    homes = {value: Home(True, i) for i, value in enumerate(graph.inputs)}
    replaced = _replaced(graph, roots, stages, donated)

    sizes: list[int] = []
    free: list[int] = []
    for at, stage in enumerate(stages):
        dying = sorted(
            (value for value in stage.reads if last[value] == at and (not homes[value].is_input or value in spent)),
            key=lambda value: homes[value].number,
        )
        for value in stage.writes:
            old = replaced.get(value)
            over = next((read for read in dying if (value, read) in stage.overwritable), None)
            if old is not None:
                homes[value] = Home(True, old)
            elif over is not None:
                homes[value] = homes[over]
                dying.remove(over)
            else:
                homes[value] = Home(False, _claim(value.nbytes, sizes, [] if value in pinned else free))
            last.setdefault(value, at)
        free += [homes[value].number for value in dying if not homes[value].is_input]
        free += [homes[v].number for v in stage.writes if last[v] == at and not homes[v].is_input]
    copies = tuple(
        (output, i) for i, output in enumerate(graph.outputs[:donated]) if homes.get(roots[output]) != Home(True, i)
    )
    return Memory(homes, tuple(sizes), copies)


def _replaced(graph: Graph, roots: Mapping[Value, Value], stages: Sequence[Stage], donated: int) -> dict[Value, int]:
    """The outputs that can be written straight into the input that they replace."""
    written = {value: at for at, stage in enumerate(stages) for value in stage.writes}
    replaced: dict[Value, int] = {}
    for i, (old, new) in enumerate(zip(graph.inputs[:donated], graph.outputs[:donated], strict=True)):
        if new in replaced or new not in written or not old.is_like(new):
            continue
        at = written[new]
        needed_later = any(old in stage.reads for stage in stages[at + 1 :])
        needed_now = old in stages[at].reads and (new, old) not in stages[at].overwritable
        is_output = any(roots[output] is old for output in graph.outputs)
        if not (needed_later or needed_now or is_output):
            replaced[new] = i
    return replaced


def _claim(size: int, sizes: list[int], free: list[int]) -> int:
    """A free buffer that holds so many bytes: the smallest that does, else the largest, grown; else a new one."""
    fitting = [index for index in free if sizes[index] >= size]
    index = min(fitting, key=sizes.__getitem__) if fitting else max(free, key=sizes.__getitem__, default=None)
    if index is None:
        sizes.append(size)
        return len(sizes) - 1
    free.remove(index)
    sizes[index] = max(sizes[index], size)
    return index

"""Packs: the neighbouring elements that a thread reads, makes and writes at once, 16 bytes of them, as float4 is.

Only threads that have an element each have packs of them. Along rows a warp reads 32 neighbours, and so do the threads
side by side that sum columns: that is a whole line of memory as it is, and wider columns would leave the device with a
quarter of the blocks.
"""

from collections.abc import Iterable
from typing import NamedTuple

from xpnet.capture.engines.cuda.layout import DeviceLayout
from xpnet.capture.graph import RANDOM, Value
from xpnet.capture.planning.kernels import Extent, Kernel, Loop

BYTES = 16
"""What one access of a thread reads or writes at most."""


class Packing(NamedTuple):
    """How a kernel's threads go through its elements.

    Attributes:
        lanes: Elements a thread has at a time.
        is_flat: Whether all lie alike, end to end, so that rows do not matter.
    """

    lanes: int = 1
    is_flat: bool = False


def packing(kernel: Kernel, layout: DeviceLayout, roots: dict[Value, Value], written: Iterable[Value]) -> Packing:
    """The packs of a kernel whose every element stands for itself; all its loops have the same.

    So an element is one thread's in all of them, which may overwrite what another of them reads. Random numbers are
    those of a row and a column, which a thread has of one element only.
    """
    if any(node.operation.name in RANDOM for node in kernel.nodes):
        return Packing()
    written = frozenset(written)
    loops = [(loop, _seen(loop, roots, written)) for loop in kernel.loops]
    lanes = lanes_of(value for _, seen in loops for value, _ in seen)
    for is_flat in (True, False):
        if lanes > 1 and all(_fits(kernel.rows, loop, seen, layout, lanes, is_flat) for loop, seen in loops):
            return Packing(lanes, is_flat)
    return Packing()


def lanes_of(values: Iterable[Value]) -> int:
    """Elements of a pack, so many of the widest that one access takes them, and no more of the others."""
    return BYTES // max((4, *(value.dtype.itemsize for value in values)))


def _seen(loop: Loop, roots: dict[Value, Value], written: frozenset[Value]) -> list[tuple[Value, Extent]]:
    """The arrays that a loop reads and writes, but for single numbers."""
    own = {node.operation.output for node in loop.nodes}
    seen = [(r.value, r.extent) for node in loop.nodes for r in node.reads if roots.get(r.value, r.value) not in own]
    outputs = [(node.operation.output, node.made) for node in loop.nodes]
    seen += [(value, made) for value, made in outputs if value in written]
    return [(value, extent) for value, extent in seen if extent != (1, 1)]


def _fits(
    rows: int, loop: Loop, seen: list[tuple[Value, Extent]], layout: DeviceLayout, lanes: int, is_flat: bool
) -> bool:
    """Whether a pack's elements are neighbours in all arrays, and begin where a pack may."""
    whole = (rows, loop.width)
    if is_flat:
        end_to_end = (loop.width if rows > 1 else 0, 1)
        alike = all(extent == whole and layout.strides(value, extent) == end_to_end for value, extent in seen)
        return loop.width > 1 and rows * loop.width % lanes == 0 and alike
    strides = [layout.strides(value, extent) for value, extent in seen if extent[1] > 1]
    return loop.width % lanes == 0 and all(down % lanes == 0 and along == 1 for down, along in strides)

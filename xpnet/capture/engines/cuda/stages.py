"""What the parts of a step may overwrite on a CUDA device, where nothing orders one thread's loop before another's."""

from xpnet.capture.graph import Value
from xpnet.capture.planning.kernels import Fused, Kernel
from xpnet.capture.planning.memory import Stage


def stages(fused: Fused) -> list[Stage]:
    """What each part reads, writes and may overwrite."""
    roots = fused.graph.roots()

    def narrowed(part: object, stage: Stage) -> Stage:
        if not isinstance(part, Kernel):
            return stage
        return stage._replace(
            overwritable=frozenset(pair for pair in stage.overwritable if _in_one_thread(part, *pair, roots))
        )

    return [narrowed(part, stage) for part, stage in zip(fused.parts, fused.stages(), strict=True)]


def _in_one_thread(kernel: Kernel, new: Value, old: Value, roots: dict[Value, Value]) -> bool:
    """Whether whatever reads an element of `old` is the thread that writes that of `new`.

    Loops of one width give element (i, j) to one thread, those of another width to another.
    """
    readers = {
        loop.width for loop in kernel.loops for node in loop.nodes for read in node.reads if roots[read.value] is old
    }
    at = kernel.position(new)
    return at is not None and readers == {kernel.loops[at].width}

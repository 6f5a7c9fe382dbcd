"""CUDA graphs of blocks of steps, captured by torch: the launches of many steps are one launch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Array, Batch
from xpnet.backends.base import Carry, Step
from xpnet.backends.cuda import first_error, first_line
from xpnet.capture.program_cache import cached
from xpnet.errors import CaptureError

GRAPH_STEPS = 50
"""Most steps per graph: beside so many its launch costs nothing, and they are captured at once."""

PlainRunner = Callable[[Step, Carry, Batch | None, Array], tuple[Carry, tuple[Array, ...]]]
"""A function that runs steps operation by operation, as `Backend.run_block` does."""


class StepGraph(NamedTuple):
    """Graph of some steps, with its buffers.

    Attributes:
        launches: Graph of the steps' launches.
        rows: Row indices that it reads, (steps, batch).
        metrics: Metrics that it writes, (steps,) each.
    """

    launches: Any
    rows: Array
    metrics: tuple[Array, ...]


class StepGraphs:
    """Graphs of a step on one set of data, one for each number of steps and rows; they share their buffers."""

    def __init__(self, carry: Carry, data: Batch | None, device: torch.device) -> None:
        self._carry = copied(carry)
        # Kept, since the graphs read it where it lies.
        self._data = data
        self._device = device
        self._stream, self._pool = torch.cuda.Stream(device), torch.cuda.graph_pool_handle()
        self._known: dict[tuple[int, ...], StepGraph] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays on the device that live as long as the graphs."""
        return sum(array.nbytes for array in (*arrays_in(self._carry), *arrays_in(self._data)))

    def run(self, run: PlainRunner, step: Step, carry: Carry, rows: Array) -> tuple[Carry, tuple[Array, ...]]:
        """Run a block of steps.

        Raises:
            CaptureError: They cannot be captured; nothing has been overwritten yet.
        """
        pieces = torch.tensor_split(rows, -(-len(rows) // GRAPH_STEPS))
        # All of them first: what is captured is tried before, on the buffers that then get the carry.
        graphs = [self._graph(run, step, piece) for piece in pieces]
        overwrite(self._carry, carry)
        measured = []
        for graph, piece in zip(graphs, pieces, strict=True):
            graph.rows.copy_(piece)
            graph.launches.replay()
            measured.append(copied(graph.metrics))
        return copied(self._carry), tuple(torch.cat(column) for column in zip(*measured, strict=True))

    def _graph(self, run: PlainRunner, step: Step, rows: Array) -> StepGraph:
        """Graph for that many steps and rows; captured if there is none yet."""
        shape = tuple(rows.shape)
        if shape not in self._known:
            try:
                with torch.cuda.device(self._device):
                    self._known[shape] = self._captured(run, step, rows.clone())
            except RuntimeError as error:
                why = first_line(first_error(error))
                raise CaptureError(f"torch cannot capture these steps as a CUDA graph ({why})") from error
        return self._known[shape]

    def _captured(self, run: PlainRunner, step: Step, rows: Array) -> StepGraph:
        """Capture the steps, after they have run once: kernels must not be loaded nor chosen meanwhile."""

        def steps() -> tuple[Array, ...]:
            carry, metrics = run(step, self._carry, self._data, rows)
            overwrite(self._carry, carry)
            return metrics

        current, launches = torch.cuda.current_stream(self._device), torch.cuda.CUDAGraph()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            steps()
        current.wait_stream(self._stream)
        # torch 2.13 leaves its stream the current one where a capture fails; the outer context does not.
        with torch.cuda.stream(current), torch.cuda.graph(launches, pool=self._pool, stream=self._stream):
            metrics = steps()
        return StepGraph(launches, rows, metrics)


def step_graphs(step: Step, carry: Carry, data: Batch | None, device: torch.device, precision: str) -> StepGraphs:
    """Graphs of a step for these data and a carry like this one, cached as programs are."""
    read = ((array.data_ptr(), array.shape, array.stride(), array.dtype) for array in arrays_in(data))
    key = ("torch", device, precision, *read, *((array.shape, array.dtype) for array in arrays_in(carry)))
    return cached(step, key, lambda: StepGraphs(carry, data, device))


def copied(tree: Any) -> Any:
    """Tree of copies, each with memory of its own."""
    return map_arrays(lambda array: array.clone(), tree)


def overwrite(buffers: Any, tree: Any) -> None:
    """Copy arrays into buffers, as if all at once: a step may hand on what lies in a buffer, and in another's place."""
    pairs = [pair for pair in zip(arrays_in(buffers), arrays_in(tree), strict=True) if pair[0] is not pair[1]]
    overwritten = {buffer.untyped_storage().data_ptr() for buffer in arrays_in(buffers)}
    arrays = [array.clone() if array.untyped_storage().data_ptr() in overwritten else array for _, array in pairs]
    for (buffer, _), array in zip(pairs, arrays, strict=True):
        buffer.copy_(array)

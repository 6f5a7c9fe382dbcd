"""A plan as a list of launches: kernels and matrix products, in order, on arrays that stay where they are."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from xpnet.capture.engines.cuda.expressions import FUNCTIONS
from xpnet.capture.engines.cuda.kernel_source import Kernels, Launch
from xpnet.capture.engines.cuda.layout import LARGEST, DeviceLayout, Factor
from xpnet.capture.engines.cuda.stages import stages
from xpnet.capture.graph import Graph, Number, Operation, Value
from xpnet.capture.planning.fusion import fuse
from xpnet.capture.planning.kernels import Product
from xpnet.capture.planning.memory import Memory, lay_out
from xpnet.capture.planning.plan import Plan
from xpnet.capture.planning.rewrites import with_accumulated_products, with_scalars_negated
from xpnet.errors import CaptureError


class Gemm(NamedTuple):
    """c ← alpha·a·b + beta·c.

    Attributes:
        a: The value in whose memory the first factor lies.
        b: That of the second one.
        size: Rows of a, columns of b, and what is summed over.
        lies: How a and b lie.
        alpha: A number, or the value of an array with one.
    """

    a: Value
    b: Value
    c: Value
    size: tuple[int, int, int]
    lies: tuple[Factor, Factor]
    alpha: Value | Number
    beta: Value | Number


class Launches(NamedTuple):
    """A plan for a CUDA device.

    Attributes:
        source: The kernels, as C++.
        sequence: What a step launches; the last kernel counts the step.
        graph: What it computes; some of the plan's operations are merged, some taken apart.
        memory: Where the values live.
    """

    source: str
    sequence: tuple[Launch | Gemm, ...]
    graph: Graph
    memory: Memory


def launches(plan: Plan) -> Launches:
    """Prepare a plan whose rows are chosen by index.

    Raises:
        CaptureError: It cannot be compiled for CUDA.
    """
    graph = with_scalars_negated(with_accumulated_products(plan.graph, plan.donated))
    fused = fuse(graph, plan.donated, plan.fed, by_element=True)
    memory = lay_out(fused.graph, stages(fused), plan.donated, plan.fed)
    layout, roots, kernels = DeviceLayout(fused.graph), fused.graph.roots(), Kernels(fused)
    sequence = [
        _gemm(part.operation, layout, roots) if isinstance(part, Product) else kernels.launch(part)
        for part in fused.parts
    ]
    copies = [(value, fused.graph.inputs[i]) for value, i in memory.copies]
    sequence.append(kernels.finish(plan.results, copies))
    return Launches("\n\n".join([FUNCTIONS, *kernels.texts]) + "\n", tuple(sequence), fused.graph, memory)


def _gemm(operation: Operation, layout: DeviceLayout, roots: Mapping[Value, Value]) -> Gemm:
    """A product, or one that is added to what is there: its alpha is negated already."""
    out = operation.output
    factors = [value for value in operation.inputs[-2:] if isinstance(value, Value)]
    scales = list(operation.inputs[1:-2]) if operation.name == "accumulate" else [0, 1]
    beta, alpha = scales
    if operation.name == "accumulate" and not isinstance(alpha, Value):
        alpha = -alpha
    scalars = [scale for scale in scales if isinstance(scale, Value)]
    if out.dtype not in (np.float32, np.float64) or any(v.dtype != out.dtype for v in (*factors, *scalars)):
        raise CaptureError(
            f"matmul at {operation.line} is not of float32 or float64 alone, and cannot be compiled for CUDA; "
            "use engine plain."
        )
    a, b = factors
    (m, k), n = a.shape, b.shape[1]
    if max(m, n, k, layout.factor(a).length, layout.factor(b).length) > LARGEST:
        raise CaptureError(f"matmul at {operation.line} has more rows or columns than cuBLAS counts; use engine plain.")
    return Gemm(roots[a], roots[b], out, (m, n, k), (layout.factor(a), layout.factor(b)), alpha, beta)

"""A plan as a list of launches: kernels and matrix products, in order, on arrays that stay where they are."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from xpnet.capture.engines.cuda.expressions import FUNCTIONS
from xpnet.capture.engines.cuda.gathering import gathered
from xpnet.capture.engines.cuda.grouping import grouped
from xpnet.capture.engines.cuda.groups import Grouped
from xpnet.capture.engines.cuda.kernel_source import Kernels, Launch
from xpnet.capture.engines.cuda.layout import LARGEST, DeviceLayout, Factor
from xpnet.capture.engines.cuda.stages import stages
from xpnet.capture.graph import VIEWS, Graph, Number, Operation, Value
from xpnet.capture.planning.kernels import Product
from xpnet.capture.planning.memory import Home, Memory, lay_out
from xpnet.capture.planning.plan import Plan
from xpnet.capture.planning.rewrites import (
    with_accumulated_products,
    with_reductions_along_one_axis,
    with_scalars_negated,
)
from xpnet.errors import CaptureError

GRAPH_STEPS = 32
"""Steps of a graph at most; beside so many its launch costs nothing."""

GATHERED = 2**28
"""Bytes of rows that a graph may fetch at once."""


class Gemm(NamedTuple):
    """c ← alpha·a·b + beta·c.

    Attributes:
        a: Where the first factor lies.
        b: Where the second one lies.
        c: Where the product goes.
        dtype: Of all of them.
        size: Rows of a, columns of b, and what is summed over.
        lies: How a and b lie.
        alpha: A number, or where an array with one lies.
        beta: As alpha.
    """

    a: Home
    b: Home
    c: Home
    dtype: np.dtype
    size: tuple[int, int, int]
    lies: tuple[Factor, Factor]
    alpha: Home | Number
    beta: Home | Number
    line: str

    def __str__(self) -> str:
        m, n, k = self.size
        return f"product {m}×{k}×{n}  {self.line}"


class Launches(NamedTuple):
    """A plan for a CUDA device.

    Attributes:
        source: The kernels, as C++.
        gather: What fetches the rows of a graph's steps, before them; None where steps are fed with none.
        sequence: What a step launches.
        counter: What counts a graph's steps, after them.
        steps: How many steps a graph holds at most.
        graph: What a step computes; some of the plan's operations are merged, some taken apart.
        memory: Where the values live.
    """

    source: str
    gather: Launch | None
    sequence: tuple[Launch | Gemm, ...]
    counter: Launch
    steps: int
    graph: Graph
    memory: Memory

    @property
    def kernels(self) -> tuple[Launch, ...]:
        """All that are no products."""
        step = (launch for launch in self.sequence if isinstance(launch, Launch))
        return (*(() if self.gather is None else (self.gather,)), *step, self.counter)

    def __str__(self) -> str:
        """One line a launch, and how many there are."""
        lines = [
            str(launch) if isinstance(launch, Gemm) else f"kernel  {launch.blocks}×{launch.threads}  {launch.what}"
            for launch in self.sequence
        ]
        products = sum(isinstance(launch, Gemm) for launch in self.sequence)
        around = 2 if self.gather else 1
        return "\n".join(
            [
                *lines,
                f"{len(self.sequence)} launches a step, {products} of them products; "
                f"{around} more for a graph of up to {self.steps} steps.",
            ]
        )


def launches(plan: Plan) -> Launches:
    """Prepare a plan whose rows are chosen by index.

    Raises:
        CaptureError: It cannot be compiled for CUDA.
    """
    DeviceLayout(plan.graph)
    fetched = gathered(plan.graph, plan.donated)
    at_once = _written_at_once(fetched.graph, plan.donated)
    made, memory = _arranged(fetched.graph, plan.donated, frozenset(at_once))
    layout, roots = DeviceLayout(made.graph), made.graph.roots()
    results: dict[Value, list[int]] = {}
    for i, value in enumerate(plan.results):
        if value in at_once:
            results.setdefault(roots[value], []).append(i)
    kernels = Kernels(made.graph, memory.homes, made.stored, results)
    sequence: list[Launch | Gemm] = [
        _gemm(part.operation, layout, roots, memory) if isinstance(part, Product) else kernels.launch(part)
        for part in made.parts
    ]
    left = [(i, value) for i, value in enumerate(plan.results) if value not in at_once]
    copies = [(value, Home(True, i)) for value, i in memory.copies]
    if left or copies:
        sequence.append(kernels.copies(left, copies))
    row_bytes = sum(value.nbytes for value in fetched.graph.inputs[plan.donated :])
    steps = max(1, min(GRAPH_STEPS, GATHERED // max(row_bytes, 1)))
    gather = kernels.gather(fetched.fed, steps) if fetched.fed else None
    counter = kernels.count()
    source = "\n\n".join([FUNCTIONS, *kernels.texts]) + "\n"
    return Launches(source, gather, tuple(sequence), counter, steps, made.graph, memory)


def _written_at_once(graph: Graph, donated: int) -> set[Value]:
    """The results that a kernel can write to their place as it makes them."""
    makers = {operation.output: operation.name for operation in graph.operations}
    views = {operation.output: operation for operation in graph.operations if operation.name in VIEWS}
    found = set()
    for value in graph.outputs[donated:]:
        root = value
        while root in views and views[root].name == "reshape":
            root = views[root].arrays[0]
        if makers.get(root, "transpose") not in ("transpose", "matmul", "accumulate") and root.is_contiguous:
            found.add(value)
    return found


def _arranged(graph: Graph, donated: int, elsewhere: frozenset[Value]) -> tuple[Grouped, Memory]:
    """The launches and the memory of what they make.

    A product is taken from an old value in its place only where the memory turns out to be the old value's, and no
    factor's.
    """
    apart = set[Value]()
    while True:
        merged = with_scalars_negated(with_accumulated_products(graph, donated, apart))
        made = grouped(with_reductions_along_one_axis(merged), donated, elsewhere)
        memory = lay_out(made.graph, stages(made), donated)
        wrong = _out_of_place(made.graph, memory)
        if not wrong:
            return made, memory
        apart |= wrong


def _out_of_place(graph: Graph, memory: Memory) -> set[Value]:
    """The outputs of products that are taken from what does not lie there, or from one of their factors."""
    roots, found = graph.roots(), set[Value]()
    for operation in graph.operations:
        if operation.name == "accumulate":
            old, *others = (memory.homes[roots[value]] for value in operation.arrays)
            if old != memory.homes[operation.output] or old in others:
                found.add(operation.output)
    return found


def _gemm(operation: Operation, layout: DeviceLayout, roots: Mapping[Value, Value], memory: Memory) -> Gemm:
    """A product, or one that is added to what is there: its alpha is negated already."""
    out = operation.output
    a, b = factors = tuple(value for value in operation.inputs[-2:] if isinstance(value, Value))
    beta, alpha = list(operation.inputs[1:-2]) if operation.name == "accumulate" else [0, 1]
    if operation.name == "accumulate" and not isinstance(alpha, Value):
        alpha = -alpha
    scalars = [scale for scale in (alpha, beta) if isinstance(scale, Value)]
    if out.dtype not in (np.float32, np.float64) or any(v.dtype != out.dtype for v in (*factors, *scalars)):
        raise CaptureError(
            f"matmul at {operation.line} is not of float32 or float64 alone, and cannot be compiled for CUDA; "
            "use engine plain."
        )
    (m, k), n = a.shape, b.shape[1]
    lies = (layout.factor(a), layout.factor(b))
    if max(m, n, k, *(factor.length for factor in lies)) > LARGEST:
        raise CaptureError(f"matmul at {operation.line} has more rows or columns than cuBLAS counts; use engine plain.")

    def home(value: Value | Number) -> Home | Number:
        return memory.homes[roots[value]] if isinstance(value, Value) else value

    first, second, target = (memory.homes[roots[value]] for value in (a, b, out))
    return Gemm(first, second, target, out.dtype, (m, n, k), lies, home(alpha), home(beta), operation.line)

"""Runs a plan as machine code: fused, written as source, compiled by numba, with SciPy's BLAS for the products."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from xpnet.capture.cache import load
from xpnet.capture.fusion import fuse
from xpnet.capture.graph import Value
from xpnet.capture.memory import lay_out
from xpnet.capture.plan import Plan
from xpnet.capture.source import Writer

SYMBOLS = {"xpnet_sgemm": "sgemm", "xpnet_dgemm": "dgemm"}
LETTERS = np.frombuffer(b"NT", np.uint8)


def can_compile() -> bool:
    """Whether numba and SciPy are installed."""
    return find_spec("numba") is not None and find_spec("scipy") is not None


class Compiled:
    """A plan with its buffers and its machine code; for one thread at a time.

    Attributes:
        source: What is compiled.
    """

    def __init__(self, plan: Plan, *, gathered: bool) -> None:
        self.plan, self._gathered = plan, gathered
        n = plan.fed[0].shape[0] if plan.fed else 0
        # A single row is a slice of the data; so is a stretch of rows.
        self._sliced = not gathered or n == 1
        fused = fuse(plan.graph, plan.donated, () if self._sliced else plan.fed)
        graph = plan.graph if self._sliced else fused.graph
        memory = lay_out(fused.graph, fused.stages(), plan.donated, plan.fed)
        self._scratch = memory.scratch()
        self._fed = [np.empty(value.shape, value.dtype) for value in plan.fed]
        self._memory, self._graph = memory, fused.graph
        roots = fused.graph.roots()
        names: dict[Any, str] = {}

        def name(value: Value) -> str:
            # Arrays that are the same memory have one name, or they would seem to overlap.
            key = (memory.homes[roots[value]], value.shape, value.dtype, value.order)
            return names.setdefault(key, f"v{len(names)}")

        sliced = {value: i for i, value in enumerate(plan.fed)} if self._sliced else {}
        writer = Writer(fused, name, gathered and not self._sliced, sliced)
        body, numbers = writer.body()
        results, copies = [], []
        for i, value in enumerate(plan.results):
            shape = value.shape
            text, deep = f"o{i}[step", ""
            loops = []
            for axis in range(len(shape)):
                loops.append(f"{deep}for i{axis} in range({shape[axis]}):")
                deep += "    "
            at = ", ".join(f"i{axis}" for axis in range(len(shape)))
            source = f"{writer.array(value)}[{at or '()'}]"
            results += [*loops, f"{deep}{text}{', ' + at if at else ''}] = {source}"]
        carried: dict[int, str] = {}
        for value, i in memory.copies:
            shape, deep = value.shape, ""
            target = carried.setdefault(i, f"k{i}")
            for axis in range(len(shape)):
                copies.append(f"{deep}for i{axis} in range({shape[axis]}):")
                deep += "    "
            at = ", ".join(f"i{axis}" for axis in range(len(shape))) or "()"
            copies.append(f"{deep}{target}[{at}] = {writer.array(value)}[{at}]")
        self._carried = list(carried)
        slices = []
        for i, value in enumerate(plan.fed if self._sliced else ()):
            begin = "rows[step, 0]" if gathered else f"step * {n}"
            slices.append(f"x{i} = d{i}[{begin} : {begin} + {n}]")
        self._values = list(writer.arguments.values())
        arguments = [
            "steps", "rows",
            *(f"d{i}" for i in range(len(plan.fed))), *(f"o{i}" for i in range(len(plan.results))),
            *(f"k{i}" for i in carried), *writer.arguments,
            "letters", "sizes", "float32s", "float64s",
        ]  # fmt: skip
        lines = [
            *(f"{name} = {text}" for text, name in numbers.items()),
            "",
            "",
            '@njit(cache=True, fastmath=FAST, error_model="numpy", nogil=True)',
            f"def block({', '.join(arguments)}):",
            "    for step in range(steps):",
            *("        " + line for line in (*slices, *body, *results, *copies)),
            "",
        ]
        primitives = Path(__file__).with_name("primitives.py").read_text(encoding="utf-8")
        self.source = primitives + "\n\n" + "\n".join(lines)
        del graph
        self._function: Callable[..., None] = load(self.source).block
        self._sizes = np.zeros(6, np.int32)
        self._factors = (np.zeros(2, np.float32), np.zeros(2, np.float64))

    def gathered(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        """As `Replay.gathered`."""
        self._run(carry, data, np.ascontiguousarray(rows, np.int64), results)

    def sliced(self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
        """As `Replay.sliced`."""
        self._run(carry, data, np.zeros((len(results[0]), 0), np.int64), results)

    def _run(
        self, carry: Sequence[np.ndarray], data: Sequence[np.ndarray], rows: np.ndarray, results: Sequence[np.ndarray]
    ) -> None:
        arrays = self._memory.arrays(self._graph, [*carry, *self._fed], self._scratch)
        self._function(
            len(rows), rows, *data, *results, *(carry[i] for i in self._carried),
            *(arrays[value] for value in self._values), LETTERS, self._sizes, *self._factors,
        )  # fmt: skip

"""The whole source of a compiled plan: primitives, and a function that runs a block of steps on arrays it is handed."""

from pathlib import Path
from typing import NamedTuple

from xpnet.capture.fusion import fuse
from xpnet.capture.graph import Graph, Value
from xpnet.capture.memory import Memory, lay_out
from xpnet.capture.plan import Plan
from xpnet.capture.source import Writer


class Text(NamedTuple):
    """A source, and what its function takes.

    Attributes:
        source: A module with a function `block(steps, rows, data…, results…, carried…, values…, letters, sizes,
            float32s, float64s)`.
        carried: The indices of the inputs that outputs are copied to.
        values: What it takes the arrays of.
        graph: What it computes; some of the plan's operations are merged.
        memory: Where the values live.
    """

    source: str
    carried: list[int]
    values: list[Value]
    graph: Graph
    memory: Memory


def text(plan: Plan, *, gathered: bool) -> Text:
    """Write a plan's source.

    Args:
        plan: What is to be done.
        gathered: Whether a step's rows are chosen by index; if not, they are the next ones.
    """
    n = plan.fed[0].shape[0] if plan.fed else 0
    # A stretch of rows is a slice of the data, and so is a single row; others are fetched.
    sliced = plan.fed if n == 1 or not gathered else ()
    fused = fuse(plan.graph, plan.donated, () if sliced else plan.fed)
    memory = lay_out(fused.graph, fused.stages(), plan.donated, plan.fed)
    writer = Writer(fused, memory, sliced)
    body = writer.body()
    results = [
        line for i, value in enumerate(plan.results) for line in _copy(value, f"o{i}", "step", writer.array(value))
    ]
    copies = [line for value, i in memory.copies for line in _copy(value, f"k{i}", "", writer.array(value))]
    begin = "rows[step, 0]" if gathered else f"step * {n}"
    slices = [f"x{i} = d{i}[{begin} : {begin} + {n}]" for i in range(len(sliced))]
    carried = list(dict.fromkeys(i for _, i in memory.copies))
    arguments = [
        *("steps", "rows"),
        *(f"d{i}" for i in range(len(plan.fed))),
        *(f"o{i}" for i in range(len(plan.results))),
        *(f"k{i}" for i in carried),
        *writer.arguments,
        *("letters", "sizes", "float32s", "float64s"),
    ]
    lines = [
        *(f"{name} = {number}" for number, name in writer.numbers.items()),
        "",
        "",
        '@njit(cache=True, fastmath=FAST, error_model="numpy", nogil=True)',
        f"def block({', '.join(arguments)}):",
        "    for step in range(steps):",
        *(" " * 8 + line for line in (*slices, *writer.views, *body, *results, *copies)),
        "",
    ]
    primitives = Path(__file__).with_name("primitives.py").read_text(encoding="utf-8")
    return Text("\n".join([primitives, *lines]), carried, list(writer.arguments.values()), fused.graph, memory)


def _copy(value: Value, target: str, at: str, source: str) -> list[str]:
    """Loops that copy an array, element by element, into another or into a part of it."""
    axes = [f"i{axis}" for axis in range(len(value.shape))]
    heads = [f"{' ' * 4 * i}for {axis} in range({value.shape[i]}):" for i, axis in enumerate(axes)]
    to = ", ".join([*([at] if at else []), *axes]) or "()"
    return [*heads, f"{' ' * 4 * len(axes)}{target}[{to}] = {source}[{', '.join(axes) or '()'}]"]

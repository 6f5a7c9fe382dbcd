"""The one list of contenders: the floor, xpnet on every backend by every engine, and the peers."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from configurations import Problem
from contenders import Contender
from floor import Floor
from gpu_peers import GraphedTorch, ReducedTorch
from ours import Ours
from peers import ByHand, CompiledTorch, Jax, ScannedJax, ScikitLearn, Thinc, Torch


class Entry(NamedTuple):
    """A contender as the list holds it.

    Attributes:
        kind: "floor", "xpnet" or "peer".
        make: `make(problem, device)` sets it up, or raises Unavailable.
        asks: Whether it has a way of its own to predict.
        grows: Whether the growth of its cost is measured.
        slow: Why a quick run leaves it out, or nothing.
        hopeless: Why every run leaves it out, or nothing.
    """

    kind: str
    make: Callable[[Problem, str], Contender]
    asks: bool = True
    grows: bool = False
    slow: str = ""
    hopeless: str = ""


def ours(name: str, engine: str, precision: str = "fp32", hopeless: str = "") -> dict[str, Entry]:
    """A backend with an engine and a precision."""
    make = partial(Ours, name=name, engine=engine, precision=precision)
    called = f"xpnet {name} {engine}{'' if precision == 'fp32' else f' {precision}'}"
    return {called: Entry("xpnet", make, grows=precision == "fp32", hopeless=hopeless)}


ROSTER: dict[str, Entry] = {
    "floor": Entry("floor", Floor, grows=True),
    "floor tf32": Entry("floor", partial(Floor, precision="tf32")),
    **ours("numpy", "plain"),
    **ours("numpy", "replay"),
    **ours("numpy", "compiled"),
    **ours("cupy", "plain"),
    **ours("cupy", "replay"),
    **ours("cupy", "compiled"),
    **ours("cupy", "compiled", "tf32"),
    **ours("torch", "plain"),
    **ours("torch", "compiled"),
    **ours(
        "jax", "plain", hopeless="operation by operation JAX takes milliseconds a step; too slow to be worth timing"
    ),
    **ours("jax", "compiled"),
    "NumPy by hand": Entry("peer", ByHand),
    "scikit-learn": Entry("peer", ScikitLearn),
    "thinc": Entry("peer", Thinc),
    "torch eager": Entry("peer", Torch, grows=True),
    "torch.compile": Entry("peer", CompiledTorch, slow="it compiles for up to half a minute a network"),
    "torch.cuda.graph": Entry("peer", GraphedTorch, asks=False),
    "torch.compile, reduced overhead": Entry("peer", ReducedTorch, slow="it compiles for up to half a minute"),
    "JAX jit": Entry("peer", Jax),
    "JAX scan": Entry("peer", ScannedJax, asks=False, grows=True),
}

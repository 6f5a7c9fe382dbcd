"""List of all contenders: the floor, xpnet on every backend by every engine, and the peers."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from configurations import Problem
from contender import Contender
from floor import Floor
from gpu_peers import GraphedTorch, ReducedTorch
from peers import ByHand, CompiledTorch, Jax, ScannedJax, ScikitLearn, Thinc, Torch
from xpnet_contender import Xpnet


class Entry(NamedTuple):
    """Contender in the list.

    Attributes:
        kind: "floor", "xpnet" or "peer".
        make: `make(problem, device)` sets it up, or raises Unavailable.
        predicts: Whether it has a way of its own to predict.
        grows: Whether the growth of its cost is measured.
        slow: Why a quick run leaves it out, or "".
        hopeless: Why every run leaves it out, or "".
    """

    kind: str
    make: Callable[[Problem, str], Contender]
    predicts: bool = True
    grows: bool = False
    slow: str = ""
    hopeless: str = ""


def xpnet(name: str, engine: str, precision: str = "fp32", hopeless: str = "") -> dict[str, Entry]:
    """Entry of a backend with an engine and a precision."""
    make = partial(Xpnet, name=name, engine=engine, precision=precision)
    called = f"xpnet {name} {engine}{'' if precision == 'fp32' else f' {precision}'}"
    return {called: Entry("xpnet", make, grows=precision == "fp32", hopeless=hopeless)}


CONTENDERS: dict[str, Entry] = {
    "floor": Entry("floor", Floor, grows=True),
    "floor tf32": Entry("floor", partial(Floor, precision="tf32")),
    **xpnet("numpy", "plain"),
    **xpnet("numpy", "replay"),
    **xpnet("numpy", "compiled"),
    **xpnet("cupy", "plain"),
    **xpnet("cupy", "replay"),
    **xpnet("cupy", "compiled"),
    **xpnet("cupy", "compiled", "tf32"),
    **xpnet("torch", "plain"),
    **xpnet("torch", "replay"),
    **xpnet("torch", "compiled"),
    **xpnet(
        "jax", "plain", hopeless="operation by operation JAX takes milliseconds per step; too slow to be worth timing"
    ),
    **xpnet("jax", "jit"),
    **xpnet("jax", "replay"),
    **xpnet("jax", "compiled"),
    "NumPy by hand": Entry("peer", ByHand),
    "scikit-learn": Entry("peer", ScikitLearn),
    "thinc": Entry("peer", Thinc),
    "torch eager": Entry("peer", Torch, grows=True),
    "torch.compile": Entry("peer", CompiledTorch, slow="it compiles for up to half a minute a network"),
    "torch.cuda.graph": Entry("peer", GraphedTorch, predicts=False),
    "torch.compile, reduced overhead": Entry("peer", ReducedTorch, slow="it compiles for up to half a minute"),
    "JAX jit": Entry("peer", Jax),
    "JAX scan": Entry("peer", ScannedJax, predicts=False, grows=True),
}

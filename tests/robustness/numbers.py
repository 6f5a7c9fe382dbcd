"""Numbers: extreme inputs, targets, weights and rates, which all ways of running must take alike or refuse alike.

What some extremes must end as is known besides: weights of any size as weights of 1 do, any dtype as float64 does.
"""

import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import xpnet
from robustness.campaign import Part, Surprise
from xpnet import Network, backends
from xpnet.equations.losses import LOSSES
from xpnet.errors import XpnetError

RNG = np.random.default_rng(0)
N = 48
X = RNG.normal(size=(N, 6))
Y = np.arange(N) % 3
ONES = np.ones(N)

AGREEMENT = 1e-3
"""How far parameters and cost of two ways may be apart, relative to the largest."""


class Extreme(NamedTuple):
    """A training.

    Attributes:
        name: What is extreme.
        x: Inputs.
        y: Targets.
        loss: Of the network.
        arguments: Of `Network` and `epochs`.
        like: Arguments of an ordinary training that ends alike, x among them; or None.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    loss: str
    arguments: dict[str, Any]
    like: dict[str, Any] | None = None


def extremes() -> Iterator[Extreme]:
    """All of them."""

    def extreme(
        name: str, x: Any = None, y: Any = None, loss: str = "cross_entropy", like: Any = None, **arguments: Any
    ) -> Extreme:
        x = X.astype("f4") if x is None else x
        return Extreme(name, x, Y if y is None else y, loss, arguments, like)

    for scale in (1e-310, 1e-42, 1e-30, 1e8, 1e19, 1e30, 1e38, 1e300):
        yield extreme(f"x times {scale:g} in float64", X * scale)
        if scale < 1e38:
            yield extreme(f"x times {scale:g} in float32", (X * scale).astype("f4"))
    for kind in ("?", "u1", "i1", "u2", "i2", "u4", "i4", "f2", ">f4", ">f8", ">i4", "longdouble"):
        x = (abs(X) * 20).astype(kind) if kind != "?" else X > 0
        yield extreme(f"x of dtype {kind}", x, input_scale=20.0, dtype="float64", like={"x": x.astype("f8")})
    for name, x in {
        "2^40": (X * 2**40).astype("i8"),
        "above 2^53": np.full((N, 6), 2**53 + 1) + np.arange(N)[:, None],
        "2^63": np.full((N, 6), 2**63, "u8"),
        "the lowest": np.full((N, 6), -(2**63)),
    }.items():
        yield extreme(f"64-bit integers, {name}", x, input_scale=2.0**40)
    for name, y in {
        "2^32 and more": Y + 2**32,
        "2^53 and more": Y + 2**53,
        "2^63 and more": Y.astype("u8") + np.uint64(2**63),
        "2^64 - 2": np.full(N, 2**64 - 2, "u8"),
        "negative": Y - 1,
        "uint8": Y.astype("u1"),
    }.items():
        yield extreme(f"labels, {name}", y=y)
    for weight in (1e-300, 1e-44, 1e-40, 1e-30, 1e30, 5e37, 1e38, 1e300, 0.0, -1.0, np.nan, np.inf):
        for dtype in ("f4", "f8"):
            with np.errstate(over="ignore"):
                weights = (ONES * weight).astype(dtype)
            like = {"weight": ONES} if 0 < weights[0] < np.inf else None
            yield extreme(f"weights {weight:g} in {dtype}", weight=weights, like=like)
            yield extreme(f"weights {weight:g} in {dtype} to validate", validation=(X.astype("f4"), Y, weights))
    yield extreme("weights from 1e-30 to 1e30", weight=10.0 ** np.linspace(-30, 30, N))
    yield extreme("one weight that is not 0", weight=np.eye(1, N).ravel(), l2=0.1)
    yield extreme("one weight that is not 0, rows held out", weight=np.eye(1, N).ravel(), validation_fraction=0.1)
    for size in (1e-30, 1e30):
        terms = {"l2": 0.1 * size, "l2_of": "sum"}
        yield extreme(f"L2 beside weights of {size:g}", weight=ONES * size, **terms, like={"weight": ONES, "l2": 0.1})
    for norm in (1e-300, 1e-30, 1e30, 1e300, -1.0, np.nan):
        yield extreme(f"samples' gradients clipped at {norm:g}", clip_norm=norm)
    for rate in (-1.0, np.nan, np.inf):
        yield extreme(f"a schedule that gives {rate:g}", rule=xpnet.sgd(lambda epoch, rate=rate: rate))
    for rate in (1e-300, 1e-45, 1e4, 1e30, 1e300):
        yield extreme(f"sgd at {rate:g}", rule=xpnet.sgd(rate))
    for l2 in (1e-300, 1e30, 1e300):
        yield extreme(f"l2 {l2:g}", l2=l2)
    for batch_size in (1, 7, N, 10**6, 2**40):
        yield extreme(f"batches of {batch_size}", batch_size=batch_size)
    for name, y in {"1e30": X[:, 0] * 1e30, "constant": ONES * 2, "NaN": ONES * np.nan}.items():
        yield extreme(f"regression, y {name}", y=y, loss="squared_error")
    for count in (0.0, 1e6, 1e30, -1.0):
        yield extreme(f"counts of {count:g}", y=ONES * count, loss="poisson")
    yield extreme(
        "labels of several, inputs of 1e6", X * 1e6, (Y[:, None] > np.arange(2)).astype("f8"), "binary_cross_entropy"
    )
    yield extreme("NaN in x", np.where(X > 2, np.nan, X))
    yield extreme("infinity in x", np.where(X > 2, np.inf, X))
    for loss in sorted(name for name, loss in LOSSES.items() if loss.regression):
        for size in (1e19, 1e38):
            yield extreme(f"{loss}, y of {size:g}", y=abs(X[:, 0]) * size, loss=loss)
    yield extreme("masked x", np.ma.masked_array(X, X > 2))
    yield extreme("masked y", y=np.ma.masked_array(Y, Y == 2))
    yield extreme("masked weights", weight=np.ma.masked_array(ONES, Y == 2))
    yield extreme("labels of 2^32 and more in a column", y=Y[:, None] + 2**32)
    yield extreme("labels as floats", y=Y.astype("f8"))
    yield extreme("labels as words", y=Y.astype("U1"))
    yield extreme("labels as objects", y=Y.astype(object))
    yield extreme("no rows", X[:0], Y[:0])
    yield extreme("no columns", X[:, :0])
    yield extreme("strings", X.astype("U4"))
    yield extreme("objects", X.astype(object))
    yield extreme("dates", np.full((N, 6), "2020-01-01", "M8[D]"))


def ways() -> list[tuple[str, str]]:
    """Backends and engines that can be had, the plainest first."""
    names = [("numpy", "plain"), ("numpy", "replay")]
    names += [("numpy", "compiled")] if find_spec("llvmlite") else []
    return names + [(name, "plain") for name in ("torch", "jax") if find_spec(name)]


def outcome(extreme: Extreme, backend: str, engine: str) -> tuple[str, np.ndarray, float]:
    """How a training ends: with "ok", parameters and cost, or with the kind of error that refuses it."""
    bits = sys.modules["jax"].config.jax_enable_x64 if "jax" in sys.modules else None
    end = trained(extreme, backend, engine)
    if bits is not None and sys.modules["jax"].config.jax_enable_x64 != bits:
        raise Surprise(f"{extreme.name}: JAX's 64 bits are {not bits} from now on")
    return end


def trained(extreme: Extreme, backend: str, engine: str) -> tuple[str, np.ndarray, float]:
    """Outcome of one training."""
    given = dict(extreme.arguments)
    classes = 3 if extreme.loss == "cross_entropy" else 1 if extreme.y.ndim == 1 else extreme.y.shape[1]
    rule, batch_size, scale = (
        given.pop("rule", xpnet.sgd(0.1)),
        given.pop("batch_size", 8),
        given.pop("input_scale", None),
    )
    try:
        network = Network([max(extreme.x.shape[1], 1), 5, classes], "relu", extreme.loss, scale)
        *_, epoch = xpnet.epochs(
            network,
            (extreme.x, extreme.y),
            rule,
            batch_size=batch_size,
            epochs=2,
            backend=backend,
            engine=engine,
            **given,
        )
    except XpnetError as error:
        return f"refused by {type(error).__name__}", np.zeros(0), 0.0
    params = backends.moved(epoch.params, backends.resolve("numpy"))
    return "ok", np.concatenate([np.ravel(array) for layer in params for array in layer]), epoch.cost


def case(number: int, folder: Path) -> str:
    """One training on every way."""
    extreme = EXTREMES[number % len(EXTREMES)]
    like = extreme.like
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ends = {way: outcome(extreme, *way) for way in ways()}
        if like is not None:
            ordinary = extreme._replace(x=like.get("x", extreme.x), arguments={**extreme.arguments, **like})
            ordinary.arguments.pop("x", None)
            ends["numpy", "on ordinary numbers"] = outcome(ordinary, "numpy", "plain")
    first, params, cost = next(iter(ends.values()))
    tiny = any(mark in extreme.name for mark in ("e-310", "e-42"))
    if len({end for end, _, _ in ends.values()}) > 1 and not tiny:
        raise Surprise(f"{extreme.name}: { ({way: end for way, (end, _, _) in ends.items()}) }")
    if first != "ok":
        return "refused"
    if not (np.isfinite(params).all() and np.isfinite(cost)):
        raise Surprise(f"{extreme.name}: parameters or cost are not finite")
    for way, (_, others_params, others_cost) in ends.items():
        apart = np.abs(others_params - params).max() / np.abs(params).max()
        if not (apart < AGREEMENT and abs(others_cost - cost) <= AGREEMENT * max(abs(cost), 1e-30)) and not tiny:
            raise Surprise(f"{extreme.name}: {way} is {apart:.1e} apart, cost {others_cost:g} for {cost:g}")
    return "alike"


def spread_out(cases: list[Extreme]) -> list[Extreme]:
    """The same cases, so that the first few are of all kinds: by multiples of the golden ratio."""
    return [cases[i] for i in sorted(range(len(cases)), key=lambda i: i * 0.6180339887 % 1)]


EXTREMES = spread_out(list(extremes()))

PART = Part("extreme numbers on all ways of running", case, 30, len(EXTREMES), len(EXTREMES), 60)

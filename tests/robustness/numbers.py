"""Numbers: extreme inputs, targets, weights and rates, which all ways of running must take alike or refuse alike."""

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import xpnet
from robustness.campaign import Part, Surprise
from xpnet import Network, backends
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
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    loss: str
    arguments: dict[str, Any]


def extremes() -> Iterator[Extreme]:
    """All of them."""

    def extreme(name: str, x: Any = None, y: Any = None, loss: str = "cross_entropy", **arguments: Any) -> Extreme:
        x = X.astype("f4") if x is None else x
        return Extreme(name, x, Y if y is None else y, loss, arguments)

    for scale in (1e-310, 1e-42, 1e-30, 1e8, 1e19, 1e30, 1e38, 1e300):
        yield extreme(f"x times {scale:g} in float64", X * scale)
        if scale < 1e38:
            yield extreme(f"x times {scale:g} in float32", (X * scale).astype("f4"))
    for kind in ("?", "u1", "i1", "u2", "i2", "u4", "i4", "f2", ">f4", ">f8", ">i4", "longdouble"):
        yield extreme(f"x of dtype {kind}", (abs(X) * 20).astype(kind) if kind != "?" else X > 0)
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
                yield extreme(f"weights {weight:g} in {dtype}", weight=(ONES * weight).astype(dtype))
    yield extreme("weights from 1e-30 to 1e30", weight=10.0 ** np.linspace(-30, 30, N))
    yield extreme("one weight that is not 0", weight=np.eye(1, N).ravel(), l2=0.1)
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
    yield extreme("masked x", np.ma.masked_array(X, X > 2))
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
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ends = {way: outcome(extreme, *way) for way in ways()}
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


EXTREMES = list(extremes())

PART = Part("extreme numbers on all ways of running", case, 30, len(EXTREMES), len(EXTREMES), 60)

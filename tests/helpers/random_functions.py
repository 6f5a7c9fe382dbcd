"""Random pure functions of arrays, for property tests: what any captured function must agree with."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

UNARY = ("exp", "tanh", "abs", "negative", "square", "sqrt", "log1p", "floor")
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
REDUCED = ("sum", "max", "min")


class Drawn(NamedTuple):
    """A function as its operations, each by name with the indices of its operands, and the shapes it starts from."""

    columns: int
    steps: tuple[tuple[str, int, int], ...]
    dtype: str


def functions():
    """Up to a dozen operations on a carry (3, d), (d,) and (), and batches of three rows of d columns."""
    names = st.sampled_from((*UNARY, *BINARY, *REDUCED, "matmul", "transposed", "where", "column", "argmax", "outer"))
    steps = st.lists(st.tuples(names, st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12)
    return st.builds(Drawn, st.integers(1, 5), steps.map(tuple), st.sampled_from(["float32", "float64"]))


def arrays_for(drawn):
    """A carry and data for a drawn function."""
    rng = np.random.default_rng(7)
    carry = (rng.normal(size=(3, drawn.columns)), rng.normal(size=drawn.columns), np.asarray(0.5))
    data = (rng.normal(size=(4, drawn.columns)),)
    return tuple(a.astype(drawn.dtype) for a in carry), tuple(a.astype(drawn.dtype) for a in data)


def body(drawn):
    """The function: every operation that fits the shapes it is given is done, the others are passed over."""

    def function(carry, batch, *, xp):
        w, b, c = carry
        known = [w, b, c, batch[0]]
        for name, i, j in drawn.steps:
            known.append(_done(name, known[i % len(known)], known[j % len(known)], xp))
        last = known[-1]
        rows = [value for value in known if value.shape == w.shape]
        columns = [value for value in known if value.shape == b.shape and value.ndim == 1]
        bounded = xp.minimum(xp.maximum(rows[-1], -4.0), 4.0)
        return (w - c * bounded, xp.astype(columns[-1], b.dtype), c), (xp.sum(last), xp.max(bounded))

    return function


def _done(name, one, other, xp):
    """The operation's result, or the first operand where it cannot be done."""
    if name in UNARY:
        return getattr(xp, name)(xp.abs(one) if name in ("sqrt", "log1p") else one)
    if name in BINARY:
        fits = all(a == b or 1 in (a, b) for a, b in zip(one.shape[::-1], other.shape[::-1], strict=False))
        return getattr(xp, name)(one, other) if fits else one
    if name in REDUCED and one.ndim:
        return getattr(xp, name)(one, axis=one.ndim - 1, keepdims=len(name) == 3)
    if name == "matmul" and one.ndim == other.ndim == 2 and one.shape[1] == other.shape[1]:
        return one @ other.T
    if name == "transposed" and one.ndim == 2:
        return one.T
    if name == "where" and one.shape == other.shape:
        return xp.where(one > other, one, other * 2)
    if name == "column" and one.ndim == 1:
        return one[:, None]
    if name == "argmax" and one.ndim == 2:
        return xp.astype(xp.argmax(one, axis=1), one.dtype)
    if name == "outer" and one.ndim == other.ndim == 1:
        return one[:, None] @ other[None, :]
    return one

"""Functions that machine code once computed wrongly: NumPy's numbers, within the arrays, for vectors of every width."""

from importlib import import_module

import numpy as np
import pytest

from xpnet import backends
from xpnet._support.trees import arrays_in
from xpnet.capture import plan
from xpnet.capture.engines.cpu.tiles import Registers
from xpnet.errors import CaptureError

pytest.importorskip("llvmlite")

from xpnet.capture.engines.cpu.compiled import Compiled

PLAIN = backends.resolve("numpy").with_engine("plain")

GENERATOR = np.random.default_rng(0)
SQUARE, ROWS = GENERATOR.normal(size=(33, 33)), GENERATOR.normal(size=(8, 33))


def checked(step, carry, data, rows):
    """The carry and the results of steps by code that checks every access."""
    made = plan(step, carry, tuple(array[rows[0]] for array in data))
    carry = [np.array(array, order="C") for array in arrays_in(carry)]
    results = [np.empty((len(rows), *value.shape), value.dtype) for value in made.results]
    Compiled(made, gathered=True, checked=True).gathered(carry, data, rows, results)
    return [*carry, *results]


def twice(carry, batch, *, xp):
    """One result in two places of the carry."""
    new = carry[1] - 0.1 * (batch[0].T @ batch[0])
    return (new, new), (xp.sum(batch[0]),)


def late(carry, batch, *, xp):
    """A function of the old carry, read after the new one is there."""
    old = xp.exp(carry[0])
    new = carry[0] - 0.1 * (batch[0].T @ batch[0])
    return (new,), (xp.sum(old + new),)


FINDINGS = {
    "a sum of each row beside a square matrix": (lambda c, b, xp: (c, (xp.sum(c[0], axis=1) + c[0],)), (SQUARE,)),
    "a fed vector beside a square matrix": (lambda c, b, xp: (c, (b[1] * c[0],)), (SQUARE[:8, :8],)),
    "w - w @ w": (lambda c, b, xp: ((c[0] - 0.1 * (c[0] @ c[0]),), (xp.sum(b[0]),)), (SQUARE,)),
    "w - w.T @ w": (lambda c, b, xp: ((c[0] - 0.1 * (c[0].T @ c[0]),), (xp.sum(b[0]),)), (SQUARE,)),
    "the old w among the results": (lambda c, b, xp: ((c[0] - 0.1 * (b[0].T @ b[0]),), (c[0],)), (SQUARE,)),
    "one result for two places": (lambda c, b, xp: twice(c, b, xp=xp), (SQUARE, SQUARE + 1)),
    "a function of the old w": (lambda c, b, xp: late(c, b, xp=xp), (SQUARE,)),
    "a product over nothing": (lambda c, b, xp: (c, (c[0] @ c[1],)), (np.zeros((3, 0)), np.zeros((0, 4)))),
    "rows of nothing": (lambda c, b, xp: (c, (xp.sum(c[0] + 1, axis=1), c[0] + 1)), (np.zeros((3, 0)),)),
    "columns of nothing": (lambda c, b, xp: (c, (xp.sum(c[0] + 1, axis=0),)), (np.zeros((0, 3)),)),
    "floor_divide": (lambda c, b, xp: (c, (c[0] // 0.1, c[1] // 1)), (np.ones((4, 2)), np.full((4, 2), np.inf))),
    "searches down columns": (
        lambda c, b, xp: (c, (xp.argmax(c[0], axis=0), xp.argmin(c[0].T, axis=0), xp.argmin(c[1], axis=0))),
        (np.where(SQUARE > 1, np.nan, np.round(SQUARE)), ROWS[:1]),
    ),
    "maximum and minimum of zeros": (
        lambda c, b, xp: (c, tuple(1 / f(*pair) for f in (xp.maximum, xp.minimum) for pair in (c, c[::-1]))),
        (np.zeros((4, 9)), np.full((4, 9), -0.0)),
    ),
    "integers to a power": (
        lambda c, b, xp: (c, (c[0] ** 3, c[0] ** 7, c[0] ** 0)),
        (np.arange(-7, 8, dtype=np.int8).reshape(5, 3),),
    ),
    "sign of a large uint8": (lambda c, b, xp: (c, (xp.sign(c[0]),)), (np.full((4, 2), 255, np.uint8),)),
    "a single number that is narrowed": (
        lambda c, b, xp: ((xp.astype(xp.minimum(c[0], c[1]), xp.int32), c[1]), (xp.sum(b[0]),)),
        (-np.arange(10, 55, dtype=np.int32).reshape(5, 9), np.full((1, 9), 2, np.uint32)),
    ),
    "infinity as an int": (
        lambda c, b, xp: (c, tuple(xp.astype(c[0], dtype) for dtype in (xp.int32, xp.int64))),
        (np.full((4, 2), -np.inf),),
    ),
    "a large number as an int and a float again": (
        lambda c, b, xp: (c, tuple(xp.astype(c[0], dtype) - 0.5 for dtype in (xp.int8, xp.int32, xp.int64))),
        (np.full((4, 9), -5.25e38),),
    ),
    "a large uint64": (
        lambda c, b, xp: (c, (xp.astype(c[0], xp.uint64),)),
        (np.asarray([[0.5, 2.0**62, 2.0**63, 1.5 * 2.0**63], [1.0, 2.0, 3.0, 4.0]]),),
    ),
}


@pytest.mark.parametrize("name", list(FINDINGS))
@pytest.mark.parametrize("kind", [Registers(16, 16), Registers(16, 32), Registers(32, 64)], ids=["16", "32", "64"])
def test_functions_once_wrong(name, kind, monkeypatch):
    """Vectors beside matrices, products in the place of a factor, no elements: NumPy's numbers, within the arrays."""
    written, carry = FINDINGS[name]
    for module in ("loops", "products", "rows"):
        monkeypatch.setattr(import_module(f"xpnet.capture.engines.cpu.{module}"), "registers", lambda: kind)
    data, rows = (ROWS, ROWS[:, 0].copy()), np.arange(8)[None]

    def step(c, b, *, xp):
        return written(c, b, xp)

    with np.errstate(all="ignore"):
        found = checked(step, carry, data, rows)
        wanted = arrays_in(PLAIN.run_block(step, PLAIN.copy(carry), data, rows))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_what_numpy_itself_gives_two_answers_for_is_refused():
    """Floats out of range as uint32 are one thing in NumPy's vectors, and another behind the last of them."""
    x = np.full((1, 7), np.nan)
    with pytest.raises(CaptureError, match=r"astype to uint32 at .* cannot be compiled; use engine replay"):
        checked(lambda c, b, *, xp: (c, (xp.astype(c[0], xp.uint32),)), (x,), (ROWS,), np.asarray([[0]]))


def test_numbers_that_fade_away_are_kept_as_numpy_keeps_them():
    """Slots that decay below the smallest normal number come to NumPy's subnormal ones, to the bit: none is flushed."""
    start = np.asarray([[1e-37, -3e-38, 1e-45, 5e-45]], np.float32)

    def step(carry, batch, *, xp):
        return (carry[0] * 0.9,), (xp.sum(batch[0]),)

    rows = np.zeros((60, 1), int)
    found = checked(step, (start,), (ROWS,), rows)[0]
    (wanted,), _ = PLAIN.run_block(step, (start.copy(),), (ROWS,), rows)
    np.testing.assert_array_equal(found, wanted)
    assert np.count_nonzero(wanted) == 4
    assert np.abs(wanted).max() < np.finfo(np.float32).smallest_normal

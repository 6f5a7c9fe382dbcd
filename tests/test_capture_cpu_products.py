"""Matrix products of compiled plans: NumPy's numbers, whatever the sizes, layouts and threads."""

from importlib import import_module

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance

from xpnet import backends
from xpnet.capture import plan
from xpnet.capture.engines.cpu.products import ProductWriter
from xpnet.capture.engines.cpu.program import program
from xpnet.capture.engines.cpu.tiles import Registers, best_tile, split

pytest.importorskip("llvmlite")

PLAIN = backends.resolve("numpy").with_engine("plain")
COMPILED = backends.resolve("numpy").with_engine("compiled")

SIZES = [
    (2, 3, 2),
    (13, 17, 31),
    (5, 16, 16),
    (16, 5, 33),
    (50, 40, 64),
    # Longer than a piece of a strip, and larger than what is read where it lies.
    (3, 1100, 5),
    (2, 1500, 201),
    # Rows of a transpose that lie further apart than a cache holds many of, for several strips.
    (1030, 300, 910),
]


def arrays(*shapes, dtype):
    """Random matrices."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape).astype(dtype) for shape in shapes)


@pytest.fixture(params=[1, 2, 3])
def threads(request, monkeypatch):
    """A number of threads that plans run with, however little there is to do."""
    compiled = import_module("xpnet.capture.engines.cpu.compiled")
    monkeypatch.setattr(compiled, "team", lambda plan: request.param)
    return request.param


def run(here, step, carry, data):
    """What one step on all rows comes to."""
    return here.run_block(step, here.copy(carry), data, np.arange(len(data[0]))[None])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "k", "n"), SIZES)
@pytest.mark.parametrize("is_turned", [False, True], ids=["as it is", "turned"])
def test_products_are_numpys(threads, m, k, n, dtype, is_turned):
    """Whole tiles and what is left of them in either direction, of a matrix or a transpose, on some threads."""
    (b,) = arrays((n, k) if is_turned else (k, n), dtype=dtype)
    (a,) = arrays((m, k), dtype=dtype)

    def step(carry, batch, *, xp):
        return carry, (batch[0] @ (carry[0].T if is_turned else carry[0]),)

    found, wanted = (run(here, step, (b,), (a,))[1] for here in (COMPILED, PLAIN))
    assert distance(found, wanted) < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "k", "n"), SIZES)
@pytest.mark.parametrize("factor", [0.0, 0.9])
def test_products_are_taken_from_what_is_there(threads, m, k, n, dtype, factor):
    """beta·c − alpha·aᵀ·b in the place of c, as weights are updated; where beta is 0, c may be anything."""
    c, alpha = (*arrays((m, n), dtype=dtype), np.asarray(0.3, dtype))
    a, b = arrays((k, m), (k, n), dtype=dtype)

    def step(carry, batch, *, xp):
        c, alpha = carry
        return (factor * c - alpha * (batch[0].T @ batch[1]), alpha), ()

    found, wanted = (run(here, step, (c, alpha), (a, b))[0] for here in (COMPILED, PLAIN))
    assert distance(found, wanted) < ROUNDING[dtype]


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    """A training's parameters do not depend on how many threads there are."""
    compiled = import_module("xpnet.capture.engines.cpu.compiled")
    from xpnet import Network, adam, epochs

    rng = np.random.default_rng(0)
    data = (rng.normal(size=(300, 40)), rng.integers(3, size=300))
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(compiled, "team", lambda plan, threads=threads: threads)
        run_ = epochs(Network([40, 33, 21, 3]), data, adam(1e-2), batch_size=64, epochs=3, engine="compiled", l2=0.01)
        *_, last = run_
        found.append(last.params)
    for params in found[1:]:
        for layer, first in zip(params, found[0], strict=True):
            np.testing.assert_array_equal(layer.w, first.w)
            np.testing.assert_array_equal(layer.b, first.b)


@pytest.mark.parametrize("kind", [Registers(16, 16), Registers(32, 16), Registers(16, 32), Registers(32, 64)])
def test_vectors_of_any_width_give_the_products(monkeypatch, kind):
    """What is written for other CPUs runs here too, if slower, and is the same up to rounding."""
    for name in ("products", "loops", "rows"):
        monkeypatch.setattr(import_module(f"xpnet.capture.engines.cpu.{name}"), "registers", lambda: kind)
    w, x = arrays((21, 50), (19, 50), dtype="float32")

    def step(carry, batch, *, xp):
        (w,) = carry
        a = xp.tanh(batch[0] @ w.T)
        return (w - 0.1 * (a.T @ batch[0]),), (xp.sum(a, axis=1),)

    for found, wanted in zip(*(run(here, step, (w,), (x,)) for here in (COMPILED, PLAIN)), strict=True):
        assert distance(found, wanted) < ROUNDING["float32"]


def test_products_of_other_numbers_are_not_compiled():
    """Whole numbers are left to the other engines, with a sentence that names the line."""

    def step(carry, batch, *, xp):
        return carry, (batch[0] @ carry[0],)

    whole = np.arange(9).reshape(3, 3)
    with pytest.raises(TypeError, match=r"^matmul at test_capture_cpu_products\.py:\d+ is not of float32 or float64 "):
        run(COMPILED, step, (whole,), (whole,))
    np.testing.assert_array_equal(run(backends.resolve("numpy"), step, (whole,), (whole,))[1][0][0], whole @ whole)


@pytest.mark.parametrize("total", [16, 32])
@pytest.mark.parametrize(("m", "vectors"), [(1, 1), (10, 2), (30, 49), (128, 8), (129, 1), (512, 49)])
def test_tiles_fit_the_registers(m, vectors, total):
    """The sums of a tile, its row of b and a number of a have a register each; no tile is larger than the product."""
    tile = best_tile(m, vectors, 100, total)
    assert tile.rows * tile.vectors + tile.vectors + 1 <= total
    assert tile.rows <= m
    assert tile.vectors <= vectors


def test_large_products_use_the_registers():
    """Nothing can be read as fast as it is summed, so that a tile needs many sums for each number that it reads."""
    assert best_tile(512, 49, 100, 32) == (8, 3)
    assert best_tile(512, 98, 100, 16) in ((6, 2), (4, 3))


def test_parts_make_the_whole():
    """Parts of full size and a rest, neither of them if there are none."""
    assert split(10, 4) == [(2, 4), (1, 2)]
    assert split(8, 4) == [(2, 4)]
    assert split(3, 4) == [(1, 3)]


def test_registers_are_those_of_the_cpu(monkeypatch):
    """Wider vectors mean fewer products; what a CPU has is told by the compiler."""
    import llvmlite.binding

    from xpnet.capture.engines.cpu import tiles

    cases = [
        ({"avx512f": True, "avx512vl": True, "avx2": True, "fma": True}, "x86_64-unknown-linux-gnu", Registers(32, 64)),
        ({"avx2": True, "fma": True}, "x86_64-unknown-linux-gnu", Registers(16, 32)),
        ({}, "x86_64-unknown-linux-gnu", Registers(16, 16)),
        ({"neon": True}, "aarch64-unknown-linux-gnu", Registers(32, 16)),
        ({"neon": True}, "arm64-apple-darwin", Registers(32, 16)),
    ]
    for features, triple, wanted in cases:
        monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda features=features: features)
        monkeypatch.setattr(llvmlite.binding, "get_process_triple", lambda triple=triple: triple)
        assert tiles.registers.__wrapped__() == wanted


def test_equal_products_are_written_once(monkeypatch):
    """Ten equal layers have one function each way, with addresses of their own: what each would have by itself."""
    written = []
    alone = ProductWriter._part
    monkeypatch.setattr(ProductWriter, "_part", lambda self, one: written.append(one) or alone(self, one))
    x, w = np.ones((8, 16)), np.ones((16, 16))

    def step(carry, batch, *, xp):
        a = batch[0]
        for layer in carry:
            a = a @ layer
        # A factor that is named twice is another form.
        return tuple(layer - 0.1 * (layer.T @ layer) for layer in carry), (a, a @ a.T)

    made = plan(step, (w,) * 10, (x[:4],))
    parts = program(made, gathered=True).parts
    assert len(written) < 10
    monkeypatch.setattr(ProductWriter, "part", alone)
    assert program(made, gathered=True).parts == parts

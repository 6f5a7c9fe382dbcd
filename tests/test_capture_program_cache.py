"""Programs of captured functions: the latest used, up to a number of bytes per process."""

import gc
import threading
from weakref import WeakSet

import numpy as np
import pytest

from xpnet import backends
from xpnet.capture import program_cache
from xpnet.capture.engines.cpu.compiled import can_compile

ENGINES = ["replay", pytest.param("compiled", marks=pytest.mark.skipif(not can_compile(), reason="needs llvmlite"))]


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    """An empty cache, so that what other tests use does not count."""
    monkeypatch.setattr(program_cache, "_local", program_cache._Local())
    monkeypatch.setattr(program_cache, "_entries", WeakSet())


class Item:
    """An object of so many bytes."""

    def __init__(self, nbytes):
        self.nbytes = nbytes


def owner():
    """A function to cache something for."""
    return lambda: None


def scaled(carry, batch, *, xp):
    """A step that doubles its rows."""
    return carry, (xp.sum(batch[0] + batch[0]) + carry[0],)


@pytest.mark.parametrize("engine", ENGINES)
def test_many_shapes_take_a_bounded_number_of_bytes(engine, monkeypatch):
    """After sixty shapes of one function the cache is within its bound, and an earlier shape still gives its sums."""
    monkeypatch.setattr(program_cache, "BYTES", 2**20)
    backend = backends.resolve("numpy").with_engine(engine)
    for width in [*range(10_000, 10_060), 10_000]:
        rows = np.arange(4)[None]
        _, (sums,) = backend.run_block(scaled, (np.zeros(()),), (np.ones((4, width)),), rows)
        assert sums == [8 * width]
    largest = 8 * 4 * 10_060 * 3
    assert program_cache.total_bytes() <= max(2**20, program_cache.LATEST * largest)
    assert len(program_cache._local.shelves[scaled]) <= program_cache.LATEST + 2


def test_the_least_recently_used_goes_first(monkeypatch):
    """What was used meanwhile stays, and what was not is made again."""
    monkeypatch.setattr(program_cache, "BYTES", 100)
    monkeypatch.setattr(program_cache, "LATEST", 1)
    function, made = owner(), []

    def use(key):
        return program_cache.cached(function, key, lambda: made.append(key) or Item(40))

    for key in ("a", "b", "a", "c", "a", "b"):
        use(key)
    assert made == ["a", "b", "c", "b"]
    assert program_cache.total_bytes() == 80


def test_the_latest_stay_whatever_their_size(monkeypatch):
    """Programs of one training do not drive each other out, however large its network is."""
    monkeypatch.setattr(program_cache, "BYTES", 100)
    function, made = owner(), []
    for key in [*range(program_cache.LATEST)] * 3:
        program_cache.cached(function, key, lambda key=key: made.append(key) or Item(1000))
    assert made == [*range(program_cache.LATEST)]


def test_programs_go_with_their_function_and_their_thread(monkeypatch):
    """Nothing is left of a function that is gone, nor of a thread that has ended."""
    monkeypatch.setattr(program_cache, "BYTES", 100)
    function = owner()
    thread = threading.Thread(target=program_cache.cached, args=(function, 0, lambda: Item(30)))
    thread.start()
    thread.join()
    assert program_cache.total_bytes() == 0
    program_cache.cached(function, 0, lambda: Item(30))
    assert program_cache.total_bytes() == 30
    del function
    assert program_cache.total_bytes() == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_program_in_use_outlives_its_place(engine, monkeypatch):
    """A training goes on unharmed while programs of other shapes take its program's place."""
    monkeypatch.setattr(program_cache, "BYTES", 0)
    monkeypatch.setattr(program_cache, "LATEST", 0)
    backend = backends.resolve("numpy").with_engine(engine)
    carry, rows = (np.zeros(()),), np.arange(4)[None]
    with backend.bound(scaled, carry, (np.ones((4, 5)),), 4) as run:
        for width in range(1, 30):
            backend.run_block(scaled, (np.zeros(()),), (np.ones((4, width)),), rows)
            gc.collect()
            assert run(carry, rows)[1][0] == [40]
    assert program_cache.total_bytes() == 0

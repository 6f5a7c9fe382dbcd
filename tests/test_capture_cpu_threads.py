"""Threads that run a compiled plan together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from xpnet.capture.engines import thread_count, thread_pool
from xpnet.capture.engines.cpu import cache
from xpnet.capture.engines.cpu.driver import driver_module
from xpnet.capture.engines.cpu.text import exported
from xpnet.capture.graph import Graph, Operation, Value
from xpnet.capture.planning.memory import Home
from xpnet.capture.planning.plan import Plan


def test_each_thread_is_told_its_number():
    """A function is called at the same time by as many threads as were asked for, each with a number of its own."""
    seen, together = [], threading.Barrier(3)

    def function(thread, of):
        together.wait(timeout=60)
        seen.append((thread, of))

    thread_pool.together(function, 3)
    assert sorted(seen) == [(0, 3), (1, 3), (2, 3)]


def test_one_thread_does_it_alone_while_the_others_are_busy():
    """Whoever comes meanwhile does not wait for threads, which wait for each other."""
    seen = []
    thread_pool.together(lambda thread, of: thread or thread_pool.together(lambda *it: seen.append(it), 2), 2)
    assert seen == [(0, 1)]


def test_an_error_on_any_thread_is_raised():
    """What goes wrong on another thread is not lost, and the threads can be used again."""

    def function(thread, of):
        if thread == 1:
            raise ValueError("here")

    with pytest.raises(ValueError, match=r"^here$"):
        thread_pool.together(function, 2)
    thread_pool.together(lambda *it: None, 2)


def test_a_system_without_threads_is_served(monkeypatch):
    """Where no thread can be started, the one that asks does all of it."""
    seen = []

    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    thread_pool.workers.cache_clear()
    try:
        thread_pool.together(lambda *it: seen.append(it), 2)
    finally:
        thread_pool.workers.cache_clear()
    assert seen == [(0, 1)]


def product(m, k, n):
    """The plan of one product."""
    a, b, c = (Value(shape, np.dtype(np.float32), (0, 1)) for shape in ((m, k), (k, n), (m, n)))
    return Plan(Graph((a, b), (c,), (Operation("matmul", (a, b), c),)), 0, (c,))


def pools(monkeypatch, *libraries):
    """Let there be these thread pools, and four processors."""
    monkeypatch.setattr(thread_count, "_pools", lambda: SimpleNamespace(info=lambda: list(libraries)))
    monkeypatch.setattr(thread_count, "processors", lambda: 4)


def test_a_team_is_as_large_as_its_work(monkeypatch):
    """Small products are one thread's; larger ones have as many as BLAS, and no more than there are processors."""
    blas = {"user_api": "blas", "num_threads": 3}
    openmp = {"user_api": "openmp", "num_threads": 64}
    pools(monkeypatch, openmp, blas)
    assert [thread_count.team(product(m, 1000, 1000)) for m in (1, 7, 8, 100)] == [1, 1, 2, 3]
    pools(monkeypatch, blas | {"num_threads": 1})
    assert thread_count.team(product(100, 1000, 1000)) == 1
    pools(monkeypatch, openmp)
    assert thread_count.team(product(100, 1000, 1000)) == 4


def test_threads_meet_where_one_needs_what_another_had():
    """They wait before memory that is read after it was written, written after it was read, or written again."""
    from xpnet.capture.engines.cpu.program import meetings

    a, b, c = Home(True, 0), Home(False, 0), Home(False, 1)

    def met(*stages):
        return meetings((set(reads), set(writes)) for reads, writes in stages)

    assert met(([a], [b]), ([a], [c])) == [False, False]
    assert met(([a], [b]), ([b], [c])) == [False, True]
    assert met(([b], [c]), ([a], [b])) == [False, True]
    assert met(([a], [b]), ([a], [b])) == [False, True]
    # Once they have met, only what came since then counts.
    assert met(([a], [b]), ([b], [c]), ([a], [b])) == [False, True, True]
    assert met(([a], [b]), ([b], [c]), ([a, b], [])) == [False, True, False]


def test_limits_of_blas_are_limits_here(monkeypatch):
    """`threadpoolctl`, which everybody uses to limit BLAS, limits a training too."""
    import threadpoolctl

    monkeypatch.setattr(thread_count, "processors", lambda: 8)
    with threadpoolctl.threadpool_limits(1):
        assert thread_count.team(product(100, 1000, 1000)) == 1


def test_code_is_whole_whoever_else_compiles_it(monkeypatch, tmp_path):
    """Threads that ask for the same code at once, in a folder that is empty, all get the same."""
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    text, begin = driver_module(), threading.Barrier(4)

    def loaded(_):
        begin.wait()
        return cache.Code([text]).address(exported(text)) != 0 and cache.read_code(text)

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(loaded, range(4)))
    assert codes == [cache.compiled(text)] * 4

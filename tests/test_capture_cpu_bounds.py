"""Accesses of compiled code: none beyond an array, by the emitter's checks and by pages that may not be touched."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.random_functions import arrays_for, body, functions, quiet
from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from xpnet.capture.program_cache import planned
from xpnet.errors import CaptureError

pytest.importorskip("llvmlite")

from xpnet.capture.engines.cpu.compiled import Compiled
from xpnet.capture.engines.cpu.products import Operand
from xpnet.capture.engines.cpu.rows import Places
from xpnet.capture.engines.cpu.vectors import Vectors


def checked(step, carry, data, rows):
    """Steps by code that checks every access; the carry is overwritten, the results come back."""
    run = Compiled(planned(step, carry, data, rows.shape[1]), gathered=True, checked=True)
    results = [np.zeros((len(rows), *value.shape), value.dtype) for value in run.plan.results]
    run.gathered(carry, data, rows.astype(np.int64), results)
    return results


@seed(4)
@settings(max_examples=40, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(functions())
def test_random_functions_stay_within_their_arrays(drawn):
    """No function of any kind reads or writes beyond an array; what cannot be compiled is refused."""
    with quiet():
        try:
            checked(body(drawn), *arrays_for(drawn), drawn.rows)
        except CaptureError:
            assume(False)


def rowwise(carry, batch, *, xp):
    """Rows, each beside its own maximum, whose last vector is not whole."""
    return carry, (batch[0] - xp.max(batch[0], axis=1, keepdims=True),)


def product(carry, batch, *, xp):
    """A matrix product, of tiles that are not whole."""
    return carry, (batch[0] @ carry[0],)


@pytest.mark.parametrize("step", [rowwise, product])
@pytest.mark.parametrize("fault", ["none", "mask", "stride"])
def test_a_planted_fault_is_caught(fault, step, monkeypatch):
    """Whole vectors at the ends of rows, and rows too far apart, are errors before they touch memory."""
    strides, turn = Places.strides, Operand.__new__
    if fault == "mask":
        monkeypatch.setattr(Vectors, "_mask", lambda self: "")
    if fault == "stride":
        monkeypatch.setattr(Places, "strides", lambda *it: tuple(1000 * stride for stride in strides(*it)))
        monkeypatch.setattr(Operand, "__new__", lambda cls, at, *by: turn(cls, at, *(1000 * stride for stride in by)))
    arguments = step, (np.ones((19, 13)),), (np.ones((7, 19)),), np.arange(7)[None]
    if fault == "none":
        checked(*arguments)
    else:
        with pytest.raises(IndexError, match="beyond an array"):
            checked(*arguments)


def guarded(first, count, fault="none"):
    """A process that runs the functions of some seeds on arrays that end at pages that may not be touched."""
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])}
    command = [sys.executable, "-m", "helpers.guard_pages", str(first), str(count), fault]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="pages are protected as Linux does it")
@pytest.mark.parametrize("first", [0, pytest.param(1000, marks=pytest.mark.slow)])
def test_pages_that_may_not_be_touched_are_not(first):
    """Functions run on arrays, buffers and rows that all end at such a page; without masks the process would die."""
    answer = guarded(first, 40 if first == 0 else 400)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) > 10
    assert guarded(first, 40, "mask").returncode == -signal.SIGSEGV

"""What a diagnosis finds: on each backend that works nothing, and in wrong arithmetic what is wrong."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers.fake_machines import CUDARuntimeError, Machine

from xpnet._cli import diagnosis
from xpnet._cli.diagnosis import Candidate
from xpnet.backends import BACKENDS, Backend
from xpnet.capture.engines import numpy_calls
from xpnet.capture.tracing.operations import ELEMENTWISE
from xpnet.equations import step


@pytest.mark.parametrize("name", BACKENDS)
def test_what_can_be_had_computes_right(request: pytest.FixtureRequest, name: str) -> None:
    """Every check of every engine holds, and none is off by nothing: it is compared with another computation."""
    if request.config.getoption("--backend") not in (None, name):
        pytest.skip(f"not {name}")
    found = [(candidate, check) for candidate in diagnosis.candidates(name) for check in diagnosis.checks(candidate)]
    if not found:
        pytest.skip(next(diagnosis.candidates(name)).note)
    for candidate, check in found:
        assert 0 < check.difference() <= check.tolerance, (candidate.device, check.what)


def test_gradients_are_checked_in_the_widest_dtype(backend: Backend, float_dtype: str) -> None:
    """In float64 where the device has it, else in float32 and within what that can do."""
    check, *_ = diagnosis.checks(Candidate(backend.name, None, "", (backend,), ""))
    assert check.what == f"gradient, {float_dtype}"
    assert check.tolerance == diagnosis.GRADIENT[float_dtype]
    assert check.difference() <= check.tolerance


@pytest.fixture
def plans_of_its_own() -> Iterator[None]:
    """Neither does a test run plans that were made before, nor do later ones run its own."""
    step.derivatives.cache_clear()
    yield
    step.derivatives.cache_clear()


def off(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a function of NumPy's an argument that is a hundredth too large, also in what is planned from now on."""
    right = getattr(np, function)

    def wrong(array: np.ndarray, *out: np.ndarray, **named: Any) -> Any:
        return right(1.01 * array, *out, **named)

    monkeypatch.setattr(np, function, wrong)
    calls = {name: wrong if name == function else call for name, call in ELEMENTWISE.items()}
    monkeypatch.setattr(numpy_calls, "ELEMENTWISE", calls)
    step.derivatives.cache_clear()


@pytest.mark.usefixtures("plans_of_its_own")
@pytest.mark.parametrize(("function", "wrong"), [("tanh", 2), ("exp", 2), ("sum", 2), ("sqrt", 1)])
def test_wrong_arithmetic_is_found(monkeypatch: pytest.MonkeyPatch, function: str, wrong: int) -> None:
    """A function of the library that is wrong shows in each check that needs it: the square root is Adam's alone."""
    (numpy,) = diagnosis.candidates("numpy")
    plain = numpy._replace(usable=numpy.usable[:1])
    assert all(check.difference() <= check.tolerance for check in diagnosis.checks(plain))
    off(function, monkeypatch)
    assert [check.difference() > check.tolerance for check in diagnosis.checks(plain)].count(True) == wrong


def test_a_machine_without_driver_and_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy can be had, every other has what installs it."""
    Machine(monkeypatch).without("cupy", "torch", "jax")
    numpy, *others = diagnosis.candidates()
    assert (numpy.name, numpy.device, [backend.engine for backend in numpy.usable][:2]) == (
        "numpy",
        "cpu",
        ["plain", "replay"],
    )
    assert [(other.name, other.usable) for other in others] == [("cupy", ()), ("torch", ()), ("jax", ())]
    assert [other.note.partition(": ")[2] for other in others] == [
        "not installed; this machine has no NVIDIA driver: install driver 580 or newer, "
        'then run pip install "cupy-cuda13x[ctk]".',
        "not installed; run pip install torch.",
        "not installed; run pip install jax.",
    ]


def test_each_device_stands_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that works on one GPU of two is listed with both, and with what is wrong with the other."""
    machine = Machine(monkeypatch)
    machine.cupy(13)
    machine.driver(13, 2)
    machine.wheels.update({"numpy": np.__version__, "cupy-cuda13x": "14.2.0"})
    first, second = diagnosis.candidates("cupy")
    assert (first.device, first.version, first.usable[0].device_name) == ("cuda:0", "14.2.0", "cuda:0")
    assert (second.device, second.usable) == ("cuda:1", ())
    assert "cuda:1 does not exist: there is one, cuda:0" in second.note


def test_a_broken_library_says_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CuPy whose CUDA is newer than the driver, or without its libraries, is not usable and says why."""
    machine = Machine(monkeypatch)
    machine.wheels.update({"numpy": np.__version__, "cupy-cuda13x": "14.2.0"})
    machine.driver(12, 1)
    machine.cupy(13).devices = CUDARuntimeError(35, "cudaErrorInsufficientDriver")
    (old,) = diagnosis.candidates("cupy")
    assert "the NVIDIA driver serves CUDA 12 but the installed cupy needs CUDA 13: install driver 580" in old.note
    machine.driver(13, 1)
    machine.cupy(13).cublas = ImportError("libcublas.so.13: cannot open shared object file")
    (bare,) = diagnosis.candidates("cupy")
    assert bare.note.endswith('run pip install "cupy-cuda13x[ctk]".')
    assert (old.usable, bare.usable) == ((), ())


def test_a_device_that_is_asked_for_is_tried_on_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that does not have it says so."""
    Machine(monkeypatch).without("cupy", "torch", "jax")
    notes = [candidate.note for candidate in diagnosis.candidates(device="cuda")]
    assert notes[0] == "NumPy has no device cuda: use device cpu, or backend cupy, torch or jax."
    assert all(
        f"backend {name} cannot use device cuda" in note for name, note in zip(BACKENDS[1:], notes[1:], strict=True)
    )


def test_an_engine_that_cannot_be_had_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are there all the same."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    (numpy,) = diagnosis.candidates("numpy")
    assert [backend.engine for backend in numpy.usable] == ["plain", "replay"]
    assert numpy.note == "engine compiled needs llvmlite; run pip install llvmlite."

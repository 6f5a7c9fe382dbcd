"""The benchmarks on a machine with a GPU: which packages are chosen there, and that its host is not pinned."""

import os
import sys
from contextlib import chdir
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="benchmarks are in the checkout")


class Session:
    """A nox session that does nothing, on a machine whose libraries are of a CUDA major version, or that has no GPU."""

    def __init__(self, answer: str, *posargs: str) -> None:
        self.answer, self.posargs = answer, list(posargs)
        self.installed: list[str] = []
        self.ran: list[tuple[str, ...]] = []
        self.environment: dict[str, str] = {}
        self.told = ""

    def install(self, *requirements: str) -> None:
        """Remember them."""
        self.installed += requirements

    def run(self, *arguments: str, silent: bool = False, env: dict[str, str] | None = None) -> str:
        """Remember what is run, and tell of the GPU where that is asked."""
        if silent:
            return f"{self.answer}\n"
        self.ran.append(arguments)
        self.environment |= env or {}
        return ""

    def log(self, text: str) -> None:
        """Remember what is said."""
        self.told += text

    def error(self, text: str) -> None:
        """End the session."""
        raise RuntimeError(text)


@pytest.fixture(scope="module")
def sessions() -> Any:
    """The sessions of the noxfile, by their names; nox registers them once."""
    pytest.importorskip("nox", reason="needs nox")
    with chdir(ROOT):
        return run_path(str(ROOT / "noxfile.py"))


@pytest.fixture
def bench(sessions: Any) -> Any:
    """What runs the session `bench` on such a machine."""

    def run(answer: str, *posargs: str) -> Session:
        made = Session(answer, *posargs)
        sessions["bench"].func(made)
        return made

    return run


@pytest.mark.parametrize("major", ["12", "13"])
def test_a_gpu_is_timed_with_what_its_driver_and_card_take(bench: Any, major: str) -> None:
    """CuPy and nvmath-python by the extra, torch and JAX with CUDA as peers, and all leave its memory to each other."""
    session = bench(major, "--quick")
    assert f".[fast,cuda{major}]" in session.installed
    assert f"jax[cuda{major}]>=0.10" in session.installed
    assert [name for name in session.installed if name.startswith("torch")] == ["torch>=2.13"]
    assert session.ran[0] == ("python", "benchmarks", "--quick", "--device", "cuda")
    assert session.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert f"cupy-cuda{major}x" in session.told
    assert "torch>=2.13" in session.told


@pytest.mark.parametrize("peers", [("--peers", "none"), ("--peers=none",)])
def test_peers_can_be_left_out(bench: Any, peers: tuple[str, ...]) -> None:
    """Neither torch nor JAX is installed then, on a GPU or without one, and the benchmarks are told so."""
    for answer in ("13", "no driver"):
        session = bench(answer, *peers)
        assert not any(name.startswith(("torch", "jax")) for name in session.installed)
        assert session.ran[0][2 : 2 + len(peers)] == peers


@pytest.mark.parametrize(("answer", "posargs"), [("no driver", ()), ("13", ("--device", "cpu"))])
def test_the_cpu_is_timed_as_ever(bench: Any, answer: str, posargs: tuple[str, ...]) -> None:
    """Without a GPU, or where the CPU is asked for, the pinned torch for the CPU and JAX without CUDA are peers."""
    session = bench(answer, *posargs)
    assert session.ran[0] == ("python", "benchmarks", *posargs)
    assert not any("cuda" in name for name in session.installed)
    assert any(name.startswith("torch==") for name in session.installed)
    assert session.environment == {}


@pytest.mark.parametrize("major", ["12", "13"])
def test_a_gpu_is_tested_with_what_its_driver_and_card_take(sessions: Any, major: str) -> None:
    """The session `gpu` installs the same CuPy, and refuses a machine that shows no GPU, with what it lacks."""
    session = Session(major)
    sessions["gpu"].func(session)
    assert f".[cuda{major}]" in session.installed
    assert session.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    with pytest.raises(RuntimeError, match="There is no GPU to test on: no driver"):
        sessions["gpu"].func(Session("no driver"))


def test_a_gpu_that_is_asked_for_must_be_there(bench: Any) -> None:
    """`--device cuda` without a GPU ends with the sentence that says what is missing."""
    with pytest.raises(RuntimeError, match="There is no GPU to time: no driver"):
        bench("no driver", "--device", "cuda")


@pytest.mark.parametrize(
    ("arguments", "threads"),
    [((), 1), (("--threads", "2"), 2), (("--device=cuda",), None), (("--device", "cuda:1"), None)],
)
def test_only_the_cpu_is_pinned(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], threads: int | None
) -> None:
    """The host of a GPU keeps its cores, and threads of its libraries, unless a number of them is asked for."""
    started = SimpleNamespace(cores=None, environment={})
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
    for name in ("OMP_NUM_THREADS", "XLA_FLAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cores: setattr(started, "cores", cores), raising=False)
    monkeypatch.setattr(os, "execve", lambda path, line, environment: setattr(started, "environment", environment))
    run_path(str(ROOT / "benchmarks" / "__main__.py"))["main"]()
    assert started.cores == (None if threads is None else list(range(threads)))
    assert started.environment.get("OMP_NUM_THREADS") == (None if threads is None else str(threads))
    assert ("XLA_FLAGS" in started.environment) == (threads == 1)


def test_cupy_is_recorded_by_its_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No distribution is called cupy: its version stands beside the name of the wheel, which tells the CUDA version."""
    from xpnet.backends import cuda

    monkeypatch.setattr(cuda, "wheel", lambda name: (13, "14.2.0"))
    machine = run_path(str(ROOT / "benchmarks" / "machine.py"))["machine"]
    assert machine(None, "cpu")["cupy-cuda13x"] == "14.2.0"


def test_a_floor_without_a_gpu_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that finds no device says so, as contenders do that cannot be timed, instead of failing."""
    torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False))
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(Exception, match="torch finds no CUDA device"):
        run_path(str(ROOT / "benchmarks" / "floor.py"))["library"]("cuda")

"""`python -m xpnet.doctor`: what it prints, and its exit code."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from helpers.commands import PYTHON, process, sentence
from helpers.fake_machines import Machine

from xpnet import doctor
from xpnet._cli import diagnosis
from xpnet.capture.engines.cpu import cache
from xpnet.errors import EngineWarning, InputError


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """The exit code, and the lines that are printed."""
    status = doctor.main(list(arguments))
    return status, capsys.readouterr().out.splitlines()


def test_numpy_is_well() -> None:
    """Each check of NumPy has a line with the difference and what it may be, and the exit code is 0."""
    answer = process("xpnet.doctor", "--backend", "numpy")
    assert (answer.returncode, answer.stderr) == (0, "")
    checks = [line for line in answer.stdout.splitlines() if "float" in line and line.startswith("numpy")]
    assert [line.split(None, 2)[2].partition(", ")[0] for line in checks][:2] == ["gradient", "training"]
    for line in checks:
        found, at_most = map(float, line.split()[-2:])
        assert 0 < found <= at_most
    assert answer.stdout.splitlines()[-1] == f"All {len(checks)} checks hold."


def test_a_machine_with_nothing_but_numpy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The driver, the compiler and each library are named with what gets them, and NumPy is checked."""
    Machine(monkeypatch).without("cupy", "torch", "jax")
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    status, lines = told(capsys)
    assert status == 0
    assert lines[1:3] == [
        "driver: this machine has no NVIDIA driver: install driver 580 or newer",
        "compiled plans on the CPU: llvmlite is not installed; run pip install llvmlite",
    ]
    for name, command in (("cupy", '"cupy-cuda13x[ctk]"'), ("torch", "torch"), ("jax", "jax")):
        (line,) = (line for line in lines if line.startswith(name))
        assert line.endswith(f"run pip install {command}.")
    assert lines[-1] == "All 3 checks hold."


def test_the_driver_and_its_gpus_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A driver is told with the CUDA version that it serves, and with what hides its GPUs."""
    machine = Machine(monkeypatch)
    machine.wheels["numpy"] = np.__version__
    machine.without("cupy", "torch", "jax")
    for gpus, wanted in ((1, "one GPU"), (2, "2 GPUs")):
        machine.driver(13, gpus)
        assert told(capsys, "--backend", "cupy")[1][1] == f"driver: NVIDIA's for CUDA 13, which shows {wanted}"
    machine.driver(12)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert "no GPU is visible with CUDA_VISIBLE_DEVICES='7': unset it" in told(capsys, "--backend", "cupy")[1][1]


def test_where_compiled_plans_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    """The compiler, how wide the CPU's vectors are, and the folder."""
    pytest.importorskip("llvmlite")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    cache.folder.cache_clear()
    _, lines = told(capsys, "--backend", "cupy")
    cache.folder.cache_clear()
    assert lines[2].startswith("compiled plans on the CPU: llvmlite ")
    assert lines[2].endswith(f" bits, kept in {tmp_path}/compiled")


def test_wrong_arithmetic_is_exit_code_1() -> None:
    """Where a function of the library is wrong the checks that fail say so, and so does the process."""
    code = (
        "import sys, numpy as np; right = np.tanh; wrong = lambda self, z, *out: right(1.01 * z, *out);"
        "np.tanh = type('Wrong', (), {'__call__': wrong, '__getattr__': lambda self, name: getattr(right, name)})();"
        "from xpnet import doctor; from xpnet._cli import commandline;"
        "sys.argv[1:] = ['--backend', 'numpy']; commandline.run(doctor.main)"
    )
    answer = subprocess.run([*PYTHON, "-c", code], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (1, "")
    (gradient,) = (line for line in answer.stdout.splitlines() if "gradient, float64" in line)
    assert gradient.endswith("FAILED")
    assert answer.stdout.splitlines()[-1].endswith("checks failed.")


def test_a_check_that_breaks_off_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library's own error is told in its line, the other checks are made."""

    def broken(z: object) -> None:
        raise RuntimeError("no kernel image\nfor this device")

    diagnosis.reference_result(), diagnosis.central_differences()
    monkeypatch.setattr(np, "sqrt", broken)
    status, lines = told(capsys, "--backend", "numpy")
    assert status == 1
    (gradient,) = (line for line in lines if "gradient" in line and line.startswith("numpy"))
    (training,) = (line for line in lines if "training, plain" in line)
    assert "FAILED" not in gradient
    assert training.endswith("FAILED: RuntimeError, no kernel image")


def test_an_engine_that_does_not_serve_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where another engine had to run a training, that is no proof of the one that was asked for."""

    def unable(*arguments: object) -> None:
        warnings.warn("it cannot be captured; engine plain runs them instead.", EngineWarning, stacklevel=1)

    monkeypatch.setattr(diagnosis, "training_result", unable)
    status, lines = told(capsys, "--backend", "numpy")
    assert status == 1
    (training,) = (line for line in lines if "training, plain" in line)
    assert training.endswith("FAILED: EngineWarning, it cannot be captured; engine plain runs them instead.")


def test_nan_has_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A difference that is no number is not within the tolerance."""
    monkeypatch.setattr(diagnosis, "training_difference", lambda backend: float("nan"))
    status, lines = told(capsys, "--backend", "numpy")
    assert status == 1
    assert all(line.split()[-3:] == ["nan", "1e-05", "FAILED"] for line in lines if "training, " in line)


def test_nothing_to_check_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A backend that cannot be had says why, and the exit code is 0."""
    Machine(monkeypatch).without("cupy")
    status, lines = told(capsys, "--backend", "cupy", "--device", "cuda:1")
    assert (status, lines[-1]) == (0, "There is nothing to check.")
    assert "backend cupy cannot use device cuda:1: not installed" in lines[-3]


def test_wrong_arguments_are_exit_code_2() -> None:
    """A device that is none is told before anything else."""
    with pytest.raises(InputError, match="invalid choice: 'tpu'"):
        doctor.main(["--backend", "tpu"])
    assert "device 'gpu' is not one of" in sentence(process("xpnet.doctor", "--device", "gpu"))

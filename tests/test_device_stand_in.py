"""The stand-in for a CUDA device cannot drift: what it offers has the names and parameters of CuPy and nvmath."""

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from helpers.cuda_on_cpu import can_compile

TESTS = Path(__file__).parent
BORROWED = ["arguments", "_function", "options"]
"""The parameters of what the stand-in has from NumPy, whose own are checked when it is called."""

OPEN = {"_", "arguments", "options"}
"""Parameters that stand for any others."""


def names(folders, *arguments):
    """What names are there with such folders on the path, and their parameters."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, str(TESTS / "helpers" / "device_names.py"), *arguments]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(made.stdout)


def installed():
    """Whether CuPy and nvmath are, beside the stand-in's own folder."""
    there = (d for d in distributions() if TESTS not in Path(str(d.locate_file(""))).parents)
    found = {(d.metadata["Name"] or "").lower() for d in there}
    return "nvmath-python" in found and any(name.startswith("cupy-cuda") for name in found)


@pytest.fixture(autouse=True)
def _compiler():
    """What runs on the stand-in needs g++."""
    if not can_compile():
        pytest.skip("there is no g++ to compile the kernels with")


@pytest.fixture(scope="module")
def offered():
    """The stand-in's names."""
    return names((TESTS / "device", TESTS))


def test_every_name_is_cupys(offered):
    """Each function, method and number is there in what is installed, with the parameters and values it has here."""
    if not installed():
        pytest.skip("CuPy and nvmath-python are not installed; run pip install cupy-cuda13x nvmath-python")
    real = names((), json.dumps(list(offered)))
    assert len(offered) > 300
    assert [name for name, found in real.items() if found is None] == []
    for name, found in offered.items():
        if isinstance(found, int) or isinstance(real[name], int):
            assert found == real[name], name
        elif found != BORROWED and real[name]:
            assert set(found) - OPEN <= {part.lstrip("*") for part in real[name]}, name


def test_arrays_are_apart_from_the_hosts():
    """NumPy gets no array of the device but by fetching it, and the device none of NumPy's but by a copy."""
    code = """
import numpy, cupy
a = cupy.asarray(numpy.arange(3.0))
for attempt in (lambda: numpy.asarray(a), lambda: a + numpy.ones(3), lambda: cupy.add(a, numpy.ones(3)),
                lambda: cupy.copyto(a, numpy.ones(3)), lambda: a.set([1.0, 2.0, 3.0])):
    try:
        attempt()
    except TypeError:
        continue
    raise SystemExit("taken")
assert isinstance(numpy.add(a, a), cupy.ndarray)
assert a.get().tolist() == [0, 1, 2]
with cupy.cuda.Device(1):
    b = cupy.ones(3)
try:
    a + b
except ValueError as error:
    print(error)
"""
    assert "array devices = [0, 1]" in ran(code)


def test_a_capture_refuses_what_cudas_refuses():
    """Copies from and to the host, allocations, NumPy's functions and waits break a capture off; kernels do not."""
    code = """
import numpy, cupy
a, b, host = cupy.zeros(3), cupy.ones(3), numpy.ones(3)
refused = (a.get, lambda: a.set(host), lambda: a + b, lambda: cupy.zeros(3), a.copy, lambda: float(a[0]))
for attempt in refused:
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        try:
            attempt()
        except RuntimeError:
            pass
        else:
            raise SystemExit("not refused")
        try:
            stream.end_capture()
        except RuntimeError as error:
            assert "Invalidated" in str(error)
with cupy.cuda.Stream(non_blocking=True) as stream:
    stream.begin_capture()
    cupy.copyto(a, b)
    try:
        cupy.cuda.Device(0).synchronize()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        assert error.status == 900
    graph = stream.end_capture()
assert a.get().tolist() == [0, 0, 0]
graph.launch()
print(a.get().tolist())
"""
    assert ran(code) == "[1.0, 1.0, 1.0]"


def test_the_doctor_sees_captures_that_fail():
    """Where no step can be captured the checks of captured steps fail, with the first error, and the others hold."""
    code = """
from cupy import driver
driver.broken = RuntimeError("cudaErrorStreamCaptureUnsupported: operation not permitted")
from xpnet import doctor
print("exits with", doctor.main(["--backend", "cupy", "--device", "cuda"]))
"""
    lines = ran(code).splitlines()
    assert lines[-1] == "exits with 1"
    (captured,) = (line for line in lines if "training, compiled" in line)
    assert "FAILED: EngineWarning, CuPy cannot capture these steps (cudaErrorStreamCaptureUnsupported" in captured
    assert sum("FAILED" in line for line in lines) == 1


def test_a_stream_has_an_order_and_memory_of_its_own():
    """Work waits until its own stream is waited for, and a stream gives memory away that another still has to read."""
    code = """
import numpy, cupy
a, copying = cupy.zeros(3), cupy.cuda.Stream(non_blocking=True)
with copying:
    first = cupy.empty(3)
    first.set(numpy.ones(3), copying)
    copying.synchronize()
cupy.copyto(a, first)
if WAITS:
    cupy.cuda.get_current_stream().synchronize()
del first
with copying:
    second = cupy.empty(3)
    second.set(numpy.full(3, 2.0), copying)
    copying.synchronize()
print(a.get().tolist())
"""
    assert ran(code.replace("WAITS", "True")) == "[1.0, 1.0, 1.0]"
    assert ran(code.replace("WAITS", "False")) == "[2.0, 2.0, 2.0]"


def test_sums_from_a_buffer_are_copied_before_their_memory_is_given_away():
    """What comes back from the host is in place when the copying stream may use the memory that it came in for more."""
    code = """
import numpy
from types import SimpleNamespace
from xpnet import backends
from xpnet.distributed.allreduce import through_buffer
backend = backends.resolve("cupy")
world = SimpleNamespace(Allreduce=lambda place, array: numpy.multiply(array, 2, out=array))
add, found = through_buffer(SimpleNamespace(IN_PLACE=0), world, backend), []
kept = backend.asarray(numpy.zeros(3))
import cupy
with backend.current():
    sums = add(backend.asarray(numpy.ones(3)))
    cupy.copyto(kept, sums)
    del sums
    rows = backend.upload(numpy.full(3, 9.0))
    print(kept.get().tolist())
"""
    assert ran(code) == "[2.0, 2.0, 2.0]"


@pytest.mark.parametrize("engine", ["plain", "replay", "compiled"])
def test_a_training_is_numpys(engine):
    """The digits on the stand-in, with batches of two sizes, and validation, come to NumPy's parameters."""
    code = f"""
import numpy, xpnet
from xpnet.data import load
network, made = xpnet.Network([64, 16, 10], "tanh", input_scale=16.0), []
for backend, engine in (("numpy", "plain"), ("cupy", "{engine}")):
    given = dict(batch_size=100, epochs=2, dtype="float64", validation_fraction=0.1, l2=1e-3)
    *_, last = xpnet.epochs(network, load("digits"), xpnet.adam(0.01), backend=backend, engine=engine, **given)
    made.append(last)
assert made[1].checkpoint.engine == "{engine}"
w = [epoch.params[0].w for epoch in made]
print(float(numpy.linalg.norm(w[0] - w[1].get()) / numpy.linalg.norm(w[0])), made[0].cost - made[1].cost)
"""
    off, cost = map(float, ran(code).split())
    assert off < 1e-10
    assert abs(cost) < 1e-10


def test_commands_train_and_predict(tmp_path):
    """Train says that steps are compiled, and predict scores the saved model on the stand-in as on the CPU."""
    code = f"""
from xpnet import predict, train
path, where = {str(tmp_path / "digits.safetensors")!r}, ["--backend", "cupy", "--device", "cuda:1"]
train.main(["--data", "digits", "--hidden", "16", "--epochs", "2", "--save", path, *where])
predict.main([path, "--data", "digits", *where])
predict.main([path, "--data", "digits"])
"""
    lines = ran(code).splitlines()
    assert any("cupy" in line and "(compiled) on cuda:1" in line for line in lines), lines
    scores = [line for line in lines if line.startswith("accuracy")]
    assert scores[0] == scores[1]


def ran(code):
    """What a process with the stand-in prints."""
    folders = (TESTS / "device", TESTS, TESTS.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    made = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()

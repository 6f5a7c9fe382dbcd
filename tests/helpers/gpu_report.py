"""What `nox -s gpu` runs: tests, the doctor, the digits and MNIST on a GPU, as one table and a file that can be sent.

    python tests/helpers/gpu_report.py tests/test_gpu.py

Whatever fails is told in the table; the others run all the same.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from xml.etree import ElementTree

TRAININGS = {"digits": ([64, 128, 10], 3e-3, 32, 8, 0.95), "mnist": ([784, 128, 10], 1e-3, 128, 5, 0.97)}
"""Of each data set: layers, Adam's learning rate, rows a step, epochs, and the accuracy that must be reached."""

PACKAGES = ("xpnet", "numpy", "cupy-cuda12x", "cupy-cuda13x", "nvmath-python", "cuda-bindings", "pytest")


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        details: What the file tells beside it.
    """

    what: str
    result: str
    holds: bool
    details: Any


def main(arguments: list[str]) -> int:
    """Run everything, print the table, write the file; 1 where anything does not hold."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="cupy")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the file goes")
    parser.add_argument("--training", choices=list(TRAININGS), help="train on these alone, and print what came out")
    flags, chosen = parser.parse_known_args(arguments)
    if flags.training:
        print(json.dumps(trained(flags.training, flags.backend, flags.device)))
        return 0
    about = machine(flags.backend, flags.device)
    for name, value in about.items():
        print(f"{name:<16} {value}", flush=True)
    rows = []
    for row in parts(flags.backend, flags.device, chosen):
        print(f"\n{row.what}: {row.result}", flush=True)
        rows.append(row)
    path = flags.folder / f"gpu-{re.sub('[^a-z0-9]+', '-', about['card'].lower()).strip('-')}.json"
    path.write_text(json.dumps({**about, "results": [row._asdict() for row in rows]}, indent=2) + "\n")
    print(f"\n{'what':<10} {'holds':<6} result")
    for row in rows:
        print(f"{row.what:<10} {'yes' if row.holds else 'NO':<6} {row.result}")
    print(f"\nAll of it is in {path}.")
    return 0 if all(row.holds for row in rows) else 1


def parts(backend: str, device: str, chosen: list[str]) -> Iterator[Row]:
    """What is run, each in a process of its own: an error on a device can break what comes after it."""
    yield tested(backend, chosen)
    yield diagnosed(backend, device)
    data = Path(os.environ.get("XPNET_DATA_DIR", "")) / "mnist"
    for name in TRAININGS:
        if name == "digits" or ("XPNET_DATA_DIR" in os.environ and data.is_dir()):
            yield training(name, backend, device)


def machine(backend: str, device: str) -> dict[str, Any]:
    """The card, and what runs on it."""
    from xpnet import backends
    from xpnet.backends import cuda

    target = backends.resolve(backend, device)
    card = platform.processor() or platform.machine()
    if backend == "cupy":
        import cupy

        card = cupy.cuda.runtime.getDeviceProperties(target.device.id)["name"].decode()
    packages = {name: found for name in PACKAGES if (found := installed(name))}
    return {
        "card": card,
        "capability": ".".join(map(str, cuda.compute_capability() or ())),
        "driver": cuda.driver(),
        "backend": str(target),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {found}" for name, found in packages.items()),
        "date": time.strftime("%Y-%m-%d"),
    }


def installed(name: str) -> str | None:
    """A package's version, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def tested(backend: str, chosen: list[str]) -> Row:
    """The tests, each that failed with its first line."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tests.xml"
        command = ["-m", "pytest", "--backend", backend, "-m", "gpu or not slow", f"--junitxml={path}", *chosen]
        run(*command)
        if not path.exists():
            return Row("tests", "did not run", False, None)
        (suite,) = ElementTree.parse(path).getroot().iter("testsuite")
    count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = {
        f"{case.get('classname')}::{case.get('name')}": (problem.get("message") or "").partition("\n")[0]
        for case in suite.iter("testcase")
        for problem in (*case.findall("failure"), *case.findall("error"))
    }
    bad = count["failures"] + count["errors"]
    result = f"{count['tests'] - bad - count['skipped']} passed, {bad} failed, {count['skipped']} skipped"
    return Row("tests", result, bad == 0 and count["tests"] > 0, failed)


def diagnosed(backend: str, device: str) -> Row:
    """The doctor's checks."""
    status, lines = run("-m", "xpnet.doctor", "--backend", backend, "--device", device)
    return Row("doctor", lines[-1] if lines else "said nothing", status == 0, lines)


def training(name: str, backend: str, device: str) -> Row:
    """A training with the engine that `auto` is, to the accuracy that it must reach."""
    status, lines = run(__file__, "--training", name, "--backend", backend, "--device", device)
    if status:
        return Row(name, lines[-1] if lines else "said nothing", False, lines)
    found = json.loads(lines[-1])
    result = f"{found['accuracy']:.1%} with engine {found['engine']}, {1e3 * min(found['seconds']):.1f} ms per epoch"
    return Row(name, result, found["accuracy"] >= TRAININGS[name][-1], found)


def trained(name: str, backend: str, device: str) -> dict[str, Any]:
    """The accuracy and each epoch's seconds; an engine that falls back on another is an error."""
    import xpnet
    from xpnet.data import load
    from xpnet.errors import EngineWarning

    sizes, rate, batch_size, epochs, _ = TRAININGS[name]
    data = load(name)
    warnings.simplefilter("error", EngineWarning)
    network = xpnet.Network(sizes, input_scale=data.input_scale)
    given = dict(batch_size=batch_size, epochs=epochs, backend=backend, device=device)
    made = list(xpnet.epochs(network, data, xpnet.adam(rate), **given))
    accuracy, engine = float(made[-1].test_accuracy), made[-1].checkpoint.engine
    return {"accuracy": accuracy, "engine": engine, "seconds": [epoch.seconds for epoch in made]}


def run(*arguments: str) -> tuple[int, list[str]]:
    """A Python process; what it prints is shown as it comes, and handed on line by line."""
    lines = []
    command, out = [sys.executable, *arguments], subprocess.PIPE
    with subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.strip():
                lines.append(line.rstrip())
    return process.returncode, lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

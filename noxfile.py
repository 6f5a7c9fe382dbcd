"""Sessions that test, lint, build and time this project; versions and groups are read from pyproject.toml."""

import os
from argparse import ArgumentParser
from pathlib import Path
from runpy import run_path
from shutil import which
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import nox

nox.options.sessions = ["tests", "lint"]
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
OPTIONAL = ("torch", "jax", "cupy")
EXPORTS = ("xpnet/export.py", "xpnet/onnx.py", "xpnet/serialization/c.py", "xpnet/serialization/sklearn.py")
PICTURES = ("xpnet/data/photo.py", "xpnet/data/picture.py", "xpnet/plots/*")
TABLES = ("xpnet/data/columns.py", "xpnet/data/tables/*")
PRIVATE = "xpnet/training/priva*"
ESTIMATORS = ("xpnet/estimators/*", "xpnet/training/sparse.py")
SHARED = "xpnet/backends/shared_memory.py"


def groups(*names: str) -> tuple[str, ...]:
    """Requirements in dependency groups."""
    return nox.project.dependency_groups(PYPROJECT, *names)


def without_nox(*names: str) -> tuple[str, ...]:
    """The same without nox, which wants a newer attrs than dp-accounting does."""
    return tuple(each for each in groups(*names) if not each.startswith("nox"))


def measured(session: nox.Session, *arguments: str, report: tuple[str, str], **environment: str) -> None:
    """Run pytest and require the coverage, unless the user's arguments choose among the tests."""
    # Each session counts for itself: several may run at the same time.
    environment["COVERAGE_FILE"] = os.path.join(session.create_tmp(), ".coverage")
    session.run("coverage", "erase", env=environment)
    session.run("coverage", "run", "-m", "pytest", *arguments, *session.posargs, env=environment)
    session.run("coverage", "combine", "--quiet", env=environment)
    if not session.posargs:
        session.run("coverage", "report", *report, env=environment)


@nox.session
def tests(session: nox.Session) -> None:
    """Test on NumPy and array-api-strict, and require the coverage; needs no framework and no GPU."""
    session.install("-e", ".", *groups("test"))
    # Covered as much by the sessions that install their libraries.
    elsewhere = [f"xpnet/backends/{name}*.py" for name in OPTIONAL]
    elsewhere += [
        "xpnet/capture/engines/cpu/*",
        "xpnet/capture/planning/fusion.py",
        "xpnet/distributed/*",
        "xpnet/serialization/torch.py",
        PRIVATE,
        SHARED,
    ]
    elsewhere += [*ESTIMATORS, *EXPORTS, *PICTURES, *TABLES]
    measured(session, report=("--omit", ",".join(elsewhere)))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, types, and that files import only from floors below."""
    session.install("-e", ".", *groups("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
@nox.parametrize("library", OPTIONAL, ids=OPTIONAL)
def backends(session: nox.Session, library: str) -> None:
    """Test on one array library, and with it as an oracle; an error where it is not available."""
    if library in PYPROJECT["dependency-groups"]:
        session.install("-e", ".", *groups("test", library))
        included = f"xpnet/backends/{library}*.py,xpnet/serialization/{library}*.py,{SHARED}"
        measured(session, "--backend", library, report=("--include", included))
    else:
        session.install("-e", ".[cuda13]", *groups("test"))
        session.run("pytest", "--backend", library, *session.posargs)


@nox.session
def fast(session: nox.Session) -> None:
    """Test compiled plans, and the engines with them; an error without llvmlite."""
    session.install("-e", ".[fast]", *groups("test"))
    session.run("python", "-c", "import llvmlite")
    files = [*sorted(Path("tests").glob("test_capture_cpu*.py")), "tests/test_training_epochs_engines.py"]
    session.run("pytest", *map(str, files), *session.posargs)


@nox.session
def exports(session: nox.Session) -> None:
    """Test ONNX files and scikit-learn's perceptrons beside those libraries; an error without them."""
    session.install("-e", ".[onnx,sklearn]", *groups("test", "oracles"))
    session.run("python", "-c", "import ndonnx, onnx, onnxruntime, sklearn")
    files = [f"tests/test_{name}.py" for name in ("onnx", "export", "serialization_c", "serialization_sklearn")]
    measured(session, *files, report=("--include", ",".join(EXPORTS)))


@nox.session
def plots(session: nox.Session) -> None:
    """Test pictures, reports, notebooks and what is read from pictures; an error without Matplotlib."""
    session.install("-e", ".[plot]", *groups("test", "notebook"))
    session.run("python", "-c", "import matplotlib, nbclient, ipykernel, PIL, scipy")
    names = (
        "data_photo",
        "notebook",
        "plots",
        "plots_layout",
        "plots_report",
        "plots_report_mathml",
        "plots_report_sample",
        "data_picture",
        "predict",
    )
    files = [f"tests/test_{name}.py" for name in names]
    measured(session, *files, report=("--include", ",".join(PICTURES)))


@nox.session
def tables(session: nox.Session) -> None:
    """Test CSV, Parquet and Feather files as data, and a newcomer's first hour; an error without pyarrow."""
    session.install("-e", ".[tables,sklearn]", *groups("test", "sklearn"))
    session.run("python", "-c", "import pandas, pyarrow, sklearn")
    files = [*map(str, sorted(Path("tests").glob("test_*tables*.py"))), "tests/test_first_hour.py"]
    # Data frames are pandas'.
    files.append("tests/test_data_numbers.py")
    measured(session, *files, report=("--include", ",".join(TABLES)))


@nox.session
def recipes(session: nox.Session) -> None:
    """Test the README's recipes beside MLflow and TensorBoard; an error without them."""
    session.install("-e", ".", *groups("test", "recipes"))
    session.run("python", "-c", "import mlflow, tensorboard, tensorboardX")
    session.run("pytest", "tests/test_readme_recipes.py", *session.posargs)


@nox.session
def privacy(session: nox.Session) -> None:
    """Train privately, beside dp-accounting, for which xpnet's ε is asked; an error without it."""
    session.install("-e", ".[privacy,fast]", *without_nox("test"))
    session.run("python", "-c", "import dp_accounting")
    files = [*map(str, sorted(Path("tests").glob("test_*privacy*.py")))]
    measured(session, *files, report=("--include", PRIVATE))


@nox.session
def browser(session: nox.Session) -> None:
    """Read a report in a headless Chromium, the system's; skipped without one."""
    if missing := run_path("tests/helpers/browser.py")["missing"]():
        session.skip(f"{missing}; on Debian, run apt-get install chromium chromium-driver")
    session.install("-e", ".[plot]", *groups("test"))
    session.run("pytest", "tests/test_plots_report_browser.py", *session.posargs)


@nox.session
def sklearn(session: nox.Session) -> None:
    """Test the estimators beside scikit-learn's, on every library of the CPU; an error where it is not available."""
    session.install("-e", ".[sklearn,fast]", *groups("test", "sklearn", "torch", "jax"))
    session.run("python", "-c", "import sklearn, pandas, rich, torch, jax, array_api_strict")
    files = [
        *map(str, Path("tests").glob("test_estimators_*.py")),
        "tests/test_training_class_names.py",
        "tests/test_training_sparse.py",
        "tests/test_readme.py::test_blocks_run",
    ]
    # Without it scikit-learn checks nothing on arrays of other libraries.
    measured(session, *files, report=("--include", ",".join(ESTIMATORS)), SCIPY_ARRAY_API="1")


@nox.session
def mpi(session: nox.Session) -> None:
    """Train on two and three ranks under mpiexec; an error without MPI."""
    session.install("-e", ".[mpi,fast]", *groups("test"))
    for ranks in ("2", "3"):
        session.run("mpiexec", "-n", ranks, "python", "-c", "from mpi4py import MPI; print(MPI.COMM_WORLD.size)")
    files = map(str, sorted(Path("tests").glob("test_distributed*.py")))
    measured(session, *files, report=("--include", "xpnet/distributed/*"))
    session.run("python", "benchmarks/scaling.py", "--quick")


@nox.session
def kernels(session: nox.Session) -> None:
    """Run the CUDA kernels on the CPU, access by access too, and NVIDIA's compiler on them; needs no GPU, but g++."""
    session.install("-e", ".", *groups("test", "kernels"))
    session.run("python", "-c", "from cuda.bindings import nvrtc; nvrtc.nvrtcVersion()")
    if which("g++") is None:
        session.error("There is no C++ compiler; on Debian, run apt-get install g++.")
    files = [*sorted(Path("tests").glob("test_capture_cuda*.py")), "tests/test_device_stand_in.py"]
    session.run("pytest", "-m", "slow or not slow", *map(str, files), *session.posargs)


DEVICE = (
    "gpu",
    "gpu_capture",
    "distributed_nccl",
    "doctor",
    "training_epochs_engines",
    "training_stored_rows_trained",
    "estimators_devices",
)
"""Tests on the stand-in for a device that take a minute or two; `-- --long` runs all, MPI and the estimators too."""


@nox.session
def device(session: nox.Session) -> None:
    """Run xpnet's CUDA code on a stand-in for a device, with `--backend cupy`; needs no GPU, but gcc and g++."""
    if which("g++") is None or which("gcc") is None:
        session.error("There is no C++ compiler; on Debian, run apt-get install g++.")
    folder, long = session.create_tmp(), "--long" in session.posargs
    session.install("-e", ".[mpi,sklearn]" if long else ".[mpi]", *groups("test", *(["sklearn"] if long else [])))
    library = os.path.join(folder, "libcuda.so.1")
    session.run("gcc", "-shared", "-fPIC", "-o", library, "tests/device/libcuda.c", external=True)
    environment = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, ("tests/device", "tests")))}
    environment["LD_LIBRARY_PATH"] = os.path.abspath(folder)
    session.run("python", "-m", "xpnet.doctor", "--backend", "cupy", "--device", "cuda", env=environment)
    files = [] if long else [f"tests/test_{name}.py" for name in DEVICE]
    others = [argument for argument in session.posargs if argument != "--long"]
    session.run("pytest", "--backend", "cupy", "-m", "gpu or not slow", *files, *others, env=environment)


@nox.session
def faults(session: nox.Session) -> None:
    """Try kills, damaged files, engines against each other, extreme numbers; `-- --quick`, `-- --long --state FILE`."""
    session.install("-e", ".[fast,plot,sklearn]", *groups("test", "torch", "jax"))
    session.run("python", "-m", "robustness", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def shapes(session: nox.Session) -> None:
    """Test what calls the mathematics with the shapes in its signatures checked at run time."""
    # Where torch and ndonnx are not installed: its compiler and its arrays do not go with these checks.
    session.install("-e", ".", *groups("test", "shapes"))
    # Not the network: what users bring is its own to check, with sentences for errors.
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (mathematics,) = (contract["source_modules"] for contract in contracts if "mathematics knows" in contract["name"])
    # What calls the mathematics; the rest of the tests would only run the same calls again.
    files = [*map(str, sorted(Path("tests").glob("test_equations*.py")))]
    files += [*map(str, sorted(Path("tests").glob("test_training_*.py"))), "tests/test_post.py"]
    session.run("pytest", f"--jaxtyping-packages={','.join(mathematics)},beartype.beartype", *files, *session.posargs)


def on_mnist(session: nox.Session, which: str, *packages: str) -> None:
    """Run tests that need the real files."""
    if "XPNET_DATA_DIR" not in os.environ:
        session.error("Set XPNET_DATA_DIR to the folder that holds mnist/ with the four files.")
    session.install("-e", *packages)
    data = os.path.abspath(os.environ["XPNET_DATA_DIR"])
    session.run("pytest", "-m", which, "--durations=0", *session.posargs, env={"XPNET_DATA_DIR": data})


@nox.session
def mnist(session: nox.Session) -> None:
    """Test on MNIST, a minute or two."""
    on_mnist(session, "mnist and not slow", ".[plot,tables]", *groups("test"))


@nox.session(name="mnist-long")
def mnist_long(session: nox.Session) -> None:
    """Train on MNIST as long as published results take, many minutes."""
    on_mnist(session, "mnist and slow", ".[plot,tables,privacy]", *without_nox("test"))


MEMORY = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Leaves a card's memory to others: JAX takes three quarters of it otherwise. PyTorch and CuPy take what they use."""


def cuda_version(session: nox.Session) -> tuple[str | None, str]:
    """CUDA major version of the libraries that driver and card take, None without a GPU; and what is to be said."""
    asked = "print(cuda.driver_device_count() and cuda.major_of_library() or cuda.driver())"
    answer = str(session.run("python", "-c", f"from xpnet.backends import cuda; {asked}", silent=True)).strip()
    if not answer.isdigit():
        return None, answer
    return answer, f"CUDA {answer}: cupy-cuda{answer}x, the newest for this driver and card"


@nox.session(reuse_venv=False)
def gpu(session: nox.Session) -> None:
    """Test on this machine's GPU, with the CuPy that its driver and card take; writes gpu-<card>.json to send."""
    session.install("-e", ".", *groups("test"))
    major, told = cuda_version(session)
    if major is None:
        session.error(f"There is no GPU to test on: {told}")
    session.log(told)
    session.install("-e", f".[cuda{major}]", *groups("test"))
    session.run("python", "tests/helpers/gpu_report.py", *session.posargs, env=MEMORY)


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel, and try the wheel as a new user would: the README's blocks, far from the checkout."""
    session.install(*groups("build"))
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        session.run("python", "-m", "build", "--outdir", str(folder))
        (wheel,) = folder.glob("*.whl")
        members = ZipFile(wheel).namelist()
        for name in ("xpnet/data/digits.npz", "xpnet/plots/report/page.css", "xpnet/py.typed", "licenses/LICENSE"):
            if not any(path.endswith(name) for path in members):
                session.error(f"{wheel.name} lacks {name}.")

        session.run("python", "-m", "venv", str(folder / "fresh"))
        python = str(folder / "fresh" / ("Scripts" if os.name == "nt" else "bin") / "python")
        session.run(python, "-m", "pip", "install", "--quiet", str(wheel), external=True)
        session.run(python, "-m", "pip", "check", external=True)
        installed = session.run(python, "-m", "pip", "list", "--format=freeze", external=True, silent=True)
        names = {line.partition("==")[0] for line in installed.splitlines()}
        if heavy := {name for name in names if name in OPTIONAL or name.startswith(("cupy-", "nvidia-"))}:
            session.error(f"The wheel pulls in {', '.join(heavy)}.")

        session.run(python, "-m", "pip", "install", "--quiet", "pytest", external=True)
        for path in ("README.md", "tests/test_readme.py"):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(Path(path).read_bytes())
        with session.chdir(folder):
            session.run(python, "-m", "pytest", "-W", "error", "tests", external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Time steps and answers beside peers and the floor, on a GPU where there is one; `-- --against COMMIT`, or fail.

    `-- --device cpu` times the CPU all the same, `-- --peers none` installs and times xpnet and the floor alone.
    """
    chosen, asked = list(session.posargs), ArgumentParser(add_help=False, allow_abbrev=False)
    for flag, default in (("--against", None), ("--peers", "all"), ("--device", "auto")):
        asked.add_argument(flag, default=default)
    flags, _ = asked.parse_known_args(chosen)
    if flags.against is not None:
        session.install("-e", ".[fast,sklearn]")
        session.run("python", "benchmarks", *chosen)
        return
    session.install("-e", ".[fast,onnx]", *groups("bench"))
    major, told = (None, "") if flags.device == "cpu" else cuda_version(session)
    if major is None and flags.device.startswith("cuda"):
        session.error(f"There is no GPU to time: {told}")
    peers, environment = groups("torch", "jax", "opacus"), {}
    if major is not None:
        peers, environment = ("torch>=2.13", f"jax[cuda{major}]>=0.10"), MEMORY
        chosen += ["--device", "cuda"] if flags.device == "auto" else []
        session.install("-e", f".[fast,cuda{major}]", *groups("bench"))
        beside = "none" if flags.peers == "none" else ", ".join(peers)
        session.log(f"{told}; peers: {beside}; {', '.join(map('='.join, MEMORY.items()))}")
    if flags.peers != "none":
        session.install(*peers)
    session.run("python", "benchmarks", *chosen, env=environment)
    if not {"-h", "--help"} & set(chosen):
        session.run("python", "benchmarks/import_time.py")

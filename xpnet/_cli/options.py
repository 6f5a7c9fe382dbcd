"""Options: flags that decide how a training is run and where its results go, but not the results."""

from dataclasses import dataclass

from xpnet._cli.configuration import DATA, FILES, MACHINE
from xpnet._cli.flags import flag
from xpnet._cli.presets import PRESETS
from xpnet.backends import ENGINES


@dataclass(frozen=True)
class Options:
    """Flags that are not part of a saved model's configuration."""

    preset: str | None = flag(
        None,
        "settings of a known training; post: the post's network, one row per step",
        group=DATA,
        choices=PRESETS,
    )
    save: str | None = flag(
        None, "model file to write after every epoch, in the safetensors format", group=FILES, metavar="MODEL"
    )
    resume: str | None = flag(
        None,
        "model file to resume, as it was configured; written again unless --save names another",
        group=FILES,
        metavar="MODEL",
    )
    log: str | None = flag(None, "log file, with one line of JSON per epoch", group=FILES, metavar="FILE")
    plot: str | None = flag(
        None,
        "folder for pictures of the training, and for report.html",
        group=FILES,
        metavar="DIR",
    )
    quiet: bool = flag(False, "no output but errors", group=FILES)
    engine: str | None = flag(
        None,
        "way to run the steps. plain: operation by operation; replay: from a plan made once "
        "(NumPy, CuPy); compiled: as machine code (NumPy with numba, JAX, GPUs); auto: by the amount of work",
        group=MACHINE,
        choices=("auto", *ENGINES),
        default="auto",
    )
    mpi: bool = flag(False, "data-parallel training with all processes that mpiexec started", group=MACHINE)

"""Options: flags that decide how a training is run and where its results go, but not the results."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xpnet._cli.commandline import real_number
from xpnet._cli.configuration import DATA, FILES, MACHINE, STOPPING
from xpnet._cli.flags import flag, flag_text
from xpnet._cli.presets import PRESETS
from xpnet.backends import ENGINES
from xpnet.errors import InputError


@dataclass(frozen=True)
class Options:
    """Flags that are not part of a saved model's configuration."""

    preset: str | None = flag(
        None,
        "post: the settings of the post, one row per step",
        group=DATA,
        metavar="P",
        choices=PRESETS,
    )
    save: str | None = flag(None, "model to write after every epoch (safetensors)", group=FILES, metavar="MODEL")
    resume: str | None = flag(
        None,
        "model to resume; written too, unless --save names one",
        group=FILES,
        metavar="MODEL",
    )
    resume_or_start: str | None = flag(
        None,
        "model to resume, or to start where none is yet",
        group=FILES,
        metavar="MODEL",
    )
    log: str | None = flag(None, "log file, with one line of JSON per epoch", group=FILES, metavar="FILE")
    plot: str | None = flag(
        None,
        "folder for pictures, and for report.html",
        group=FILES,
        metavar="DIR",
    )
    max_seconds: float | None = flag(
        None, "seconds of training, until the last epoch is kept", group=STOPPING, parse=real_number, metavar="S"
    )
    quiet: bool = flag(False, "no output but errors", group=FILES)
    engine: str | None = flag(
        None,
        "plain: operation by operation; replay: from a plan made once (CPU, CuPy); compiled: machine code "
        "(CPU with llvmlite, GPUs); jit: by JAX itself; auto: by the amount of work",
        group=MACHINE,
        metavar="E",
        choices=("auto", *ENGINES),
        default="auto",
    )
    mpi: bool = flag(False, "train with all processes that mpiexec started", group=MACHINE)

    def with_files(self) -> "Options":
        """Options in which `resume` and `save` name the files to read and to write, whichever flags named them.

        Raises:
            InputError: The flags contradict each other.
        """
        path = self.resume_or_start
        if path is None:
            return replace(self, save=self.resume if self.save is None else self.save)
        for name in ("resume", "save"):
            if getattr(self, name) is not None:
                raise InputError(f"--resume-or-start reads and writes {path}; leave {flag_text(name)} out.")
        return replace(self, resume=path if os.path.exists(path) else None, save=path)

    def resuming(self, command: Sequence[str]) -> Sequence[str]:
        """Command that goes on from the file that is saved, after one that may have done something else."""
        if self.resume_or_start is not None or self.save is None:
            return command
        flags = [word for name in ("log", "plot") if (path := getattr(self, name)) for word in (f"--{name}", path)]
        flags += [f"--{name}" for name in ("quiet", "mpi") if getattr(self, name)]
        return [*command[: command.index("xpnet.train") + 1], "--resume", self.save, *flags]

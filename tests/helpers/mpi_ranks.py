"""Ranks as tests start them: processes under mpiexec, where there is one."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import PYTHON

MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")

LIMIT = 100
"""Seconds after which ranks that wait for each other are given up."""


def ranks(count: int, *arguments: object) -> list[str]:
    """The command line of so many ranks; skips where MPI is missing."""
    pytest.importorskip("mpi4py", reason="needs mpi4py; run pip install mpi4py mpich")
    if MPIEXEC is None:
        pytest.skip("needs an MPI library; run pip install mpich")
    return [MPIEXEC, "-n", str(count), *PYTHON, *map(str, arguments)]


def ran(line: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run ranks to their end."""
    return subprocess.run(line, capture_output=True, text=True, timeout=LIMIT, check=False, **options)


def said(stderr: str) -> list[str]:
    """Our own lines, without what the launcher adds."""
    return [line.removeprefix("xpnet: ") for line in stderr.splitlines() if line.startswith("xpnet: ")]

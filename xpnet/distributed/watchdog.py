"""A process beside each rank that tells when the rank is gone without a word.

A launcher that sees a rank die kills the others at once; MPICH's then names a process, and often the wrong one. The
witness holds the rank's connection to the launcher, which therefore sees nothing before it has spoken. Where it is
killed together with its rank, as those of the others then are, it says nothing.
"""

import os
import subprocess
from contextlib import suppress

SCRIPT = """
trap '' INT
words=
while IFS= read -r line; do words=$line; done
test -z "$words" || printf '%s\\n' "$words" >&2
"""
"""Keep the last line that comes; print it once nobody can send another."""


class Witness:
    """What a rank wants said when it cannot say it any more; to be made before MPI starts."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[str] | None = None
        if os.name == "posix":
            # What the rank inherited from its launcher, the shell inherits.
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, close_fds=False
            )

    def told(self, words: str) -> None:
        """Have this line said from now on, in place of any before; with an empty one nothing."""
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(BrokenPipeError):
                self._shell.stdin.write(f"{words}\n")
                self._shell.stdin.flush()

    def dismiss(self) -> None:
        """Let it go in silence: the rank leaves by itself."""
        self.told("")
        if self._shell is not None:
            with suppress(BrokenPipeError):
                self._shell.communicate()
            self._shell = None

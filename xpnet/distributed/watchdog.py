"""Watchdog: a process beside each rank that reports when the rank has died without a message.

A launcher that sees a rank die kills the others at once; MPICH's then names a process, and often the wrong one. The
watchdog holds the rank's connection to the launcher, which therefore notices nothing before it has reported. Where it
is killed together with its rank, as those of the others then are, it reports nothing.
"""

import os
import subprocess
from contextlib import suppress

SCRIPT = """
trap '' INT TERM HUP USR1 USR2 XCPU
words=
while IFS= read -r line; do words=$line; done
test -z "$words" || printf '%s\\n' "$words" >&2
"""
"""Keep the last line that comes; print it once nobody can send another."""


class Watchdog:
    """Reporter of a rank's death; to be started before MPI is."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[str] | None = None
        if os.name == "posix":
            # What the rank inherited from its launcher, the shell inherits.
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, close_fds=False
            )

    def announce(self, words: str) -> None:
        """Set the line to print on the rank's death, in place of any before; an empty one prints nothing."""
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(BrokenPipeError):
                self._shell.stdin.write(f"{words}\n")
                self._shell.stdin.flush()

    def dismiss(self) -> None:
        """End the watchdog in silence: the rank leaves by itself."""
        self.announce("")
        if self._shell is not None:
            with suppress(BrokenPipeError):
                self._shell.communicate()
            self._shell = None

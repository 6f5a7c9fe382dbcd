"""Parser whose errors are one sentence, and the exit of a command."""

import argparse
import errno
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, NoReturn

from xpnet import __version__, backends
from xpnet._support import stop_signals
from xpnet.errors import DataWarning, EngineWarning, InputError, ModelFileWarning, XpnetError, printable


class Parser(argparse.ArgumentParser):
    """Parser that raises what is wrong with the arguments instead of printing its usage."""

    def __init__(self, command: str, description: str, epilog: str, positional: str | None = None) -> None:
        super().__init__(
            prog=f"python -m {command}",
            usage="%(prog)s [flags]" if positional is None else f"%(prog)s {positional} [flags]",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("--version", action="version", version=f"xpnet {__version__}", help="version of xpnet")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments, in which ~ is the home folder also where no shell has replaced it."""
        return super().parse_known_args([at_home(each) for each in (sys.argv[1:] if args is None else args)], namespace)

    def error(self, message: str) -> NoReturn:
        """Raise the message, with the command that lists all flags."""
        raise InputError(f"{message}; {self.prog} --help lists all flags.")

    def add_backend(self) -> None:
        """Add the flags for device and array library."""
        self.add_argument("--device", metavar="D", help="device to compute on: cpu (default), cuda, cuda:N or auto")
        self.add_argument("--backend", choices=("auto", *backends.BACKENDS), help="array library [auto]")


def at_home(argument: str) -> str:
    """Argument with the home folder for a ~ that its path begins with: `~/m`, or `--save=~/m`."""
    flag, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return flag + equals + os.path.expanduser(value)


def whole_number(text: str) -> int:
    """Integer from a word, or the parser's error."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def real_number(text: str) -> float:
    """Number from a word, or the parser's error."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def run(command: Callable[[list[str]], int | None]) -> NoReturn:
    """Run a command and exit: with 0 or its own status, with 2 and a sentence for a user's mistake.

    A signal that asks to end, such as Ctrl-C, is a sentence too, and the status 128 with its number.
    """
    stop_signals.begin()
    warnings.formatwarning = formatted(warnings.formatwarning)
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a letter, such as that of R², shows a question mark for it.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        sys.exit(status_of(command) or 0)
    finally:
        stop_signals.end()


def status_of(command: Callable[[list[str]], int | None]) -> int | None:
    """Status of a command that ended by itself; leaves after any other end."""
    try:
        status = command(sys.argv[1:])
        # Unlike sys.stdout.flush() this also does where stdout is closed.
        print(end="", flush=True)
    except XpnetError as error:
        leave(2, str(error))
    except KeyboardInterrupt as stop:
        leave(stop_signals.status(stop), str(stop) or f"{stop_signals.cause(stop_signals.number_of(stop))}.")
    except BrokenPipeError:
        # Whoever read the output has gone.
        drop_output()
        sys.exit(1)
    except Exception as error:
        if number := stop_signals.asked():
            # An import makes another error of it, and a terminal that was closed takes no more output.
            leave(128 + number, f"{stop_signals.cause(number)}.")
        # Files that are written have sentences of their own; stdout has no name.
        if not isinstance(error, OSError) or error.errno != errno.ENOSPC or error.filename is not None:
            raise
        drop_output()
        leave(2, f"cannot write the output: {error.strerror}.")
    return status


def drop_output() -> None:
    """Send stdout nowhere: Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def silent(wanted: bool) -> Iterator[None]:
    """Context in which nothing is printed on stdout and nothing said about the data, if `wanted`."""
    if not wanted:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        yield


def formatted(otherwise: Callable[..., str]) -> Callable[..., str]:
    """Format of warnings: one line for xpnet's own, as `otherwise` has it for others."""

    def line(message: Warning | str, category: type[Warning], *where: object, **more: object) -> str:
        if issubclass(category, DataWarning | EngineWarning | ModelFileWarning):
            return f"xpnet: {printable(str(message))}\n"
        return otherwise(message, category, *where, **more)

    return line


def notice(sentence: str) -> None:
    """Print on stderr what is no error, but not meant either."""
    if sys.stderr is not None:
        stop_signals.say(f"xpnet: {printable(sentence)}", sys.stderr)


def leave(status: int, sentence: str) -> NoReturn:
    """Print why on stderr, and exit."""
    # A terminal that was closed cannot show it.
    with suppress(OSError):
        stop_signals.say(f"xpnet: {printable(sentence)}", sys.stderr)
    sys.exit(status)

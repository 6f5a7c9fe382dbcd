"""What the commands share: a parser whose errors are one sentence, and the way out."""

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import NoReturn

from xpnet import backends
from xpnet.errors import EngineWarning, InputError, XpnetError


class Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong with the arguments instead of printing its usage."""

    def __init__(self, command: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=f"python -m {command}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise the message, with the way to all flags."""
        raise InputError(f"{message}; {self.prog} --help lists all flags.")

    def add_backend(self) -> None:
        """Add the flags that say where to compute."""
        self.add_argument("--device", metavar="D", help="cpu (default), cuda, cuda:N or auto")
        self.add_argument("--backend", choices=("auto", *backends.BACKENDS), help="array library (default: auto)")


def whole_number(text: str) -> int:
    """An integer, or the sentence that says that it is none."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def number(text: str) -> float:
    """A number, or the sentence that says that it is none."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def run(command: Callable[[list[str]], int | None]) -> NoReturn:
    """Run a command and leave: 0 or what it gives, 2 with a sentence for what the user can mend, or 130 for Ctrl-C."""
    warnings.formatwarning = formatted(warnings.formatwarning)
    try:
        status = command(sys.argv[1:])
        # Unlike sys.stdout.flush() this also does where stdout is closed.
        print(end="", flush=True)
    except XpnetError as error:
        leave(2, str(error))
    except KeyboardInterrupt as stop:
        leave(130, str(stop) or "interrupted.")
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(status or 0)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A context at whose end Ctrl-C takes effect, not before, so that what is done within is done together."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked and callable(before):
        before(signal.SIGINT, None)


@contextmanager
def silent(wanted: bool) -> Iterator[None]:
    """A context in which nothing is printed on stdout, if that is wanted."""
    if not wanted:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def formatted(otherwise: Callable[..., str]) -> Callable[..., str]:
    """How a warning is shown: a line for one of ours."""

    def line(message: Warning | str, category: type[Warning], *where: object, **more: object) -> str:
        if issubclass(category, EngineWarning):
            return f"xpnet: {message}\n"
        return otherwise(message, category, *where, **more)

    return line


def leave(status: int, sentence: str) -> NoReturn:
    """Say why on stderr, and exit."""
    print(f"xpnet: {sentence}", file=sys.stderr)
    sys.exit(status)

"""Signals that ask a command to end: the first is obeyed where nothing is half-done, a second one at once.

Schedulers, services and terminals warn a process by different signals before they kill it. A command raises each as
Ctrl-C is raised, so that whatever is open is closed, and nothing but the last complete epoch is left.
"""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
"""SIGUSR1 and SIGUSR2 are the warnings of Slurm, LSF and others; a platform has some of them."""

Handler = Callable[[int, FrameType | None], object]

STOPPING = tuple(signal.Signals[name] for name in NAMES if hasattr(signal, name))

REPEAT = 1.0
"""Seconds for which a signal is the first one once more: `timeout` and closing terminals send it twice."""


TIME_UP = 14
"""Number that stands for the end of the time that a training was given: that of SIGALRM, where there is one."""


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end.

    Attributes:
        number: Which one.
    """

    def __init__(self, number: int, words: str = "") -> None:
        super().__init__(words)
        self.number = number


class _State:
    """What this process was asked, when, and how it answers."""

    def __init__(self) -> None:
        self.number, self.time = 0, 0.0
        self.importing = self.answered_by_all = False
        self.before: dict[int, Handler | int | None] = {}


_state = _State()


def begin(importing: bool = False) -> None:
    """Answer signals, but those that are ignored or have a handler of the user's.

    Args:
        importing: Whether modules are still imported: there is nothing to close then, and an exception would come out
            of an import as another one.
    """
    _state.importing = importing
    for number in STOPPING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            _state.before[number] = signal.signal(number, _answer)


def end() -> None:
    """Leave signals to the handlers from before."""
    while _state.before:
        signal.signal(*_state.before.popitem())
    _state.number = 0


def is_command(package: str = "xpnet") -> bool:
    """Whether a command of the package is being started, by `python -m` or by its script."""
    if not sys.argv:
        return False
    started = sys.argv[0]
    if started == "-m":
        # As it is while Python looks for the module, whose name stands before the arguments.
        started = sys.orig_argv[len(sys.orig_argv) - len(sys.argv)].removeprefix("-m").partition(".")[0]
    return os.path.basename(started).removesuffix(".exe") == package


def asked() -> int:
    """Number of the signal that asked this process to end, or 0."""
    return _state.number


def status(stop: BaseException) -> int:
    """Exit status after a stop: 128 and the number of its signal, which for Ctrl-C is 130."""
    return 128 + number_of(stop)


def number_of(stop: BaseException) -> int:
    """Number of the signal that raised a KeyboardInterrupt."""
    return int(getattr(stop, "number", signal.SIGINT))


def cause(number: int) -> str:
    """What happened, in words: `interrupted`, or `stopped by SIGTERM`."""
    words = {signal.SIGINT: "interrupted", TIME_UP: "time is up"}
    return words[number] if number in words else f"stopped by {signal.Signals(number).name}"


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Context that is stopped after some seconds, as a signal stops it; None sets no limit."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _time_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _time_up() -> None:
    """Ask this process to end, from another thread than the one that is to."""
    if not _state.number:
        _state.number, _state.time = TIME_UP, time.monotonic()
        if not _state.answered_by_all:
            _thread.interrupt_main(signal.SIGTERM)


@contextmanager
def answered_by_all(wanted: bool = True) -> Iterator[None]:
    """Context in which the processes that train together agree when to stop: none of them is interrupted by itself."""
    _state.answered_by_all = wanted
    try:
        yield
    finally:
        _state.answered_by_all = False


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Context in which signals have the system's own effect: for a call that may wait for ever and return to nobody."""
    ours = [number for number in _state.before if signal.getsignal(number) is _answer]
    for number in ours:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _answer)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Context that no signal interrupts: the first one takes effect at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers: dict[int, Handler] = {}
    for number in STOPPING:
        if callable(handler := signal.getsignal(number)):
            handlers[number] = handler
            signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for caught, handler in handlers.items():
            signal.signal(caught, handler)
    for first in came[:1]:
        handlers[first](first, None)


def say(line: object, file: TextIO | None = None) -> None:
    """Print a line that no signal tears.

    Python prints a line and its end one after the other; where it keeps no buffer, a signal may be answered in between.

    Args:
        line: What is printed as a string.
        file: Stream to print on; None is stdout.
    """
    print(f"{line}\n", end="", file=file, flush=True)


def _answer(number: int, frame: FrameType | None) -> None:
    """Raise the first signal; end at once by a second one."""
    now = time.monotonic()
    if _state.number == TIME_UP and not _state.answered_by_all and now - _state.time < REPEAT:
        raise Stopped(TIME_UP)
    if _state.number:
        if now - _state.time > REPEAT:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        return
    _state.number, _state.time = number, now
    if _state.importing:
        if sys.stderr is not None:
            os.write(2, f"xpnet: {cause(number)}.\n".encode())
        os._exit(128 + number)
    if not _state.answered_by_all:
        raise Stopped(number)

"""Download of MNIST's files, from the first mirror that serves the right content."""

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from xpnet.errors import DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUT = (1.5, 10)
"""Timeouts in seconds: of a connection, at each of a mirror's many addresses, and of the next bytes."""

CHUNK = 1 << 16

LIMIT = 300.0
"""Seconds that one file may take: a mirror that goes on sending a byte now and then is given up."""


def fetch_files(files: Mapping[str, int], folder: Path, check: Callable[[Path, str], object]) -> None:
    """Download files, with .gz, into a folder; each appears there complete and checked, or not at all.

    A mirror that fails is not tried again.

    Args:
        files: For each file's name without .gz the most bytes that a mirror may send.
        folder: Created if it does not exist.
        check: Called with a downloaded file and its name; raises DataError where the content is wrong.

    Raises:
        DataError: Every mirror has failed.
    """
    mirrors: list[str] = list(MIRRORS)
    failures: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder, ignore_cleanup_errors=True) as scratch:
        for name, most in files.items():
            while mirrors:
                # A file of its own for each try: one that was given up may still be written to.
                part = Path(scratch, f"{len(failures)}-{name}.gz")
                try:
                    _download(f"{mirrors[0]}{name}.gz", part, most)
                    check(part, name)
                    break
                except (OSError, DataError) as error:
                    failures.append(f"{urlsplit(mirrors.pop(0)).hostname}: {_reason(error)}")
            else:
                raise DataError("; ".join(failures))
            os.replace(part, folder / f"{name}.gz")


def _download(url: str, path: Path, most: int) -> None:
    """Download a file, on a thread, since a read from a mirror that drips takes as long as it takes."""
    failures: list[BaseException] = []
    given_up = Event()

    def work() -> None:
        try:
            _transfer(url, path, most, given_up)
        except BaseException as error:
            failures.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(LIMIT)
    if thread.is_alive():
        given_up.set()
        raise TimeoutError(errno.ETIMEDOUT, f"took longer than {LIMIT:g} s")
    if failures:
        raise failures[0]


def _transfer(url: str, path: Path, most: int, given_up: Event) -> None:
    import requests
    from tqdm import tqdm

    with requests.get(url, stream=True, timeout=TIMEOUT) as response, open(path, "wb") as file:
        response.raise_for_status()
        announced, done = response.headers.get("content-length", ""), 0
        total = int(announced) if announced.isdecimal() else 0
        name = url.rpartition("/")[2]
        with tqdm(desc=name, total=total, unit="B", unit_scale=True, leave=False, disable=_is_quiet()) as bar:
            for chunk in response.iter_content(CHUNK):
                done += len(chunk)
                if max(done, total) > most:
                    raise OSError(errno.EFBIG, f"sent more than the file's {most:,} bytes")
                if given_up.is_set():
                    return
                file.write(chunk)
                bar.update(len(chunk))


def _is_quiet() -> bool:
    """Whether nobody watches."""
    return sys.stderr is None or not sys.stderr.isatty()


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    if isinstance(error, DataError):
        return "sent something other than MNIST"
    return getattr(error, "strerror", None) or type(error).__name__

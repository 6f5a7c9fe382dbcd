"""Download of MNIST's files, from the first mirror that serves the right content."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
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


def fetch_files(names: Iterable[str], folder: Path, check: Callable[[Path, str], object]) -> None:
    """Download files, with .gz, into a folder; each appears there complete and checked, or not at all.

    A mirror that fails is not tried again.

    Args:
        names: The files' names without .gz.
        folder: Created if it does not exist.
        check: Called with a downloaded file and its name; raises DataError where the content is wrong.

    Raises:
        DataError: Every mirror has failed.
    """
    mirrors, failures = list(MIRRORS), []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        for name in names:
            part = Path(scratch, f"{name}.gz")
            while mirrors:
                try:
                    _download(mirrors[0] + part.name, part)
                    check(part, name)
                    break
                except (OSError, DataError) as error:
                    failures.append(f"{urlsplit(mirrors.pop(0)).hostname}: {_reason(error)}")
            else:
                raise DataError("; ".join(failures))
            os.replace(part, folder / part.name)


def _download(url: str, path: Path) -> None:
    from pooch import HTTPDownloader
    from tqdm import tqdm

    # pooch tests the bar's truth and sets its total only afterwards; a bar without one has no truth value.
    quiet = not sys.stderr.isatty()
    with tqdm(desc=path.name, total=1, unit="B", unit_scale=True, leave=False, disable=quiet) as bar:
        HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT)(url, path, None)


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    if isinstance(error, DataError):
        return "sent something other than MNIST"
    return getattr(error, "strerror", None) or type(error).__name__

"""Errors of files as one sentence that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from xpnet.errors import DataError, InputError


@contextmanager
def reading(origin: object) -> Iterator[None]:
    """Turn the system's errors and failed checks into a DataError that begins with the origin of the data."""
    try:
        yield
    except DataError:
        raise
    except InputError as error:
        raise DataError(f"{origin}: {error}") from error
    except MemoryError:
        raise DataError(f"{origin}: needs more memory than there is") from None
    except FileNotFoundError:
        raise DataError(f"{origin}: no such file") from None
    except OSError as error:
        raise DataError(f"{origin}: {(error.strerror or str(error)).lower()}") from error

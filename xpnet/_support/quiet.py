"""Calls in which numbers beyond the floating-point range pass silently, without the microseconds of np.errstate."""

from collections.abc import Callable
from contextvars import copy_context
from typing import ParamSpec, TypeVar

import numpy as np

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# NumPy's handling of floating-point errors is part of the context.
_SILENT = copy_context()
_SILENT.run(np.seterr, all="ignore")


def quiet(function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
    """Call a function of NumPy's arrays; its errors pass silently."""
    # A context is entered once at a time, and its copy takes no time.
    return _SILENT.copy().run(function, *args, **kwargs)

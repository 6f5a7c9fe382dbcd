"""Arrays whose numbers are not known, since JAX traces a function of them: shapes and dtypes can be read, no more."""

import sys
from typing import Any


def is_traced(array: Any) -> bool:
    """Whether an array stands for others in a function that JAX transforms by `jit`, `vmap` or `grad`."""
    core = getattr(sys.modules.get("jax"), "core", None)
    return isinstance(array, getattr(core, "Tracer", ()))

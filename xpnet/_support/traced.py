"""Arrays whose numbers are not known, since JAX traces a function of them: shapes and dtypes can be read, no more."""

import sys
from typing import Any


def is_traced(array: Any) -> bool:
    """Whether an array stands for others in a function that JAX transforms by `jit`, `vmap` or `grad`."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, getattr(getattr(jax, "core", None), "Tracer", ()))

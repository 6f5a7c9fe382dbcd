"""Operations as Python expressions of their operands' names, for numba to compile."""

from typing import Any

import numpy as np

from xpnet.capture.graph import Operation
from xpnet.capture.planning.kernels import computed
from xpnet.capture.tracing.operations import ELEMENTWISE

INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "equal": "==", "not_equal": "!=", "less": "<",
    "less_equal": "<=", "greater": ">", "greater_equal": ">=", "pow": "**", "bitwise_and": "&", "bitwise_or": "|",
    "bitwise_xor": "^",
}  # fmt: skip
WRITTEN = {
    "astype": "{0}",
    "copy": "{0}",
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    # NaN is handed on, as everywhere.
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
    "clip": "{0} if {0} != {0} else {1} if {1} != {1} else "
    "{2} if {2} != {2} or {1} > {2} or {0} > {2} else {1} if {0} < {1} else {0}",
    "where": "{1} if {0} else {2}",
    "logical_not": "not {0}",
    "logical_and": "bool({0}) and bool({1})",
    "logical_or": "bool({0}) or bool({1})",
    "logical_xor": "bool({0}) != bool({1})",
    "isnan": "{0} != {0}",
    "exp": "exp_{dtype}({0})",
    "tanh": "tanh_{dtype}({0})",
}
COLLECTED = {
    "sum": "{0} + {1}",
    "prod": "{0} * {1}",
    "max": "{1} if {1} > {0} or {1} != {1} else {0}",
    "min": "{1} if {1} < {0} or {1} != {1} else {0}",
    "any": "{0} or bool({1})",
    "all": "{0} and bool({1})",
}
"""What a reduction makes of what it has and one number more."""

KEPT = (
    "add", "copy", "divide", "exp", "maximum", "minimum", "multiply", "negative", "positive", "square", "subtract",
    "tanh", "where",
)  # fmt: skip
"""Operations whose result has the dtype of their operands, where that is one of floating-point numbers."""

SEARCHED = {
    "argmax": "{1} > {0} or ({1} != {1} and {0} == {0})",
    "argmin": "{1} < {0} or ({1} != {1} and {0} == {0})",
}
"""Whether a search goes on with the second number instead of the first."""


def number(value: Any, dtype: np.dtype) -> str:
    """A number in a dtype, every digit kept."""
    if dtype == np.bool_:
        return repr(bool(value))
    digits = f'float("{float(value)!r}")' if dtype.kind == "f" else repr(int(value))
    return f"np.{dtype.name}({digits})"


def expression(operation: Operation, operands: list[str]) -> str:
    """What an operation gives, in its dtype."""
    name, dtype = operation.name, operation.output.dtype
    if name in INFIX:
        text = f" {INFIX[name]} ".join(operands)
    elif name in WRITTEN:
        text = WRITTEN[name].format(*operands, dtype=computed(operation).name)
    else:
        text = f"np.{ELEMENTWISE[name].__name__}({', '.join(operands)})"
    # What numba keeps in the dtype of its operands needs no cast, of which each takes it time.
    return text if name in KEPT and dtype.kind == "f" else cast(text, dtype)


def cast(text: str, dtype: np.dtype) -> str:
    """An expression in a dtype."""
    return f"bool({text})" if dtype == np.bool_ else f"np.{dtype.name}({text})"

"""The few types that every floor shares."""

from typing import Any, NamedTuple, TypeAlias

Array: TypeAlias = Any
"""An array of any library that follows the Array API standard."""

Namespace: TypeAlias = Any
"""The module that holds an array library's functions, `xp` in signatures."""


class Layer(NamedTuple):
    """A layer's weights (d_out, d_in) and biases (d_out,); gradients and optimizer slots have the same type."""

    w: Array
    b: Array


Params: TypeAlias = tuple[Layer, ...]


Slots: TypeAlias = tuple[Params, ...]
"""What an optimizer remembers of earlier steps: as many arrays a parameter as its rule needs."""


class Batch(NamedTuple):
    """Rows of a data set: inputs (n, d_in), targets (n, k) and sample weights (n,), None where all count the same."""

    x: Array
    y: Array
    weight: Array | None = None

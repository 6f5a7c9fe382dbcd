"""Types that every floor shares."""

from typing import Any, NamedTuple, TypeAlias

Array: TypeAlias = Any
"""Array of any library that follows the Array API standard."""

Namespace: TypeAlias = Any
"""Module of an array library's functions, `xp` in signatures."""


class Layer(NamedTuple):
    """Weights (d_out, d_in) and biases (d_out,) of a layer; gradients and optimizer slots have the same type."""

    w: Array
    b: Array


Params: TypeAlias = tuple[Layer, ...]
"""Parameters of a network, or their gradients, layer by layer."""

Slots: TypeAlias = tuple[Params, ...]
"""Optimizer state: as many arrays per parameter array as the rule needs."""


class Batch(NamedTuple):
    """Rows of a data set: inputs (n, d_in), targets (n, k) and sample weights (n,), None where all count the same."""

    x: Array
    y: Array
    weight: Array | None = None

"""Checks of arguments that several functions have: numbers in their ranges, and an order that is easily mistaken."""

import math
from collections.abc import Callable
from typing import Any

from xpnet.errors import InputError


def check_order(call: str, *arguments: tuple[Any, type | tuple[type, ...]]) -> None:
    """Refuse arguments that are in another order than a function takes them.

    Args:
        call: The function with its arguments: "save(path, network, params)".
        arguments: The first ones that came, each with the types that it can have.

    Raises:
        InputError: One of them is of another type.
    """
    if not all(isinstance(value, types) for value, types in arguments):
        came = ", ".join(type(value).__name__ for value, _ in arguments)
        raise InputError(f"{call.partition('(')[0]} got ({came}, …) but takes its arguments in the order {call}.")


def not_negative(value: float) -> bool:
    """Whether a number is finite, and 0 or more."""
    return 0 <= value < math.inf


def check_number(
    name: str, value: Any, fits: Callable[[float], bool] = not_negative, needed: str = "0 or more"
) -> float:
    """Refuse what is no number, and a number outside its range; returns it as Python's.

    Args:
        name: Name in messages.
        value: What came: a number of Python's or of any library's.
        fits: Whether a number is in the range.
        needed: The range in words.
    """
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}; it must be a number, {needed}.") from None
    if not fits(number):
        raise InputError(f"{name} is {value}; it must be {needed}.")
    return number

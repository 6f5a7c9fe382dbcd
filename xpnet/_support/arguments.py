"""Arguments whose order is easily mistaken."""

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

"""Reductions and searches on vectors, lane by lane, and of a vector's lanes at the end."""

import numpy as np

from xpnet.capture.engines.cpu.operations import compare
from xpnet.capture.engines.cpu.vectors import INT32, INT64, TRUTH, Vectors
from xpnet.capture.tracing.operations import start


def collect(of: Vectors, name: str, dtype: np.dtype, total: str, more: str) -> str:
    """Accumulate one more operand in a reduction."""
    if name in ("max", "min"):
        # The new number wins if it is NaN or better.
        better = compare(of, "greater" if name == "max" else "less", dtype, more, total)
        if dtype.kind == "f":
            better = of.do("or", TRUTH, better, of.do("fcmp uno", dtype, more, more))
        return of.choose(better, dtype, more, total)
    if name in ("any", "all"):
        return of.do("or" if name == "any" else "and", TRUTH, total, more)
    letter = "f" if dtype.kind == "f" else ""
    return of.do(f"{letter}{'add' if name == 'sum' else 'mul'}", dtype, total, more)


def collected(of: Vectors, name: str, dtype: np.dtype, total: str) -> str:
    """Reduce all lanes to one number, by halves."""
    lanes = of.lanes
    while lanes > 1:
        half = Vectors(of.f, lanes // 2)
        parts = []
        for first in (0, lanes // 2):
            places = ", ".join(f"i32 {lane}" for lane in range(first, first + lanes // 2))
            kind_ = Vectors(of.f, lanes).kind(dtype)
            if lanes == 2:
                parts.append(of.f.value(f"extractelement {kind_} {total}, i32 {first}"))
            else:
                parts.append(
                    of.f.value(f"shufflevector {kind_} {total}, {kind_} poison, <{lanes // 2} x i32> <{places}>")
                )
        total = collect(half, name, dtype, *parts)
        lanes //= 2
    return total


def begun(of: Vectors, name: str, dtype: np.dtype) -> str:
    """Initial value of a reduction or a search."""
    return of.number(start(name, dtype), dtype)


def searched(of: Vectors, name: str, dtype: np.dtype, best: tuple[str, str], x: str, at: str) -> tuple[str, str]:
    """Update of a search's best number and its index, lane by lane."""
    number, place = best
    better = compare(of, "greater" if name == "argmax" else "less", dtype, x, number)
    if dtype.kind == "f":
        first = of.do("and", TRUTH, of.do("fcmp uno", dtype, x, x), of.do("fcmp ord", dtype, number, number))
        better = of.do("or", TRUTH, better, first)
    if of.mask:
        better = of.do("and", TRUTH, better, of.mask)
    return of.choose(better, dtype, x, number), of.choose(better, INT32, at, place)


def result(of: Vectors, name: str, dtype: np.dtype, best: tuple[str, str]) -> str:
    """Index of the best number of all lanes, the first of equals."""
    number, place = best
    if of.lanes > 1:
        top = of.spread(dtype, collected(of, "max" if name == "argmax" else "min", dtype, number))
        is_best = compare(of, "equal", dtype, number, top)
        if dtype.kind == "f":
            nans = [of.do("fcmp uno", dtype, x, x) for x in (number, top)]
            is_best = of.do("or", TRUTH, is_best, of.do("and", TRUTH, *nans))
        place = of.choose(is_best, INT32, place, of.number(2**31 - 1, INT32))
        place = collected(of, "min", INT32, place)
    one = Vectors(of.f, 1)
    return one.cast(place, INT32, INT64)

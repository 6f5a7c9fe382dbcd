"""Long runs of random functions, each way of running them beside NumPy itself.

    python -m helpers.differences --count 100000 --engine replay

prints every function that differs, with its seed, and how many were compared, refused and different.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.random_functions import KINDS, Drawn, arrays_for, body, dtypes, function, quiet
from xpnet import backends
from xpnet._support.trees import arrays_in
from xpnet.backends import Backend
from xpnet.errors import CaptureError

PLAIN, REPLAY = (backends.resolve("numpy").with_engine(engine) for engine in ("plain", "replay"))


def ran(backend: Backend, drawn: Drawn) -> list[np.ndarray]:
    """The carry and the results of a function on a backend."""
    carry, data = arrays_for(drawn)
    with quiet():
        return [np.asarray(array) for array in arrays_in(backend.run_block(body(drawn), carry, data, drawn.rows))]


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are alike to the last bit, signs of zeros included; any NaN is like any other."""
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    is_nan = np.isnan(one)
    same_signs = (
        np.array_equal(np.signbit(one[~is_nan]), np.signbit(other[~is_nan])) if one.shape == other.shape else False
    )
    return np.array_equal(one, other, equal_nan=True) and same_signs


def assert_replayed(step: Callable[..., Any], carry: Any, data: Any, rows: np.ndarray) -> None:
    """Replay gives what plain gives, to the bit, in two blocks of steps on these rows."""
    plain = replayed = carry
    for _ in range(2):
        with PLAIN.current():
            plain, wanted = PLAIN.run_block(step, plain, data, rows)
            replayed, found = REPLAY.run_block(step, replayed, data, rows)
        for one, other in zip(arrays_in((plain, wanted)), arrays_in((replayed, found)), strict=True):
            assert same_bits(np.asarray(one), np.asarray(other)), (one, other)


def close(one: np.ndarray, other: np.ndarray, wide: np.ndarray | None = None, *, narrow: bool = False) -> bool:
    """Whether two arrays are alike but for rounding, to float32 too where `narrow`: as numbers on the way to them.

    Where the other is not close to `wide`, what is computed in wider numbers, rounding decides and nothing is compared:
    a product overflows or not by the order of its sum, and the tangent of a large number may be any.
    """
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    tolerance = 1e-4 if narrow or one.dtype == np.float32 else 1e-9
    is_close = partial(np.isclose, rtol=tolerance, atol=tolerance, equal_nan=True)
    with quiet():
        alike = is_close(one, other)
        if wide is not None:
            alike = alike | ~is_close(other, wide.astype(one.dtype))
    return bool(alike.all())


WIDER = {"float16": "float32", "float32": "float64", "float64": "longdouble"}
"""Floating-point dtypes, each with one of a larger range."""


def widened(drawn: Drawn) -> Drawn:
    """The same function of the same numbers, in dtypes of a larger range."""
    carry, data = (
        tuple(array.astype(WIDER.get(array.dtype.name, array.dtype)) for array in arrays)
        for arrays in (drawn.carry, drawn.data)
    )
    return drawn._replace(carry=carry, data=data)


def refusal(backend: Backend, drawn: Drawn) -> str:
    """What became of a function that ends in a step that NumPy refuses: an error, and no numbers."""
    carry, data = arrays_for(drawn)
    try:
        with quiet():
            backend.run_block(body(drawn, refused=True), carry, data, drawn.rows)
    except (CaptureError, ValueError, IndexError):
        return "compared, and refused with one more step"
    except Exception as error:
        return f"WRONG ERROR {type(error).__name__}: {error}"
    return "NOT REFUSED"


def outcomes(engine: str, seeds: range, kinds: tuple[str, ...] = KINDS) -> Iterator[tuple[int, str]]:
    """What became of each function: compared, refused, or different in some way."""
    backend = PLAIN.with_engine(engine)
    for seed in seeds:
        drawn = function(seed, kinds)
        alike: Any = same_bits if engine == "replay" else partial(close, narrow="float32" in dtypes(drawn))
        try:
            expected = ran(PLAIN, drawn)
        except (ValueError, IndexError):
            # A later step can meet numbers that the first did not.
            yield seed, "raises with NumPy"
            continue
        try:
            results = ran(backend, drawn)
        except CaptureError as error:
            yield seed, f"refused: {' '.join(str(error).split(' at ')[0].split()[:4])}"
            continue
        except Exception as error:
            yield seed, f"WRONG ERROR {type(error).__name__}: {error}"
            continue
        is_alike = all(map(alike, results, expected))
        if not is_alike and alike is not same_bits:
            is_alike = all(map(alike, results, expected, ran(PLAIN, widened(drawn))))
        if not is_alike:
            yield seed, "DIFFERENT"
        else:
            yield seed, "compared" if drawn.refused is None else refusal(backend, drawn)


def main() -> int:
    """Run the command; 1 where anything differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--engine", default="replay")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    flags = parser.parse_args()
    counted: Counter[str] = Counter()
    for seed, outcome in outcomes(flags.engine, range(flags.start, flags.start + flags.count), tuple(flags.kinds)):
        counted[outcome.split(":")[0] if outcome.isupper() else outcome] += 1
        if outcome[0].isupper():
            print(f"{outcome}, seed {seed}:\n{function(seed, tuple(flags.kinds))!r}", flush=True)
    for outcome, count in counted.most_common():
        print(f"{count:8,} {outcome}")
    return any(outcome[0].isupper() for outcome in counted)


if __name__ == "__main__":
    sys.exit(main())

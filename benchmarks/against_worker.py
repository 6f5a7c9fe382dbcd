"""Times rows of xpnet, by the public interface alone, so that any version can be timed: a name in, seconds out."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

SIZES = {
    "A": ((784, 30, 10), 1, 2000),
    "B": ((784, 30, 10), 10, 10_000),
    "C64": ((784, 128, 10), 64, 12_800),
    "C128": ((784, 128, 10), 128, 12_800),
    "D": ((784, 512, 512, 10), 256, 2560),
    "E": ((784, 2048, 2048, 10), 1024, 1024),
}
"""Sizes, rows per step and rows per epoch of a turn."""

STEPS = [f"{name} {engine}" for name in SIZES for engine in ("compiled", "replay")] + ["C128 plain"]
ANSWERS = [f"{name} answers, {rows:,} rows" for name in ("C128", "D") for rows in (1, 10_000)]
OTHERS = ["estimator fit", "estimator answers", "import"]

ROWS = [*STEPS, *ANSWERS, *OTHERS]
QUICK_ROWS = [row for row in ROWS if not row.startswith("E ")]


class Problem(NamedTuple):
    """Rows of random numbers with classes, and the network that is trained on them."""

    network: Any
    x: Any
    y: Any


@cache
def problem(name: str) -> Problem:
    """The problem of a configuration."""
    import numpy as np

    import xpnet

    sizes, _, rows = SIZES[name]
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(rows, sizes[0])).astype("float32")
    return Problem(xpnet.Network(sizes, "sigmoid"), x, rng.integers(sizes[-1], size=rows).astype("int32"))


@cache
def epochs(name: str, engine: str) -> Iterator[Any]:
    """A training without end."""
    import xpnet

    given = problem(name)
    _, batch_size, _ = SIZES[name]
    return xpnet.epochs(
        given.network, (given.x, given.y), xpnet.sgd(0.1), batch_size=batch_size, epochs=10**6, engine=engine
    )


@cache
def asked(name: str, rows: int) -> Callable[[], Any]:
    """A function that predicts some rows."""
    import numpy as np

    given = problem(name)
    params = given.network.init(0)
    x = np.resize(given.x, (rows, given.x.shape[1]))
    repeats = 300 if rows == 1 else 1

    def ask() -> None:
        for _ in range(repeats):
            given.network.predict(params, x)

    return ask


@cache
def classifier() -> tuple[Any, Any, Any]:
    """An estimator and what it is fitted on."""
    import warnings

    import numpy as np

    from xpnet.estimators import MLPClassifier

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 4)), np.arange(150) % 3
    return MLPClassifier((100,), max_iter=100, tol=0.0, random_state=0), x, y


def turn(row: str) -> Callable[[], Any]:
    """What is timed."""
    name, _, rest = row.partition(" ")
    if name in SIZES and rest.startswith("answers"):
        return asked(name, int(rest.split()[1].replace(",", "")))
    if name in SIZES:
        training = epochs(name, rest)
        return lambda: next(training)
    if row == "import":
        return lambda: subprocess.run([sys.executable, "-c", "import xpnet"], check=True)
    model, x, y = classifier()
    if row == "estimator fit":
        return lambda: model.fit(x, y)
    if not hasattr(model, "classes_"):
        model.fit(x, y)
    return lambda: [model.predict_proba(x[:16]) for _ in range(100)]


def main() -> None:
    """Answer a line for each line."""
    for line in sys.stdin:
        try:
            timed = turn(line.rstrip("\n"))
            began = time.perf_counter()
            timed()
            took: float | None = time.perf_counter() - began
        except ImportError:
            took = None
        except Exception as error:
            print(f"{line.strip()}: {type(error).__name__}: {error}", file=sys.stderr)
            took = None
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()

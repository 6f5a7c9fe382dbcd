"""Process that times rows of xpnet, for each line with a row's name a line with the seconds or with the error.

It uses the public interface alone, so that any version can be timed: python compare_worker.py processor|wall.
"""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

SIZES = {
    "A": ((784, 30, 10), 1, 4000),
    "B": ((784, 30, 10), 10, 10_000),
    "C64": ((784, 128, 10), 64, 12_800),
    "C128": ((784, 128, 10), 128, 12_800),
    "D": ((784, 512, 512, 10), 256, 2560),
    "E": ((784, 2048, 2048, 10), 1024, 1024),
}
"""Sizes of layers, rows per step and rows per turn, which is an epoch."""

SINGLE = 300
"""Answers to one row per turn."""

Turn = Callable[[], Any]


class Problem(NamedTuple):
    """Network, with random rows and their classes to train it on."""

    network: Any
    x: np.ndarray
    y: np.ndarray


@cache
def problem(name: str) -> Problem:
    """Problem of a configuration."""
    import xpnet

    sizes, _, rows = SIZES[name]
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(rows, sizes[0])).astype("float32")
    return Problem(xpnet.Network(sizes, "sigmoid"), x, rng.integers(sizes[-1], size=rows).astype("int32"))


def epoch(name: str, engine: str) -> Turn:
    """The next epoch of a training without end."""
    import xpnet

    network, x, y = problem(name)
    settings = dict(batch_size=SIZES[name][1], epochs=10**6, engine=engine)
    training = xpnet.epochs(network, (x, y), xpnet.sgd(0.1), **settings)
    return lambda: next(training)


def answers(name: str, rows: int) -> Turn:
    """Predictions for some rows; one row is asked for again and again."""
    network, x, _ = problem(name)
    params, chosen = network.init(0), np.resize(x, (rows, x.shape[1]))
    return lambda: [network.predict(params, chosen) for _ in range(SINGLE if rows == 1 else 1)]


def estimator() -> tuple[Any, np.ndarray, np.ndarray]:
    """Estimator, and 150 rows of three classes to fit it on."""
    from xpnet.estimators import MLPClassifier

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 4)), np.arange(150) % 3
    return MLPClassifier((100,), max_iter=100, tol=0.0, random_state=0), x, y


def estimator_fit() -> Turn:
    """A fit from new weights on."""
    model, x, y = estimator()
    return lambda: model.fit(x, y)


def estimator_answers() -> Turn:
    """Probabilities of few rows, three hundred times."""
    model, x, y = estimator()
    model.fit(x, y)
    return lambda: [model.predict_proba(x[:16]) for _ in range(300)]


def package_import() -> Turn:
    """A new process that imports the package."""
    # -P: not the package in the working directory.
    return lambda: subprocess.run([sys.executable, "-P", "-c", "import xpnet"], check=True)


ROWS: dict[str, Callable[[], Turn]] = {
    **{f"{name} {engine}": partial(epoch, name, engine) for name in SIZES for engine in ("compiled", "replay")},
    **{f"{name} plain": partial(epoch, name, "plain") for name in ("A", "C128")},
    **{
        f"{name} answers, {rows:,} rows": partial(answers, name, rows) for name in ("C128", "D") for rows in (1, 10_000)
    },
    "estimator fit": estimator_fit,
    "estimator answers": estimator_answers,
    "import": package_import,
}
"""For each row the function that sets up its turn."""

QUICK_ROWS = [row for row in ROWS if not row.startswith("E ")]


@cache
def turn(row: str) -> Turn:
    """A row's turn, set up once."""
    return ROWS[row]()


def main(clock: Callable[[], float]) -> None:
    """Answer a line for each line."""
    # A short fit says that it has not converged.
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        try:
            timed = turn(line.rstrip("\n"))
            began = clock()
            timed()
            answer = (clock() - began, None)
        except Exception as error:
            answer = (None, f"{type(error).__name__}: {error}")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["processor"]:
        from clock import processor_seconds

        main(processor_seconds)
    else:
        main(time.perf_counter)

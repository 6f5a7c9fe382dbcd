"""Engines against each other: random trainings, and random functions, run plain and in every other way."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from helpers.differences import outcomes
from helpers.random_functions import function
from threadpoolctl import threadpool_limits

import xpnet
from robustness.campaign import Part, Surprise
from xpnet import Network, schedules
from xpnet._support.trees import arrays_in
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import DivergenceError

THREADS = (1, 2, 3)
"""Numbers of threads on which compiled trainings must give the same bits."""

APART = {"float64": 1e-9, "float32": 2e-3}
"""How far compiled trainings may be from plain ones, relative to an array's norm, by dtype."""

COMPILED = find_spec("llvmlite") is not None

LIBRARIES = ("numpy", *filter(find_spec, ("torch", "jax")))
"""Those on whose arrays trainings are resumed."""

Ends = list[np.ndarray] | None
"""What a training ends with: parameters, optimizer state and costs; None where it diverged."""


def training(number: int, folder: Path) -> str:
    """A random training, plain, replayed and compiled."""
    run, dtype, sensitive = drawn(number)
    # OpenBLAS rounds some products otherwise on several threads, by where their numbers lie.
    with threadpool_limits(1):
        plain, replayed = run("plain"), run("replay")
    if difference := bits(plain, replayed):
        raise Surprise(f"replay is not plain: {difference}")
    if not COMPILED:
        return "alike"
    ends = []
    for threads in THREADS:
        with threadpool_limits(threads):
            ends.append(run("compiled"))
    for threads, end in zip(THREADS[1:], ends[1:], strict=True):
        if difference := bits(ends[0], end):
            raise Surprise(f"{threads} threads are not one: {difference}")
    if (plain is None) != (ends[0] is None):
        raise Surprise("one engine diverged")
    library = LIBRARIES[number % len(LIBRARIES)]
    for engine, end in (("replay", replayed), ("compiled", ends[-1])):
        with threadpool_limits(1):
            resumed = run(engine, library)
        if difference := bits(end, resumed):
            raise Surprise(f"{engine}, resumed on arrays of {library}, is not as on NumPy's: {difference}")
    if plain is not None and not sensitive:
        for index, (wanted, got) in enumerate(zip(plain, ends[0], strict=True)):
            norm = np.linalg.norm(wanted)
            if not np.linalg.norm(got - wanted) <= APART[dtype] * max(norm, 1e-200):
                raise Surprise(f"compiled is {np.linalg.norm(got - wanted) / norm:.1e} from plain in array {index}")
    return "alike"


def drawn(number: int) -> tuple[Callable[..., Ends], str, bool]:
    """A training by its number: a function that runs it on an engine, its dtype, and whether it magnifies rounding.

    With a library the function stops after the first epoch and resumes on that one's arrays.
    """
    rng = np.random.default_rng(number)
    loss = rng.choice(list(LOSSES))
    widths = rng.choice([1, 2, 3, 7, 8, 9, 16, 17, 33, 64, 65, 100], size=rng.integers(1, 5))
    sizes = [*map(int, widths), int(rng.integers(2, 18))]
    activation = [str(name) for name in rng.choice(list(ACTIVATIONS), size=len(sizes) - 2)]
    n = int(rng.integers(1, 200))
    dtype = str(rng.choice(["float32", "float64"]))
    x = inputs(rng, n, sizes[0])
    y = targets(rng, str(loss), n, sizes[-1])
    rate = float(10 ** rng.uniform(-4, -1.5))
    beta1, beta2 = float(rng.choice([0, 0.5, 0.9])), float(rng.choice([0, 0.9, 0.999]))
    rules = {
        "sgd": xpnet.sgd(schedules.Cosine(rate, 3.0, 0.5)),
        "momentum": xpnet.momentum(rate, float(rng.choice([0, 0.5, 0.9, 1.0]))),
        "nesterov": xpnet.nesterov(schedules.Step(rate, 1.0, 0.5)),
        "adam": xpnet.adam(rate, beta1, beta2, 1e-4, epsilon_hat=bool(rng.integers(2))),
        "adamw": xpnet.adamw(schedules.InverseScaling(rate), beta1, beta2, 1e-4, 0.1),
    }
    rule = str(rng.choice(list(rules)))
    given: dict[str, Any] = dict(batch_size=int(rng.integers(1, n + 1)), epochs=int(rng.integers(1, 4)), dtype=dtype)
    given |= dict(seed=number % 1000, shuffle=bool(rng.random() < 0.8))
    if rng.random() < 0.5:
        weight = rng.uniform(0.1, 2, n) * (rng.random(n) < 0.8)
        given["weight"] = weight if weight.any() else None
    if rng.random() < 0.4:
        given |= dict(l2=float(10 ** rng.uniform(-4, -1)), l2_of=str(rng.choice(["mean", "sum"])))
    if rng.random() < 0.3 and n >= 8 and "weight" not in given:
        given |= dict(validation_fraction=float(rng.uniform(0.15, 0.5)), patience=2)
    if rng.random() < 0.3:
        given["clip_norm"] = float(10 ** rng.uniform(-2, 1))
    dropout = float(rng.choice([0.0, 0.0, 0.2, 0.5])) if len(sizes) > 2 else 0.0
    network = Network(sizes, activation, str(loss), dropout=dropout)

    def run(engine: str, library: str | None = None) -> Ends:
        start = partial(xpnet.epochs, network, (x, y), rules[rule], engine=engine, **given)
        try:
            if library is None:
                *_, epoch = start(backend="numpy")
            else:
                epoch = next(iter(start(backend="numpy")))
                *_, epoch = epoch, *start(backend=library, resume=epoch.checkpoint)
        except DivergenceError:
            return None
        return [*map(np.asarray, arrays_in((epoch.params, epoch.checkpoint.slots))), np.asarray([epoch.cost])]

    kinks = "relu" in activation
    return run, dtype, kinks or (rule.startswith("adam") and beta2 == 0)


def inputs(rng: np.random.Generator, n: int, columns: int) -> np.ndarray:
    """Inputs of several dtypes."""
    kind = rng.choice(["f8", "f4", "u1", "i4"])
    if kind == "u1":
        return rng.integers(0, 256, (n, columns)).astype("u1")
    return (
        rng.integers(-3, 4, (n, columns)).astype("i4") if kind == "i4" else rng.normal(size=(n, columns)).astype(kind)
    )


def targets(rng: np.random.Generator, loss: str, n: int, outputs: int) -> np.ndarray:
    """Targets that suit a loss."""
    if loss == "cross_entropy":
        return rng.integers(outputs, size=n)
    if loss == "binary_cross_entropy":
        return rng.integers(2, size=(n, outputs))
    return rng.poisson(2.0, (n, outputs)).astype(float) if loss == "poisson" else rng.normal(size=(n, outputs))


def bits(one: Ends, other: Ends) -> str:
    """Where two trainings differ in a bit, or nothing."""
    if one is None or other is None:
        return "" if one is other else "one of them diverged"
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        if a.dtype != b.dtype or a.tobytes() != b.tobytes():
            return f"array {index}, by up to {np.abs(a - b).max():g}"
    return ""


def random_function(number: int, folder: Path) -> str:
    """A random function, replayed and compiled, beside NumPy itself."""
    results = []
    for engine in ("replay", *(("compiled",) if COMPILED else ())):
        ((_, result),) = outcomes(engine, range(number, number + 1))
        if result[0].isupper():
            raise Surprise(f"{engine}: {result}\n{function(number)!r}")
        results.append(result.split(":")[0])
    return "compared" if results[-1].startswith("compared") else results[-1]


FUNCTIONS = Part("random functions, replayed and compiled", random_function, quick=300, normal=3000, long=100_000)

TRAININGS = Part("random trainings on every engine and number of threads", training, quick=40, normal=200, long=3000)

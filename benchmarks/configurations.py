"""Configurations: networks with their batches, and random data of MNIST's shape."""

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

LEARNING_RATE = 0.1

ROWS = 60_000
ASKED = 10_000
CLASSES = 10

Parameters = tuple[tuple[np.ndarray, np.ndarray], ...]
"""Each layer's weights (d_out, d_in) and biases (d_out,), NumPy's and float32."""


class Configuration(NamedTuple):
    """A network with sigmoid hidden layers and a softmax, trained by plain SGD on cross-entropy.

    Attributes:
        name: Name in tables and for `--only`.
        sizes: Neurons per layer, inputs first.
        batch_size: Rows per step.
        steps: Steps of one timed block.
    """

    name: str
    sizes: tuple[int, ...]
    batch_size: int
    steps: int

    def __str__(self) -> str:
        """The layers and the batch: `784-30-10, batch 10`."""
        return f"{'-'.join(map(str, self.sizes))}, batch {self.batch_size:,}"


class Problem(NamedTuple):
    """A configuration with its data and its start; nothing that trains writes to these arrays.

    Attributes:
        x: Inputs (n, d_in), float32.
        labels: Classes (n,), int64.
        targets: The same one-hot (n, k), float32.
        start: The parameters before the first step.
        rows: The shuffled rows of a block's steps (steps, batch); None where nothing is tried before it is timed.
        asked: The rows to predict (m, d_in).
    """

    configuration: Configuration
    x: np.ndarray
    labels: np.ndarray
    targets: np.ndarray
    start: Parameters
    rows: np.ndarray | None
    asked: np.ndarray


STEPS = {
    "A": Configuration("A", (784, 30, 10), 1, 2000),
    "B": Configuration("B", (784, 30, 10), 10, 500),
    "C64": Configuration("C64", (784, 128, 10), 64, 100),
    "C128": Configuration("C128", (784, 128, 10), 128, 100),
    "D": Configuration("D", (784, 512, 512, 10), 256, 10),
    "E": Configuration("E", (784, 2048, 2048, 10), 1024, 1),
    "F": Configuration("F", (784, 512, 512, 10), 1024, 50),
    "G": Configuration("G", (784, 4096, 4096, 10), 8192, 2),
}
"""Configurations of a training step."""

ON_GPU = ("B", "C128", "F", "G")
"""Those that a GPU is timed with; F and G are for it alone."""

EPOCHS = {"A": 3000, "B": 10_000, "C64": 60_000, "C128": 60_000, "D": 10_000, "E": 3000}
"""Rows of a timed epoch: fewer than ROWS where that would take too long; most end in a short batch."""

FINISHED = {"digits": "20 epochs of the digits", "mnist": "an epoch of MNIST"}
"""Trainings of whole processes."""


class Fitted(NamedTuple):
    """Fit of estimators with scikit-learn's interface: their data and parameters.

    Attributes:
        parameters: scikit-learn's, those of its perceptron.
        rounds: Of a turn.
    """

    rows: int
    columns: int
    classes: int
    parameters: dict[str, Any]
    rounds: int

    def __str__(self) -> str:
        """The rows and the training: `60,000×784, sgd, 5 iterations`."""
        parameters = self.parameters
        return f"{self.rows:,}×{self.columns}, {parameters['solver']}, {parameters['max_iter']} iterations"


FITTED = {
    "large": Fitted(
        ROWS, 784, CLASSES, dict(hidden_layer_sizes=(128,), batch_size=128, solver="sgd", max_iter=5), rounds=1
    ),
    "small": Fitted(
        150, 4, 3, dict(hidden_layer_sizes=(100,), batch_size=150, solver="adam", max_iter=200, tol=0.0), rounds=3
    ),
}
"""Of MNIST's shape in float32, and of the irises'."""

ANSWERED = (64, 128, 10)
"""Sizes of the network that answers few rows and many, one of relu and softmax."""

COUNTS = {f"{n} {'row' if n == 1 else 'rows'}": n for n in (1, 16, 150, 1000, 10_000)}
"""Numbers of rows that it answers."""

DEPTHS = {
    "1 × 128": (784, 128, CLASSES),
    "3 × 128": (784, *[128] * 3, CLASSES),
    "10 × 128": (784, *[128] * 10, CLASSES),
    "20 × 64": (784, *[64] * 20, CLASSES),
}
"""Sizes of the networks whose first call is timed, by their hidden layers."""

ASKING = ("C128", "D")
"""Names whose networks predict ASKED rows, too."""

BLOCK_WORK = 2e9
"""Floating-point operations of a timed block where the configuration is one of a series: tens of milliseconds."""


def of_series(name: str, sizes: tuple[int, ...], batch_size: int) -> Configuration:
    """A configuration whose blocks hold about BLOCK_WORK."""
    work = 6 * batch_size * sum(d_in * d_out for d_in, d_out in pairwise(sizes))
    return Configuration(name, sizes, batch_size, max(1, min(1000, int(BLOCK_WORK / work))))


WIDTHS = {
    f"width {width}": of_series(f"width {width}", (784, width, width, CLASSES), 128)
    for width in (64, 128, 256, 512, 1024, 2048, 4096)
}
BATCHES = {
    f"batch {size}": of_series(f"batch {size}", (784, 128, CLASSES), size)
    for size in (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
}
SCALING = WIDTHS | BATCHES
"""Configurations by which cost grows: with the width at batches of 128, and with the batch at 784-128-10."""

CONFIGURATIONS = STEPS | SCALING

QUICK = {
    *STEPS,
    "copy",
    "width 64",
    "width 512",
    "batch 1",
    "batch 256",
    "digits",
    *FITTED,
    *COUNTS,
    "1 × 128",
    "20 × 64",
}
"""Names that a quick run times; of whole epochs QUICK_EPOCHS only."""

QUICK_EPOCHS = ("C128",)


def is_for(name: str, device: str) -> bool:
    """Whether a configuration is timed on a device."""
    is_of_gpu = name in ON_GPU or name not in STEPS
    return is_of_gpu if device != "cpu" else name not in ("F", "G")


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Targets (n, k)."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def start(sizes: tuple[int, ...]) -> Parameters:
    """Normal weights of standard deviation 1/√d_in, small biases."""
    rng = np.random.default_rng(1)
    return tuple(
        (
            (rng.standard_normal((d_out, d_in)) / np.sqrt(d_in)).astype(np.float32),
            (rng.standard_normal(d_out) / 10).astype(np.float32),
        )
        for d_in, d_out in pairwise(sizes)
    )


@lru_cache
def random_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs in [0, 1), their classes, and those one-hot: no contender gains by a stretch of zeros."""
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, 784), np.float32)
    labels = rng.integers(CLASSES, size=ROWS)
    return x, labels, one_hot(labels)


def random_problem(configuration: Configuration, quick: bool) -> Problem:
    """The configuration on random data; a quick block holds a fifth of the steps."""
    x, labels, targets = random_data()
    steps = max(1, configuration.steps // 5) if quick else configuration.steps
    order = np.random.default_rng(2).permutation(ROWS)
    rows = np.resize(order, (steps, configuration.batch_size))
    return Problem(configuration, x, labels, targets, start(configuration.sizes), rows, x[:ASKED])

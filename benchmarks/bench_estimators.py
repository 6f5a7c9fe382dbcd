"""How fast scikit-learn's interface is: ours beside its own perceptron, and torch's through skorch."""

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from configurations import FITTED, Fitted, random_data
from contenders import Unavailable
from pytest_benchmark.fixture import BenchmarkFixture

from xpnet.errors import MissingExtraError

TURNS = 7

CLOSE = 1e-2
"""How far our coefficients may be from scikit-learn's after thousands of steps in float32: ‖a − b‖ / ‖b‖."""


def ours(fitted: Fitted) -> Any:
    """xpnet's."""
    try:
        from xpnet.estimators import MLPClassifier
    except MissingExtraError as error:
        raise Unavailable(str(error)) from error
    return MLPClassifier(random_state=0, **fitted.parameters)


def scikit_learns(fitted: Fitted) -> Any:
    """scikit-learn's own."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError as error:
        raise Unavailable("scikit-learn is not installed") from error
    return MLPClassifier(random_state=0, **fitted.parameters)


def skorchs(fitted: Fitted) -> Any:
    """The same network, rule and epochs in torch, as skorch wraps them."""
    try:
        import torch
        from skorch import NeuralNetClassifier
    except ImportError as error:
        raise Unavailable("skorch or torch is not installed") from error
    torch.manual_seed(0)
    given = fitted.parameters
    (hidden,), momentum = given["hidden_layer_sizes"], dict(momentum=0.9, nesterov=True)
    return NeuralNetClassifier(
        torch.nn.Sequential(
            torch.nn.Linear(fitted.columns, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, fitted.classes)
        ),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD if given["solver"] == "sgd" else torch.optim.Adam,
        lr=0.001,
        max_epochs=given["max_iter"],
        batch_size=given["batch_size"],
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        **{f"optimizer__{name}": value for name, value in momentum.items() if given["solver"] == "sgd"},
    )


CONTENDERS: dict[str, Callable[[Fitted], Any]] = {
    "xpnet MLPClassifier": ours,
    "scikit-learn": scikit_learns,
    "torch through skorch": skorchs,
}

TRIALS = [
    (configuration, turn, contender)
    for configuration in FITTED
    for turn in range(TURNS)
    for contender in [*CONTENDERS][turn % len(CONTENDERS) :] + [*CONTENDERS][: turn % len(CONTENDERS)]
]
"""All contenders in each configuration, several times in rotated order."""


@lru_cache(maxsize=1)
def rows(configuration: str) -> tuple[np.ndarray, np.ndarray]:
    """The data of a configuration; the last ones asked for are kept."""
    fitted = FITTED[configuration]
    if fitted.columns == 784:
        x, labels, _ = random_data()
        return x[: fitted.rows], labels[: fitted.rows]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((fitted.rows, fitted.columns)).astype("float32")
    return x, x[:, : fitted.classes].argmax(axis=1)


@lru_cache
def estimator(configuration: str, contender: str) -> Any:
    """A contender that has been fitted once, ours held to scikit-learn's coefficients; or why there is none."""
    try:
        made = CONTENDERS[contender](FITTED[configuration])
    except Unavailable as error:
        return str(error)
    fit(made, configuration)
    if contender == "xpnet MLPClassifier":
        theirs = estimator(configuration, "scikit-learn")
        for found, wanted in zip(made.coefs_, theirs.coefs_, strict=True):
            assert np.linalg.norm(found - wanted) < CLOSE * np.linalg.norm(wanted), configuration
    return made


def fit(made: Any, configuration: str) -> None:
    """All of a fit; that it is a short one need not be said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.fit(*rows(configuration))


def ready(configuration: str, contender: str) -> Any:
    """The contender, or a skip with the reason."""
    made = estimator(configuration, contender)
    if isinstance(made, str):
        pytest.skip(made)
    return made


@pytest.mark.parametrize(("configuration", "turn", "contender"), TRIALS)
def bench_fit(benchmark: BenchmarkFixture, configuration: str, turn: int, contender: str) -> None:
    """A fit from new weights on."""
    made, fitted = ready(configuration, contender), FITTED[configuration]
    benchmark.extra_info.update(kind="fit", units=1, samples=fitted.rows * fitted.parameters["max_iter"])
    benchmark.pedantic(fit, (made, configuration), rounds=fitted.rounds, iterations=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), TRIALS)
def bench_probabilities(benchmark: BenchmarkFixture, configuration: str, turn: int, contender: str) -> None:
    """The probabilities of the rows that were fitted on."""
    made, (x, _) = ready(configuration, contender), rows(configuration)
    assert made.predict_proba(x[:2]).shape == (2, FITTED[configuration].classes)
    benchmark.extra_info.update(kind="probabilities", units=1, samples=len(x))
    benchmark.pedantic(made.predict_proba, (x,), rounds=10, iterations=1, warmup_rounds=1)

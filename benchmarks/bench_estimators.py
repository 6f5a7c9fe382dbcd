"""Time of estimators with scikit-learn's interface: xpnet's, scikit-learn's own, and torch through skorch."""

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from configurations import FITTED, Fitted, random_data
from contender import Unavailable
from pytest_benchmark.fixture import BenchmarkFixture

from xpnet.errors import MissingExtraError

TURNS = 7

CLOSE = 1e-2
"""Distance that xpnet's coefficients may be from scikit-learn's after thousands of steps in float32: ‖a − b‖ / ‖b‖."""


def xpnets(fitted: Fitted) -> Any:
    """Classifier of xpnet."""
    try:
        from xpnet.estimators import MLPClassifier
    except MissingExtraError as error:
        raise Unavailable(str(error)) from error
    return MLPClassifier(random_state=0, **fitted.parameters)


def scikit_learns(fitted: Fitted) -> Any:
    """Classifier of scikit-learn."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError as error:
        raise Unavailable("scikit-learn is not installed") from error
    return MLPClassifier(random_state=0, **fitted.parameters)


def skorchs(fitted: Fitted) -> Any:
    """Classifier of skorch: the same network, rule and epochs in torch."""
    try:
        import torch
        from skorch import NeuralNetClassifier
    except ImportError as error:
        raise Unavailable("skorch or torch is not installed") from error
    torch.manual_seed(0)
    parameters = fitted.parameters
    (hidden,), momentum = parameters["hidden_layer_sizes"], dict(momentum=0.9, nesterov=True)
    return NeuralNetClassifier(
        torch.nn.Sequential(
            torch.nn.Linear(fitted.columns, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, fitted.classes)
        ),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD if parameters["solver"] == "sgd" else torch.optim.Adam,
        lr=0.001,
        max_epochs=parameters["max_iter"],
        batch_size=parameters["batch_size"],
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        **{f"optimizer__{name}": value for name, value in momentum.items() if parameters["solver"] == "sgd"},
    )


CONTENDERS: dict[str, Callable[[Fitted], Any]] = {
    "xpnet MLPClassifier": xpnets,
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
    """Data of a configuration; the latest ones are cached."""
    fitted = FITTED[configuration]
    if fitted.columns == 784:
        x, labels, _ = random_data()
        return x[: fitted.rows], labels[: fitted.rows]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((fitted.rows, fitted.columns)).astype("float32")
    return x, x[:, : fitted.classes].argmax(axis=1)


@lru_cache
def estimator(configuration: str, contender: str) -> Any:
    """Contender, fitted once, and xpnet's compared with scikit-learn's coefficients; or why it cannot be timed."""
    try:
        timed = CONTENDERS[contender](FITTED[configuration])
    except Unavailable as error:
        return str(error)
    fit(timed, configuration)
    if contender == "xpnet MLPClassifier":
        theirs = estimator(configuration, "scikit-learn")
        for result, wanted in zip(timed.coefs_, theirs.coefs_, strict=True):
            assert np.linalg.norm(result - wanted) < CLOSE * np.linalg.norm(wanted), configuration
    return timed


def fit(timed: Any, configuration: str) -> None:
    """Fit, without the warning that it is a short one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        timed.fit(*rows(configuration))


def ready(configuration: str, contender: str) -> Any:
    """Contender, or a skip with the reason."""
    timed = estimator(configuration, contender)
    if isinstance(timed, str):
        pytest.skip(timed)
    return timed


@pytest.mark.parametrize(("configuration", "turn", "contender"), TRIALS)
def bench_fit(benchmark: BenchmarkFixture, configuration: str, turn: int, contender: str) -> None:
    """A fit from new weights on."""
    timed, fitted = ready(configuration, contender), FITTED[configuration]
    benchmark.extra_info.update(kind="fit", units=1, samples=fitted.rows * fitted.parameters["max_iter"])
    benchmark.pedantic(fit, (timed, configuration), rounds=fitted.rounds, iterations=1)


@pytest.mark.parametrize(("configuration", "turn", "contender"), TRIALS)
def bench_probabilities(benchmark: BenchmarkFixture, configuration: str, turn: int, contender: str) -> None:
    """The probabilities of the rows that were fitted on."""
    timed, (x, _) = ready(configuration, contender), rows(configuration)
    assert timed.predict_proba(x[:2]).shape == (2, FITTED[configuration].classes)
    benchmark.extra_info.update(kind="probabilities", units=1, samples=len(x))
    benchmark.pedantic(timed.predict_proba, (x,), rounds=10, iterations=1, warmup_rounds=1)

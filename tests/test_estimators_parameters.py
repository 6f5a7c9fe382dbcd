"""What parameters the estimators refuse: scikit-learn's by its own rules, and ours as strictly."""

from typing import Any

import numpy as np
import pytest
from helpers.sklearn_pairs import UNFINISHED, check_error, error_of, estimators, neural_network, spoiled, task

pytestmark = UNFINISHED

PROBLEM = task("classes")

BAD: dict[str, list[Any]] = {
    "hidden_layer_sizes": [0, -1, "ten", 2.5, None],
    "activation": ["sigmoid", "gelu", "leaky_relu:2", "relu:1", None, 3],
    "solver": ["rmsprop", None],
    "alpha": [-1, "x", None, np.nan],
    "batch_size": [0, -3, "all", 2.5, None],
    "learning_rate": ["fast", None, 0.1],
    "learning_rate_init": [0, -1.0, "x"],
    "power_t": [-1, "x"],
    "max_iter": [0, -1, 2.5, "x"],
    "shuffle": ["yes", None],
    "random_state": ["x", -1, 2.5],
    "tol": [-1, "x"],
    "verbose": ["x", -1],
    "warm_start": ["x", None],
    "momentum": [-0.1, 1.1],
    "nesterovs_momentum": [None, "x"],
    "early_stopping": [None, "x"],
    "validation_fraction": [-0.1, 1.0],
    "beta_1": [-0.1, 1.0],
    "beta_2": [-0.1, 1.0],
    "epsilon": [0, -1],
    "n_iter_no_change": [0, 2.5, -1],
    "max_fun": [0, "x"],
}
"""Values that scikit-learn's own rules refuse."""


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("parameter", list(BAD))
def test_parameters(name: str, parameter: str) -> None:
    """A value out of its range is refused in fit, in scikit-learn's words where what is possible is the same."""
    for value in BAD[parameter]:
        actual, expected = (
            error_of(lambda m=module, v=value: getattr(m, name)(**{parameter: v}).fit(PROBLEM.X, PROBLEM.X[:, 0]))
            for module in (estimators, neural_network)
        )
        check_error(actual, expected)
        assert str(actual).startswith(f"The '{parameter}' parameter of {name} must be ")
        assert str(actual).endswith(f"Got {value!r} instead.")
        if parameter not in ("activation", "learning_rate"):
            assert str(actual) == str(expected)


@pytest.mark.parametrize("sizes", [(5, -2), (0,), (2.5,), ("a",), [[3]]], ids=str)
def test_sizes_of_layers(sizes: Any) -> None:
    """What is no size is refused within a list too."""
    check_error(
        *(error_of(lambda e=each: e.fit(PROBLEM.X, PROBLEM.y)) for each in PROBLEM.pair(hidden_layer_sizes=sizes))
    )


def test_losses() -> None:
    """A loss that there is not is refused with those there are, and so is one with a number that makes none."""
    problem = task("regression")
    for loss in ("hubert", "huber:0", "pinball:x", "squared_error:2", 3):
        actual, expected = (error_of(lambda e=each: e.fit(problem.X, problem.y)) for each in problem.pair(loss=loss))
        check_error(actual, expected)
        assert str(actual).startswith("The 'loss' parameter of MLPRegressor must be a str among {")
        assert all(repr(name) in str(actual) for name in ("squared_error", "poisson", "huber", "pinball"))
        assert str(actual).endswith(f"Got {loss!r} instead.")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (dict(activation=["relu", "tanh", "relu"]), "activation has 3 names for 2 hidden layers"),
        (dict(activation=["relu", "softmax"]), "activation is 'softmax'; it can be identity, logistic, tanh, relu"),
        (dict(activation=["relu", "leaky_relu:3"]), "behind the colon stands the slope below 0"),
        (dict(activation=[["relu"], "tanh"]), r"activation is \['relu'\]; it can be identity"),
        (dict(class_weight="heavy"), "The 'class_weight' parameter of MLPClassifier must be .*'balanced'"),
        (dict(class_weight={0: -1.0}), "class_weight must be 0 or more"),
        (dict(scoring=3), "The 'scoring' parameter of MLPClassifier must be"),
        (dict(scoring="luck", early_stopping=True), "The 'scoring' parameter of check_scoring must be"),
        (dict(device=3), "The 'device' parameter of MLPClassifier must be an instance of 'str' or None"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_parameters_of_ours(parameters: dict[str, Any], sentence: str) -> None:
    """What scikit-learn has not is checked as strictly."""
    with pytest.raises(ValueError, match=sentence):
        PROBLEM.pair()[0].set_params(**parameters).fit(PROBLEM.X, PROBLEM.y)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ((PROBLEM.X[:, :2], PROBLEM.y), "In X_val and y_val: X has 2 features, but MLPClassifier is expecting 5"),
        ((PROBLEM.X, PROBLEM.y + 1), "In X_val and y_val: `y` has classes not in"),
        ((spoiled(np.nan), PROBLEM.y), "In X_val and y_val: X holds NaN in row 3, column 2"),
        ((PROBLEM.X, PROBLEM.y[:4]), "In X_val and y_val: Found input variables with inconsistent numbers"),
        ((PROBLEM.X, PROBLEM.y, -np.ones(61)), "In X_val and y_val: sample_weight must be 0 or more"),
        ((PROBLEM.X, None), "^X_val came without y_val; give both X_val and y_val"),
        ((None, PROBLEM.y), "^y_val came without X_val; give both"),
        ((None, PROBLEM.y, PROBLEM.weight), "^y_val and sample_weight_val came without X_val; give both"),
        ((None, None, PROBLEM.weight), "^sample_weight_val came without X_val and y_val; give both"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_rows_to_validate_on(data: tuple[Any, ...], sentence: str) -> None:
    """Rows to validate on are checked like rows to train on, and the message says that it was they."""
    arguments = dict(zip(("X_val", "y_val", "sample_weight_val"), data, strict=False))
    with pytest.raises(ValueError, match=sentence):
        PROBLEM.pair()[0].fit(PROBLEM.X, PROBLEM.y, **arguments)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (3, "validation_data is of type int; give X_val and y_val, or a tuple"),
        (PROBLEM.X, r"is of type ndarray and length 61; give .*\(X, y\) or \(X, y, sample_weight\)"),
        ((PROBLEM.X,), "validation_data is of type tuple and length 1; give"),
        ((PROBLEM.X, PROBLEM.y, None, None), "validation_data is of type tuple and length 4; give"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_tuples_to_validate_on(data: Any, sentence: str) -> None:
    """What is no tuple of version 0.1 is refused as validation_data, and so is one beside X_val."""
    with pytest.raises(ValueError, match=sentence):
        PROBLEM.pair()[0].fit(PROBLEM.X, PROBLEM.y, validation_data=data)
    with pytest.raises(ValueError, match="X_val and y_val came beside validation_data; give X_val and y_val alone"):
        PROBLEM.pair()[0].fit(PROBLEM.X, PROBLEM.y, X_val=PROBLEM.X, y_val=PROBLEM.y, validation_data=data)


def test_numbers_to_validate_on() -> None:
    """Validation targets of a regression must be as many per row as in training, and so must labels."""
    for name in ("regression", "labels"):
        problem = task(name)
        y = problem.y[:, :2] if name == "labels" else np.stack([problem.y] * 2, axis=1)
        with pytest.raises(ValueError, match="In X_val and y_val: "):
            problem.pair()[0].fit(problem.X, problem.y, X_val=problem.X, y_val=y)


def test_combinations_that_cannot_be_meant() -> None:
    """lbfgs does not validate, and partial fits cannot balance classes."""
    with pytest.raises(ValueError, match=r"lbfgs takes no X_val and y_val, .* the solvers sgd and adam do"):
        PROBLEM.pair(solver="lbfgs")[0].fit(PROBLEM.X, PROBLEM.y, X_val=PROBLEM.X, y_val=PROBLEM.y)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows at once; give partial_fit a dict"):
        PROBLEM.pair()[0].set_params(class_weight="balanced").partial_fit(PROBLEM.X, PROBLEM.y, classes=[-3, 0, 7])

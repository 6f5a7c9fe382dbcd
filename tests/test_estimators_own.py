"""What scikit-learn lacks: class weights, an activation per layer, schedules, a bar, and the rest of xpnet."""

from typing import Any

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance
from helpers.sklearn_pairs import UNFINISHED, apart, ours, task
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import xpnet
from xpnet import serialization
from xpnet.estimators.random_state import initial_params
from xpnet.schedules import Constant

pytestmark = UNFINISHED

TOLERANCE = ROUNDING["float64"]


@pytest.mark.parametrize("class_weight", [{-3: 2.0, 7: 0.5}, {-3: 2.0, 0: 1.0, 7: 0.5, 99: 8.0}, "balanced"], ids=str)
def test_weights_of_classes(class_weight: Any) -> None:
    """They are weights of the rows of each class, on top of the rows' own; classes left out count once."""
    X, y, weight = task("classes")[1:4]
    counts = {label: 61 / (3 * (y == label).sum()) for label in (-3, 0, 7)}
    of_class = counts if class_weight == "balanced" else {0: 1.0} | class_weight
    by_hand = np.asarray([of_class[label] for label in y])
    for own in (None, weight):
        actual = ours("classes", class_weight=class_weight).fit(X, y, own)
        expected = ours("classes").fit(X, y, by_hand if own is None else by_hand * own)
        assert apart(actual, expected) < TOLERANCE


def test_weights_of_classes_in_partial_fits() -> None:
    """A dict weighs the rows of each partial fit, even of one that lacks a class."""
    X, y, _ = task("classes")[1:4]
    actual, expected = ours("classes", class_weight={0: 3.0}), ours("classes")
    for part in (np.arange(20), np.flatnonzero(y != 0), np.flatnonzero(y == 0)):
        actual.partial_fit(X[part], y[part], classes=[-3, 0, 7])
        expected.partial_fit(X[part], y[part], np.where(y[part] == 0, 3.0, 1.0), classes=[-3, 0, 7])
    assert apart(actual, expected) < TOLERANCE


def test_weights_of_classes_that_a_fold_lacks() -> None:
    """They weigh nothing, in folds and for single labels; what may be a slip of the pen is a warning."""
    X, y, _ = task("classes")[1:4]
    with pytest.warns(UserWarning, match=r"class_weight names 'eel', which y lacks, and leaves out -3, 7, ") as caught:
        actual = ours("classes", class_weight={"eel": 9.0, 0: 3.0}).fit(X, y)
    assert [each.filename for each in caught if "eel" in str(each.message)] == [__file__]
    assert apart(actual, ours("classes").fit(X, y, np.where(y == 0, 3.0, 1.0))) < TOLERANCE
    folds = [(np.flatnonzero(y != 7), np.flatnonzero(y == 0))]
    assert np.isfinite(cross_val_score(ours("classes", class_weight={-3: 1.0, 0: 1.0, 7: 9.0}), X, y, cv=folds)).all()
    X, y, _ = task("labels")[1:4]
    y = y * [1, 1, 0]
    actual = ours("labels", class_weight=[{1: 2.0}, {}, {1: 9.0}]).fit(X, y)
    assert apart(actual, ours("labels").fit(X, y, 1.0 + y[:, 0])) < TOLERANCE


def test_weights_of_labels() -> None:
    """With several labels each has a dict, and the weight of a row is the product."""
    X, y, _ = task("labels")[1:4]
    actual = ours("labels", class_weight=[{0: 1.0, 1: 2.0}, {0: 3.0, 1: 1.0}, {0: 1.0, 1: 1.0}]).fit(X, y)
    expected = ours("labels").fit(X, y, np.where(y[:, 0] == 1, 2.0, 1.0) * np.where(y[:, 1] == 0, 3.0, 1.0))
    assert apart(actual, expected) < TOLERANCE


def test_an_activation_for_each_layer() -> None:
    """A list has each hidden layer's; where they are the same it is that of one name."""
    _, X, y, _, _ = task("classes")
    for name in ("tanh", "logistic"):
        assert (
            apart(ours("classes", activation=[name, name]).fit(X, y), ours("classes", activation=name).fit(X, y)) == 0
        )
    mixed = ours("classes", activation=("relu", "logistic")).fit(X, y)
    assert str(mixed.network_) == "5-7-6-3 (relu, sigmoid, softmax)"
    hidden = np.maximum(X @ mixed.coefs_[0] + mixed.intercepts_[0], 0)
    hidden = 1 / (1 + np.exp(-(hidden @ mixed.coefs_[1] + mixed.intercepts_[1])))
    z = hidden @ mixed.coefs_[2] + mixed.intercepts_[2]
    assert distance(mixed.predict_proba(X), np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)) < TOLERANCE


def test_each_layer_is_drawn_by_its_activation() -> None:
    """Within √(2 / (d_in + d_out)) where it is logistic, √(6 / …) elsewhere; the last like its predecessor."""
    params = initial_params([200, 100, 50, 40], ["tanh", "logistic", "logistic"], np.random.RandomState(0), "float64")
    for (w, b), factor, total in zip(params, (6, 2, 2), (300, 150, 90), strict=True):
        bound = np.sqrt(factor / total)
        for array in (w, b):
            assert 0.8 * bound < np.abs(array).max() <= bound


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_schedules(solver: str) -> None:
    """A schedule is the rate, for adam too: a constant one is learning_rate_init, another goes by the epochs done."""
    _, X, y, _, _ = task("classes")
    actual = ours("classes", solver=solver, learning_rate=Constant(0.02)).fit(X, y)
    assert apart(actual, ours("classes", solver=solver, learning_rate_init=0.02).fit(X, y)) == 0
    asked = []

    def schedule(epoch: float) -> float:
        asked.append(epoch)
        return 0.05 if epoch < 3 else 0.0

    stopped = ours("classes", solver=solver, momentum=0.0, learning_rate=schedule).fit(X, y)
    assert (
        apart(stopped, ours("classes", solver=solver, momentum=0.0, learning_rate_init=0.05, max_iter=3).fit(X, y)) == 0
    )
    assert asked == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


@pytest.mark.parametrize("name", ["two classes", "classes", "regressions"])
def test_the_rest_of_xpnet_takes_it_from_there(name: str, tmp_path: Any) -> None:
    """network_ and params_ answer the same, can be saved and read, and trained on."""
    _, X, y, _, _ = task(name)
    actual = ours(name).fit(X, y)
    a = actual.network_.predict(actual.params_, X)
    assert (
        distance(
            a if name == "regressions" else a[:, -1],
            actual.predict(X) if name == "regressions" else actual.predict_proba(X)[:, -1],
        )
        < TOLERANCE
    )
    serialization.save(tmp_path / "model.safetensors", actual.network_, actual.params_)
    read = serialization.load(tmp_path / "model.safetensors")
    assert distance(read.network.predict(read.params, X), a) == 0
    targets = y if name == "regressions" else np.unique(y, return_inverse=True)[1]
    targets = targets[:, None] if name == "two classes" else targets
    going_on = list(
        xpnet.epochs(actual.network_, (X, targets), xpnet.sgd(0.01), params=actual.params_, batch_size=61, epochs=5)
    )
    assert going_on[-1].cost < going_on[0].cost


@pytest.mark.parametrize("loss", ["absolute_error", "huber:0.5", "pinball:0.9", "pinball"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_regressor_has_losses_of_its_own(loss: str, solver: str) -> None:
    """Each loss that scikit-learn lacks lowers its own cost, is the network's, and is reported per output."""
    problem = task("regressions")
    made = problem.ours(loss=loss, solver=solver, max_iter=60, random_state=0, alpha=0.0).fit(problem.X, problem.y)
    assert (made.network_.loss, made.out_activation_) == (loss, "identity")
    before = clone(made).set_params(solver="adam", max_iter=1, learning_rate_init=1e-12).fit(problem.X, problem.y)
    of = [each.network_.cost(each.params_, problem.X, problem.y) for each in (made, before)]
    assert of[0] < 0.8 * of[1]
    assert before.loss_ == pytest.approx(of[1] / 2)
    assert clone(made).loss == loss


@pytest.mark.parametrize("activation", ["leaky_relu", "elu:0.5", ["softplus", "hard_sigmoid"]])
def test_activations_of_ones_own(activation: Any) -> None:
    """Activations that scikit-learn lacks go into the network, with their numbers."""
    problem = task("classes")
    made = problem.ours((7, 6), activation, max_iter=3, random_state=0).fit(problem.X, problem.y)
    assert made.network_.activation == (tuple(activation) if isinstance(activation, list) else (activation,) * 2)


def test_coefficients_that_are_changed_count_at_once() -> None:
    """Coefficients written to in place, or set to other arrays, are those of the next prediction."""
    X, y, _ = task("classes")[1:4]
    mlp = ours("classes", max_iter=3).fit(X, y)
    for n in (1, 7):
        before = mlp.predict_proba(X[:n])
        mlp.coefs_[0][...] *= -1
        changed = mlp.predict_proba(X[:n])
        assert not np.allclose(changed, before)
        mlp.coefs_ = [-mlp.coefs_[0], *map(np.ascontiguousarray, mlp.coefs_[1:])]
        assert np.allclose(mlp.predict_proba(X[:n]), before, rtol=1e-12)
        mlp.intercepts_[-1][...] += np.asarray([1.0, 0, 0])
        assert (mlp.predict_proba(X[:n])[:, 0] > before[:, 0]).all()
        mlp.intercepts_[-1][...] -= np.asarray([1.0, 0, 0])


@pytest.mark.parametrize("name", ["classes", "regression"])
def test_dropout_is_a_parameter(name: str) -> None:
    """It changes the training by the random state alone, leaves predictions whole, and is refused for lbfgs."""
    problem = task(name)
    settings = dict(problem.parameters, hidden_layer_sizes=(7, 6), max_iter=4, random_state=0)
    fits = [problem.ours(dropout=dropout, **settings).fit(problem.X, problem.y) for dropout in (0.5, [0.5, 0.5], 0)]
    assert fits[0].network_.dropout == (0.5, 0.5)
    assert apart(fits[0], fits[1]) == 0
    assert apart(fits[0], fits[2]) > 1e-3
    assert apart(fits[2], problem.ours(**settings).fit(problem.X, problem.y)) == 0
    assert np.array_equal(fits[0].predict(problem.X), fits[0].predict(problem.X))
    for dropout, solver, sentence in (
        (0.5, "lbfgs", "dropout goes with solver"),
        (1.0, "adam", "The 'dropout' parameter"),
        ([0.5], "adam", "dropout has 1 rates for 2 hidden layers"),
    ):
        with pytest.raises(ValueError, match=sentence):
            problem.ours(hidden_layer_sizes=(7, 6), dropout=dropout, solver=solver).fit(problem.X, problem.y)

"""The estimators in what scikit-learn builds of estimators: pipelines, searches, calibration, routing, pickles."""

import ast
import copy
import inspect
import pickle
import re
from typing import Any

import numpy as np
import pytest
from helpers.sklearn_pairs import (
    AGREEMENT,
    RULES,
    UNFINISHED,
    apart,
    estimators,
    neural_network,
    ours,
    skip_words,
    task,
)
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import FitFailedWarning
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = UNFINISHED

NAMES = ("MLPClassifier", "MLPRegressor")


@pytest.mark.parametrize("name", NAMES)
def test_the_interface_is_theirs(name: str) -> None:
    """Every parameter and method of scikit-learn's is there, by the same name and default, and at the same place."""
    actual, expected = getattr(estimators, name), getattr(neural_network, name)
    assert actual().get_params().items() >= expected().get_params().items()
    for method in [method for method in dir(expected) if not method.startswith("_")]:
        theirs = getattr(expected, method)
        assert hasattr(actual, method), method
        if inspect.isfunction(theirs) and method not in ("get_metadata_routing",):
            mine, wanted = (inspect.signature(each).parameters for each in (getattr(actual, method), theirs))
            places = [each.name for each in wanted.values() if each.kind is not each.KEYWORD_ONLY]
            assert list(mine)[: len(places)] == places
            assert mine.keys() >= wanted.keys()
    places = [p.name for p in inspect.signature(expected).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [
        p.name for p in inspect.signature(actual).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD
    ] == places
    assert (is_classifier(actual()), is_regressor(actual())) == (is_classifier(expected()), is_regressor(expected()))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_explained(name: str) -> None:
    """The docstring names all parameters in order, each with its default, as scikit-learn's HTML reads them."""
    kind = getattr(estimators, name)
    explained = re.findall(r"^    (\w+) : .*\bdefault=(.+)$", kind.__doc__, re.MULTILINE)
    assert {parameter: ast.literal_eval(default) for parameter, default in explained} == kind().get_params()
    assert [parameter for parameter, _ in explained] == list(inspect.signature(kind).parameters)
    html = kind()._repr_mimebundle_()["text/html"]
    assert f'href="https://scikit-learn.org/stable/modules/generated/sklearn.neural_network.{name}.html"' in html


@pytest.mark.parametrize("name", ["classes", "regression"])
def test_every_fitted_attribute_is_explained(name: str) -> None:
    """The docstring names all attributes that a fit leaves, and no others."""
    _, X, y, _, _ = task(name)
    fitted = set()
    for parameters in (dict(), dict(early_stopping=True), dict(solver="lbfgs")):
        fitted |= {each for each in dir(ours(name, **parameters).fit(X, y)) if re.fullmatch(r"[a-z]\w*_", each)}
    _, _, text = ours(name).__doc__.partition("Attributes\n")
    # Only rows with names of columns leave their names.
    assert set(re.findall(r"^    (\w+_) : ", text, re.MULTILINE)) == fitted | {"feature_names_in_"}


@pytest.mark.parametrize("name", ["two classes", "classes", "labels", "regression", "regressions", "counts"])
def test_fitted_attributes_are_theirs(name: str) -> None:
    """Whatever scikit-learn's have after fit, of the same type, ours have too."""
    skip_words(name)
    for parameters in (dict(), dict(early_stopping=True), dict(solver="lbfgs")):
        mine, theirs = task(name).fitted(max_iter=3, **parameters)
        for attribute in [each for each in vars(theirs) if each.endswith("_") and not each.startswith("_")]:
            # NumPy's float64 is a float too.
            assert isinstance(getattr(theirs, attribute), type(getattr(mine, attribute))), attribute


def test_pipelines() -> None:
    """Behind a scaler they are trained on scaled rows, and their own parameters are reached through it."""
    _, X, y, weight, _ = task("classes")
    scaled = StandardScaler().fit_transform(X)
    pipeline = make_pipeline(StandardScaler(), ours("classes"))
    pipeline.fit(X, y, mlpclassifier__sample_weight=weight, mlpclassifier__X_val=scaled, mlpclassifier__y_val=y)
    assert apart(pipeline[-1], ours("classes").fit(scaled, y, weight)) == 0
    assert len(pipeline[-1].validation_loss_curve_) == 6
    assert pipeline.set_params(mlpclassifier__alpha=3.0)[-1].alpha == 3.0


@pytest.mark.parametrize("jobs", [1, 2])
def test_searches(jobs: int) -> None:
    """A search over folds, in two processes too, finds what scikit-learn's perceptron gets."""
    problem = task("classes", 90)
    grid = {"alpha": [1e-4, 10.0], "hidden_layer_sizes": [(3,), (4, 4)]}
    actual, expected = (
        GridSearchCV(each, grid, cv=3, n_jobs=jobs).fit(problem.X, problem.y) for each in problem.pair(max_iter=8)
    )
    for score in ("mean_test_score", "std_test_score"):
        assert actual.cv_results_[score] == pytest.approx(expected.cv_results_[score], rel=AGREEMENT)
    assert actual.best_params_ == expected.best_params_
    assert apart(actual.best_estimator_, expected.best_estimator_) < AGREEMENT


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_a_search_over_rates_that_diverge() -> None:
    """Their scores are NaN and the warning says why; the best of the others is chosen, and as of scikit-learn's."""
    problem = task("regression", 90)
    grid = {"learning_rate_init": [1e3, 1e-3, 1e-2]}
    searches = [
        GridSearchCV(each, grid, cv=3) for each in problem.pair(solver="sgd", max_iter=20, activation="identity")
    ]
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9") as caught:
        searches[0].fit(problem.X, problem.y)
    (failed,) = [str(each.message) for each in caught if each.category is FitFailedWarning]
    assert "no longer finite in epoch" in failed
    with np.errstate(all="ignore"):
        searches[1].set_params(param_grid={"learning_rate_init": grid["learning_rate_init"][1:]})
        searches[1].fit(problem.X, problem.y)
    scores, expected = (search.cv_results_["mean_test_score"] for search in searches)
    assert np.isnan(scores[0])
    assert scores[1:] == pytest.approx(expected, rel=AGREEMENT)
    assert searches[0].best_params_ == searches[1].best_params_


@pytest.mark.parametrize("name", ["two classes", "labels", "regressions"])
def test_cross_validation(name: str) -> None:
    """The scores of the folds are scikit-learn's."""
    problem = task(name, 90)
    actual, expected = (cross_val_score(each, problem.X, problem.y, cv=3) for each in problem.pair(max_iter=8))
    assert actual == pytest.approx(expected, rel=AGREEMENT)


def test_calibration() -> None:
    """Calibrated probabilities are those of scikit-learn's perceptron."""
    problem = task("classes", 90)
    actual, expected = (
        CalibratedClassifierCV(each, cv=3).fit(problem.X, problem.y, problem.weight).predict_proba(problem.X)
        for each in problem.pair(max_iter=8)
    )
    assert np.allclose(actual, expected, rtol=0, atol=1e-6)


def test_one_estimator_for_each_output() -> None:
    """Estimators of estimators make one for each class or output."""
    problem = task("classes")
    actual, expected = (OneVsRestClassifier(each).fit(problem.X, problem.y) for each in problem.pair(max_iter=8))
    assert np.allclose(actual.predict_proba(problem.X), expected.predict_proba(problem.X), rtol=0, atol=AGREEMENT)
    problem = task("regressions")
    actual, expected = (MultiOutputRegressor(each).fit(problem.X, problem.y) for each in problem.pair(max_iter=8))
    assert np.allclose(actual.predict(problem.X), expected.predict(problem.X), rtol=0, atol=AGREEMENT)


def test_importances() -> None:
    """What shuffled columns cost is what they cost scikit-learn's perceptron."""
    problem = task("classes")
    actual, expected = (
        permutation_importance(each, problem.X, problem.y, n_repeats=3, random_state=0)
        for each in problem.fitted(max_iter=8)
    )
    assert actual.importances_mean == pytest.approx(expected.importances_mean, rel=AGREEMENT)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))], ids=["copy", "pickle"]
)
def test_copies_go_on_alone(rule: str, again: Any) -> None:
    """A copy, through a pickle too, has the same answers and optimizer, and goes on without the other one."""
    _, X, y, _, _ = task("classes")
    first = ours("classes", **RULES[rule]).fit(X, y)
    second = again(first)
    assert apart(first, second) == 0
    first.partial_fit(X, y)
    assert apart(first, second) > 0
    assert apart(first, second.partial_fit(X, y)) == 0


def test_clones_are_not_fitted() -> None:
    """A clone has the parameters, schedules included, and nothing else."""
    original = ours(
        "classes", learning_rate=len, class_weight={0: 2.0}, scoring="accuracy", activation=["relu", "tanh"]
    )
    cloned = clone(original)
    assert cloned.get_params() == original.get_params()
    assert vars(cloned).keys() == original.get_params().keys()
    assert repr(cloned) == repr(original)


def test_weights_are_routed() -> None:
    """With metadata routing weights reach fit and score where they are asked for."""
    _, X, y, weight, _ = task("classes", 90)
    with config_context(enable_metadata_routing=True):
        asked = ours("classes").set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(asked, {"alpha": [0.1]}, cv=3).fit(X, y, sample_weight=weight)
        assert apart(search.best_estimator_, ours("classes", alpha=0.1).fit(X, y, weight)) == 0
        with pytest.raises(
            ValueError, match=r"sample_weight.* (are|is) passed but (are|is) not explicitly set as request"
        ):
            GridSearchCV(ours("classes"), {"alpha": [0.1]}, cv=3).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("name", ["classes", "regression"])
def test_pipelines_transform_rows_to_validate_on(name: str) -> None:
    """With transform_input they go through the scaler: the fit stops where it does on rows scaled by hand."""
    _, X, y, weight, _ = task(name, 200)
    X = X * 1000 + 5000
    scaled = StandardScaler().fit(X[:100]).transform(X)
    mlp = ours(name, early_stopping=True, n_iter_no_change=3, max_iter=100, learning_rate_init=0.02)
    with config_context(enable_metadata_routing=True):
        asking = clone(mlp).set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        pipeline = Pipeline([("scaler", StandardScaler()), ("mlp", asking)], transform_input=["X_val"])
        pipeline.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:], sample_weight_val=weight[100:])
        mlp.fit(scaled[:100], y[:100], X_val=scaled[100:], y_val=y[100:], sample_weight_val=weight[100:])
    assert apart(pipeline[-1], mlp) == 0
    assert 3 < pipeline[-1].n_iter_ == mlp.n_iter_ < 100
    assert pipeline[-1].validation_scores_ == mlp.validation_scores_
    best = pipeline[-1].best_validation_score_
    assert pipeline.score(X[100:], y[100:], sample_weight=weight[100:]) == pytest.approx(best)

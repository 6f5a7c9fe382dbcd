"""scikit-learn's callbacks beside the estimators: what they hear of, and what they are handed."""

from typing import Any

import numpy as np
import pytest
from helpers.sklearn_pairs import UNFINISHED, apart, ours, task
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from version 1.9 on")

pytestmark = UNFINISHED


class Follower:
    """Callback that notes its calls, and asks for everything; it stops a fit after some epochs."""

    def __init__(self, most: float = np.inf) -> None:
        self.most, self.calls, self.models, self.data = most, [], [], []

    def setup(self, estimator: Any, context: Any) -> None:
        """Note the beginning."""
        self.calls.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Note the end."""
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Note the task."""
        self.calls.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, metadata: Any, fitted_estimator: Any
    ) -> bool:
        """Note what is handed out."""
        self.calls.append(f"end {context.task_name} {context.task_id}")
        self.models.append(fitted_estimator)
        self.data.append((X, y, metadata))
        return context.parent is not None and context.task_id + 1 >= self.most


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_tasks(solver: str) -> None:
    """A fit is a task, and so is each of its epochs; each hands out the estimator as it is then, and the data."""
    _, X, y, weight, _ = task("classes")
    follower = Follower()
    mlp = ours("classes", solver=solver, max_iter=3).set_callbacks(follower).fit(X, y, weight)
    epochs = [f"{what} epoch {i}" for i in range(3) for what in ("begin", "end")]
    assert follower.calls == ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
    assert apart(mlp, ours("classes", solver=solver, max_iter=3).fit(X, y, weight)) == 0
    for epoch, model in enumerate(follower.models[:3], 1):
        then = ours("classes", solver=solver, max_iter=epoch).fit(X, y, weight)
        assert apart(model, then) == 0
        assert model.predict_proba(X).tolist() == then.predict_proba(X).tolist()
    assert apart(follower.models[3], mlp) == 0
    for rows, targets, metadata in follower.data:
        assert rows is X
        assert targets is y
        assert metadata["sample_weight"] is weight


def test_tasks_of_lbfgs() -> None:
    """Its tasks are iterations; the last one, which the minimization does not begin, hands out no estimator."""
    _, X, y, _, _ = task("classes")
    follower = Follower()
    mlp = ours("classes", solver="lbfgs").set_callbacks(follower).fit(X, y)
    assert follower.calls[-4:] == ["begin iteration 6", "end iteration 6", "end fit 0", "teardown"]
    *models, empty, whole = follower.models
    assert empty is None
    assert apart(models[-1], mlp) == apart(whole, mlp) == 0
    assert apart(models[1], ours("classes", solver="lbfgs", max_iter=2).fit(X, y)) == 0


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_callback_stops_a_fit(solver: str, recwarn: pytest.WarningsRecorder) -> None:
    """The parameters are those after that epoch, and nothing says that it did not converge."""
    _, X, y, _, _ = task("classes")
    mlp = ours("classes", solver=solver, max_iter=9).set_callbacks(Follower(most=4)).fit(X, y)
    assert mlp.n_iter_ == 4
    assert not recwarn.list
    assert apart(mlp, ours("classes", solver=solver, max_iter=4).fit(X, y)) == 0


def test_rows_that_are_held_out_are_not_handed_out() -> None:
    """With early stopping, callbacks get the rows that are trained on, as the user passed them; labels too."""
    pandas = pytest.importorskip("pandas")
    _, X, y, weight, _ = task("two classes")
    frame, follower = pandas.DataFrame(X, columns=list("abcde")), Follower()
    ours("two classes", early_stopping=True).set_callbacks(follower).fit(frame, list(y), weight)
    rows, targets, metadata = follower.data[0]
    assert list(rows.columns) == list("abcde")
    assert len(rows) == len(targets) == len(metadata["sample_weight"]) == 54
    assert [y[i] for i in rows.index] == list(targets)
    assert (weight[rows.index] == metadata["sample_weight"]).all()


def test_an_error_tears_down() -> None:
    """After a fit that fails a callback is torn down too, once, and not heard of in the next one."""
    _, X, y, _, _ = task("regression")
    follower = Follower()
    mlp = ours("regression").set_callbacks(follower)
    with pytest.raises(ValueError, match="non-finite"):
        mlp.fit(X * 1e200, y)
    assert follower.calls == ["setup", "begin fit 0", "begin epoch 0", "teardown"]
    mlp.set_callbacks().fit(X, y)
    assert len(follower.calls) == 4
    mlp.partial_fit(X, y)


def test_scores_of_each_epoch() -> None:
    """scikit-learn's monitor scores each epoch as a fit of as many epochs scores, weights and all."""
    _, X, y, weight, _ = task("classes")
    monitor = callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    ours("classes").set_callbacks(monitor).fit(X, y, weight)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in log] == list(range(6))
    for epochs in (1, 6):
        then = ours("classes", max_iter=epochs).fit(X, y, weight)
        assert log[epochs - 1]["accuracy"] == pytest.approx(then.score(X, y, weight))


def test_searches_of_pipelines() -> None:
    """Within a pipeline within a search, in processes too, the epochs of every fit are scored."""
    _, X, y, _, _ = task("classes", 90)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    mlp = ours("classes", max_iter=3).set_callbacks(monitor)
    search = GridSearchCV(make_pipeline(StandardScaler(), mlp), {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=3, n_jobs=2)
    search.fit(X, y)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(log) == 3 * (2 * 3 + 1)
    assert {row["estimator_name"] for row in log} == {"MLPClassifier"}


def test_a_bar_of_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    """scikit-learn's bar on a search is handed on to the fits, whose epochs it counts."""
    pytest.importorskip("rich")
    _, X, y, _, _ = task("classes", 90)
    search = GridSearchCV(ours("classes", max_iter=3), {"alpha": [1e-4]}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=1)).fit(X, y)
    assert "MLPClassifier - fit" in capsys.readouterr().out
    assert not hasattr(search.best_estimator_, "_skl_callbacks")


def test_clones_share_callbacks() -> None:
    """As scikit-learn has it, a clone has the same callbacks."""
    follower = Follower()
    _, X, y, _, _ = task("classes")
    clone(ours("classes", max_iter=1).set_callbacks(follower)).fit(X, y)
    assert follower.calls[-1] == "teardown"

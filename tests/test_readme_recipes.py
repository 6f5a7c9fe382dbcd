"""Recipes of the README: MLflow and TensorBoard show what the epochs tell, and the learning rate trains."""

import json
import os
import subprocess
import sys

import pytest
from test_readme import blocks

import xpnet

NETWORK, DIGITS = xpnet.Network([64, 128, 10], input_scale=16), xpnet.data.load("digits")
TIMED = ("seconds", "samples_per_second")

METRICS = """
import json, mlflow
client = mlflow.MlflowClient()
(run,) = client.search_runs(["0"])
histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
print(json.dumps({name: {metric.step: metric.value for metric in history} for name, history in histories.items()}))
"""
"""A process that prints MLflow's numbers by name and epoch; SQLAlchemy warns of itself in it."""


def answer(folder, arguments):
    """Output of Python in a folder, where MLflow tells nobody of its use."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    line = [sys.executable, *arguments]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def recipe(word):
    """Python's arguments for the README's block with a word."""
    (block,) = [block for block in blocks() if word in block.arguments[-1]]
    return block.arguments


@pytest.fixture(scope="module")
def told():
    """Numbers of the recipe's epochs by name and epoch, as this process trains them."""
    epochs = xpnet.epochs(NETWORK, DIGITS, xpnet.adam(), batch_size=32, epochs=5, seed=0)
    records = [epoch.numbers() for epoch in epochs]
    return {name: {record["epoch"]: record[name] for record in records} for name in records[0]}


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """Folder in which the recipe has run."""
    for module in ("mlflow", "sqlalchemy", "tensorboard", "tensorboardX"):
        pytest.importorskip(module, reason=f"needs {module}")
    folder = tmp_path_factory.mktemp("recipes")
    answer(folder, recipe("mlflow"))
    return folder


def test_mlflow_has_every_number(told, logged):
    """Each epoch's, to the last bit."""
    metrics = json.loads(answer(logged, ["-c", METRICS]).splitlines()[-1])
    assert set(metrics) == set(told)
    for name in set(told) - set(TIMED):
        assert {int(step): value for step, value in metrics[name].items()} == told[name], name


def test_tensorboard_has_every_number(told, logged):
    """Each epoch's, in the single precision of its files, as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(logged / "runs"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(told)
    for name in set(told) - set(TIMED):
        assert {event.step: event.value for event in events.Scalars(name)} == pytest.approx(told[name], rel=1e-6), name


def test_the_learning_rate_trains(tmp_path):
    """Ten epochs at the rate that the recipe prints are better than at a tenth of it, or at ten times as much."""
    rate = float(answer(tmp_path, recipe("growing")))
    assert 1e-3 < rate < 0.05
    small, right, large = (
        xpnet.epochs(NETWORK, DIGITS, xpnet.adam(each), batch_size=32, epochs=10, seed=0).history().last
        for each in (rate / 10, rate, rate * 10)
    )
    assert right.test_accuracy > 0.96
    assert right.cost < min(small.cost, large.cost) / 2

"""What an epoch tells."""

import math

import pytest

from xpnet import Checkpoint, Epoch, Layer
from xpnet._support.typing import Params


def epoch(**values) -> Epoch:
    """A record of the third epoch."""
    now, best = params(1), params(2)
    known = dict(number=3, cost=0.12345, penalty=0.0, train_accuracy=0.9876, test_accuracy=None, validation_cost=None)
    timing = dict(validation_accuracy=None, learning_rate=0.1, seconds=1.5, samples_per_second=12345.6)
    return Epoch(
        **{**known, **timing, "checkpoint": Checkpoint(3, now, (), 9, {}, best, math.inf, 0, "plain"), **values}
    )


def params(number: int) -> Params:
    """Parameters that can be distinguished."""
    return (Layer(number, number),)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "epoch   3  cost 0.1235  train  98.76%  1.50 s  12,346 samples/s"),
        ({"test_accuracy": 1.0}, "epoch   3  cost 0.1235  train  98.76%  test 100.00%  1.50 s  12,346 samples/s"),
        (
            {"test_accuracy": 0.5, "validation_cost": 0.2, "validation_accuracy": 0.25},
            "epoch   3  cost 0.1235  validation cost 0.2000  train  98.76%  validation  25.00%  test  50.00%  "
            "1.50 s  12,346 samples/s",
        ),
        (
            {"cost": 1e6, "train_accuracy": -0.5, "test_accuracy": 0.875, "regression": True},
            "epoch   3  cost 1e+06  train R² -0.5000  test R² 0.8750  1.50 s  12,346 samples/s",
        ),
        (
            {"cost": 2.623e200, "train_accuracy": -8e300, "regression": True},
            "epoch   3  cost 2.623e+200  train R² -8e+300  1.50 s  12,346 samples/s",
        ),
    ],
    ids=["training alone", "with a test set", "with both", "regression", "diverging"],
)
def test_one_line_for_people(values, line):
    """A record prints as one line, with what there is."""
    assert str(epoch(**values)) == line


def test_numbers_are_all_numbers():
    """So that what watches a training takes them as they are; scores of rows that there are none of are left out."""
    always = ["epoch", "cost", "train_accuracy", "learning_rate", "seconds", "samples_per_second"]
    assert list(epoch().numbers()) == always
    scored = epoch(test_accuracy=0.5, validation_cost=0.2, validation_accuracy=0.25, test_cost=0.3).numbers()
    assert set(scored) - set(always) == {"test_accuracy", "validation_cost", "validation_accuracy", "test_cost"}
    assert all(isinstance(number, int | float) for number in scored.values())


def test_a_repr_is_one_line():
    """It has the numbers, and none of the checkpoint's arrays."""
    shown = repr(epoch())
    assert shown.startswith("Epoch(number=3, cost=0.12345")
    assert "checkpoint" not in shown


def test_params_are_the_checkpoints():
    """The epoch's parameters and the best ones are those that it can go on from."""
    assert epoch().params == params(1)
    assert epoch().best_params == params(2)


def test_records_do_not_change():
    """A record is fixed once it is made."""
    with pytest.raises(AttributeError):
        epoch().cost = 0.0

"""A history holds the numbers of all epochs, and the parameters of the last one alone."""

import gc
import weakref

import numpy as np
import pytest

import xpnet

X, Y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2


def training(epochs=4, **arguments):
    """Epochs of a small network."""
    return xpnet.epochs(
        xpnet.Network([3, 4, 2]), (X, Y), xpnet.adam(1e-2), batch_size=8, epochs=epochs, seed=0, **arguments
    )


def test_columns_are_the_epochs_numbers():
    """Each is a list with one number per epoch, those of a validation too."""
    records = [epoch.record() for epoch in training(validation=(X, Y))]
    history = training(validation=(X, Y)).history()
    assert list(history) == list(records[0])
    assert len(history) == len(records[0])
    for name in ("epoch", "cost", "train_accuracy", "validation_cost"):
        assert history[name] == [record[name] for record in records]


def test_it_goes_on_where_the_iterator_stands():
    """Epochs that were taken before are not in it."""
    epochs = training()
    next(epochs)
    assert epochs.history()["epoch"] == [2, 3, 4]


def test_the_last_epoch_has_the_parameters():
    """They are those of the iterator's last epoch; those of the others are gone."""
    params = list(training())[-1].params
    epochs = training()
    earlier = weakref.ref(next(epochs).params[0].w)
    history = epochs.history()
    assert np.array_equal(history.last.params[0].w, params[0].w)
    gc.collect()
    assert earlier() is None


def test_names_that_it_lacks_are_missing():
    """As in any mapping; without any epochs it is empty."""
    with pytest.raises(KeyError):
        training().history()["loss"]
    done = training()
    assert len(done.history()) > 0
    assert (dict(done.history()), done.history().last) == ({}, None)


def test_it_draws_its_curves():
    """As the pictures of a training do."""
    pytest.importorskip("matplotlib", reason="needs Matplotlib")
    cost, _ = training().history().plot().axes
    assert len(cost.lines[0].get_xdata()) == 4


def test_its_text_is_short():
    """It names the columns."""
    assert repr(training(1).history()).startswith("History of 1 epochs: epoch, cost")

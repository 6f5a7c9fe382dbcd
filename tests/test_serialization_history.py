"""A model file has the numbers of its epochs, in bounded space, the same wherever the training was interrupted."""

import numpy as np
import pytest
from test_serialization import LABELS, NETWORK, ROWS, rewritten

import xpnet
from xpnet import serialization
from xpnet.errors import ModelFileError
from xpnet.serialization.history import COLUMNS, MOST, RECENT, records_in, table, thinned


def trained(**options):
    """Epochs of a small training."""
    return list(xpnet.epochs(NETWORK, (ROWS, LABELS), xpnet.adam(0.1), batch_size=8, epochs=4, **options))


@pytest.mark.parametrize("options", [{}, {"validation_fraction": 0.2}], ids=["train", "validation"])
def test_the_numbers_come_back(tmp_path, options):
    """All but the times, as the epochs had them."""
    epochs = trained(**options)
    numbers = [epoch.numbers() for epoch in epochs]
    serialization.save(tmp_path / "m", NETWORK, epochs[-1].params, epochs[-1].checkpoint, history=numbers)
    untimed = {"seconds": None, "samples_per_second": None}
    assert serialization.load(tmp_path / "m").history == [each | untimed for each in numbers]


def test_a_private_training_has_its_epsilons(tmp_path):
    """ε of each epoch comes back, which is public; cost and accuracy of the private rows do not."""
    pytest.importorskip("dp_accounting")
    epochs = trained(privacy=xpnet.Privacy(noise_multiplier=1.0))
    numbers = [epoch.numbers() for epoch in epochs]
    serialization.save(tmp_path / "m", NETWORK, epochs[-1].params, epochs[-1].checkpoint, history=numbers)
    history = serialization.load(tmp_path / "m").history
    assert [record["epsilon"] for record in history] == [epoch.epsilon for epoch in epochs]
    assert all(record["cost"] is record["train_accuracy"] is None for record in history)


def test_a_model_without_a_history_has_none(tmp_path):
    """As one of an older version, or of parameters alone."""
    serialization.save(tmp_path / "m", NETWORK, NETWORK.init(0))
    assert serialization.load(tmp_path / "m").history == []


def test_a_long_history_is_thinned_alike_wherever_it_was_interrupted():
    """It is bounded, and does not depend on what was thinned before; the first and the last epochs are in it."""
    whole, gradual = [], []
    for epoch in range(1, 4501):
        whole.append({"epoch": epoch})
        gradual = thinned([*gradual, {"epoch": epoch}])
        assert len(gradual) <= MOST + RECENT + 1
        if epoch % 250 == 0:
            assert gradual == thinned(whole)
    numbers = [each["epoch"] for each in gradual]
    assert numbers[0] == 1
    assert numbers[-RECENT:] == list(range(4501 - RECENT, 4501))
    assert all(number % 8 == 0 for number in numbers[1:-RECENT])


def test_numbers_that_are_none_have_one_spelling():
    """Whatever the sign and the bits of a NaN, the file's bytes are the same."""
    spellings = [None, np.nan, -np.nan, float(np.frombuffer(b"\1" * 6 + b"\xf8\xff")[0])]
    assert len({table([{"epoch": 1, "test_accuracy": each}]).tobytes() for each in spellings}) == 1


def changed(change):
    """A table of three epochs, changed."""
    numbers = table([{"epoch": epoch, "cost": 1.0} for epoch in (1, 2, 3)])
    return change(numbers)


def later(numbers):
    """The table with its last epoch beyond the training's."""
    numbers[2, 0] = 9
    return numbers


@pytest.mark.parametrize(
    "change",
    [
        lambda numbers: numbers[:, :3],
        lambda numbers: numbers[0],
        lambda numbers: numbers.astype("float32"),
        lambda numbers: numbers[::-1],
        lambda numbers: numbers * 0.5,
        lambda numbers: numbers * np.nan,
        lambda numbers: numbers - 1,
        later,
        lambda numbers: np.repeat(np.arange(1.0, 3000.0)[:, None], len(COLUMNS), 1),
    ],
)
def test_what_is_no_history_is_refused(change):
    """A table that does not have the numbers of epochs in their order."""
    with pytest.raises(ValueError, match="its history is not"):
        records_in(changed(change), 5000 if len(changed(change)) > 3 else 3)


def test_older_files_have_a_column_less(tmp_path):
    """What was not known then is in no epoch's numbers."""
    epochs, path = trained(), tmp_path / "m"
    numbers = [epoch.numbers() for epoch in epochs]
    serialization.save(path, NETWORK, epochs[-1].params, epochs[-1].checkpoint, history=numbers)

    def older(about, tensors):
        about["history"].remove("test_cost")
        tensors["history"] = tensors["history"][:, :-1].copy()

    rewritten(path, older)
    untimed = {"seconds": None, "samples_per_second": None}
    assert serialization.load(path).history == [each | untimed for each in numbers]


@pytest.mark.parametrize("change", ["lacks the table", "names other columns", "has no names"])
def test_a_damaged_history_is_told(tmp_path, change):
    """The sentence is about the file."""
    epochs, path = trained(), tmp_path / "m"
    numbers = [epoch.numbers() for epoch in epochs]
    serialization.save(path, NETWORK, epochs[-1].params, epochs[-1].checkpoint, history=numbers)

    def damage(about, tensors):
        if change == "lacks the table":
            del tensors["history"]
        else:
            about["history"] = ["epoch", "loss"] if change == "names other columns" else []

    rewritten(path, damage)
    with pytest.raises(ModelFileError, match="m is damaged"):
        serialization.load(path)

"""A log has a line for each epoch, also for those that were trained without it or lost with a killed process."""

import json

import pytest
from helpers.commands import logged

from xpnet import train
from xpnet._cli.log import line, resume_log
from xpnet.errors import InputError

SMALL = ("--hidden", "4", "--batch-size", "512", "--quiet")
HISTORY = [{"epoch": epoch, "cost": epoch / 2, "seconds": None} for epoch in range(1, 5)]


def lines(*epochs):
    """Lines of epochs as a training writes them."""
    return "".join(line({"epoch": epoch, "cost": epoch / 2, "seconds": 1.0}) for epoch in epochs)


@pytest.mark.parametrize(
    "text",
    ["", lines(1, 2, 3), lines(3, 4), lines(1, 4), lines(1, 2) + lines(3)[:20], lines(1, 2, 3) + lines(4)[:-1], '{"'],
    ids=["empty", "the last", "the first", "the middle", "torn", "without its newline", "torn at once"],
)
def test_a_gap_is_filled(tmp_path, text):
    """Wherever lines are lacking, each epoch has one afterwards, in order, with the numbers that the model has."""
    log = tmp_path / "l"
    log.write_text(text)
    epochs = resume_log(str(log), HISTORY)
    assert [(entry["epoch"], entry["cost"]) for entry in logged(log)] == [(1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0)]
    assert sorted(epochs) == [1, 2, 3, 4]
    assert log.read_text().startswith(text[: text.rfind("\n") + 1] if text.startswith(lines(1, 2)) else "")


def test_a_whole_log_is_left_as_it_is(tmp_path):
    """What is in it stays byte for byte, later epochs too."""
    log = tmp_path / "l"
    log.write_text(lines(1, 2, 3, 4, 5).replace(" ", ""))
    before = log.read_bytes()
    assert sorted(resume_log(str(log), HISTORY)) == [1, 2, 3, 4, 5]
    assert log.read_bytes() == before


@pytest.mark.parametrize("text", ["no log\n", "3\n", '{"cost": 1}\n', "[" * 100_000 + "\n", "\udcff\n"])
def test_another_file_is_refused_and_left(tmp_path, text):
    """Nothing is written into what is not a log."""
    log = tmp_path / "l"
    log.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = log.read_bytes()
    with pytest.raises(InputError, match="l is not the log of a training"):
        resume_log(str(log), HISTORY)
    assert log.read_bytes() == before


def test_epochs_without_a_log_are_in_a_later_one(tmp_path):
    """A log that begins with a resumed training has the epochs before, without their times and running numbers."""
    model, log, whole = (str(tmp_path / name) for name in ("m", "l", "whole"))
    train.main([*SMALL, "--epochs", "5", "--validation-fraction", "0.2", "--log", whole])
    train.main([*SMALL, "--epochs", "3", "--validation-fraction", "0.2", "--save", model])
    train.main(["--resume", model, "--epochs", "5", "--log", log, "--quiet"])
    not_in_models = ("seconds", "samples_per_second", "running")
    one, other = (
        [{key: value for key, value in entry.items() if key not in not_in_models} for entry in logged(tmp_path / name)]
        for name in ("whole", "l")
    )
    assert json.dumps(one) == json.dumps(other)
    assert [entry["seconds"] is None for entry in logged(tmp_path / "l")] == [True] * 3 + [False] * 2
    assert ["running" in entry for entry in logged(tmp_path / "l")] == [False] * 3 + [True] * 2

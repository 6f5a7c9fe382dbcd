"""Flags are written once, as fields, from which parser, help and messages are made."""

import inspect
from dataclasses import dataclass, fields

import numpy as np
import pytest
from helpers.commands import process, sentence

import xpnet
from xpnet import train
from xpnet._cli.commandline import Parser, whole_number
from xpnet._cli.configuration import HEADINGS, Configuration
from xpnet._cli.flags import add_flags, flag, flag_text, flags_of
from xpnet._cli.options import Options
from xpnet._cli.presets import PRESETS, configure, defaults_table
from xpnet._cli.resume import contradiction


@dataclass(frozen=True)
class Sample:
    """Flags of a test's own."""

    rows: int = flag(3, "number of rows", group="first", parse=whole_number, metavar="N")
    width: float = flag(2.0, "width of a row", group="first", parse=float, metavar="X")
    shuffle: bool = flag(True, "rows in their own order", group="second")
    fast: bool = flag(False, "haste", group="second")


def parser():
    """A parser of those flags."""
    sample = Parser("sample", "Sample.", "")
    add_flags(sample, ("first", "second"), Sample, by_data=["width"])
    return sample


def test_a_field_is_a_flag():
    """A flag that is given is in the result under the field's name, in its type; one that is not is left out."""
    assert vars(parser().parse_args([])) == {}
    assert vars(parser().parse_args(["--rows", "5", "--no-shuffle", "--fast"])) == {
        "rows": 5,
        "shuffle": False,
        "fast": True,
    }


def test_help_shows_defaults_under_their_headings():
    """Each group has its heading, and each default stands behind its flag, or where it depends on the data."""
    text = parser().format_help()
    assert "first:\n  --rows N" in text
    assert "number of rows [3]" in text
    assert "width of a row [by data]" in text
    assert "--no-shuffle" in text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("batch_size", 32, "--batch-size 32"), ("hidden", (), "--hidden none"), ("shuffle", False, "--no-shuffle")],
)
def test_a_flag_is_written_as_it_is_typed(name, value, text):
    """Names have hyphens, tuples commas, and a switch no word."""
    assert flag_text(name, value) == text


def test_a_contradiction_names_a_flag_that_exists():
    """A switch is not told as `--shuffle False`."""
    message = str(contradiction("shuffle", False, True, "m"))
    assert message.startswith("--no-shuffle contradicts m, which was trained without it;")


def test_every_setting_is_a_flag_of_a_known_group():
    """Of a configuration only the data's digest is none, and every flag says what it decides."""
    assert set(Configuration.__dataclass_fields__) - set(flags_of(Configuration)) == {"fingerprint"}
    for options in (Configuration, Options):
        for _, meta in flags_of(options).values():
            assert meta.group in HEADINGS
            assert meta.help


def test_flags_of_epochs_are_its_keywords():
    """What is handed on by name is a keyword of `xpnet.epochs`."""
    keywords = set(inspect.signature(xpnet.epochs).parameters)
    assert set(Configuration().arguments()) <= keywords
    assert {"batch_size", "epochs", "l2", "patience"} <= set(Configuration().arguments())


def test_presets_are_made_of_flags():
    """A preset names settings that there are."""
    for preset in PRESETS.values():
        assert set(preset) <= {each.name for each in fields(Configuration)}


def test_the_table_shows_the_defaults_of_each_data_set():
    """Under each data set stands what is trained with where no flag says otherwise."""
    _, head, *rows = defaults_table().splitlines()
    assert head.split(None, 2) == ["digits", "mnist", "own data"]
    table = {row.split()[0]: row.split()[1:] for row in rows}
    for column, data in enumerate(("digits", "mnist", "own.npz")):
        configuration = configure({"data": data})
        assert float(table["--learning-rate"][column]) == configuration.learning_rate
        assert int(table["--batch-size"][column]) == configuration.batch_size
        assert int(table["--epochs"][column]) == configuration.epochs
        assert (int(table["--hidden"][column]),) == configuration.hidden


def test_help_fits_in_a_hundred_lines(monkeypatch):
    """At 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    assert train.parser().format_help().count("\n") <= 100


def test_a_name_that_promises_another_format_is_refused(tmp_path):
    """`--save x.pt` would write safetensors under a name that torch.load believes."""
    message = sentence(process("xpnet.train", "--epochs", "1", "--save", tmp_path / "m.pt"))
    assert "--save writes safetensors" in message
    assert not list(tmp_path.iterdir())


def test_a_schedule_that_cannot_be_names_its_flag():
    """The message begins with --schedule, so that it is not taken to be about --epochs."""
    message = sentence(process("xpnet.train", "--schedule", "cosine:0"))
    assert message.startswith("--schedule cosine:0: ")


@pytest.mark.parametrize("flags", [("--save", "s", "--log", "s"), ("--log", "d.npz"), ("--save", "d.npz")])
def test_one_path_for_two_purposes_is_refused_before_anything_is_written(flags, tmp_path):
    """Neither data nor model are replaced by something else."""
    np.savez(tmp_path / "d.npz", x_train=np.eye(9), y_train=np.arange(9) % 3)
    before = (tmp_path / "d.npz").read_bytes()
    message = sentence(process("xpnet.train", "--data", "d.npz", "--epochs", "1", *flags, cwd=tmp_path))
    assert "both name" in message
    assert (tmp_path / "d.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["d.npz"]


def test_a_log_does_not_take_the_place_of_the_model_that_is_resumed(tmp_path):
    """`--resume m --log m` leaves m as it is."""
    path = tmp_path / "m"
    train.main(["--epochs", "1", "--quiet", "--save", str(path)])
    before = path.read_bytes()
    message = sentence(process("xpnet.train", "--resume", path, "--epochs", "2", "--log", path))
    assert message == f"--resume and --log both name {path}; give each a file of its own."
    assert path.read_bytes() == before

"""`python -m xpnet` and the flags of every command tell a newcomer what there is."""

import pytest
from helpers.commands import process, sentence

import xpnet
from xpnet import __main__
from xpnet.backends import BACKENDS

COMMANDS = ("xpnet.train", "xpnet.predict", "xpnet.export", "xpnet.doctor")


def test_it_lists_commands_and_backends(capsys):
    """Each command and each backend has a line."""
    __main__.main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"xpnet {xpnet.__version__}"
    for name in (*(f"python -m {command}" for command in COMMANDS), *BACKENDS):
        assert sum(line.strip().startswith(name) for line in lines) == 1


@pytest.mark.parametrize("command", ["xpnet", *COMMANDS])
def test_help_shows_an_example(command):
    """`--help` exits with 0 and shows the command in use."""
    answer = process(command, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"python -m {command}" in answer.stdout


def test_commands_run_as_words():
    """`python -m xpnet train` is `python -m xpnet.train`."""
    answer = process("xpnet", "train", "--epochs", "1")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1].startswith("epoch   1")


def test_a_word_that_is_no_command_lists_the_commands():
    """The sentence names all four."""
    answer = sentence(process("xpnet", "fit"))
    assert answer == "'fit' is not a command; it can be train, predict, export or doctor."

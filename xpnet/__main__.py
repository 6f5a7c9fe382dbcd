"""`xpnet` or `python -m xpnet`: one of the commands, or a list of them and of the array libraries they can use."""

from importlib import import_module

from xpnet import __version__
from xpnet._cli.commandline import Parser, run
from xpnet.backends import installed
from xpnet.backends.base import alternatives
from xpnet.errors import InputError

COMMANDS = {
    "train": "train a network on digits, MNIST or data of your own",
    "predict": "predict rows with a saved model, and score it where they are labelled",
    "export": "write a saved model as an ONNX file or a C header",
    "doctor": "list the array libraries, what they lack, and check what they compute",
}

EXAMPLES = """examples:
  python -m xpnet
  python -m xpnet train --help"""


def main(arguments: list[str]) -> int | None:
    """Run the command that is named first, or print both lists."""
    if arguments and arguments[0] in COMMANDS:
        status: int | None = import_module(f"xpnet.{arguments[0]}").main(arguments[1:])
        return status
    if arguments and not arguments[0].startswith("-"):
        raise InputError(f"{arguments[0]!r} is not a command; it can be {alternatives(tuple(COMMANDS))}.")
    flags = Parser("xpnet", "Run a command, or list the commands and the array libraries.", EXAMPLES, "[COMMAND]")
    flags.parse_args(arguments)
    print(f"xpnet {__version__}\n\ncommands (each has --help):")
    for command, purpose in COMMANDS.items():
        print(f"  python -m xpnet.{command:<8} {purpose}")
    print("\nbackends (--backend):")
    for library in installed():
        print(
            f"  {library.name:<7} {library.version or '-':<12} {', '.join(library.devices):<10} {library.note}".rstrip()
        )
    return None


def command() -> None:
    """Run what the console script `xpnet` is asked for, and exit."""
    run(main)


if __name__ == "__main__":
    command()

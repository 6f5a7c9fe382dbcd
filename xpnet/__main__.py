"""`python -m xpnet`: the commands, and the array libraries that they can use here."""

from xpnet import __version__
from xpnet._cli.commandline import Parser, run
from xpnet.backends import installed

COMMANDS = {
    "python -m xpnet.train": "train a network on digits, MNIST or your own data",
    "python -m xpnet.predict": "predict and judge with a saved model",
    "python -m xpnet.export": "write a saved model as an ONNX file",
    "python -m xpnet.doctor": "list the backends, what they are missing, and check what they compute",
}

EXAMPLES = """example:
  python -m xpnet"""


def main(arguments: list[str]) -> None:
    """Print both lists."""
    Parser("xpnet", "List the commands and the array libraries.", EXAMPLES).parse_args(arguments)
    print(f"xpnet {__version__}\n\ncommands (each has --help):")
    for command, purpose in COMMANDS.items():
        print(f"  {command:<25} {purpose}")
    print("\nbackends (--backend):")
    for library in installed():
        print(
            f"  {library.name:<7} {library.version or '-':<12} {', '.join(library.devices):<10} {library.note}".rstrip()
        )


if __name__ == "__main__":
    run(main)

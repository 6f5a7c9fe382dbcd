"""`python -m xpnet.predict`: what a saved model makes of rows that it is given."""

import sys

import numpy as np

from xpnet import backends, serialization
from xpnet._cli.commandline import Parser, run
from xpnet.data import load_picture, load_rows
from xpnet.errors import InputError
from xpnet.training import evaluation
from xpnet.training.network import Network

EXAMPLES = """examples:
  python -m xpnet.predict digits.safetensors --data digits
  python -m xpnet.predict mnist.safetensors rows.npz
  python -m xpnet.predict mnist.safetensors --image seven.png"""

WIDTH = 40
"""Characters of the bar of a probability of 1."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
"""A character of a bar, by how many eighths of it are full."""


def main(arguments: list[str]) -> None:
    """Print the accuracy and the confusion matrix of labelled rows, else a prediction a row; of a picture bars."""
    flags = parser().parse_args(arguments)
    given = [source for source in (flags.file, flags.data, flags.image) if source is not None]
    if len(given) != 1:
        raise InputError("name what to predict on: either a FILE, --data NAME or --image PICTURE.")
    (source,) = given
    model = serialization.load(flags.model)
    network = model.network
    backend = backends.resolve(flags.backend, flags.device)
    if flags.image is None:
        x, y = load_rows(source)
        check_scale(network, x, source)
    else:
        scale = network.input_scale or 1.0
        x, y = load_picture(source, network.sizes[0], scale, model.configuration.get("data", "")), None
    params, x_there = backends.moved(model.params, backend), backend.asarray(x)
    a = backend.to_host(network.predict(params, x_there))
    if y is None:
        shown = flags.image is not None and not network.model.loss.regression
        print("\n".join(bars(source, network, a[0]) if shown else spelled_rows(network, a)))
        return
    accuracy = network.score(params, x_there, backend.asarray(y))
    if network.model.loss.regression:
        print(f"R² {accuracy:.4f} on {len(x):,} rows")
        return
    print(f"accuracy {accuracy:.2%} on {len(x):,} rows")
    print()
    print(
        "\n".join(
            confusion_table(y, a.argmax(axis=1)) if network.loss == "cross_entropy" else outcome_table(y, a > 0.5)
        )
    )


def parser() -> Parser:
    """The flags."""
    flags = Parser("xpnet.predict", "Predict rows with a saved model, and judge it where they are labelled.", EXAMPLES)
    flags.add_argument("model", metavar="MODEL", help="a file that python -m xpnet.train --save wrote")
    flags.add_argument("file", metavar="FILE", nargs="?", help=".npz with x (and y), .npy, or IDX images")
    flags.add_argument("--data", metavar="NAME", help="digits, mnist or a data set of one's own: its test rows")
    flags.add_argument("--image", metavar="PICTURE", help="a picture, such as a PNG; it is made grey, dark and small")
    flags.add_backend()
    return flags


def check_scale(network: Network, x: np.ndarray, source: str) -> None:
    """Refuse inputs that the model's scaling would not bring to what it was trained on."""
    if network.input_scale == 255 and x.dtype.kind == "f":
        raise InputError(
            f"{source} holds {x.dtype}, but the model was trained on bytes and divides by 255; give bytes (uint8)."
        )
    if network.input_scale == 1 and x.dtype == np.uint8:
        raise InputError(
            f"{source} holds bytes (uint8), but the model was trained on other numbers, taken as they were; give those."
        )


def spelled_rows(network: Network, a: np.ndarray) -> list[str]:
    """A line a row: the class, the labels as 0 and 1, or the numbers."""
    if network.loss == "cross_entropy":
        return [str(label) for label in a.argmax(axis=1)]
    if network.loss == "binary_cross_entropy":
        return [" ".join(str(int(label)) for label in row) for row in a > 0.5]
    return [" ".join(f"{value:.6g}" for value in row) for row in a]


def bars(source: str, network: Network, a: np.ndarray) -> list[str]:
    """The prediction for a picture, and a bar for the probability of each label."""
    (guess,) = spelled_rows(network, a[None])
    width = len(str(len(a) - 1))
    lines = [f"{label:>{width}}  {bar(p):<{WIDTH}}  {p:6.1%}" for label, p in enumerate(a)]
    return [f"{source}: {guess}", "", *lines]


def bar(p: float) -> str:
    """A bar as long as a probability, of characters that the terminal has."""
    full, eighth = divmod(round(p * WIDTH * 8), 8)
    try:
        EIGHTHS.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return "#" * round(p * WIDTH)
    return EIGHTHS[-1] * full + EIGHTHS[eighth] * (eighth > 0)


def confusion_table(y: np.ndarray, guess: np.ndarray) -> list[str]:
    """Confusion matrix as text: how often a label, one per line, was taken for another, one per column."""
    found = evaluation.confusion_counts(y, guess)
    k = len(found)
    width = max(len(str(found.max())), len(str(k - 1))) + 2
    head = f"{'label':>7} |" + "".join(f"{label:>{width}}" for label in range(k)) + "   taken for"
    lines = [f"{label:>7} |" + "".join(f"{n:>{width}}" for n in row) for label, row in enumerate(found)]
    return [head, "-" * 8 + "+" + "-" * (width * k), *lines]


def outcome_table(y: np.ndarray, guess: np.ndarray) -> list[str]:
    """True and false positives and negatives of each label, as text."""
    columns = evaluation.outcome_counts(y.reshape(guess.shape), guess)
    head = f"{'label':>7} |" + "".join(f"  {name}" for name in columns)
    lines = [
        f"{label:>7} |" + "".join(f"  {counts[label]:>{len(name)}}" for name, counts in columns.items())
        for label in range(guess.shape[1])
    ]
    return [head, "-" * 8 + "+" + "-" * (len(head) - 9), *lines]


if __name__ == "__main__":
    run(main)

"""`python -m xpnet.predict`: predict rows or a picture with a saved model, and score labelled rows."""

from xpnet import backends, serialization
from xpnet._cli.commandline import Parser, run
from xpnet._cli.predictions import check_scale, picture_lines, row_lines, score_lines
from xpnet.data import load_picture, load_rows
from xpnet.errors import InputError

EXAMPLES = """examples:
  python -m xpnet.predict digits.safetensors --data digits
  python -m xpnet.predict mnist.safetensors rows.npz
  python -m xpnet.predict mnist.safetensors --image seven.png"""


def main(arguments: list[str]) -> None:
    """Print the score of labelled rows and where they are wrong, or one prediction per line; for a picture bars."""
    flags = parser().parse_args(arguments)
    sources = [source for source in (flags.file, flags.data, flags.image) if source is not None]
    if len(sources) != 1:
        raise InputError("name what to predict on: either a FILE, --data NAME or --image PICTURE.")
    (source,) = sources
    model = serialization.load(flags.model)
    network = model.network
    backend = backends.resolve(flags.backend, flags.device)
    if flags.image is None:
        x, y = load_rows(source)
        check_scale(network, x, source)
    else:
        scale = network.input_scale or 1.0
        x, y = load_picture(source, network.sizes[0], scale, model.configuration.get("data", "")), None
    params, placed = backends.moved(model.params, backend), backend.asarray(x)
    a = backend.to_host(network.predict(params, placed))
    if y is not None:
        lines = score_lines(network, y, a, network.score(params, placed, backend.asarray(y)))
    elif flags.image is not None:
        lines = picture_lines(source, network, a[0])
    else:
        lines = row_lines(network, a)
    print("\n".join(lines))


def parser() -> Parser:
    """Parser of the flags."""
    about = "Predict rows with a saved model, and score it where they are labelled."
    flags = Parser("xpnet.predict", about, EXAMPLES, "MODEL [FILE]")
    flags.add_argument("model", metavar="MODEL", help="model file that python -m xpnet.train --save wrote")
    flags.add_argument(
        "file", metavar="FILE", nargs="?", help="rows to predict: .npz with x (and y), .npy, or IDX images"
    )
    flags.add_argument("--data", metavar="NAME", help="data set whose test rows to predict: digits, mnist or your own")
    flags.add_argument(
        "--image", metavar="PICTURE", help="picture to predict, such as a PNG; made grey, light on dark, and small"
    )
    flags.add_backend()
    return flags


if __name__ == "__main__":
    run(main)

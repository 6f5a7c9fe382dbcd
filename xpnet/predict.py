"""`python -m xpnet.predict`: predict rows or a picture with a saved model, and score labelled rows."""

from xpnet import backends, serialization
from xpnet._cli.answers import answers, check_output, write_answers
from xpnet._cli.commandline import Parser, run
from xpnet._cli.prediction_rows import Rows, read_rows
from xpnet._cli.predictions import picture_lines, row_lines, score_lines
from xpnet._cli.summary import summary_lines
from xpnet.data import load_picture
from xpnet.errors import InputError

EXAMPLES = """examples:
  python -m xpnet.predict digits.safetensors --data digits
  python -m xpnet.predict mnist.safetensors rows.npz
  python -m xpnet.predict iris.safetensors new.csv --proba --output answers.csv
  python -m xpnet.predict mnist.safetensors --image seven.png
  python -m xpnet.predict mnist.safetensors"""


def main(arguments: list[str]) -> None:
    """Print the score of labelled rows and where they are wrong, or one prediction per line; for a picture bars."""
    flags = parser().parse_args(arguments)
    sources = [source for source in (flags.file, flags.data, flags.image) if source is not None]
    if len(sources) > 1:
        raise InputError("name what to predict on once: either a FILE, --data NAME or --image PICTURE.")
    if flags.output is not None:
        check_output(flags.output, model=flags.model, rows=flags.file or flags.image)
    elif flags.proba:
        raise InputError("--proba goes with --output FILE, which the probabilities are written to.")
    model = serialization.load(flags.model)
    if not sources:
        print("\n".join(summary_lines(flags.model, model)))
        return
    (source,) = sources
    network, backend = model.network, backends.resolve(flags.backend, flags.device)
    if flags.image is None:
        rows = read_rows(source, model)
    else:
        scale = network.input_scale if isinstance(network.input_scale, float) else 1.0
        rows = Rows(load_picture(source, network.sizes[0], scale, model.configuration.get("data", "")))
    params, placed = backends.moved(model.params, backend), backend.asarray(rows.x)
    a = backend.to_host(network.predict(params, placed))
    if flags.output is not None:
        write_answers(flags.output, answers(network, a, rows.ids, model.layout, proba=flags.proba))
    if rows.y is not None:
        print("\n".join(score_lines(network, rows.y, a, network.score(params, placed, backend.asarray(rows.y)))))
    elif flags.image is not None:
        print("\n".join(picture_lines(source, network, a[0])))
    elif flags.output is None:
        print("\n".join(row_lines(network, a)))


def parser() -> Parser:
    """Parser of the flags."""
    about = "Predict rows with a saved model, and score it where they are labelled; a model alone is summed up."
    flags = Parser("xpnet.predict", about, EXAMPLES, "MODEL [FILE]")
    flags.add_argument("model", metavar="MODEL", help="model file that python -m xpnet.train --save wrote")
    flags.add_argument(
        "file", metavar="FILE", nargs="?", help="rows to predict: a table, .npz with x (and y), .npy, or IDX images"
    )
    flags.add_argument("--data", metavar="NAME", help="data set whose test rows to predict: digits, mnist or your own")
    flags.add_argument(
        "--image", metavar="PICTURE", help="picture to predict, such as a PNG; made grey, light on dark, and small"
    )
    flags.add_argument("--output", metavar="FILE", help="file for the predictions: .csv, .npz or .parquet")
    flags.add_argument("--proba", action="store_true", help="probability of every class too, in that file")
    flags.add_backend()
    return flags


if __name__ == "__main__":
    run(main)

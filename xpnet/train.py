"""`python -m xpnet.train`: train a network on digits, on MNIST or on one's own data."""

import json
import shlex
from argparse import SUPPRESS
from dataclasses import asdict, replace

from xpnet import __version__, backends, distributed, serialization
from xpnet._cli.commandline import Parser, number, run, silent, uninterrupted, whole_number
from xpnet._cli.configuration import PRESETS, Configuration, configure, contradiction, flag, resumed, spelled
from xpnet._support.atomic_write import check_writable
from xpnet.data import load
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.optimizers import OPTIMIZERS
from xpnet.errors import InputError
from xpnet.training.checkpoint import Checkpoint
from xpnet.training.epochs import epochs
from xpnet.training.placement import DTYPES

EXAMPLES = """examples:
  python -m xpnet.train
  python -m xpnet.train --data mnist --save mnist.safetensors
  python -m xpnet.train --data mnist --hidden 512,512 --device cuda
  python -m xpnet.train --resume mnist.safetensors --epochs 20
  python -m xpnet.train --preset post --plot pictures
  mpiexec -n 4 python -m xpnet.train --data mnist --mpi"""


def main(arguments: list[str]) -> None:
    """Train, alone or as a rank among others, of which the first one speaks."""
    with distributed.joined("--mpi" in arguments) as ranks, silent(not ranks.first):
        train(arguments, ranks)


def train(arguments: list[str], ranks: distributed.Ranks | distributed.Alone) -> None:
    """Train, and print a line an epoch."""
    flags = vars(parser().parse_args(arguments))
    save, resume, log, plot, quiet, preset, engine, _ = (
        flags.pop(name, None) for name in ("save", "resume", "log", "plot", "quiet", "preset", "engine", "mpi")
    )
    if not ranks.first:
        plot = None
    checkpoint = None
    if resume is None:
        configuration = configure(flags, preset)
    else:
        save = resume if save is None else save
        model = serialization.load(resume)
        configuration, checkpoint = resumed(model.configuration, flags, preset, resume), model.checkpoint
        check_unfinished(configuration, checkpoint, resume)
        check_engine(engine, checkpoint, resume)
    optimizer = configuration.rule()
    ranks.agree({flag(name): spelled(value) for name, value in asdict(configuration).items()})
    backend = backends.resolve(configuration.backend, ranks.placed(configuration.backend, configuration.device))
    data = ranks.in_turn(lambda: load(configuration.data))
    fingerprint = data.fingerprint()
    if configuration.fingerprint not in ("", fingerprint):
        raise InputError(f"the data {configuration.data} changed since {resume} was trained on them.")
    configuration = replace(configuration, fingerprint=fingerprint)
    network = configuration.network(data)
    if plot is not None:
        # Matplotlib is slow to import, and is found missing before the training.
        from xpnet.plots import report

        report.check_report(plot, network)

    if save is not None:
        ranks.keep(save)
    if not ranks.first:
        save, log, quiet = None, None, True
    if save is not None:
        check_writable(save)
    records = epochs(
        network,
        data,
        optimizer,
        batch_size=configuration.batch_size,
        epochs=configuration.epochs,
        seed=configuration.seed,
        backend=backend.name,
        device=backend.device_name,
        engine=engine,
        dtype=configuration.dtype,
        precision=configuration.precision,
        l2=configuration.l2,
        validation_fraction=configuration.validation_fraction,
        patience=configuration.patience,
        chunk_size=configuration.chunk_size,
        resume=checkpoint,
        progress=not quiet,
        average=ranks.average,
    )
    if log is not None:
        write(log, "", mode="a" if resume else "w")
    if not quiet:
        rows = f"{len(data.x_train):,} rows" + ("" if data.x_test is None else f", {len(data.x_test):,} to test")
        print(
            f"xpnet {__version__}, {records.training.backend}: {network}, {network.parameter_count:,} parameters; "
            f"{data.name}: {rows}",
            flush=True,
        )
        if ranks.average is not None:
            print(f"{ranks}; their sums go {ranks.way(backend)}", flush=True)
    number, held, numbers = (checkpoint.epoch if checkpoint else 0), resume, []
    try:
        for epoch in records:
            with uninterrupted():
                if save is not None:
                    serialization.save(save, network, epoch.best_params, epoch.checkpoint, asdict(configuration))
                numbers.append(epoch.numbers())
                if log is not None:
                    write(log, json.dumps(numbers[-1]) + "\n")
                number, held = epoch.number, save
            if not quiet:
                print(epoch, flush=True)
    except KeyboardInterrupt:
        kept = f"; {held} holds epoch {number}." if held else "."
        raise KeyboardInterrupt(f"interrupted after epoch {number}{kept}") from None
    if plot is not None:
        params = backends.moved(epoch.best_params, backends.resolve("numpy"))
        command = shlex.join(["python", "-m", "xpnet.train", *arguments])
        where = str(records.training.backend)
        finished = report.Run(network, params, data, numbers, asdict(configuration), where, command)
        page = report.write_report(plot, finished)
        if not quiet:
            print(f"pictures in {plot}, all of them with the equations in {page}")


def check_unfinished(configuration: Configuration, done: Checkpoint | None, path: str) -> None:
    """Refuse to resume what has nothing left to do."""
    if done is None:
        raise InputError(f"{path} holds parameters only, no training that could go on.")
    if done.epoch >= configuration.epochs:
        raise InputError(f"{path} has its {done.epoch} epochs; ask for more with --epochs {2 * done.epoch}.")
    if configuration.patience is not None and done.waited >= configuration.patience:
        raise InputError(
            f"{path} stopped early after epoch {done.epoch}: {done.waited} epochs had not lowered the cost."
        )


def check_engine(asked: str | None, done: Checkpoint | None, path: str) -> None:
    """Refuse to resume with another engine; "auto" names none, it has one chosen."""
    if done is not None and asked not in (None, "auto", done.engine):
        raise contradiction("engine", asked, done.engine, path)


def write(path: str, text: str, mode: str = "a") -> None:
    """Add to the log file, or begin it anew."""
    try:
        with open(path, mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error


def parser() -> Parser:
    """The flags; one that is not given is not in the result, so that a default can depend on the data."""
    flags = Parser("xpnet.train", "Train a network of dense layers, and print one line an epoch.", EXAMPLES)
    flags.argument_default = SUPPRESS
    flags.add_argument(
        "--data", metavar="DATA", help="digits (default), mnist, FILE.npz, a folder of .npy or IDX files"
    )
    flags.add_argument(
        "--chunk-size", type=number, metavar="MB", help="of .npy files to hold at a time, in megabytes (default: 64)"
    )
    flags.add_argument("--preset", choices=PRESETS, help="post: the network of the post, one sample at a time")
    flags.add_argument("--hidden", type=widths, metavar="N,N", help="neurons of the hidden layers, or none")
    flags.add_argument("--activation", type=names, metavar="A,A", help=f"{', '.join(ACTIVATIONS)}: one, or one a layer")
    flags.add_argument("--optimizer", choices=OPTIMIZERS, help="update rule (default: adam)")
    flags.add_argument("--learning-rate", type=number, metavar="X", help="default: one that suits the optimizer")
    flags.add_argument("--momentum", type=number, metavar="X", help="of momentum and nesterov (default: 0.9)")
    flags.add_argument("--l2", type=number, metavar="X", help="weight of the squared weights in the cost (default: 0)")
    flags.add_argument(
        "--schedule",
        metavar="S",
        help="constant (default), inverse-scaling[:EPOCHS[:POWER]], step:EPOCHS[:FACTOR], cosine[:EPOCHS[:WARM_UP]]",
    )
    flags.add_argument("--batch-size", type=whole_number, metavar="N", help="samples a step")
    flags.add_argument("--epochs", type=whole_number, metavar="N", help="passes over the data, in all")
    flags.add_argument("--patience", type=whole_number, metavar="N", help="stop after N epochs without a lower cost")
    flags.add_argument("--validation-fraction", type=number, metavar="X", help="part of the training rows held back")
    flags.add_argument(
        "--seed", type=whole_number, metavar="N", help="of weights, held-back rows and order (default: 0)"
    )
    flags.add_argument("--dtype", choices=DTYPES, help="default: float32")
    flags.add_backend()
    flags.add_argument(
        "--precision", choices=backends.PRECISIONS, help="of float32 products on a GPU (default: fp32; tf32 is faster)"
    )
    flags.add_argument("--engine", choices=("auto", *backends.ENGINES), help="how steps are run (default: auto)")
    flags.add_argument(
        "--mpi", action="store_true", help="train together with the other processes that mpiexec started"
    )
    flags.add_argument("--save", metavar="MODEL", help="write MODEL.safetensors after every epoch")
    flags.add_argument("--resume", metavar="MODEL", help="go on with a saved model, as it was configured")
    flags.add_argument("--log", metavar="FILE", help="write one JSON object an epoch")
    flags.add_argument("--plot", metavar="DIR", help="draw the training and what it learned, and write DIR/report.html")
    flags.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return flags


def widths(text: str) -> tuple[int, ...]:
    """`512,256` or `none`."""
    return () if text == "none" else tuple(whole_number(part) for part in text.split(","))


def names(text: str) -> tuple[str, ...]:
    """`relu` or `sigmoid,relu`."""
    return tuple(text.split(","))


if __name__ == "__main__":
    run(main)

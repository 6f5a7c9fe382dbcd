"""`python -m xpnet.train`: train a network on digits, on MNIST or on data of one's own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xpnet import backends, distributed, serialization
from xpnet._cli.commandline import Parser, notice, run, silent
from xpnet._cli.configuration import HEADINGS, Configuration
from xpnet._cli.flags import add_flags, flags_of
from xpnet._cli.options import Options
from xpnet._cli.outputs import Outputs, check_outputs, introduction
from xpnet._cli.presets import BY_DATA, configure, defaults_table
from xpnet._cli.resume import check_engine, check_fingerprint, resumable, resumed, why_finished
from xpnet._support.stop_signals import answered_by_all, say, within
from xpnet.errors import InputError
from xpnet.serialization import SavedModel
from xpnet.training.epochs import epochs

EXAMPLES = """examples:
  python -m xpnet.train
  python -m xpnet.train --data mnist --hidden 512,512 --device cuda
  python -m xpnet.train --data iris.csv --label species --test-fraction 0.2
  python -m xpnet.train --data mnist --resume-or-start mnist.safetensors
  python -m xpnet.train --preset post --plot pictures
  mpiexec -n 4 python -m xpnet.train --data mnist --mpi"""


def main(arguments: list[str]) -> None:
    """Train, alone or as one rank of several, of which the first prints."""
    together = "--mpi" in arguments
    with answered_by_all(together), distributed.joined(together) as ranks, silent(not ranks.first):
        run_training(arguments, ranks)


def run_training(arguments: list[str], ranks: distributed.Ranks | distributed.Alone) -> None:
    """Train, and print a line per epoch."""
    options, flags = parse(arguments)
    if not options.mpi and (started := distributed.processes_started()) > 1:
        notice(f"{started} processes were started together, but this one trains alone; --mpi joins them.")
    configuration, model = initial_state(options, flags)
    checkpoint = None if model is None else model.checkpoint
    if over := why_finished(configuration, checkpoint, options.resume):
        if options.resume_or_start is None:
            raise InputError(over)
        # A job that is started once more than it needs has done what it was to do.
        if not options.quiet:
            say(over)
        return
    optimizer = configuration.rule()
    ranks.agree(configuration.flags())
    backend = backends.resolve(configuration.backend, ranks.placed(configuration.backend, configuration.device))
    data = ranks.in_turn(configuration.load)
    if configuration.privacy is None:
        # Whoever has a guess at private rows could check it with their digest.
        fingerprint = data.fingerprint()
        check_fingerprint(configuration, fingerprint, options.resume)
        configuration = replace(configuration, fingerprint=fingerprint)
    network = configuration.network(data)
    if options.save is not None:
        ranks.keep(options.save)
    if not ranks.first:
        options = replace(options, save=None, log=None, plot=None, quiet=True)
    check_outputs(options, network, configuration.data)

    training = epochs(
        network,
        data,
        optimizer,
        weight=configuration.weights(data, network),
        backend=backend.name,
        device=backend.device_name,
        engine=options.engine,
        resume=checkpoint,
        progress=not options.quiet,
        average=ranks.average,
        **configuration.arguments(),
    )
    command = [*ranks.launcher, "python", "-m", "xpnet.train", *arguments]
    outputs = Outputs(options, configuration, network, model, command, data)
    # Decided by all ranks together, though rank 0 alone tells of it.
    way = ranks.way(backend)
    if not options.quiet:
        say(introduction(training.training, configuration, data))
        if ranks.average is not None:
            say(f"{ranks}; their sums go {way}")
    with within(options.max_seconds):
        last = outputs.record(training)
    if training.stopped and not options.quiet:
        say(f"stopped: {training.stopped}")
    outputs.report(last, str(training.training.backend))


def initial_state(options: Options, flags: Mapping[str, Any]) -> tuple[Configuration, SavedModel | None]:
    """Configuration of a training, and the model of one to resume, with its checkpoint."""
    if options.resume is None:
        return configure(flags, options.preset), None
    model = serialization.load(options.resume)
    configuration = resumed(model.configuration, flags, options.preset, options.resume)
    check_engine(options.engine, resumable(model.checkpoint, options.resume), options.resume)
    return configuration, model


def parse(arguments: list[str]) -> tuple[Options, dict[str, Any]]:
    """Options, and the values of those flags of the configuration that are used."""
    flags = vars(parser().parse_args(arguments))
    options = Options(**{name: flags.pop(name) for name in flags_of(Options) if name in flags})
    return options.with_files(), flags


def parser() -> Parser:
    """Parser of the flags; one that is not used is not in its result, so that a default can depend on the data."""
    about = "Train a network of dense layers, and print a line per epoch. Defaults are in brackets."
    flags = Parser("xpnet.train", about, f"{defaults_table()}\n\n{EXAMPLES}")
    add_flags(flags, HEADINGS, Configuration, Options, by_data=BY_DATA)
    return flags


if __name__ == "__main__":
    run(main)

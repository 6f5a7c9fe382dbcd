"""Outputs of a training: its lines on the terminal, its log, its model file and its report."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np

from xpnet import __version__, backends, serialization
from xpnet._cli.configuration import Configuration
from xpnet._cli.log import append, line, resume_log
from xpnet._cli.options import Options
from xpnet._cli.spellings import WITH_MOMENTUM
from xpnet._support import stop_signals
from xpnet._support.atomic_write import check_distinct, check_writable
from xpnet.data import Data
from xpnet.errors import InputError
from xpnet.serialization.history import thinned
from xpnet.training.checkpoint import Epoch
from xpnet.training.network import Network
from xpnet.training.progress import is_watched
from xpnet.training.run import Training
from xpnet.training.standardization import Standardization

OTHER_FORMATS = (".pt", ".pth", ".onnx", ".npz", ".npy", ".json", ".h5", ".keras", ".pkl", ".joblib")
"""File endings by which another program would take a model file for one of its own."""

NORMS_OF = 1000
"""Most training rows whose gradients' norms are told after each epoch."""


def check_outputs(options: Options, network: Network, data: str) -> None:
    """Refuse, before a training that would be lost, files that cannot be written and a report without its formulas."""
    # The name of a data set is no path, unless there is one of that name.
    source = data if Path(data).is_file() else None
    for model in ({"resume": options.resume}, {"save": options.save}):
        check_distinct(**model, log=options.log, plot=options.plot, data=source)
    if options.plot is not None:
        # Matplotlib is slow to import.
        from xpnet.plots import report

        report.check_report(options.plot, network)
    if options.save is not None:
        check_writable(options.save)
        if (ending := Path(options.save).suffix.lower()) in OTHER_FORMATS:
            raise InputError(f"--save writes safetensors, but {options.save} ends in {ending}; use .safetensors.")


def introduction(training: Training, configuration: Configuration, data: Data) -> str:
    """Lines before the first epoch: network and data; the settings, and what "train" means; what is private."""
    network = training.network
    parts = {"to validate": data.x_validation, "to test": data.x_test}
    others = [f"{len(rows):,} {what}" for what, rows in parts.items() if rows is not None]
    rows = ", ".join([f"{len(data.x_train):,} rows", *others])
    return (
        f"xpnet {__version__}, {training.backend}: {network}, {network.parameter_count:,} parameters; "
        f"{data.name}: {rows}\n{configuration} (train: each row scored before its step){privacy_line(training, data)}"
    )


def privacy_line(training: Training, data: Data) -> str:
    """Line about a private training: how each step protects a row, and which numbers do not; empty for any other."""
    if training.private is None:
        return ""
    (q, sigma, _), network = training.private.per_step, training.network
    from_rows = {
        "the mean and deviation of its columns": isinstance(network.input_scale, Standardization),
        "the names of its classes and columns": network.classes is not None or data.layout is not None,
    }
    told = ["cost and train accuracy, in these lines, a log and a report", "a report's pictures of training rows"]
    told += [f"{what}, in a model" for what, known in from_rows.items() if known]
    return (
        f"\nprivate: each row in a batch with probability {q:.4g}, noise σ {sigma:.4g}; not private: {'; '.join(told)}"
    )


def with_running(epoch: Epoch) -> str:
    """Line of an epoch with its last running accuracy, which no bar has shown, unless it is of the whole epoch."""
    if not epoch.running or epoch.regression:
        return str(epoch)
    rows, last, _, accuracy = epoch.running[-1]
    if last == rows:
        return str(epoch)
    return f"{epoch}  last {last:,} rows {accuracy:.2%}"


class Outputs:
    """Writer of what each epoch leaves behind, and of the report at the end.

    Attributes:
        numbers: Numbers of the epochs so far, those of a resumed training included.
    """

    def __init__(
        self,
        options: Options,
        configuration: Configuration,
        network: Network,
        resumed: serialization.SavedModel | None,
        command: Sequence[str],
        data: Data,
    ) -> None:
        """Begin the log, or go on with that of a resumed training.

        Args:
            options: Where to write.
            configuration: What a model file restores.
            network: Network that is trained.
            resumed: Model whose training is resumed.
            command: Command line of the training, to be shown.
            data: Data that it is trained on.

        Raises:
            InputError: The log cannot be written, or is not one.
        """
        self._options, self._configuration, self._network = options, asdict(configuration), network
        self._done = 0 if resumed is None or resumed.checkpoint is None else resumed.checkpoint.epoch
        self._command, self._data = command, data
        self._history = [] if resumed is None else list(resumed.history)
        epochs = {record["epoch"]: record for record in self._history}
        if options.log is not None and resumed is None:
            append(options.log, "", mode="w")
        elif options.log is not None:
            # A log has the times too, and of a long training all epochs.
            epochs |= resume_log(options.log, self._history)
        self.numbers = [epochs[number] for number in sorted(epochs) if number <= self._done]

    def record(self, epochs: Iterable[Epoch]) -> Epoch:
        """Save, log and print each epoch as it comes; returns the last one, also where the time is up after it.

        Raises:
            Stopped: A signal ended it; says which file holds which epoch, and how to go on.
        """
        number, file, again = self._done, self._options.resume, self._command
        try:
            for epoch in epochs:
                with stop_signals.uninterrupted():
                    self._write(epoch)
                    number, file, again = epoch.number, self._options.save, self._options.resuming(self._command)
                if not self._options.quiet:
                    stop_signals.say(epoch if is_watched() else with_running(epoch))
        except KeyboardInterrupt as stop:
            signal = stop_signals.number_of(stop)
            words = f"{stop_signals.cause(signal)} after epoch {number}"
            words += f"; {file} holds epoch {number}. To go on: {shlex.join(again)}" if file else "."
            if signal == stop_signals.TIME_UP and number > self._done:
                if not self._options.quiet:
                    stop_signals.say(words)
                return epoch
            raise stop_signals.Stopped(signal, words) from None
        return epoch

    def _write(self, epoch: Epoch) -> None:
        """Save and log an epoch."""
        numbers, settings = epoch.record() | self._gradient_norms(epoch), self._configuration
        self.numbers.append(numbers)
        self._history = thinned([*self._history, numbers])
        if self._options.save is not None:
            serialization.save(
                self._options.save,
                self._network,
                epoch.best_params,
                epoch.checkpoint,
                settings,
                self._history,
                self._data.layout,
            )
        if self._options.log is not None:
            append(self._options.log, line(numbers))

    def _gradient_norms(self, epoch: Epoch) -> dict[str, list[float]]:
        """Quantiles of some training rows' gradient norms, which a report draws; none where there is to be none."""
        if self._options.plot is None or epoch.checkpoint.privacy:
            return {}
        from xpnet.plots.images import first_rows
        from xpnet.plots.samples import QUANTILES, gradient_norms

        x, y = (first_rows(rows, NORMS_OF) for rows in self._rows)
        norms = gradient_norms(self._network, epoch.params, x, y)
        return {"gradient_norms": np.quantile(norms, QUANTILES).tolist()}

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of the training rows in memory; of rows on disk a spread of them."""
        from xpnet.plots.report.run import in_memory_rows

        return in_memory_rows(self._data.x_train), in_memory_rows(self._data.y_train)

    def report(self, last: Epoch, where: str) -> None:
        """Write pictures and report, if they are wanted.

        Args:
            last: Last epoch.
            where: Array library, engine and device.
        """
        if self._options.plot is None:
            return
        from xpnet.plots import report

        params = backends.moved(last.best_params, backends.resolve("numpy"))
        # The report's formulas begin with the inputs as the data hold them.
        network, params = self._network.folded(params)
        command = shlex.join(self._command)
        has_momentum = self._configuration["optimizer"] in WITH_MOMENTUM
        settings = {name: value for name, value in self._configuration.items() if has_momentum or name != "momentum"}
        finished = report.Run(network, params, self._data, self.numbers, settings, where, command)
        page = report.write_report(self._options.plot, finished)
        if not self._options.quiet:
            stop_signals.say(f"pictures in {self._options.plot}, all of them with the equations in {page}")

"""Faults of the file system and of the surroundings: each ends in an exit status and a sentence, and loses nothing."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from robustness.campaign import Part, Surprise
from xpnet import serialization

TRAIN = ("-m", "xpnet.train", "--hidden", "8", "--epochs", "3")
PREDICT = ("-m", "xpnet.predict")

LONG = ("-m", "xpnet.train", "--hidden", "8", "--epochs", "100000", "--batch-size", "512")
"""A training that is still going on when a signal comes."""

SCENARIOS: list[Callable[[Path], None]] = []


def scenario(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """Add a scenario to the list."""
    SCENARIOS.append(function)
    return function


def case(number: int, folder: Path) -> str:
    """One scenario; the number goes round the list."""
    tried = SCENARIOS[number % len(SCENARIOS)]
    try:
        tried(folder)
    except AssertionError as error:
        raise Surprise(f"{tried.__name__}: {error}") from None
    return "as it should"


def run(
    *arguments: object, status: int | None = None, shell: str = "", **options: object
) -> subprocess.CompletedProcess:
    """Run Python to its end, without a traceback, and with a status where one is expected."""
    words = [sys.executable, *map(str, arguments)]
    command = " ".join(f"'{word}'" for word in words) + shell if shell else words
    streams = dict(capture_output=True, text=True, errors="replace")
    answer = subprocess.run(command, **streams, timeout=50, shell=bool(shell), **options)
    assert "Traceback" not in answer.stderr, answer.stderr[-500:]
    if status is not None:
        assert answer.returncode == status, f"status {answer.returncode}: {answer.stderr[-300:]}"
    if status == 2:
        assert answer.stderr.count("\n") == 1, answer.stderr
    return answer


def whole(path: Path) -> int:
    """The last epoch in a model's file."""
    return serialization.load(path).checkpoint.epoch


def saved(folder: Path) -> Path:
    """A model of three epochs."""
    run(*TRAIN, "--quiet", "--save", folder / "m.safetensors", status=0)
    return folder / "m.safetensors"


def nothing_but(folder: Path, *names: str) -> None:
    """No temporary file is left."""
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted(names), f"left: {left}"


@scenario
def save_into_a_folder(folder: Path) -> None:
    """A folder is no file to save to."""
    run(*TRAIN, "--save", folder, status=2)


@scenario
def save_where_there_is_no_folder(folder: Path) -> None:
    """Neither is a file in a folder that does not exist."""
    run(*TRAIN, "--save", folder / "none" / "m.safetensors", status=2)


@scenario
def save_onto_a_fifo(folder: Path) -> None:
    """A FIFO stays one."""
    os.mkfifo(folder / "fifo")
    run(*TRAIN, "--save", folder / "fifo", status=2)
    assert stat.S_ISFIFO((folder / "fifo").stat().st_mode), "the FIFO is gone"


@scenario
def save_onto_a_device(folder: Path) -> None:
    """A device stays one; it is one of this trial's own."""
    device = folder / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        return
    run(*TRAIN, "--save", device, status=2)
    assert stat.S_ISCHR(device.stat().st_mode), "the device is gone"


@scenario
def save_through_a_link(folder: Path) -> None:
    """A link stays a link, and its target is written."""
    target = folder / "target.safetensors"
    for exists in (False, True):
        link = folder / f"link{exists}"
        link.symlink_to(target)
        run(*TRAIN, "--quiet", "--save", link, status=0)
        assert link.is_symlink(), "the link became a file"
        assert whole(target) == 3


@scenario
def save_keeps_the_mode(folder: Path) -> None:
    """A file that only its owner may read stays so."""
    path = saved(folder)
    path.chmod(0o600)
    run("-m", "xpnet.train", "--resume", path, "--epochs", "4", "--quiet", status=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, oct(path.stat().st_mode)


@scenario
def names_as_long_as_can_be(folder: Path) -> None:
    """A name of 255 bytes is saved to, or refused in a sentence."""
    for length in (240, 251, 252, 255):
        answer = run(*TRAIN, "--quiet", "--save", folder / ("x" * length))
        assert answer.returncode in (0, 2), answer.stderr


@scenario
def one_path_for_two_purposes(folder: Path) -> None:
    """Whatever would be overwritten by something else is refused before it is."""
    path = saved(folder)
    before = path.read_bytes()
    for flags in (
        ["--save", folder / "s", "--log", folder / "s"],
        ["--resume", path, "--epochs", "5", "--log", path],
        ["--save", path, "--plot", path],
    ):
        run("-m", "xpnet.train", *flags, status=2)
        assert path.read_bytes() == before, f"{flags} changed the model"


@scenario
def data_are_not_overwritten(folder: Path) -> None:
    """A data set is not replaced by a model or a log."""
    code = f"import numpy as np; np.savez({str(folder / 'd.npz')!r}, x_train=np.eye(9), y_train=np.arange(9) % 3)"
    run("-c", code, status=0)
    before = (folder / "d.npz").read_bytes()
    for flag in ("--save", "--log"):
        run("-m", "xpnet.train", "--data", folder / "d.npz", "--epochs", "1", flag, folder / "d.npz", status=2)
        assert (folder / "d.npz").read_bytes() == before, f"{flag} changed the data"


@scenario
def planted_temporary_files(folder: Path) -> None:
    """A link planted under a temporary name is not followed."""
    victim = folder / "victim"
    victim.write_text("precious")
    for name in (".m.safetensors.tmp", "m.safetensors.tmp", ".m.safetensors.part"):
        (folder / name).symlink_to(victim)
    saved(folder)
    assert victim.read_text() == "precious", "the link was followed"


@scenario
def signals_end_a_training_with_a_whole_file(folder: Path) -> None:
    """SIGTERM, SIGHUP, SIGUSR1 and SIGINT leave the last epoch, no temporary file, and say how to go on."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT):
        path = folder / f"{number.name}.safetensors"
        command = [sys.executable, *LONG, "--save", str(path), "--quiet"]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        while not path.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(number)
        message = process.communicate(timeout=30)[1]
        assert process.returncode == 128 + number, f"{number.name}: status {process.returncode}: {message[-300:]}"
        assert "Traceback" not in message, message
        assert message.startswith("xpnet: "), f"{number.name}: {message!r}"
        assert whole(path) >= 1
        nothing_but(folder, *(each.name for each in folder.glob("*.safetensors")))


@scenario
def a_full_disk_for_output(folder: Path) -> None:
    """Where stdout cannot take more, a command says so."""
    if not Path("/dev/full").exists():
        return
    path = saved(folder)
    for words in ((*TRAIN,), (*PREDICT, path, "--data", "digits"), ("-m", "xpnet.doctor", "--backend", "numpy")):
        answer = run(*words, shell=" > /dev/full")
        assert answer.returncode not in (0, 1), f"{words}: {answer.returncode}"


@scenario
def closed_streams(folder: Path) -> None:
    """A training without stderr or stdout is a training."""
    for index, closed in enumerate((" 2>&-", " >&-", " >&- 2>&-")):
        path = folder / f"{index}.safetensors"
        run(*TRAIN, "--save", path, shell=closed)
        assert whole(path) == 3, f"{closed}: stopped early"


@scenario
def consoles_that_lack_letters(folder: Path) -> None:
    """Where the console has no ² and no ‖, something else is printed."""
    code = "import numpy as np; r = np.random.default_rng(0).normal(size=(30, 3)); "
    run(
        "-c",
        f"{code}np.savez({str(folder / 'r.npz')!r}, x_train=r, y_train=r[:, 0], x_test=r, y_test=r[:, 0])",
        status=0,
    )
    run("-m", "xpnet.train", "--data", folder / "r.npz", "--epochs", "2", "--quiet", "--save", folder / "r.safetensors")
    for encoding in ("ascii", "cp1252", "cp932", "gbk", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        run(*PREDICT, folder / "r.safetensors", "--data", folder / "r.npz", status=0, env=environment)
        run("-m", "xpnet.doctor", "--backend", "numpy", status=0, env=environment)
        run(*TRAIN, status=0, env=environment)


@scenario
def fifos_that_nobody_writes_to(folder: Path) -> None:
    """A FIFO as input does not wait for ever."""
    path = saved(folder)
    os.mkfifo(folder / "fifo")
    run("-m", "xpnet.train", "--resume", folder / "fifo", status=2)
    run(*PREDICT, path, folder / "fifo", status=2)


@scenario
def files_that_may_not_be_read(folder: Path) -> None:
    """What is there and may not be read is not said to be missing."""
    if os.getuid() == 0:
        return
    path = saved(folder)
    path.chmod(0)
    message = run(*PREDICT, path, "--data", "digits", status=2).stderr
    assert "ermission" in message, message


@scenario
def a_damaged_compile_cache(folder: Path) -> None:
    """Code that is cut, changed or foreign is compiled anew."""
    environment = {**os.environ, "XPNET_CACHE_DIR": str(folder / "cache")}
    (folder / "cache").mkdir(mode=0o700)
    try:
        first = run(*TRAIN, "--engine", "compiled", "--save", folder / "a", "--quiet", status=0, env=environment)
    except AssertionError as error:
        if "pip install" in str(error):
            return
        raise
    assert not first.stderr
    for index, damage in enumerate(
        (lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:50] + b"?" + b[51:], bytes)
    ):
        for path in (folder / "cache").rglob("*"):
            if path.is_file():
                path.write_bytes(damage(path.read_bytes()))
        copy = folder / f"b{index}"
        run(*TRAIN, "--engine", "compiled", "--save", copy, "--quiet", status=0, env=environment)
        assert copy.read_bytes() == (folder / "a").read_bytes(), "another result"


@scenario
def one_command_for_every_start(folder: Path) -> None:
    """A job's command that is stopped and started again, and once more than it needs, ends as one that was not."""
    path, whole = folder / "m.safetensors", folder / "whole.safetensors"
    flags = ("--hidden", "8", "--batch-size", "512", "--epochs", "200", "--schedule", "cosine", "--quiet")
    run("-m", "xpnet.train", *flags, "--save", whole, status=0)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        command = [sys.executable, "-m", "xpnet.train", *flags, "--resume-or-start", str(path)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        time.sleep(1.0)
        process.send_signal(number)
        message = process.communicate(timeout=30)[1]
        # On a busy machine Python itself may still be starting.
        assert process.returncode in (0, 128 + number, -number), f"status {process.returncode}: {message[-300:]}"
        assert "Traceback" not in message, message
    for _ in range(2):
        run("-m", "xpnet.train", *flags, "--resume-or-start", path, status=0)
        assert path.read_bytes() == whole.read_bytes(), "another result"


@scenario
def logs_without_gaps(folder: Path) -> None:
    """A log that is resumed holds each epoch once."""
    path, log = folder / "m.safetensors", folder / "log.jsonl"
    run(*TRAIN, "--quiet", "--save", path, "--log", log, status=0)
    lines = log.read_text().splitlines()
    log.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:20])
    run("-m", "xpnet.train", "--resume", path, "--epochs", "5", "--log", log, "--quiet", status=0)
    epochs = [line.split('"epoch": ')[1].split(",")[0] for line in log.read_text().splitlines()]
    assert epochs == ["1", "2", "3", "4", "5"], epochs


PART = Part(
    "faults of the file system and the surroundings", case, len(SCENARIOS), len(SCENARIOS), 3 * len(SCENARIOS), 300
)

"""Kills: a training that saves is killed at any moment, resumed, and must end as if it had not been."""

import hashlib
import json
import random
import subprocess
import sys
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from robustness.campaign import Part, Surprise
from xpnet import serialization, train

EPOCHS = 300

KILLS = 3
"""How often a training is killed before it may come to its end."""

CONFIGURATIONS = [
    ["--hidden", "8", "--batch-size", "512", "--engine", "replay"],
    ["--hidden", "4", "--batch-size", "300", "--engine", "plain", "--optimizer", "nesterov"],
    ["--hidden", "8,4", "--batch-size", "512", "--optimizer", "momentum", "--schedule", "cosine", "--l2", "0.001"],
    ["--hidden", "none", "--batch-size", "700", "--validation-fraction", "0.2", "--patience", "1000000"],
    ["--hidden", "8", "--batch-size", "1000", "--dtype", "float64", "--optimizer", "adamw", "--seed", "7"],
]
if find_spec("llvmlite"):
    CONFIGURATIONS.insert(2, ["--hidden", "8", "--batch-size", "512", "--engine", "compiled"])


def case(number: int, folder: Path) -> str:
    """One training, killed a few times."""
    rng = random.Random(number)
    flags = CONFIGURATIONS[number % len(CONFIGURATIONS)]
    digests = reference(number % len(CONFIGURATIONS))
    model, log = folder / "m.safetensors", folder / "log.jsonl"
    one_command = rng.random() < 0.5
    for attempt in range(KILLS + 1):
        begin = ["--resume", model] if model.exists() else [*flags, "--epochs", EPOCHS, "--save", model]
        if one_command:
            begin = [*flags, "--epochs", EPOCHS, "--resume-or-start", model]
        wait = None if attempt == KILLS else rng.uniform(0, 0.4)
        printed, status = run([*begin, "--log", log], wait, starting=rng.random() < 0.1)
        if not model.exists():
            if printed:
                raise Surprise(f"epoch {printed} was printed, but no file is left")
            continue
        epoch = serialization.load(model).checkpoint.epoch
        if hashlib.sha256(model.read_bytes()).hexdigest() != digests[epoch - 1]:
            raise Surprise(f"the file is not that of epoch {epoch} of the uninterrupted training")
        if epoch < printed:
            raise Surprise(f"the file holds epoch {epoch}, but epoch {printed} was printed")
        if status == 0:
            break
    if epoch != EPOCHS:
        raise Surprise(f"ended with status {status} at epoch {epoch}")
    logged = [json.loads(line)["epoch"] for line in log.read_text().splitlines()]
    if logged != list(range(1, EPOCHS + 1)):
        raise Surprise(f"the log lacks or repeats epochs: {sorted(set(range(1, EPOCHS + 1)) ^ set(logged))[:5]}")
    if leftovers := sorted(path.name for path in folder.iterdir() if path not in (model, log)):
        return f"ended as uninterrupted, temporary files left: {len(leftovers)}"
    return "ended as uninterrupted"


def run(arguments: list[object], wait: float | None, starting: bool) -> tuple[int, int]:
    """Train, and kill after some seconds; the last epoch that was printed, and the exit status."""
    command = [sys.executable, "-u", "-m", "xpnet.train", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    begun = threading.Event()

    def read() -> None:
        for line in process.stdout:
            lines.append(line)
            begun.set()
        begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    if wait is not None:
        if not starting:
            begun.wait(30)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
    message = process.stderr.read()
    status = process.wait()
    reader.join()
    if status not in (0, -9):
        raise Surprise(f"exit status {status}: {message[-400:]}")
    epochs = [int(line.split()[1]) for line in lines if line.startswith("epoch") and line.endswith("\n")]
    return max(epochs, default=0), status


@cache
def reference(configuration: int) -> list[str]:
    """The digest of the file after each epoch of an uninterrupted training."""
    digests: list[str] = []
    save = serialization.save
    with TemporaryDirectory() as folder:
        path = Path(folder, "m.safetensors")

        def recorded(*arguments: object, **options: object) -> None:
            save(*arguments, **options)
            digests.append(hashlib.sha256(path.read_bytes()).hexdigest())

        serialization.save = recorded
        try:
            train.main([*CONFIGURATIONS[configuration], "--epochs", str(EPOCHS), "--quiet", "--save", str(path)])
        finally:
            serialization.save = save
    return digests


PART = Part(
    f"trainings killed {KILLS} times at random moments and resumed", case, quick=3, normal=20, long=110, limit=120
)

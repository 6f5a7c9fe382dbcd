"""Commands of the package as tests run them: in a process of their own or in this one, with their output."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from xpnet import train

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [sys.executable, "-W", "error"]

LIMIT = 300
"""Seconds after which a command is given up, on a machine that does other things as well."""


def process(command: str, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `python -m COMMAND` to its end."""
    line = [*PYTHON, "-m", command, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=LIMIT, check=False, **options)


WITHOUT = """
import runpy, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Finder())
runpy.run_module({command!r}, run_name="__main__", alter_sys=True)
"""


def process_without(module: str, command: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run `python -m COMMAND` to its end as if a module were not installed."""
    line = [*PYTHON, "-c", WITHOUT.format(module=module, command=command), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=LIMIT, check=False)


def sentence(answer: "subprocess.CompletedProcess[str]", status: int = 2) -> str:
    """Message of a command that failed: one sentence on stderr, and no other output."""
    assert answer.returncode == status, answer.stderr
    assert answer.stdout == ""
    assert answer.stderr.startswith("xpnet: ")
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr.removeprefix("xpnet: ").rstrip("\n")


def logged(path: Path) -> list[dict[str, Any]]:
    """Lines of a log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def trained(folder: Path, *flags: object) -> list[dict[str, Any]]:
    """Log of a training in this process."""
    log = folder / "log.jsonl"
    train.main([*map(str, flags), "--quiet", "--log", str(log)])
    return logged(log)

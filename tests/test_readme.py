"""The README: its blocks run, its links lead somewhere, and its equations are quoted from the code."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

FENCED = re.compile(r"(?P<before>[^\n]*)\n```(?P<language>python|console|sh)\n(?P<text>.*?)\n```", re.DOTALL)
NEEDED = re.compile(r"<!-- needs ([\w ]+) -->")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(?:#([^)\s]*))?\)")
PICTURE = re.compile(r'<img src="([^":]+)"')
EQUATIONS = re.compile(r"\((\d+)\)(?:\s*[-–]\s*\((\d+)\))?")

checkout = pytest.mark.skipif(not (ROOT / "xpnet").is_dir(), reason="links lead into the checkout")


class Block(NamedTuple):
    """Python arguments that do what a block says, the line of the README that it starts on, and modules it needs."""

    line: int
    arguments: list[str]
    needed: list[str]


def blocks() -> Iterator[Block]:
    """Python blocks as they are, and each `python -m xpnet` of the others; not those marked `<!-- not run: why -->`.

    One that is marked `<!-- needs module … -->` is run where these are installed.
    """
    for found in FENCED.finditer("\n" + README):
        line = README.count("\n", 0, found.start("text") - 1) + 1
        if found["before"].startswith("<!-- not run: "):
            continue
        needed = NEEDED.fullmatch(found["before"])
        modules = needed[1].split() if needed else []
        if found["language"] == "python":
            yield Block(line, ["-c", found["text"]], modules)
            continue
        for i, command in enumerate(found["text"].splitlines()):
            if (command := command.removeprefix("$ ")).startswith("python -m xpnet"):
                yield Block(line + i, shlex.split(command, comments=True)[1:], modules)


def numbers(text: str) -> set[int]:
    """The equations named in a text: (1), (4), (7)-(9)."""
    return {number for first, last in EQUATIONS.findall(text) for number in range(int(first), int(last or first) + 1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is empty for the first block, and holds for the next what the ones before it wrote."""
    return tmp_path_factory.mktemp("readme")


@pytest.mark.parametrize("block", list(blocks()), ids=lambda block: f"line{block.line}")
def test_blocks_run(block: Block, folder: Path, tmp_path: Path) -> None:
    """What the README shows runs, in its order, in an empty folder and with an empty home."""
    for module in block.needed:
        pytest.importorskip(module)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "XPNET_"))}
    answer = subprocess.run(
        [sys.executable, *block.arguments],
        cwd=folder,
        env={**kept, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


@checkout
def test_links_lead_somewhere() -> None:
    """Every link within the project names a file or folder that exists, and no line of it, which would move."""
    for path, fragment in [*LINK.findall(README), *((path, "") for path in PICTURE.findall(README))]:
        target = ROOT / path
        assert target.exists(), path
        assert not fragment, f"{path}#{fragment}"


@checkout
def test_the_quoted_code_is_the_equations() -> None:
    """Each row of the equation table quotes a line of backprop.py that names its equations; all thirteen are there."""
    lines = (ROOT / "xpnet" / "equations" / "backprop.py").read_text(encoding="utf-8").splitlines()
    rows = [cells for row in README.splitlines() if row.startswith("|") and len(cells := row.split("|")) == 7]
    rows = [cells for cells in rows if EQUATIONS.search(cells[5])]
    assert len(rows) == 5
    for _, quantity, _, code, _, equations, _ in rows:
        (line,) = [line for line in lines if code.strip().strip("`") in line and "#" in line]
        assert numbers(line) == numbers(equations), quantity
    assert set.union(*(numbers(cells[5]) for cells in rows)) == set(range(1, 14))


@checkout
def test_functions_named_beside_the_equations_hold_them() -> None:
    """The function that the table names is the one that the quoted code stands in."""
    source = (ROOT / "xpnet" / "equations" / "backprop.py").read_text(encoding="utf-8")
    for row in README.splitlines():
        cells = row.split("|")
        if len(cells) == 7 and EQUATIONS.search(cells[5]):
            body = source.split(f"def {cells[4].strip().strip('`')}(")[1].split("\ndef ")[0]
            assert cells[3].strip().strip("`") in body

"""The README: its blocks run, its links lead somewhere, and its equations stand on the lines that it names."""

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
NEEDED = re.compile(r"<!-- needs (\w+) -->")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(?:#([^)\s]*))?\)")
PICTURE = re.compile(r'<img src="([^":]+)"')
EQUATIONS = re.compile(r"\((\d+)\)(?:\s*[-–]\s*\((\d+)\))?")

checkout = pytest.mark.skipif(not (ROOT / "xpnet").is_dir(), reason="links lead into the checkout")


class Block(NamedTuple):
    """Python arguments that do what a block says, the line of the README that it starts on, and a module it needs."""

    line: int
    arguments: list[str]
    needed: str | None


def blocks() -> Iterator[Block]:
    """Python blocks as they are, and each `python -m xpnet` of the others; not those marked `<!-- not run: why -->`.

    One that is marked `<!-- needs module -->` is run where that is installed.
    """
    for found in FENCED.finditer("\n" + README):
        line = README.count("\n", 0, found.start("text") - 1) + 1
        if found["before"].startswith("<!-- not run: "):
            continue
        needed = NEEDED.fullmatch(found["before"])
        module = needed[1] if needed else None
        if found["language"] == "python":
            yield Block(line, ["-c", found["text"]], module)
            continue
        for i, command in enumerate(found["text"].splitlines()):
            if (command := command.removeprefix("$ ")).startswith("python -m xpnet"):
                yield Block(line + i, shlex.split(command, comments=True)[1:], module)


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
    if block.needed:
        pytest.importorskip(block.needed)
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
    """Every link within the project names a file or folder that is there, and a line that it has."""
    for path, fragment in [*LINK.findall(README), *((path, "") for path in PICTURE.findall(README))]:
        target = ROOT / path
        assert target.exists(), path
        if fragment.startswith("L"):
            assert int(fragment[1:]) <= len(target.read_text(encoding="utf-8").splitlines()), f"{path}#{fragment}"


@checkout
def test_equations_stand_on_the_lines_named() -> None:
    """Each row of the equation table names all equations on the line it links to, and the rows name all thirteen."""
    rows = [row for row in README.splitlines() if row.startswith("|") and "#L" in row]
    for row in rows:
        linked = [(ROOT / path).read_text(encoding="utf-8").splitlines() for path, _ in LINK.findall(row)]
        lines = [text[int(fragment[1:]) - 1] for text, (_, fragment) in zip(linked, LINK.findall(row), strict=True)]
        assert set.union(*map(numbers, lines)) == numbers(row), row
    assert set.union(*map(numbers, rows)) == set(range(1, 14))

"""A training as a folder of pictures and one page that needs no network: the post, on the network that was trained."""

import os
from pathlib import Path

from xpnet._support.atomic_write import check_writable, write_whole
from xpnet.errors import InputError
from xpnet.plots import png
from xpnet.plots.report.page import page
from xpnet.plots.report.pictures import of_answers, of_layers, of_training
from xpnet.plots.report.run import Run
from xpnet.plots.report.walk import check_formulas
from xpnet.training.network import Network

__all__ = ["Run", "check_report", "write"]


def write(folder: str | os.PathLike[str], run: Run) -> Path:
    """Write the pictures and `report.html`, each whole or not at all.

    Args:
        folder: Where to; made if it is not there.
        run: What to tell of.

    Returns:
        The page.

    Raises:
        InputError: They cannot be written.
    """
    sections = {
        "Network and training": list(of_training(run)),
        "Answers": list(of_answers(run)),
        "Layers": list(of_layers(run)),
    }
    contents = {f"{picture.name}.png": png(picture.figure) for held in sections.values() for picture in held}
    contents["report.html"] = page(run, sections).encode()
    there = Path(folder)
    try:
        there.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {there}: {error.strerror}.") from error
    for name, content in contents.items():
        write_whole(there / name, content)
    return there / "report.html"


def check_report(folder: str | os.PathLike[str], network: Network) -> None:
    """Refuse, before the training that would be lost, what `write` would fail on after it.

    Args:
        folder: Where the report is to go.
        network: What it is to be of.

    Raises:
        InputError: The folder cannot be written to or made, or a formula of the network is not known.
    """
    check_formulas(network)
    there = Path(folder)
    if there.exists() and not there.is_dir():
        raise InputError(f"cannot write pictures into {there}: it is a file; name a folder.")
    check_writable(there / "report.html" if there.is_dir() else there)

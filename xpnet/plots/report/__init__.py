"""Report of a training: a folder of pictures, and one page that works the post's equations through with its numbers."""

import os
from pathlib import Path

from xpnet._support.atomic_write import check_writable, write_whole
from xpnet.errors import InputError
from xpnet.plots import png
from xpnet.plots.report.page import page
from xpnet.plots.report.pictures import answer_pictures, layer_pictures, sample_pictures, training_pictures
from xpnet.plots.report.run import Run
from xpnet.plots.report.walk import check_formulas
from xpnet.training.network import Network

__all__ = ["Run", "check_report", "write_report"]


def write_report(folder: str | os.PathLike[str], run: Run) -> Path:
    """Write the pictures and `report.html`, each whole or not at all.

    Args:
        folder: Folder to write into; created if it does not exist.
        run: Training to report.

    Returns:
        Path of the page.

    Raises:
        InputError: The folder or a file cannot be written.
    """
    sections = {
        "Network and training": list(training_pictures(run)),
        "Answers": list(answer_pictures(run)),
        "Samples": list(sample_pictures(run)),
        "Layers": list(layer_pictures(run)),
    }
    sections = {name: pictures for name, pictures in sections.items() if pictures}
    contents = {f"{picture.name}.png": png(picture.figure) for pictures in sections.values() for picture in pictures}
    contents["report.html"] = page(run, sections).encode()
    folder = Path(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create the folder {folder}: {error.strerror}.") from error
    for name, content in contents.items():
        write_whole(folder / name, content)
    return folder / "report.html"


def check_report(folder: str | os.PathLike[str], network: Network) -> None:
    """Refuse, before the training that would be lost, what `write_report` would fail on after it.

    Args:
        folder: Folder that the report is to be written into.
        network: Network to be trained.

    Raises:
        InputError: The folder cannot be created or written to, or the report lacks a formula of the network.
    """
    check_formulas(network)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write pictures into {folder}: it is a file; name a folder.")
    check_writable(folder / "report.html" if folder.is_dir() else folder)

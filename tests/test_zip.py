"""The package runs from a zip file too."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import xpnet


def test_digits_and_the_report_come_out_of_a_zip_file(tmp_path):
    """Trained, saved, drawn and predicted, with the package nowhere but in a zip file."""
    pytest.importorskip("matplotlib")
    package = Path(xpnet.__file__).parent
    with zipfile.ZipFile(tmp_path / "xpnet.zip", "w") as archive:
        for path in package.rglob("*"):
            if path.suffix in (".py", ".npz", ".css"):
                archive.write(path, path.relative_to(package.parent))
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "xpnet.zip")}

    def run(*arguments):
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8")

    assert "xpnet.zip" in run("inspect", "xpnet").stderr + run("inspect", "--details", "xpnet").stdout
    trained = run("xpnet.train", "--epochs", "1", "--save", "m", "--plot", "pictures", "--engine", "plain")
    assert (trained.stderr, trained.returncode) == ("", 0)
    assert "pictures/report.html" in trained.stdout.replace("\\", "/")
    assert "accuracy" in run("xpnet.predict", "m", "--data", "digits").stdout

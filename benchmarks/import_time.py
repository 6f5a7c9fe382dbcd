"""Time of `import xpnet` beside `import numpy`: whole processes in turns, medians of the processor's time."""

import subprocess
import sys
from statistics import median

from clock import processor_seconds

ROUNDS = 21


def seconds(statement: str) -> float:
    """Time of a process that runs one statement."""
    began = processor_seconds()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return processor_seconds() - began


def main() -> None:
    """Print both medians and their ratio."""
    statements = ("import numpy", "import xpnet")
    # The first of each writes byte code and fills the file cache.
    rounds = [[seconds(statement) for statement in statements] for _ in range(ROUNDS + 1)][1:]
    numpy, xpnet = (median(column) for column in zip(*rounds, strict=True))
    print(f"import numpy {numpy * 1000:.0f} ms, import xpnet {xpnet * 1000:.0f} ms: {xpnet / numpy:.2f} times as long")


if __name__ == "__main__":
    main()

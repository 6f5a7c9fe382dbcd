"""How long `import xpnet` takes against `import numpy`: whole processes, one after the other, medians."""

import subprocess
import sys
import time
from statistics import median

ROUNDS = 21


def seconds(statement: str) -> float:
    """The time of a process that runs one statement."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print both medians and their ratio."""
    statements = ("import numpy", "import xpnet")
    # The first of each writes byte code and fills the file cache.
    rounds = [[seconds(statement) for statement in statements] for _ in range(ROUNDS + 1)][1:]
    numpy, xpnet = (median(column) for column in zip(*rounds, strict=True))
    print(f"import numpy {numpy * 1000:.0f} ms, import xpnet {xpnet * 1000:.0f} ms: {xpnet / numpy:.2f} times as long")


if __name__ == "__main__":
    main()

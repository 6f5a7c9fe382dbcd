"""`python -m xpnet.doctor`: what is installed, what mends what is missing, and whether each backend computes right."""

import platform
from importlib.metadata import version

from xpnet import __version__
from xpnet._cli import diagnosis
from xpnet._cli.commandline import Parser, run
from xpnet._cli.diagnosis import Candidate, Check
from xpnet.backends import BACKENDS, cuda
from xpnet.capture.engines.cpu import cache
from xpnet.capture.engines.cpu.compiled import can_compile
from xpnet.capture.engines.cpu.tiling import registers

EXAMPLES = """examples:
  python -m xpnet.doctor
  python -m xpnet.doctor --backend torch --device cuda"""


def main(arguments: list[str]) -> int:
    """Print what there is, and a line a check; 1 where one does not hold."""
    flags = parser().parse_args(arguments)
    if flags.device is not None:
        # Before anything is printed or imported, a device that is none is refused.
        cuda.index(flags.device)
    print(f"xpnet {__version__}, Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"driver: {cuda.driver()}")
    print(f"compiled plans on the CPU: {compiling()}\n")

    print(f"{'backend':<8} {'version':<14} {'device':<7} {'engines':<24} missing")
    candidates = []
    for candidate in diagnosis.candidates(flags.backend, flags.device):
        print(listed(candidate), flush=True)
        candidates.append(candidate)

    if not any(candidate.usable for candidate in candidates):
        print("\nThere is nothing to check.")
        return 0
    print("\n‖found − right‖ / ‖right‖, the largest of all arrays: gradients beside central differences,")
    print("three steps of training beside NumPy's in float64\n")
    print(f"{'backend':<8} {'device':<7} {'check':<28} {'found':<8} at most")
    held = [made(candidate, check) for candidate in candidates for check in diagnosis.checks(candidate)]
    failed = held.count(False)
    print(f"\n{failed} of {len(held)} checks failed." if failed else f"\nAll {len(held)} checks hold.")
    return 1 if failed else 0


def parser() -> Parser:
    """The flags."""
    about = (
        "List the backends and what they are missing, and check what each computes; exits with 1 where one is wrong."
    )
    flags = Parser("xpnet.doctor", about, EXAMPLES)
    flags.add_argument("--device", metavar="D", help="cpu, cuda or cuda:N alone (default: all)")
    flags.add_argument("--backend", choices=BACKENDS, help="one array library alone (default: all)")
    return flags


def compiling() -> str:
    """What compiles NumPy's plans, and where they are kept."""
    if not can_compile():
        return "numba is not installed; run pip install numba"
    return f"numba {version('numba')}, vectors of {8 * registers().size} bits, kept in {cache.folder()}"


def listed(candidate: Candidate) -> str:
    """A backend on a device as its line shows it."""
    engines = ", ".join(backend.engine for backend in candidate.usable) or "-"
    about = f"{candidate.name:<8} {candidate.version or '-':<14} {candidate.device:<7}"
    return f"{about} {engines:<24} {candidate.note}".rstrip()


def made(candidate: Candidate, check: Check) -> bool:
    """Make a check, print its line, and tell whether it holds."""
    print(f"{candidate.name:<8} {candidate.device:<7} {check.what:<28}", end=" ", flush=True)
    try:
        difference = check.difference()
    except Exception as error:
        # Whatever a broken library raises is what is to be told.
        print(f"FAILED: {type(error).__name__}, {cuda.first_line(error)}", flush=True)
        return False
    holds = difference <= check.tolerance
    print(f"{difference:<8.1e} {check.tolerance:<8.0e}{'' if holds else ' FAILED'}".rstrip(), flush=True)
    return holds


if __name__ == "__main__":
    run(main)

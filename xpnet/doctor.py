"""`python -m xpnet.doctor`: list what is installed and what is missing, and check that each backend computes right."""

import platform
from importlib.metadata import version

from xpnet import __version__
from xpnet._cli import diagnosis
from xpnet._cli.commandline import Parser, run
from xpnet._cli.diagnosis import Candidate, Check
from xpnet.backends import BACKENDS, cuda
from xpnet.capture.engines.cpu import cache
from xpnet.capture.engines.cpu.compiled import can_compile
from xpnet.capture.engines.cpu.tiles import registers

EXAMPLES = """examples:
  python -m xpnet.doctor
  python -m xpnet.doctor --backend torch --device cuda"""


def main(arguments: list[str]) -> int:
    """Print what there is, and one line per check; 1 where one does not hold."""
    flags = parser().parse_args(arguments)
    if flags.device is not None:
        # Before anything is printed or imported, a device that is none is refused.
        cuda.device_number(flags.device)
    print(f"xpnet {__version__}, Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"driver: {cuda.driver()}")
    print(f"compiled plans on the CPU: {compiler()}\n")

    print(f"{'backend':<8} {'version':<14} {'device':<7} {'engines':<29} missing")
    candidates = []
    for candidate in diagnosis.candidates(flags.backend, flags.device):
        print(candidate_line(candidate), flush=True)
        candidates.append(candidate)

    if not any(candidate.usable for candidate in candidates):
        print("\nThere is nothing to check.")
        return 0
    print("\n‖computed − right‖ / ‖right‖, the largest of all arrays: gradients beside central differences,")
    print("three steps of training beside NumPy's in float64\n")
    print(f"{'backend':<8} {'device':<7} {'check':<28} {'differs':<8} at most")
    results = [passes(candidate, check) for candidate in candidates for check in diagnosis.checks(candidate)]
    failed = results.count(False)
    print(f"\n{failed} of {len(results)} checks failed." if failed else f"\nAll {len(results)} checks hold.")
    return 1 if failed else 0


def parser() -> Parser:
    """Parser of the flags."""
    about = "List the backends and what they lack, and check what each computes; exit with 1 where one is wrong."
    flags = Parser("xpnet.doctor", about, EXAMPLES)
    flags.add_argument("--device", metavar="D", help="device to check: cpu, cuda or cuda:N [all]")
    flags.add_argument("--backend", choices=BACKENDS, help="array library to check [all]")
    return flags


def compiler() -> str:
    """The compiler of NumPy's plans, and where their code is cached."""
    if not can_compile():
        return "llvmlite is not installed; run pip install llvmlite"
    return f"llvmlite {version('llvmlite')}, vectors of {8 * registers().size} bits, kept in {cache.folder()}"


def candidate_line(candidate: Candidate) -> str:
    """Line of a backend on a device."""
    engines = ", ".join(backend.engine for backend in candidate.usable) or "-"
    about = f"{candidate.name:<8} {candidate.version or '-':<14} {candidate.device:<7}"
    return f"{about} {engines:<29} {candidate.note}".rstrip()


def passes(candidate: Candidate, check: Check) -> bool:
    """Make a check and print its line; whether it holds."""
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

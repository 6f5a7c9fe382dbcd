"""Runs the benchmarks on pinned threads: `python benchmarks --quick`, `--against COMMIT`, or any option of pytest's."""

import os
import sys
from argparse import ArgumentParser

LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Leave so many cores and threads to a new process: a library looks for them once, when it is imported."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_known_args()[0].threads
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    environment = os.environ | dict.fromkeys(LIMITS, str(threads))
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if any(argument.partition("=")[0] == "--against" for argument in sys.argv):
        program = (
            "import sys; sys.path.insert(0, sys.argv.pop(1)); from against import main; sys.exit(main(sys.argv[1:]))"
        )
        os.execve(
            sys.executable, [sys.executable, "-c", program, os.path.dirname(__file__), *sys.argv[1:]], environment
        )
    names = ("-o", "python_files=bench_*.py", "-o", "python_functions=bench_*")
    command = [sys.executable, "-m", "pytest", os.path.dirname(__file__), *names, *sys.argv[1:]]
    os.execve(sys.executable, command, environment)


if __name__ == "__main__":
    main()

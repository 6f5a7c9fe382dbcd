"""Benchmarks of xpnet: beside the best of other libraries, or beside another commit; on the CPU on pinned threads.

python benchmarks
    Times steps, epochs, answers, first calls and fits of xpnet and its peers, prints tables and writes
    benchmarks/results, from which python benchmarks/report.py --readme writes the README's tables; with --quick one
    pass of few rounds, which writes nothing. --device cuda times a GPU, whose host is not pinned unless --threads is
    given; --only A,C128 these configurations, --peers none xpnet and the floor alone. Any option of pytest's works,
    too. A run that leaves something out is written to a file of its own, -part.json.
python benchmarks --against COMMIT
    Times this checkout and the other commit in turns, and exits with 1 where a row is slower, as no change may be.
    With --quick a few minutes; --against COMMIT --help tells what is measured and what fails.
"""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

COMPARE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from compare import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    """Leave so many cores and threads to a new process: a library looks for them once, when it is imported."""
    parser = ArgumentParser(
        "benchmarks",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads of each library (on the CPU: 1)")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu (default), cuda, cuda:N")
    parser.add_argument("--against", metavar="COMMIT", help="commit to compare with")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    flags = parser.parse_known_args()[0]
    if flags.against is None and {"-h", "--help"} & set(sys.argv[1:]):
        parser.print_help()
        return
    threads = 1 if flags.threads is None and flags.device == "cpu" else flags.threads
    environment = dict(os.environ)
    # The host of a GPU launches on one thread while another computes derivatives: one core would hold both up.
    if threads is not None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        environment |= dict.fromkeys(LIMITS, str(threads))
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    folder = os.path.dirname(os.path.abspath(__file__))
    names = ("-o", "python_files=bench_*.py", "-o", "python_functions=bench_*")
    program = ["-m", "pytest", folder, *names] if flags.against is None else ["-c", COMPARE, folder]
    os.execve(sys.executable, [sys.executable, *program, *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()

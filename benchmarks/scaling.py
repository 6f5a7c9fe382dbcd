"""Scaling of data-parallel training: measured on one and two ranks, and from that predicted for many.

`python benchmarks/scaling.py` starts both under mpiexec, each rank with one thread on a core of its own, fits the usual
model to what they take, holds the model to the two ranks' steps, and prints what it says of clusters.
"""

import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from itertools import pairwise
from math import log2
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

WORKER = Path(__file__).parent / "scripts" / "with_mpi.py"

KILOBYTE = 1024
BYTES = [2**power * KILOBYTE for power in range(2, 15, 2)]
"""Of the arrays that are added up to fit the network: 4 KB to 16 MB."""

US, MS = 1e-6, 1e-3

ASSUMPTIONS = """
Assumptions
  compute   T_c(rows) = fixed + rows · each: the update and what a step costs anyway, and the work of each row.
  sums      T_s(n) = 2 log2(n) α + 2 (n − 1) / n · bytes / β, as of reduce-scatter and all-gather by halving;
            every rank has latency α and bandwidth β to itself: ranks that share a port share its β.
  step      T(n) = T_c(rows of a rank) + (1 − overlap) · T_s(n); no rank waits for a slower one.
  strong    n ranks share a batch of the same size: efficiency T(1) / (n T(n)).
  weak      each rank has that many rows: efficiency T(1) / T(n).
"""


class Compute(NamedTuple):
    """Seconds that a rank computes per step."""

    fixed: float
    each: float

    def __call__(self, rows: float) -> float:
        """Of so many rows."""
        return self.fixed + rows * self.each


class Link(NamedTuple):
    """Connection that sums travel over.

    Attributes:
        alpha: Seconds a message takes that holds nothing.
        beta: Bytes a second.
    """

    alpha: float
    beta: float

    def __call__(self, ranks: int, size: float) -> float:
        """Seconds until so many ranks have the sums of so many bytes."""
        return 0.0 if ranks == 1 else 2 * log2(ranks) * self.alpha + 2 * (ranks - 1) / ranks * size / self.beta


def main() -> None:
    """Measure, fit, check, predict."""
    flags = parser().parse_args()
    engine = flags.engine
    shares = sorted({max(1, flags.batch_size >> power) for power in range(4)})
    asked = dict(sizes=flags.sizes, batch_size=flags.batch_size, engine=engine, shares=shares, bytes=BYTES)
    asked["rounds"] = 3 if flags.quick else 15
    one, two = (launched(ranks, asked) for ranks in (1, 2))
    compute, link = fitted(one, two)
    print_measurements(flags, one, two, compute, link)
    clusters(flags, two["bytes"], compute)


def parser() -> ArgumentParser:
    """The flags: what is trained, and the figures of other machines."""
    flags = ArgumentParser(description="Measure two ranks, and predict many.")
    flags.add_argument("--sizes", type=widths, default=[784, 512, 512, 10], metavar="N,N")
    flags.add_argument("--batch-size", type=int, default=512, metavar="N")
    flags.add_argument("--engine", default="compiled", choices=("plain", "replay", "compiled"))
    flags.add_argument("--quick", action="store_true", help="few rounds")
    flags.add_argument("--latency", type=float, default=2.0, metavar="US", help="of a network of CPUs (default: 2)")
    flags.add_argument("--bandwidth", type=float, default=12.5, metavar="GB/S", help="of it (default: 12.5)")
    flags.add_argument("--gpu-sizes", type=widths, default=[784, 4096, 4096, 10], metavar="N,N")
    flags.add_argument("--gpu-batch-size", type=int, default=8192, metavar="N")
    flags.add_argument("--gpu-rate", type=float, default=47.0, metavar="TFLOP/S", help="of products (default: 47)")
    flags.add_argument("--gpu-launch", type=float, default=30.0, metavar="US", help="launches of a step (default: 30)")
    flags.add_argument("--gpu-memory", type=float, default=2000.0, metavar="GB/S", help="for updates (default: 2000)")
    flags.add_argument("--gpu-latency", type=float, default=10.0, metavar="US", help="between GPUs (default: 10)")
    flags.add_argument("--gpu-bandwidth", type=float, default=50.0, metavar="GB/S", help="of it (default: 50)")
    return flags


def widths(text: str) -> list[int]:
    """`784,512,10`."""
    return [int(part) for part in text.split(",")]


def launched(ranks: int, asked: dict[str, Any]) -> Any:
    """Measurements of some ranks, each with one thread."""
    launcher = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if launcher is None:
        raise SystemExit("There is no mpiexec; run pip install mpi4py mpich.")
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with TemporaryDirectory() as folder:
        out = Path(folder) / "measured.json"
        command = [launcher, "-n", str(ranks), sys.executable, str(WORKER), str(out), json.dumps(asked)]
        subprocess.run(command, check=True, env=os.environ | one_thread)
        return json.loads(out.read_text(encoding="utf-8"))


def fitted(one: Any, two: Any) -> tuple[Compute, Link]:
    """The computing of one rank, and the link between two; errors count in proportion."""
    rows, seconds = (np.asarray(list(values), float) for values in (one["compute"], one["compute"].values()))
    fixed, each = least_squares(np.stack([np.ones_like(rows), rows], axis=1), seconds)
    sizes, seconds = (np.asarray(list(values), float) for values in (two["sums"], two["sums"].values()))
    # Of two ranks: 2 α + bytes / β.
    alpha, per_byte = least_squares(np.stack([np.full_like(sizes, 2.0), sizes], axis=1), seconds)
    return Compute(float(fixed), float(each)), Link(float(alpha), 1 / float(per_byte))


def least_squares(columns: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The factors of the columns, none below 0, whose sum is nearest to the seconds in proportion."""
    scaled = columns / seconds[:, None]
    factors = np.linalg.lstsq(scaled, np.ones(len(seconds)), rcond=None)[0]
    if factors[0] < 0:
        factors = np.asarray([0.0, np.linalg.lstsq(scaled[:, 1:], np.ones(len(seconds)), rcond=None)[0][0]])
    return factors


def print_measurements(flags: Namespace, one: Any, two: Any, compute: Compute, link: Link) -> None:
    """Print what was measured, what was fitted, and how far the one is from the other."""
    batch, size = flags.batch_size, two["bytes"]
    overlap = overlapped(two, compute, link, batch)
    predicted = compute(batch / 2) + (1 - overlap) * link(2, size)
    print(f"{'-'.join(map(str, flags.sizes))}, batch {batch}, {flags.engine}, float32, sgd; {two['ranks']}\n")
    print(f"one rank           {one['whole'] / MS:8.3f} ms per step, {batch / one['whole']:,.0f} samples/s")
    halved, shared, silent = one["shared"][str(batch)], two["shared"][str(batch)], two["compute"][str(batch)]
    print(f"  in two halves    {halved / MS:8.3f} ms")
    print(f"two ranks          {shared / MS:8.3f} ms, {batch / shared:,.0f} samples/s: ", end="")
    print(f"{one['whole'] / shared:.2f} times one rank")
    print(f"  without sums     {silent / MS:8.3f} ms; the sums' part of a step is {1 - silent / shared:.0%}")
    print(f"  sums alone       {at(two, size) / MS:8.3f} ms of {size / 1e6:.2f} MB, fitted from {len(BYTES)} sizes\n")
    print(f"fitted  compute {compute.fixed / US:.0f} µs + {compute.each / US:.3f} µs per row")
    print(f"        sums α {link.alpha / US:.2f} µs, β {link.beta / 1e9:.2f} GB/s, ", end="")
    print(f"overlap {overlap:.0%}, of smaller batches")
    print(f"check   two ranks' step: predicted {predicted / MS:.3f} ms, measured {shared / MS:.3f} ms, ", end="")
    print(f"{predicted / shared - 1:+.1%}")
    print(ASSUMPTIONS)


def at(two: Any, size: int) -> float:
    """Seconds to add up so many bytes, between the sizes that were measured."""
    sizes, seconds = zip(*((int(key), value) for key, value in two["sums"].items()), strict=True)
    return float(np.exp(np.interp(np.log(size), np.log(sizes), np.log(seconds))))


def overlapped(two: Any, compute: Compute, link: Link, batch: int) -> float:
    """The part of the sums' time that two ranks' steps did not take, of batches smaller than the one to check."""
    visible = [seconds - compute(int(size) / 2) for size, seconds in two["shared"].items() if int(size) < batch]
    return float(np.clip(1 - np.median(visible) / link(2, two["bytes"]), 0, 1))


def clusters(flags: Namespace, size: int, compute: Compute) -> None:
    """Print the predictions for CPUs like this one and for GPUs."""
    network = Link(flags.latency * US, flags.bandwidth * 1e9)
    about = f"CPU ranks like this one, α {flags.latency:g} µs, β {flags.bandwidth:g} GB/s, no overlap"
    table(about, [2**power for power in range(1, 11)], flags.batch_size, size, compute, network)
    sizes, batch = flags.gpu_sizes, flags.gpu_batch_size
    weights = sum(d_in * d_out for d_in, d_out in pairwise(sizes))
    numbers = weights + sum(sizes[1:])
    # Sums are written and read, parameters are read and written.
    fixed = flags.gpu_launch * US + 16 * numbers / (flags.gpu_memory * 1e9)
    gpu = Compute(fixed, 6 * weights / (flags.gpu_rate * 1e12))
    network = Link(flags.gpu_latency * US, flags.gpu_bandwidth * 1e9)
    layers = "-".join(map(str, sizes))
    print(f"\nGPUs, {layers}, batch {batch}; none was measured. A weight and row take 6 operations", end="")
    print(
        f" at {flags.gpu_rate:g} TFLOP/s, launches {flags.gpu_launch:g} µs per step, memory {flags.gpu_memory:g} GB/s;"
    )
    about = f"α {flags.gpu_latency:g} µs, β {flags.gpu_bandwidth:g} GB/s, no overlap"
    table(about, [2**power for power in range(1, 7)], batch, 4 * numbers, gpu, network)


def table(about: str, counts: list[int], batch: int, size: float, compute: Compute, network: Link) -> None:
    """Efficiencies of so many ranks, of a batch that they share and of one for each."""
    print(about)
    print(f"{'ranks':>6}  {'sums':>10}  {'strong: step':>13} {'efficiency':>10}  {'weak: step':>11} {'efficiency':>10}")
    alone = compute(batch)
    for ranks in counts:
        sums = network(ranks, size)
        strong, weak = compute(batch / ranks) + sums, alone + sums
        print(
            f"{ranks:>6}  {sums / MS:>7.3f} ms  {strong / MS:>10.3f} ms {alone / ranks / strong:>10.1%}"
            f"  {weak / MS:>8.3f} ms {alone / weak:>10.1%}"
        )


if __name__ == "__main__":
    main()

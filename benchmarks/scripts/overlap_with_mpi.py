"""Whether sums that travel while the backward pass goes on are faster than all of them after it, on two ranks.

`OPENBLAS_NUM_THREADS=1 mpiexec -n 2 python benchmarks/scripts/overlap_with_mpi.py`; the steps are NumPy's, by hand, of
layers without biases, so that nothing but the sums' way differs.
"""

import os
import time
from itertools import accumulate, pairwise

import numpy as np
from mpi4py import MPI

SHAPES = [
    ([784, 512, 512, 10], 256),
    ([784, 512, 512, 10], 64),
    ([784, *[512] * 8, 10], 64),
    ([784, *[512] * 8, 10], 16),
]
"""Widths, and rows per rank."""

WAYS = ("no sums", "after", "beside")
PASSES, ROUNDS, STEPS = 4, 8, 10


class Steps:
    """A rank's training on one batch, over and over."""

    def __init__(self, sizes: list[int], rows: int, way: str) -> None:
        rng = np.random.default_rng(0)
        self.way, self.x = way, rng.random((rows, sizes[0]), np.float32)
        self.w = [rng.standard_normal((d_out, d_in), np.float32) / d_in**0.5 for d_in, d_out in pairwise(sizes)]
        self.sums = np.zeros(sum(w.size for w in self.w), np.float32)
        starts = accumulate((w.size for w in self.w), initial=0)
        self.gradients = [self.sums[at : at + w.size].reshape(w.shape) for at, w in zip(starts, self.w, strict=False)]

    def step(self) -> None:
        """Forward, backward, sums, update."""
        a = [self.x]
        for w in self.w:
            a.append(np.maximum(a[-1] @ w.T, 0))
        dC_dz, travelling = a[-1], []
        for layer in reversed(range(len(self.w))):
            np.matmul(dC_dz.T, a[layer], out=self.gradients[layer])
            if self.way == "beside":
                travelling.append(MPI.COMM_WORLD.Iallreduce(MPI.IN_PLACE, self.gradients[layer]))
            if layer:
                dC_dz = (dC_dz @ self.w[layer]) * (a[layer] > 0)
                # MPI goes on with what travels only when it is called.
                MPI.Request.Testall(travelling)
        MPI.Request.Waitall(travelling)
        if self.way == "after":
            MPI.COMM_WORLD.Allreduce(MPI.IN_PLACE, self.sums)
        for w, gradient in zip(self.w, self.gradients, strict=True):
            w -= 1e-6 * gradient


def measured(sizes: list[int], rows: int) -> dict[str, float]:
    """Median milliseconds per step of each way, in turns."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    steps = {way: Steps(sizes, rows, way) for way in WAYS}
    for _ in range(PASSES):
        for way in WAYS:
            steps[way].step()
            for _ in range(ROUNDS):
                MPI.COMM_WORLD.Barrier()
                start = time.perf_counter()
                for _ in range(STEPS):
                    steps[way].step()
                seconds[way].append((time.perf_counter() - start) / STEPS)
    return {way: 1e3 * float(np.median(values)) for way, values in seconds.items()}


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {MPI.COMM_WORLD.rank})
    for sizes, rows in SHAPES:
        milliseconds_of = measured(sizes, rows)
        if MPI.COMM_WORLD.rank == 0:
            gain = milliseconds_of["after"] / milliseconds_of["beside"] - 1
            listed = ", ".join(f"{way} {milliseconds:.3f} ms" for way, milliseconds in milliseconds_of.items())
            print(
                f"{'-'.join(map(str, sizes))}, {rows} rows per rank: {listed}; beside: {gain:+.1%} steps per second",
                flush=True,
            )

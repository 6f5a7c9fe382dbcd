"""One rank's steps, with and without the others' sums, and the sums alone: timed, and written down by rank 0.

`mpiexec -n 2 python with_mpi.py OUT.json '{"sizes": [784, 512, 512, 10], "batch_size": 512, …}'`
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from xpnet import Network, backends, distributed, sgd
from xpnet._support.typing import Params
from xpnet.distributed import Ranks
from xpnet.equations import step
from xpnet.equations.partial_step import partial_step
from xpnet.training.data_parallel import SharedBatches
from xpnet.training.placement import encoded

ROWS = 4096
"""Of the data, from which every batch is gathered."""

BLOCK = 10
"""Steps between two looks at the clock."""


class Silent:
    """Ranks that share every batch and add nothing up."""

    def __init__(self, ranks: Ranks) -> None:
        self.share, self.agree = ranks.share, ranks.agree

    def __call__(self, sums: Any) -> Any:
        """Sums as they are."""
        return sums


def timed(ranks: Ranks, function: Callable[[], object], rounds: int) -> float:
    """Median seconds of a call, after one that does not count; all ranks begin together."""
    function()
    seconds = []
    for _ in range(rounds):
        ranks.agree({})
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def measured(ranks: Ranks, sizes: list[int], batch_size: int, engine: str, shares: list[int], rounds: int) -> Any:
    """Seconds per step: as a training alone does it, with all sums, without, and for batches of other sizes."""
    rng = np.random.default_rng(0)
    network, optimizer, backend = Network(sizes, "sigmoid"), sgd(0.1), backends.resolve("numpy").with_engine(engine)
    x, y = rng.random((ROWS, sizes[0]), dtype=np.float32), rng.integers(sizes[-1], size=ROWS)
    data, params, model = encoded(network, backend, "float32", x, y), network.init(0), network.model
    whole, both = step.training_step(model, optimizer), partial_step(model, optimizer)

    def carry() -> tuple[Params, step.State]:
        rate = np.asarray(0.1, np.float32)
        return backend.copy(params), step.State((), np.asarray(0, np.int32), rate, None)

    def seconds(run_block: Any, size: int) -> float:
        current, rows = [carry()], rng.integers(ROWS, size=(BLOCK, size))

        def block() -> None:
            current[0], _ = run_block(current[0], data, rows)

        return timed(ranks, block, rounds) / BLOCK

    def alone(size: int) -> float:
        return seconds(lambda carry, data, rows: backend.run_block(whole, carry, data, rows), size)

    silent, joined = (
        SharedBatches(lambda size: backend, backend, both, average, params) for average in (Silent(ranks), ranks)
    )
    return {
        "ranks": str(ranks),
        "bytes": 4 * (network.parameter_count + 3),
        "whole": alone(batch_size) if ranks.size == 1 else None,
        "shared": {size: seconds(joined.run_block, size) for size in shares},
        "compute": {size: seconds(silent.run_block, size) for size in shares},
    }


def sums(ranks: Ranks, sizes: list[int], rounds: int) -> dict[int, float]:
    """Seconds to add up arrays of so many bytes."""
    seconds = {}
    for size in sizes:
        array = np.zeros(size // 4, np.float32)
        seconds[size] = timed(ranks, partial(ranks, array), 3 * rounds)
    return seconds


if __name__ == "__main__":
    asked = json.loads(sys.argv[2])
    with distributed.session() as ranks:
        bytes_, rounds = asked.pop("bytes"), asked["rounds"]
        results = measured(ranks, **asked) | {"sums": sums(ranks, bytes_, rounds)}
        if ranks.first:
            with open(sys.argv[1], "w", encoding="utf-8") as file:
                json.dump(results, file)

"""How fast training steps are: a block of them, on data that are on the device already, until its results are back."""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import xpnet
from xpnet import backends
from xpnet._typing import Batch
from xpnet.errors import DeviceError
from xpnet.step import State, training_step

NETWORKS = {
    "784-30-10, batches of 10": ([784, 30, 10], 10),
    "784-128-10, batches of 128": ([784, 128, 10], 128),
    "784-512-512-10, batches of 256": ([784, 512, 512, 10], 256),
}
ROWS = 10_240


@pytest.mark.parametrize("library", backends.BACKENDS)
@pytest.mark.parametrize("network", NETWORKS)
def bench_step(benchmark: BenchmarkFixture, pytestconfig: pytest.Config, network: str, library: str) -> None:
    """A block of SGD steps, sigmoid and softmax, float32."""
    try:
        here = backends.resolve(library, pytestconfig.getoption("--device"))
    except DeviceError as error:
        pytest.skip(str(error))
    sizes, batch_size = NETWORKS[network]
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, sizes[0]), np.float32)
    y = np.eye(sizes[-1], dtype=np.float32)[rng.integers(sizes[-1], size=ROWS)]
    rows = rng.permutation(ROWS)[: 500 * batch_size].reshape(-1, batch_size)

    model = xpnet.Network(sizes, "sigmoid").model(x)
    optimizer = xpnet.sgd(0.1)
    step = training_step(model, optimizer, xp=here.xp)
    data = Batch(here.asarray(x), here.asarray(y))
    params = backends.moved(xpnet.Network(sizes, "sigmoid").init(0), here)
    rate, count = here.asarray(np.asarray(0.1, np.float32)), here.asarray(np.asarray(0, np.int32))
    carry = (params, State(optimizer.init(params, xp=here.xp), count, rate, None))

    def block() -> None:
        _, metrics = here.run_block(step, carry, data, rows)
        here.synchronize()
        here.to_host(metrics[0])

    benchmark.extra_info["samples"] = rows.size
    rounds = 3 if pytestconfig.getoption("--quick") else 30
    benchmark.pedantic(block, rounds=rounds, iterations=1, warmup_rounds=2)

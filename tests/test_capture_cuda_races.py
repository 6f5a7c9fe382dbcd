"""No two threads of a CUDA kernel meet at one place in memory, and none leaves its arrays: seen access by access."""

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import PLAIN, both, stand_in
from helpers.cuda_races import CheckedDriver
from helpers.oracles import PAIRS, ROUNDING, distance
from helpers.random_functions import SIMPLE, arrays_for, body, function

from xpnet import Network
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.step import State, training_step
from xpnet.training.placement import encoded

pytestmark = [
    pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with"),
    pytest.mark.slow,
]

RULES = (sgd(0.01), momentum(0.003), nesterov(0.003), adam(0.003), adamw(0.003))


@pytest.fixture
def device(tmp_path, monkeypatch):
    """What makes a checked stand-in, in the place of CuPy and nvmath."""

    def make(**options):
        return stand_in(tmp_path, monkeypatch, lambda folder: CheckedDriver(folder, **options))

    return make


def trained(driver, sizes, batch, rule, loss="cross_entropy", activation="sigmoid", turn=0):
    """Two steps of a network are the plain ones; weights, L2 and bytes take turns."""
    rng, n = np.random.default_rng(0), 2 * batch + 1
    network = Network(sizes, activation, loss, input_scale=255.0 if turn % 4 == 3 else 1.0)
    x = rng.integers(256, size=(n, sizes[0])).astype(np.uint8) if turn % 4 == 3 else rng.random((n, sizes[0]))
    y = rng.integers(sizes[-1], size=n) if loss == "cross_entropy" else rng.integers(2, size=(n, sizes[-1])) * 1.0
    data = encoded(network, PLAIN, "float64", x, y, rng.random(n) if turn % 2 else None)
    params, l2 = network.init(0, dtype="float64"), None if turn % 3 else np.asarray(0.01)
    carry = (params, State(rule.init(params, xp=np), np.asarray(0, np.int32), np.asarray(0.003), l2))
    rows = rng.integers(n, size=(2, batch))
    found, wanted = both(driver, training_step(network.model, rule), carry, data, rows)
    return distance(found, wanted)


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_networks_have_no_races(device, loss, activation):
    """Every loss and activation, with rules, weights, L2, bytes and batches in turn, and both orders of memory."""
    turn = PAIRS.index((loss, activation))
    driver = device(strict=turn % 2 == 0)
    off = trained(driver, (7, 36, 5), 1 + 4 * (turn % 3), RULES[turn % 5], loss, activation, turn)
    assert not driver.findings
    assert driver.accesses > 5_000
    assert off < ROUNDING["float64"]


@pytest.mark.parametrize(("sizes", "batch"), [((9, 40, 33, 5), 6), ((3, 1, 2), 1), ((5, 2), 3), ((3, 40, 2), 40)])
def test_shapes_have_no_races(device, sizes, batch):
    """Single rows, single numbers, and more of them than a warp has."""
    driver = device(strict=True)
    off = trained(driver, sizes, batch, RULES[3], turn=3)
    assert not driver.findings
    assert off < ROUNDING["float64"]


def test_random_functions_have_no_races(device):
    """Functions of random operations, whose arrays take each other's memory in many ways."""
    driver, some = device(strict=True), 12
    for seed in range(some):
        drawn = function(seed, SIMPLE)
        carry, data = arrays_for(drawn)
        with np.errstate(all="ignore"):
            both(driver, body(drawn), carry, data, drawn.rows)
    assert driver.modules == some
    assert not driver.findings


MISSED = "a barrier that not all threads reach"
FAULTS = {
    "no barrier": ("read after write", "__syncthreads();", ";", -1),
    "every block does all": ("write after write", "block * blockDim.x + threadIdx.x", "threadIdx.x", -1),
    "one element too many": ("out of bounds", "at < 1155LL", "at < 1156LL", -1),
    "packs that begin anywhere": ("misaligned", "j = (int)(at % 35) * 2", "j = (int)(at % 35) * 2 + 1", -1),
    "a barrier for some": (MISSED, "    __syncthreads();", "    if (y & 1) __syncthreads();", 1),
    "lanes that leave": (MISSED, "for (int distance", "if (lane > 9) return; for (int distance", 1),
}
"""What is done to the kernels' text, and what must be seen then."""


@pytest.mark.parametrize("fault", list(FAULTS))
def test_faults_that_are_put_in_are_seen(device, fault):
    """Barriers that are missing or missed, blocks that all do the same, one element too many, and odd packs."""
    seen, good, bad, count = FAULTS[fault]
    driver = device(fault=lambda text: text.replace(good, bad, count))
    trained(driver, (6, 70, 10), 33, RULES[0], turn=1)
    assert any(seen in finding for finding in driver.findings), driver.findings

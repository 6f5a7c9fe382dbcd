"""CUDA's kernels where a grid ends: one row, one column, and as many blocks as a launch has, and one more."""

import re

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import PLAIN, both, stand_in
from helpers.oracles import ROUNDING, distance

from xpnet import Network, sgd
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.cuda import kernel_source
from xpnet.capture.engines.cuda.kernel_source import MOST_BLOCKS, THREADS, WARP
from xpnet.capture.engines.cuda.launches import launches
from xpnet.equations.step import State, training_step
from xpnet.training.placement import encoded

pytestmark = pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """The stand-in, in the place of CuPy and nvmath."""
    return stand_in(tmp_path, monkeypatch)


def matrices(rows, columns):
    """A carry of that form, and data of a row that belongs to it."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(rows, columns)),), (rng.normal(size=(2, columns)),)


def by_element(carry, batch, *, xp):
    """Each element for itself."""
    return (carry[0] * 2 + batch[0],), ()


def along_rows(carry, batch, *, xp):
    """Sums, maxima and places of them along rows."""
    w = carry[0]
    total = xp.sum(w, axis=1, keepdims=True)
    return (w - total,), (xp.max(w, axis=1, keepdims=True), xp.argmax(w, axis=1))


def down_columns(carry, batch, *, xp):
    """Sums and minima down columns, of two arrays side by side."""
    w = carry[0]
    return carry, (xp.sum(w, axis=0), xp.min(w, axis=0), xp.sum(batch[0] * 2, axis=0))


def whole(carry, batch, *, xp):
    """Sums over everything."""
    return carry, (xp.sum(carry[0]), xp.max(carry[0] * batch[0]))


def check(driver, step, rows, columns):
    """A step comes to the plain numbers; how many groups of its launches fill a grid."""
    carry, data = matrices(rows, columns)
    found, wanted = both(driver, step, carry, data, np.asarray([[1]]), graphs=False)
    assert distance(found, wanted) < ROUNDING["float64"]
    source = launches(programs.planned(step, carry, data, 1)).source
    groups = [int(blocks) for blocks in re.findall(r"blocks = (\d+);", source)]
    assert max(groups) <= MOST_BLOCKS
    return groups.count(MOST_BLOCKS)


FULL = {
    # A thread takes 16 bytes, two elements of float64.
    by_element: (MOST_BLOCKS, 2 * THREADS),
    along_rows: (MOST_BLOCKS * THREADS // WARP, 3),
    down_columns: (3, MOST_BLOCKS * WARP),
}
"""For each kind of kernel the rows and columns that fill as many blocks as a launch has."""


@pytest.mark.slow
@pytest.mark.parametrize("step", list(FULL), ids=lambda step: step.__name__)
@pytest.mark.parametrize("more", [0, 1])
def test_a_grid_is_full_and_one_more(driver, step, more):
    """4,096 blocks, and what would be the 4,097th, come to the plain numbers in every kind of kernel."""
    rows, columns = FULL[step]
    size = (rows, columns + WARP * more) if step is down_columns else (rows + more, columns)
    assert check(driver, step, *size) >= 1


@pytest.mark.parametrize("step", [by_element, along_rows, down_columns, whole], ids=lambda step: step.__name__)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 33), (2, 1), (33, 1), (1025, 1), (1, 1025), (31, 31), (32, 64)])
def test_one_row_and_one_column(driver, step, size):
    """Single rows, columns and numbers, and the edges of a warp and of a block."""
    check(driver, step, *size)


@pytest.mark.parametrize("step", [by_element, along_rows, down_columns, whole], ids=lambda step: step.__name__)
@pytest.mark.parametrize("blocks", [1, 3])
def test_few_blocks_go_on_with_what_is_left(driver, monkeypatch, step, blocks):
    """However small the grid, blocks go on until all is done."""
    monkeypatch.setattr(kernel_source, "MOST_BLOCKS", blocks)
    check(driver, step, 70, 300)


@pytest.mark.slow
def test_a_wide_hidden_layer_learns_as_on_the_cpu(driver):
    """Sums down 140,000 columns, more than a grid of blocks has for one time each, move every bias right."""
    rng, network, rule = np.random.default_rng(0), Network((4, 140_000, 3)), sgd(0.1)
    params = network.init(0, dtype="float64")
    data = encoded(network, PLAIN, "float64", rng.random((5, 4)), rng.integers(3, size=5))
    carry = (params, State((), np.asarray(0, np.int32), np.asarray(0.1), None))
    found, wanted = both(driver, training_step(network.model, rule), carry, data, np.asarray([[3, 0, 1, 4]]))
    assert distance(found, wanted) < 1e-11


@pytest.mark.parametrize("step", [by_element, along_rows, down_columns, whole], ids=lambda step: step.__name__)
def test_indices_of_64_bits_are_the_same(driver, monkeypatch, step):
    """Kernels that count in 64 bits, as for arrays of more than 2³¹ elements, come to the plain numbers."""
    monkeypatch.setattr("xpnet.capture.engines.cuda.layout.LARGEST", 1000)
    check(driver, step, 33, 40)
    carry, data = matrices(33, 40)
    assert re.search("long long [ij] = ", launches(programs.planned(step, carry, data, 1)).source)

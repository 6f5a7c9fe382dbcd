"""How a step becomes few launches, and a block few calls: counted by the plan, and on the stand-in for a device."""

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import PLAIN, both, program, stand_in
from helpers.oracles import ROUNDING, distance

from xpnet import Network
from xpnet._support.trees import arrays_in
from xpnet.capture import program_cache as programs
from xpnet.capture.engines.cuda import launches as device_launches
from xpnet.capture.engines.cuda.launches import Gemm, launches
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.step import State, training_step
from xpnet.training.placement import encoded

TWO, THREE = (20, 12, 5), (20, 12, 8, 5)
RULES = {rule.__name__: rule() for rule in (sgd, momentum, nesterov, adam, adamw)}
compiled = pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """The stand-in, in the place of CuPy and nvmath."""
    return stand_in(tmp_path, monkeypatch)


def training(sizes=TWO, rule=RULES["sgd"], loss="cross_entropy", l2=False, weighted=False, images=False):
    """A step, its carry and its data."""
    rng, network = np.random.default_rng(0), Network(sizes, "sigmoid", loss, input_scale=255.0 if images else 1.0)
    x = rng.integers(256, size=(9, sizes[0])).astype(np.uint8) if images else rng.random((9, sizes[0]))
    y = rng.integers(sizes[-1], size=9) if loss == "cross_entropy" else rng.integers(2, size=(9, sizes[-1])) * 1.0
    data = encoded(network, PLAIN, "float64", x, y, rng.random(9) if weighted else None)
    params, rate, penalty = network.init(0, dtype="float64"), np.asarray(0.1), np.asarray(0.01) if l2 else None
    carry = (params, State(rule.init(params, xp=np), np.asarray(0, np.int32), rate, penalty))
    return training_step(network.model, rule), carry, data


def prepared(*arguments, **options):
    """The launches of a step with four rows."""
    return launches(programs.planned(*training(*arguments, **options), 4))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_is_few_launches(loss, weighted):
    """Two layers are 8 launches with plain descent and 9 with any other rule, three 13 and 14, products included."""
    for sizes, few in ((TWO, 8), (THREE, 13)):
        for name, rule in RULES.items():
            for l2 in (False, True):
                made = prepared(sizes, rule, loss, l2, weighted)
                assert len(made.sequence) <= few + (name != "sgd" or l2), str(made)
                assert sum(isinstance(launch, Gemm) for launch in made.sequence) == 3 * len(sizes) - 4


def test_a_plan_prints_its_launches():
    """Each launch has a line, with a product's size and where it was written, and the last line counts them."""
    *lines, summary = str(prepared()).splitlines()
    assert lines[0].startswith("product 4×20×12  backprop.py:")
    assert [line.split()[0] for line in lines] == ["product", "kernel"] * 3 + ["product"] * 2
    assert summary == "8 launches a step, 5 of them products; 2 more for a graph of up to 32 steps."


def test_derivatives_are_made_where_they_are_used():
    """The forward pass stores activations and nothing else; the backward pass makes a(1 − a) of them."""
    made = prepared(THREE)
    forward, backward = made.sequence[1], made.sequence[7]
    assert forward.what.startswith("add negative minimum exp add divide;")
    assert backward.what.startswith("subtract multiply multiply sum")
    (kernel,) = (text for text in made.source.split('extern "C"') if f" {forward.kernel}(" in text)
    assert sum("double *__restrict__ at" in line and "const" not in line for line in kernel.split(",")) <= 1


def test_bytes_are_scaled_where_they_are_fetched():
    """What only turns a row into another is done when a graph's rows are fetched: a step has as many launches."""
    made = prepared(images=True)
    assert len(made.sequence) == 8
    assert "unsigned char" in made.source
    assert "uint8" not in {value.dtype.name for value in made.graph.inputs}


def test_a_graph_fetches_no_more_than_it_may(monkeypatch):
    """A graph holds fewer steps where their rows would take more memory, and one where one takes more."""
    row = sum(array[:4].nbytes for array in arrays_in(training()[2]))
    for size, steps in ((2**28, 32), (5 * row, 5), (row // 2, 1)):
        monkeypatch.setattr(device_launches, "GATHERED", size)
        assert prepared().steps == steps


@compiled
def test_graphs_of_any_number_of_steps_are_the_same(driver, monkeypatch):
    """Graphs of five steps, and of one, come to the plain numbers, with rows of their own in each step."""
    step, carry, data = training(TWO, RULES["adam"], l2=True, weighted=True, images=True)
    monkeypatch.setattr(device_launches, "GRAPH_STEPS", 5)
    rows = np.random.default_rng(1).integers(9, size=(13, 4))
    found, wanted = both(driver, step, carry, data, rows)
    assert driver.launched.count("graph") == 2 + 3
    assert distance(found, wanted) < ROUNDING["float64"]


@compiled
def test_rows_are_fetched_once_a_graph(driver):
    """Rows for 32 steps are one launch; a block of 70 has two such, and six of single steps."""
    step, carry, data = training()
    made = program(step, carry, data, 4, graphs=False)
    arrays = [driver.array(array) for array in arrays_in(data)]
    driver.launched.clear()
    made.run([driver.array(array) for array in arrays_in(carry)], arrays, np.zeros((70, 4), int))
    # Binding runs a step once, so that the kernels are loaded.
    assert driver.launched.count(made._launches.gather.kernel) == 1 + 2 + 6
    assert driver.launched.count(made._launches.counter.kernel) == 1 + 2 + 6


@compiled
def test_a_block_is_a_fixed_number_of_calls(driver, monkeypatch):
    """What one block gave goes into the next in one copy, however many arrays it is; one that is new has its own."""
    copies = []
    monkeypatch.setattr(
        driver.module_of_cupy, "copyto", lambda target, source: copies.append(target) or np.copyto(target, source)
    )
    step, carry, data = training(THREE, RULES["adam"], l2=True)
    made, rows = program(step, carry, data, 4), np.random.default_rng(1).integers(9, size=(3, 4))
    arrays = [driver.array(array) for array in arrays_in(data)]
    first, _ = made.run([driver.array(array) for array in arrays_in(carry)], arrays, rows)
    assert len(copies) == len(arrays_in(carry)) > 15
    copies.clear()
    second, _ = made.run(first, arrays, rows)
    assert len(copies) == 1
    copies.clear()
    third, _ = made.run([*second[:-2], driver.array(second[-2]), second[-1]], arrays, rows)
    assert len(copies) == 2
    after = PLAIN.run_block(step, PLAIN.copy(carry), data, np.concatenate([rows] * 3))[0]
    assert distance(tuple(map(np.array, third)), tuple(arrays_in(after))) < ROUNDING["float64"]


@compiled
def test_products_are_added_only_to_what_is_no_factor(driver):
    """w − 0.1 w @ w, an old w among the results and one in two places of the carry come to the plain numbers."""
    w, x = np.random.default_rng(0).normal(size=(2, 8, 8))
    steps = [
        lambda c, b, *, xp: ((c[0] - 0.1 * (c[0] @ c[0]), c[1]), (xp.sum(b[0]),)),
        lambda c, b, *, xp: ((c[0] - 0.1 * (b[0].T @ b[0]), c[1]), (c[0],)),
        lambda c, b, *, xp: ((c[1] - 0.1 * (b[0].T @ b[0]),) * 2, (xp.sum(b[0]),)),
    ]
    for step in steps:
        found, wanted = both(driver, step, (w, w + 1), (x,), np.asarray([[0, 1], [2, 3]]))
        assert distance(found, wanted) < ROUNDING["float64"]

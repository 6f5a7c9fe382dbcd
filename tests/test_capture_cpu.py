"""Compiled plans: the numbers of the plain function, from machine code that is kept on disk."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, on, problem, targets
from helpers.random_functions import SIMPLE, arrays_for, body, functions
from hypothesis import HealthCheck, Phase, given, seed, settings

from xpnet import backends
from xpnet._support.trees import arrays_in
from xpnet.equations import step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.step import State, training_step

pytest.importorskip("numba")

PLAIN = backends.resolve("numpy").with_engine("plain")
COMPILED = backends.resolve("numpy").with_engine("compiled")
OPTIMIZERS = {
    "sgd": sgd(0.01),
    "momentum": momentum(0.003),
    "nesterov": nesterov(0.003),
    "adam": adam(0.003),
    "adamw": adamw(0.003),
}
SMOOTH = [name for name in ACTIVATIONS if name != "relu"]


def both(optimizer, loss, activation, dtype, size, weighted, l2):
    """What a hundred steps come to, compiled and plain: parameters, slots and metrics."""
    given_, rule = problem(loss, activation), OPTIMIZERS[optimizer]
    run = training_step(given_.model, rule)
    params, batch = on(PLAIN, (given_.params, given_.batch), dtype)
    batch = batch if weighted else batch._replace(weight=None)
    rate, l2 = np.asarray(rule.learning_rate, dtype), np.asarray(0.01, dtype) if l2 else None
    carry = (params, State(rule.init(params, xp=np), np.asarray(0, np.int32), rate, l2))
    rows = np.random.default_rng(0).integers(5, size=(100, size))
    for here in (COMPILED, PLAIN):
        (after, state), metrics = here.run_block(run, here.copy(carry), batch, rows)
        yield after, state.slots, metrics


def combinations():
    """Each optimizer with each loss and each activation, every pair once; the other combinations are slow."""
    for i, optimizer in enumerate(OPTIMIZERS):
        for j, loss in enumerate(LOSSES):
            for k, activation in enumerate(ACTIVATIONS):
                yield pytest.param(optimizer, loss, activation, marks=[] if (i + j + k) % 4 == 0 else pytest.mark.slow)


@pytest.mark.parametrize(("optimizer", "loss", "activation"), list(combinations()))
def test_a_hundred_steps_are_the_same_in_float64(optimizer, loss, activation):
    """Every optimizer, loss and activation, to 1e-12; batches of one and of several rows, weights and L2 take turns."""
    turn = list(OPTIMIZERS).index(optimizer) + list(LOSSES).index(loss) + list(ACTIVATIONS).index(activation)
    found, wanted = both(optimizer, loss, activation, "float64", (1, 3, 4)[turn % 3], turn % 2 == 0, turn % 4 < 2)
    assert distance(found, wanted) < ROUNDING["float64"]


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("loss", list(LOSSES))
def test_a_hundred_steps_are_the_same_in_float32(loss, activation):
    """Smooth activations, to 1e-5."""
    turn = list(LOSSES).index(loss) + list(ACTIVATIONS).index(activation)
    found, wanted = both(("adam", "adamw")[turn % 2], loss, activation, "float32", 1 + turn % 3, turn % 2 == 1, True)
    assert distance(found, wanted) < ROUNDING["float32"]


@seed(3)
@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(functions(kinds=SIMPLE))
def test_any_function_is_the_same(drawn):
    """Functions of random operations on arrays of random shapes come to the plain numbers, up to rounding."""
    carry, data = arrays_for(drawn)
    with np.errstate(all="ignore"):
        found, wanted = (here.run_block(body(drawn), here.copy(carry), data, drawn.rows) for here in (COMPILED, PLAIN))
    for a, b in zip(arrays_in(found), arrays_in(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("first", ["made", "turned", "made turned", "made turned, turned"])
@pytest.mark.parametrize("second", ["made", "turned", "made turned", "made turned, turned"])
def test_a_product_takes_its_factors_as_they_lie(first, second):
    """A matrix that is made column by column, and any transpose, is a factor like those that lie row by row."""
    made = {
        "made": lambda m: m + 1,
        "turned": lambda m: (m + 1).T,
        "made turned": lambda m: m.T + 1,
        "made turned, turned": lambda m: (m.T + 1).T,
    }

    def step(carry, batch, *, xp):
        return carry, (made[first](carry[0]) @ made[second](batch[0]),)

    # Neither matrix is square, so that rows taken for columns show.
    wide, tall = np.random.default_rng(8).normal(size=(4, 3)), np.random.default_rng(9).normal(size=(3, 4))
    left = wide if first in ("made", "made turned, turned") else tall
    right = tall if second in ("made", "made turned, turned") else wide
    rows = np.arange(len(right))[None]
    found, wanted = (here.run_block(step, (left,), (right,), rows)[1] for here in (COMPILED, PLAIN))
    assert distance(found, wanted) < ROUNDING["float64"]


@pytest.mark.parametrize("loss", list(LOSSES))
def test_mapping_is_the_function(loss):
    """Whole chunks from machine code and the rest as it is, in the same order."""
    given_ = problem(loss)
    x, y = np.random.default_rng(5).normal(size=(10, 6)), targets(loss, 10, np.random.default_rng(6))
    for function, data in ((step.answers(given_.model), x), (step.measures(given_.model), (x, y))):
        found, wanted = (here.map_rows(function, given_.params, data, 4) for here in (COMPILED, PLAIN))
        assert distance((found,), (wanted,)) < ROUNDING["float64"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exp_and_tanh_keep_their_digits(dtype):
    """They are the library's to a few units in the last place, at their edges, and for infinities and NaN."""
    from numba import njit

    from xpnet.capture.engines.cpu import primitives

    x = np.concatenate([np.linspace(-760, 760, 20_011), np.linspace(-1, 1, 2001), [np.inf, -np.inf, np.nan, 0.0]])
    x = x.astype(dtype)
    for name in ("exp", "tanh"):
        function = getattr(primitives, f"{name}_{dtype}")

        @njit(error_model="numpy")
        def through(values, found, function=function):
            for i in range(len(values)):
                found[i] = function(values[i])

        found = np.empty_like(x)
        through(x, found)
        with np.errstate(all="ignore"):
            wanted = getattr(np, name)(x.astype(np.longdouble))
            wanted[np.abs(wanted) > np.finfo(dtype).max] *= np.inf
            off = np.where(found == wanted, 0, np.abs(found - wanted))
        units = np.finfo(dtype).eps * np.abs(wanted) + np.finfo(dtype).smallest_normal
        assert np.array_equal(np.isnan(found), np.isnan(x))
        assert np.nanmax(off / np.where(np.isfinite(units), units, 1)) <= 4


SCRIPT = """
import sys
import xpnet
from xpnet.data import load
done = list(xpnet.epochs(xpnet.Network([64, 8, 10], input_scale=16.0), load("digits"), xpnet.sgd(), batch_size=50,
                         epochs=2, engine="compiled"))[-1]
plans = [module for name, module in sys.modules.items() if name.startswith("xpnet_plan")]
print(repr(float(done.cost)), sum(sum(plan.block.stats.cache_hits.values()) for plan in plans))
"""


def test_a_second_process_compiles_nothing(tmp_path):
    """What was compiled is found again in a folder that is its owner's alone, and gives the same cost."""
    environment = {**os.environ, "XPNET_CACHE_DIR": str(tmp_path)}
    cold, warm = (
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    )
    assert cold[0] == warm[0]
    assert (int(cold[1]) == 0, int(warm[1]) >= 1) == (True, True)
    assert stat.S_IMODE((tmp_path / "compiled").stat().st_mode) == 0o700


def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path, monkeypatch):
    """Code is loaded from nowhere that somebody else can write to."""
    from xpnet.capture.engines.cpu import cache

    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled").chmod(0o777)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    assert cache.folder.__wrapped__() != tmp_path / "compiled"


def test_a_folder_of_one_process_goes_with_it(tmp_path):
    """Where there can be no other, nothing is left behind."""
    (tmp_path / "file").touch()
    environment = {**os.environ, "XPNET_CACHE_DIR": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    script = "from xpnet.capture.engines.cpu.cache import folder; (folder() / 'something').touch(); print(folder())"
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

"""Compiled plans: the numbers of the plain function, from machine code that is kept on disk."""

import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, on, problem, targets
from helpers.random_functions import arrays_for, body, functions
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from threadpoolctl import ThreadpoolController

from xpnet import backends
from xpnet._support.trees import arrays_in
from xpnet.capture import plan
from xpnet.capture.engines.cpu import cache
from xpnet.capture.engines.cpu.compiled import Compiled
from xpnet.capture.engines.cpu.program import program
from xpnet.capture.program_cache import planned
from xpnet.equations import step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, adamw, momentum, nesterov, sgd
from xpnet.equations.step import State, training_step
from xpnet.errors import CaptureError

pytest.importorskip("llvmlite")

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
@given(functions())
def test_any_function_is_the_same(drawn):
    """Random functions of all kinds come to the plain numbers, up to rounding, or are refused."""
    carry, data = arrays_for(drawn)
    with np.errstate(all="ignore"):
        try:
            found = COMPILED.run_block(body(drawn), COMPILED.copy(carry), data, drawn.rows)
        except CaptureError:
            # What cannot be compiled is refused; most of it are three axes and float16.
            assume(False)
        wanted = PLAIN.run_block(body(drawn), PLAIN.copy(carry), data, drawn.rows)
    for a, b in zip(arrays_in(found), arrays_in(wanted), strict=True):
        rounding = 1e-4 if a.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


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


def test_the_rest_of_mapped_rows_wakes_no_other_threads():
    """OpenBLAS's would look out for more work, and take a processor from the next call's compiled code."""
    pools, seen = ThreadpoolController(), []

    def function(params, x, *, xp):
        seen.append({library["num_threads"] for library in pools.info() if library["user_api"] == "blas"})
        return x @ params[0]

    with pools.limit(limits=2, user_api="blas"):
        COMPILED.map_rows(function, (np.eye(6),), np.ones((10, 6)), 4)
        after = {library["num_threads"] for library in pools.info() if library["user_api"] == "blas"}
    assert seen[-1] == {1}
    assert after == seen[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["exp", "tanh", "log", "log1p", "expm1"])
def test_functions_keep_their_digits(name, dtype):
    """They are the library's to a few units in the last place, at their edges, and for infinities and NaN."""
    x = np.concatenate([np.linspace(-760, 760, 20_011), np.linspace(-1, 1, 2001), [np.inf, -np.inf, np.nan, 0.0]])
    x = x.astype(dtype)[:, None]

    def step(carry, batch, *, xp):
        return carry, (getattr(xp, name)(batch[0]),)

    with np.errstate(all="ignore"):
        (found,) = COMPILED.run_block(step, (), (x,), np.arange(len(x))[None])[1]
        wanted = getattr(np, name)(x.astype(np.longdouble))
        wanted[np.abs(wanted) > np.finfo(dtype).max] *= np.inf
        off = np.where(found[0] == wanted, 0, np.abs(found[0] - wanted))
        units = np.finfo(dtype).eps * np.abs(wanted) + np.finfo(dtype).smallest_normal
        assert np.array_equal(np.isnan(found[0]), np.isnan(wanted))
        assert np.nanmax(off / np.where(np.isfinite(units), units, 1)) <= 4


SCRIPT = """
import sys
import xpnet
from xpnet.capture import plan
from xpnet.capture.engines.cpu import cache
from xpnet.data import load
compiled, count = cache.compiled, []
cache.compiled = lambda text: (count.append(text), compiled(text))[1]
done = list(xpnet.epochs(xpnet.Network([64, 8, 10], input_scale=16.0), load("digits"), xpnet.sgd(), batch_size=50,
                         epochs=2, engine="compiled"))[-1]
print(repr(float(done.cost)), len(count))
"""


def trained(folder, script=SCRIPT):
    """The cost of a training in a new process with this cache, how much it compiled, and what it said on stderr."""
    environment = {**os.environ, "XPNET_CACHE_DIR": str(folder)}
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    cost, count = answer.stdout.split()
    return cost, int(count), answer.stderr


def test_a_second_process_compiles_nothing(tmp_path):
    """What was compiled is in a folder that is its owner's alone, and gives the same cost."""
    (cold, compiled, _), (warm, again, _) = trained(tmp_path), trained(tmp_path)
    assert cold == warm
    assert compiled > 0
    assert again == 0
    assert stat.S_IMODE((tmp_path / "compiled").stat().st_mode) == 0o700


def test_another_network_uses_the_layers_of_the_first(tmp_path):
    """A deeper network of the same width compiles less anew than the first one did in all."""
    _, first, _ = trained(tmp_path, SCRIPT.replace("[64, 8, 10]", "[64, 8, 8, 10]"))
    _, deeper, _ = trained(tmp_path, SCRIPT.replace("[64, 8, 10]", "[64, 8, 8, 8, 10]"))
    assert deeper < first / 2


@pytest.mark.parametrize("damage", ["emptied", "halved", "one byte", "another's"])
def test_damaged_code_is_compiled_anew(damage, tmp_path):
    """A file that is not what was written is not loaded; the cost is the same, and nothing is said."""
    cost, count, _ = trained(tmp_path)
    files = sorted((tmp_path / "compiled").iterdir())
    contents = [path.read_bytes() for path in files]
    for path, content, other in zip(files, contents, contents[1:] + contents[:1], strict=True):
        half = len(content) // 2
        path.write_bytes(
            {
                "emptied": b"",
                "halved": content[:half],
                "one byte": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
                "another's": other,
            }[damage]
        )
    assert trained(tmp_path) == (cost, count, "")
    assert trained(tmp_path) == (cost, 0, "")


def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path):
    """Code is loaded from nowhere that somebody else can write to, which is said once."""
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled").chmod(0o777)
    _, count, said = trained(tmp_path)
    assert count > 0
    assert said.count("others may use it too (its mode is 777); run chmod 700 on it") == 1
    assert not list((tmp_path / "compiled").iterdir())


def test_without_a_folder_code_stays_in_memory(tmp_path):
    """Where there can be no folder the training runs, nothing is left behind, and it is said once."""
    (tmp_path / "file").touch()
    _, count, said = trained(tmp_path / "file")
    assert count > 0
    assert said.count("Compiled code is not kept in") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_equal_layers_are_updated_by_one_function():
    """A deeper network of equal layers has no more functions, however many arrays of a shape there are."""
    rng = np.random.default_rng(0)

    def functions(layers):
        w = tuple(rng.normal(size=(5, 5)) for _ in range(layers))

        def update(carry, batch, *, xp):
            new, total = zip(*((w - 0.1 * (m + batch[0]), xp.sum(m * w, axis=1)) for w, m in carry), strict=True)
            return tuple((one, one * one) for one in new), total

        made = plan(update, tuple((one, one * one) for one in w), (np.ones((1, 1)),))
        return program(made, gathered=False).texts

    assert functions(3) == functions(7)


def test_a_plan_says_how_much_code_it_is(monkeypatch, tmp_path):
    """Parts, functions, lines, seconds, and how many functions came from disk: none at first, then all."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)

    def layer(carry, batch, *, xp):
        return carry, (xp.tanh(batch[0] @ carry[0]),)

    plan = planned(layer, (np.ones((5, 3)),), (np.ones((4, 5)),), 4)
    first, second = (Compiled(plan, gathered=True) for _ in range(2))
    form = (
        r"(\d+) parts, (\d+) functions, ([\d,]+) lines of LLVM IR; emitted in \d+\.\d{3} s, "
        r"compiled in \d+\.\d{3} s, (\d+) functions from disk"
    )
    parts, functions, lines, loaded = re.fullmatch(form, str(first)).groups()
    assert 1 < int(functions) <= int(parts) + 1
    assert int(lines.replace(",", "")) > 100
    assert loaded == "0"
    assert re.fullmatch(form, str(second)).groups() == (parts, functions, lines, functions)

"""Gradients clipped per sample, without making them, are those of the explicit tensor, on every backend and engine."""

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import both, stand_in
from helpers.oracles import PAIRS, ROUNDING, distance, host, on, problem
from helpers.threads_as_ranks import together

import xpnet
from xpnet import Network, backends
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Layer
from xpnet.equations import backprop, step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, sgd
from xpnet.errors import DeviceError, InputError

PLAIN = backends.resolve("numpy")


def norms_of(problem):
    """Each sample's gradients, and the norm of all of them together."""
    own = backprop.per_sample_gradients(*step.deltas(*problem[:3], xp=np))
    return own, np.sqrt(sum((array**2).sum(axis=tuple(range(1, array.ndim))) for array in arrays_in(own)))


def by_the_tensor(problem, bound):
    """Σ sᵢ cᵢ gᵢ / Σ sᵢ + λw with cᵢ = min(1, bound / ‖gᵢ‖), from every sample's gradient by itself."""
    own, norms = norms_of(problem)
    weight = problem.batch.weight
    share = weight / weight.sum() * np.minimum(1, bound / norms)
    means = (Layer(*(np.tensordot(share, array, axes=1) for array in layer)) for layer in own)
    return tuple(Layer(g.w + problem.l2 * layer.w, g.b) for g, layer in zip(means, problem.params, strict=True))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [0, 1, 2, 3])
def test_clipped_gradients_are_those_of_the_tensor(loss, activation, hidden):
    """Weighted and with L2, which is not clipped, where about half of the samples are, for every loss and depth."""
    given = problem(loss, activation, hidden)
    _, norms = norms_of(given)
    bound = float(np.median(norms))
    assert 0 < (norms > bound).sum() < len(norms)
    found, _ = step.gradients(given.model, given.params, given.batch, given.l2, bound, xp=np)
    assert distance(found, by_the_tensor(given, bound)) < ROUNDING["float64"]


@pytest.mark.current
@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_on_every_backend(backend, float_dtype, loss, activation):
    """Any library's arrays give NumPy's clipped gradients, and the metrics of what is not clipped."""
    given = problem(loss, activation)
    bound = float(np.median(norms_of(given)[1]))
    there = step.gradients(given.model, *on(backend, given[1:], float_dtype), bound, xp=backend.xp)
    assert distance(host(backend, there[0]), by_the_tensor(given, bound)) < ROUNDING[float_dtype]
    _, metrics = step.gradients(given.model, *given[1:], xp=np)
    assert distance(host(backend, there[1]), metrics) < ROUNDING[float_dtype]


def test_a_bound_that_is_never_reached_changes_nothing():
    """Above the longest gradient the clipped ones are the plain ones, and far below it each has the bound's length."""
    given = problem("cross_entropy")._replace(l2=None)
    plain, _ = step.gradients(*given, xp=np)
    assert distance(step.gradients(*given, 1e6, xp=np)[0], plain) < ROUNDING["float64"]
    a, _ = step.forward(given.model, given.params, given.batch.x, xp=np)
    dC_dz = backprop.backward(given.params, a, given.batch.y, given.model.hidden, xp=np)
    own = backprop.per_sample_gradients(backprop.clipped(dC_dz, a, 1e-3, xp=np), a)
    lengths = np.sqrt(sum((array**2).sum(axis=tuple(range(1, array.ndim))) for array in arrays_in(own)))
    assert lengths == pytest.approx(np.full(5, 1e-3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_of_zero_stays_zero(dtype):
    """A sample that is answered exactly has no gradient to scale, and is no division by 0."""
    network = Network([2, 3, 1], "relu", "squared_error")
    params = network.init(0, dtype=dtype)
    zeros = step.Batch(np.zeros((4, 2), dtype), np.zeros((4, 1), dtype), None)
    found, _ = step.gradients(network.model, params, zeros, None, 1.0, xp=np)
    assert all(not array.any() for array in arrays_in(found))


def steps(loss, activation, bound, rule, dtype="float64", weighted=True):
    """A clipped step, its carry and its rows."""
    given = problem(loss, activation)
    params, batch = on(PLAIN, (given.params, given.batch), dtype)
    carry = (params, step.State(rule.init(params, xp=np), np.asarray(0, np.int32), np.asarray(0.01, dtype), None))
    batch = batch if weighted else batch._replace(weight=None)
    return step.training_step(given.model, rule, "mean", bound), carry, batch


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("engine", ["replay", "compiled"])
@pytest.mark.parametrize(("loss", "activation"), PAIRS[::4])
def test_captured_steps_are_the_plain_ones(engine, size, loss, activation):
    """A plan and machine code do what operation by operation does, replay bit for bit."""
    if PLAIN.missing(engine):
        pytest.skip("needs llvmlite")
    run, carry, batch = steps(loss, activation, 0.5, adam(0.01), weighted=size > 1)
    rows = np.random.default_rng(0).integers(5, size=(30, size))
    (found, _), (wanted, _) = (
        each.run_block(run, each.copy(carry), batch, rows) for each in (PLAIN.with_engine(engine), PLAIN)
    )
    assert distance((found[0], found[1].slots), (wanted[0], wanted[1].slots)) <= (
        0 if engine == "replay" else ROUNDING["float64"]
    )


@pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")
@pytest.mark.parametrize("weighted", [True, False])
def test_cudas_kernels_are_the_plain_steps(tmp_path, monkeypatch, weighted):
    """What CUDA's kernels do on the stand-in is what NumPy does operation by operation."""
    driver = stand_in(tmp_path, monkeypatch)
    run, carry, batch = steps("cross_entropy", "tanh", 0.5, sgd(0.1), weighted=weighted)
    rows = np.random.default_rng(0).integers(5, size=(5, 3))
    found, wanted = both(driver, run, carry, batch, rows)
    assert distance(found, wanted) < ROUNDING["float64"]


X = np.random.default_rng(5).normal(size=(41, 6))
Y, WEIGHT = np.random.default_rng(6).integers(3, size=41), np.random.default_rng(7).uniform(0.5, 2, 41)


def trained(average=None, **arguments):
    """All epochs of a short clipped training; its last batch has a single row."""
    given = dict(batch_size=10, epochs=3, weight=WEIGHT, dtype="float64", clip_norm=0.5, l2=0.01) | arguments
    return list(xpnet.epochs(Network([6, 7, 3], "tanh"), (X, Y), xpnet.adam(0.01), average=average, **given))


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_a_training_is_the_same_on_every_library_and_engine(name):
    """Each comes to NumPy's plain numbers, which clipping has changed; two members that share batches do too."""
    try:
        backend = backends.resolve(name)
    except DeviceError as error:
        pytest.skip(str(error))
    wanted = trained(engine="plain")[-1]
    assert distance(wanted.params, trained(engine="plain", clip_norm=None)[-1].params) > 1e-3
    for engine in backend.engines:
        if not backend.missing(engine):
            given = dict(backend=name, engine=engine)
            ranks = together(2, lambda member: trained(member, **given))  # noqa: B023 (used at once)
            for epoch in (trained(**given)[-1], *(rank[-1] for rank in ranks)):
                assert distance(host(backend, epoch.params), wanted.params) < 1e-11


def test_a_clipped_training_resumes_bit_for_bit():
    """A checkpoint of a clipped training continues to where it would have come."""
    whole = trained()
    later = trained(resume=whole[0].checkpoint)
    assert distance(later[-1].params, whole[-1].params) == 0


@pytest.mark.parametrize("bound", [0, -1.0, float("nan"), float("inf"), "1"])
def test_a_bound_that_clips_nothing_is_refused(bound):
    """It is a number above 0, or None."""
    with pytest.raises(InputError, match=r"clip_norm is .*; it must be (a number, )?above 0, or None to clip nothing"):
        trained(clip_norm=bound)

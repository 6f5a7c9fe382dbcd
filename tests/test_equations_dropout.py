"""Dropout: masks that are the same everywhere, gradients of what they leave, and predictions without them."""

import json

import numpy as np
import pytest
from helpers.cuda_on_cpu import can_compile
from helpers.cuda_programs import both, stand_in
from helpers.oracles import DIFFERENCES, ROUNDING, differentiated, distance, host, on, problem
from helpers.threads_as_ranks import together
from threadpoolctl import threadpool_limits

import xpnet
from xpnet import Network, backends, serialization
from xpnet._support.philox import Key
from xpnet.equations import backprop, step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.dropout import with_dropout
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam
from xpnet.errors import DeviceError, InputError
from xpnet.serialization.metadata import read_metadata

PLAIN = backends.resolve("numpy")
RATES = (0.3, 0.5)
NOISE = (Key(*(np.asarray(word, np.int32) for word in (11, -12, 0))), np.asarray(4, np.int32))
X = np.random.default_rng(5).normal(size=(41, 6))
Y, WEIGHT = np.random.default_rng(6).integers(3, size=41), np.random.default_rng(7).uniform(0.5, 2, 41)


def dropping(loss, activation):
    """A problem whose two hidden layers leave out some of their neurons."""
    given = problem(loss, activation)
    return given._replace(model=given.model._replace(dropout=RATES))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_gradients_equal_central_differences_with_the_masks_held(loss, activation):
    """With one key and step the masks are the same each time, and the gradients those of the cost that they leave."""
    given = dropping(loss, activation)

    def cost(params):
        return float(step.gradients(given.model, params, given.batch, given.l2, None, NOISE, xp=np)[1][0])

    found, _ = step.gradients(*given, None, NOISE, xp=np)
    assert distance(found, differentiated(cost, given.params)) < DIFFERENCES
    assert distance(found, step.gradients(*given, xp=np)[0]) > 1e-3


def test_masks_leave_out_the_fraction_and_scale_the_rest():
    """Each layer has a mask of its own, 0 for its fraction of the neurons and 1 / (1 − p) for the others."""
    hidden = with_dropout((ACTIVATIONS["identity"],) * 3, (0.2, 0.0, 0.5), *NOISE)
    masks = [each.function(np.ones((400, 100)), xp=np) for each in hidden]
    assert [sorted(set(mask.reshape(-1))) for mask in masks] == [[0, 1.25], [1], [0, 2]]
    for mask, rate in ((masks[0], 0.2), (masks[2], 0.5)):
        assert (mask == 0).mean() == pytest.approx(rate, abs=0.01)
        assert mask.mean() == pytest.approx(1, abs=0.02)
    assert ((masks[0] == 0) == (masks[2] == 0)).mean() < 0.6


def test_clipping_is_of_what_dropout_leaves():
    """Clipped gradients with masks are those of the explicit tensor with the same masks."""
    given = dropping("cross_entropy", "tanh")
    model = given.model._replace(hidden=with_dropout(given.model.hidden, RATES, *NOISE))
    own = backprop.per_sample_gradients(*step.deltas(model, given.params, given.batch, xp=np))
    norms = np.sqrt(sum((array**2).sum(axis=tuple(range(1, array.ndim))) for layer in own for array in layer))
    bound = float(np.median(norms))
    share = given.batch.weight / given.batch.weight.sum() * np.minimum(1, bound / norms)
    wanted = tuple(tuple(np.tensordot(share, array, axes=1) for array in layer) for layer in own)
    found, _ = step.gradients(given.model, given.params, given.batch, None, bound, NOISE, xp=np)
    assert distance(found, wanted) < ROUNDING["float64"]


@pytest.mark.current
def test_gradients_are_the_same_on_every_backend(backend, float_dtype):
    """Any library draws the same masks, so that gradients and metrics are NumPy's."""
    given = dropping("cross_entropy", "sigmoid")
    key, number = NOISE
    noise = (Key(*map(backend.asarray, key)), backend.asarray(number))
    there = step.gradients(given.model, *on(backend, given[1:], float_dtype), None, noise, xp=backend.xp)
    wanted = step.gradients(*given, None, NOISE, xp=np)
    assert distance(host(backend, there), wanted) < ROUNDING[float_dtype]


@pytest.mark.skipif(not can_compile(), reason="there is no g++ to compile the kernels with")
def test_cudas_kernels_are_the_plain_steps(tmp_path, monkeypatch):
    """What CUDA's kernels do on the stand-in, masks in registers, is what NumPy does operation by operation."""
    driver, given, rule = stand_in(tmp_path, monkeypatch), dropping("cross_entropy", "tanh"), adam(0.01)
    key, count = NOISE
    carry = (given.params, step.State(rule.init(given.params, xp=np), count, np.asarray(0.01), None, key))
    rows = np.random.default_rng(0).integers(5, size=(5, 3))
    found, wanted = both(driver, step.training_step(given.model, rule), carry, given.batch, rows)
    assert distance(found, wanted) < ROUNDING["float64"]


def trained(average=None, network=None, **arguments):
    """All epochs of a short training with dropout; its last batch has a single row."""
    given = dict(batch_size=10, epochs=4, weight=WEIGHT, dtype="float64", l2=0.01) | arguments
    network = network or Network([6, 7, 9, 3], "tanh", dropout=RATES)
    return list(xpnet.epochs(network, (X, Y), xpnet.adam(0.01), average=average, **given))


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_a_training_is_the_same_on_every_library_engine_and_number_of_ranks(name):
    """Each comes to NumPy's plain numbers, and so do three members that share each batch."""
    try:
        backend = backends.resolve(name)
    except DeviceError as error:
        pytest.skip(str(error))
    wanted = trained(engine="plain")[-1]
    assert distance(wanted.params, trained(network=Network([6, 7, 9, 3], "tanh"))[-1].params) > 1e-2
    for engine in backend.engines:
        if not backend.missing(engine):
            given = dict(backend=name, engine=engine)
            ranks = together(3, lambda member: trained(member, **given))  # noqa: B023 (used at once)
            for epoch in (trained(**given)[-1], *(rank[-1] for rank in ranks)):
                assert distance(host(backend, epoch.params), wanted.params) < 1e-11


@pytest.mark.parametrize("engine", ["plain", "replay", "compiled"])
def test_a_training_resumes_bit_for_bit(engine):
    """Masks depend on the number of the step, so that a checkpoint continues to where it would have come."""
    if PLAIN.missing(engine):
        pytest.skip("needs llvmlite")
    whole = trained(engine=engine)
    later = trained(engine=engine, resume=whole[1].checkpoint)
    assert distance(later[-1].params, whole[-1].params) == 0
    assert distance(trained(engine=engine, seed=1, params=whole[0].params)[0].params, whole[1].params) > 0


@pytest.mark.skipif(bool(PLAIN.missing("compiled")), reason="needs llvmlite")
def test_masks_are_the_same_on_any_number_of_threads():
    """Compiled trainings that are large enough for several threads have the same bits on one, two and three."""
    rng = np.random.default_rng(8)
    x, y, network = rng.normal(size=(300, 200)), rng.integers(10, size=300), Network([200, 150, 130, 10], dropout=0.5)
    ends = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            given = dict(batch_size=150, epochs=2, dtype="float32", engine="compiled")
            ends.append(list(xpnet.epochs(network, (x, y), adam(0.01), **given))[-1])
    for end in ends[1:]:
        assert distance(end.params, ends[0].params) == 0
        assert end.cost == ends[0].cost


def test_predictions_leave_out_nothing():
    """Outputs, scores, costs and gradients of a network are those of the same network without dropout."""
    network, plain = Network([6, 7, 9, 3], "tanh", dropout=0.5), Network([6, 7, 9, 3], "tanh")
    params = network.init(0, dtype="float64")
    assert distance(network.predict(params, X), plain.predict(params, X)) == 0
    assert network.cost(params, X, Y) == plain.cost(params, X, Y)
    assert distance(network.gradients(params, X, Y), plain.gradients(params, X, Y)) == 0


def test_one_rate_is_that_of_every_layer():
    """The network has a fraction for each hidden layer, none where all are 0, and shows them."""
    assert Network([4, 5, 6, 2], dropout=0.5).dropout == (0.5, 0.5)
    assert Network([4, 5, 6, 2], dropout=[0.2, 0]).dropout == (0.2, 0.0)
    assert Network([4, 5, 6, 2], dropout=[0, 0.0]) == Network([4, 5, 6, 2])
    assert Network([4, 2], dropout=0.5).dropout == ()
    assert str(Network([4, 5, 6, 2], dropout=0.5)) == "4-5-6-2 (relu, softmax, dropout 0.5)"
    assert str(Network([4, 5, 6, 2], dropout=[0.2, 0.5])) == "4-5-6-2 (relu, softmax, dropout 0.2 0.5)"


@pytest.mark.parametrize("dropout", [1.0, -0.1, "0.5", None, [0.5], [0.5, 0.5, 0.5], float("nan")])
def test_other_rates_are_refused(dropout):
    """A fraction is at least 0 and below 1, and there are as many as hidden layers."""
    with pytest.raises(InputError, match=r"^dropout "):
        Network([4, 5, 6, 2], dropout=dropout)


def test_a_model_file_has_the_rates(tmp_path):
    """They are saved with the network, and a file from before has none."""
    network = Network([4, 5, 6, 2], dropout=[0.2, 0.5])
    serialization.save(tmp_path / "m", network, network.init())
    assert serialization.load(tmp_path / "m").network == network
    about = {"sizes": [4, 2], "activation": [], "loss": "cross_entropy", "input_scale": None, "classes": None}
    text = json.dumps({"xpnet": "0.1.0", "format": 1, "network": about, "configuration": {}})
    assert read_metadata(text)["network"]["dropout"] == []

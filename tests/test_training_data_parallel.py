"""Several trainings that share every batch are one training."""

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, host
from helpers.threads_as_ranks import together

import xpnet
from xpnet import Network, backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet.data import Data, load
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES
from xpnet.errors import DeviceError, InputError

TOLERANCE = ROUNDING["float64"]

SMOOTH = 1e-6
"""How far three epochs in float32 may be apart where no kink makes more of rounding."""

COUNTS = pytest.mark.parametrize("count", [1, 2, 3, 5])


def rows(n=41, k=3, seed=5):
    """Random rows with labels and weights."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 6)), rng.integers(k, size=n), rng.uniform(0.5, 2, n)


class Alone:
    """A member that has no others, and hands back the array that it is given."""

    def __init__(self):
        self.added = []

    def share(self, n):
        """All."""
        return slice(n)

    def agree(self, about):
        """Agreed."""

    def __call__(self, sums):
        """They are added up already."""
        self.added.append(sums)
        return sums


def trained(average=None, network=None, data=None, optimizer=None, **arguments):
    """All epochs of a short training: in batches of 10 the last one has a single row, which most have no share of."""
    x, y, weight = rows()
    given = dict(batch_size=10, epochs=3, weight=weight if data is None else None, dtype="float64") | arguments
    network, data = network or Network([6, 7, 3], "tanh"), data or (x, y)
    return list(xpnet.epochs(network, data, optimizer or xpnet.adam(0.01), average=average, **given))


def numbers(epoch):
    """What an epoch tells of costs and accuracies."""
    told = (epoch.cost, epoch.penalty, epoch.train_accuracy, epoch.validation_cost, epoch.validation_accuracy)
    return [number for number in (*told, epoch.test_accuracy) if number is not None]


def same(found, wanted, tolerance=TOLERANCE):
    """Whether two trainings came to the same, epoch by epoch, and the members of the first to one and the same."""
    for member in found:
        for epoch, other, first in zip(member, wanted, found[0], strict=True):
            backend = backends.of(epoch.params[0].w)
            carry, first_carry = ((e.params, e.checkpoint.slots, e.best_params) for e in (epoch, first))
            assert distance(host(backend, carry), host(backend, first_carry)) == 0
            there = backends.of(other.params[0].w)
            assert distance(host(backend, epoch.params), host(there, other.params)) < tolerance
            assert numbers(epoch) == pytest.approx(numbers(other), rel=10 * tolerance)
            assert epoch.checkpoint.steps == other.checkpoint.steps


@COUNTS
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_members_come_to_what_one_does(count, activation, engine):
    """Parameters, costs and accuracies, however many there are; and bit for bit the same for each of them."""
    network = Network([6, 7, 5, 3], activation)
    given = dict(network=network, engine=engine, l2=0.01, validation_fraction=0.2)
    same(together(count, lambda member: trained(member, **given)), trained(**given))


@pytest.mark.parametrize("name", backends.BACKENDS)
def test_on_every_library(name):
    """Each engine of each library comes to the numbers of one NumPy."""
    try:
        backend = backends.resolve(name)
    except DeviceError as error:
        pytest.skip(str(error))
    wanted = trained(l2=0.01)
    for engine in backend.engines:
        if not backend.missing(engine):
            same(together(2, lambda member: trained(member, backend=name, engine=engine, l2=0.01)), wanted)  # noqa: B023 (used at once)


@COUNTS
@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss(count, loss):
    """Test rows are evaluated together too; R² as well as accuracy."""
    x, y, _ = rows(k=2)
    data = Data(x, y, x[:11], y[:11])
    network = Network([6, 7, 1 + (loss == "cross_entropy")], "sigmoid", loss)
    given = dict(network=network, data=data, validation_fraction=0.1)
    same(together(count, lambda member: trained(member, **given)), trained(**given))


@pytest.mark.parametrize("optimizer", [xpnet.sgd(0.1), xpnet.momentum(), xpnet.nesterov(), xpnet.adamw()])
@pytest.mark.parametrize("l2_of", ["mean", "sum"])
def test_every_rule(optimizer, l2_of):
    """Weights, L2 of the mean and of the sum, and schedules mean the same."""
    given = dict(optimizer=optimizer._replace(learning_rate=xpnet.schedules.Step(0.1, 1)), l2=0.3, l2_of=l2_of)
    same(together(3, lambda member: trained(member, **given)), trained(**given))


def test_weights_that_are_all_zero_change_nothing():
    """A batch whose weights are 0, or a member's share of one, changes nothing for anybody."""
    weight = rows()[2]
    given = dict(weight=np.where(np.arange(41) < 15, 0.0, weight), shuffle=False, l2=0.1, l2_of="sum")
    same(together(2, lambda member: trained(member, **given)), trained(**given))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_float32(activation):
    """Three epochs of the digits are the same to six digits, in batches that two do not divide."""
    network, data = Network([64, 32, 10], activation, input_scale=16.0), load("digits")
    given = dict(network=network, data=data, batch_size=45, dtype="float32", optimizer=xpnet.sgd(0.1))
    same(together(2, lambda member: trained(member, **given)), trained(**given), SMOOTH)


def test_sparse_rows():
    """Sparse inputs are shared as dense ones are."""
    sparse = pytest.importorskip("scipy.sparse")
    x, y, _ = rows()
    given = dict(data=(sparse.csr_array(np.where(x > 0, x, 0)), y), backend="numpy", validation_fraction=0.2)
    same(together(2, lambda member: trained(member, **given)), trained(**given))


@pytest.mark.parametrize("later", [1, 3])
def test_a_checkpoint_goes_on_with_any_number(later):
    """What two began, one or three bring to the same end."""
    begun = together(2, lambda member: trained(member, epochs=2))[0][-1].checkpoint
    found = together(later, lambda member: trained(member, resume=begun, epochs=4))
    same(found, trained(epochs=4)[2:])


@pytest.mark.parametrize("engine", ["replay", "compiled"])
def test_captured_sums_are_written_into_one_buffer(engine):
    """Gradients, weights and metrics lie in one array, the same in every step, that nobody makes anew."""
    if engine == "compiled":
        pytest.importorskip("llvmlite")
    alone = Alone()
    trained(alone, engine=engine)
    assert alone.added[0].shape == (Network([6, 7, 3]).parameter_count + 3,)
    assert len(alone.added) == 15
    assert all(sums is alone.added[0] for sums in alone.added)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (dict(seed=1), "the seed"),
        (dict(batch_size=9), "batch_size"),
        (dict(epochs=4), "epochs"),
        (dict(l2=0.2), "l2"),
        (dict(l2_of="sum"), "l2_of"),
        (dict(clip_norm=1.0), "clip_norm"),
        (dict(engine="plain"), "the engine"),
        (dict(dtype="float32"), "dtype"),
        (dict(network=Network([6, 8, 3], "tanh")), "the network"),
        (dict(optimizer=xpnet.adam(0.02)), "the optimizer"),
        (dict(optimizer=xpnet.adam(0.01, beta1=0.8)), "the optimizer"),
        (dict(optimizer=xpnet.adam(xpnet.schedules.Constant(0.01))), "the optimizer"),
        (dict(data=rows(seed=6)[:2]), "the training data"),
        (dict(validation=rows(9)), "the validation data"),
        (dict(params=Network([6, 7, 3], "tanh").init(3)), "the start"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_the_same_is_told_before_the_first_step(change, what):
    """Seeds, data, configuration, engine and start are compared; nobody has trained when they differ."""
    members = {}

    def train(member):
        members[member.number] = member
        return trained(member, **(change if member.number else {}))

    with pytest.raises(InputError, match="not the same for all"):
        together(2, train)
    one, other = members[0], members[1]
    assert what in {name for name in one.told if one.told[name] != other.told[name]}
    assert one.added == other.added == []


def test_parameters_that_drift_apart_are_told():
    """Whoever adds up wrong is found out at the end of the epoch."""

    def train(member):
        class Wrong:
            share, agree = member.share, member.agree

            def __call__(self, sums):
                return member(sums) * (1 + 1e-9 * member.number)

        return trained(Wrong())

    with pytest.raises(InputError, match="not the same for all"):
        together(2, train)


def test_the_arrays_handed_in_stay_as_they_are():
    """Start parameters and those of an epoch are the caller's."""
    network = Network([6, 7, 3], "tanh")
    params = network.init(2, dtype="float64")
    before = map_arrays(np.copy, params)
    epochs = together(2, lambda member: trained(member, params=params))[0]
    kept = [map_arrays(np.copy, epoch.params) for epoch in epochs]
    assert distance(params, before) == 0
    assert distance(kept[0], kept[1]) > 0
    assert all(np.isfinite(array).all() for array in arrays_in(tuple(kept)))

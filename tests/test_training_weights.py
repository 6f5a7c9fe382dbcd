"""Sample weights of any size: only their proportions count."""

import numpy as np
import pytest

from xpnet import Network, backends, epochs, sgd
from xpnet._support.trees import arrays_in
from xpnet.data import Data, Stored
from xpnet.errors import DeviceError, InputError
from xpnet.training.rows import validation_split
from xpnet.training.stored_rows import cut

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("f4")
Y = np.arange(40) % 2
ONES = np.ones(40)
WAYS = [("numpy", "plain"), ("numpy", "replay"), ("numpy", "compiled"), ("torch", "plain"), ("jax", "plain")]
SIZES = [("f4", 1e-44), ("f4", 1e-40), ("f4", 5e37), ("f4", 1e38), ("f8", 1e-310), ("f8", 1e-40), ("f8", 3e307)]
NETWORK = Network([3, 4, 2])


def trained(weight, way=("numpy", "plain"), data=(X, Y), **terms):
    """All of the last epoch: parameters as a vector, and the record."""
    backend, engine = way
    try:
        backends.resolve(backend).with_engine(engine)
    except DeviceError as error:
        pytest.skip(str(error))
    given = dict(batch_size=8, epochs=2, weight=weight, backend=backend, engine=engine) | terms
    *_, epoch = epochs(NETWORK, data, sgd(0.1), **given)
    params = backends.moved(epoch.params, backends.resolve("numpy"))
    return np.concatenate([array.reshape(-1) for array in arrays_in(params)]), epoch


def proportions(size, dtype):
    """Weights of different rows, the largest of this size."""
    return (np.where(np.arange(40) % 3, 1.0, 0.5) * size).astype(dtype)


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_weights_of_any_size_train_alike(way, dtype, size):
    """Large ones, whose sum overflows, and tiny ones train as 1.0s do, on every backend and engine."""
    params, epoch = trained((ONES * size).astype(dtype), way)
    wanted, plain = trained(ONES, way)
    np.testing.assert_allclose(params, wanted, atol=1e-6)
    assert epoch.cost == pytest.approx(plain.cost, rel=1e-6)


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_costs_and_gradients_weight_alike(dtype, size):
    """What is asked of a network depends on the weights' proportions alone."""
    params, weight = NETWORK.init(dtype="float64"), proportions(size, dtype)
    shares = weight.astype("f8") / weight.astype("f8").max()
    assert NETWORK.cost(params, X, Y, weight=weight, l2=0.1) == pytest.approx(
        NETWORK.cost(params, X, Y, weight=shares, l2=0.1), rel=1e-6
    )
    pairs = zip(
        arrays_in(NETWORK.gradients(params, X, Y, weight=weight)),
        arrays_in(NETWORK.gradients(params, X, Y, weight=shares)),
        strict=True,
    )
    for found, wanted in pairs:
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("size", [1e-40, 3e307])
def test_weights_to_validate_with_and_of_rows_on_disk_are_scaled_too(tmp_path, size):
    """Validation costs and chunks of rows are weighted as with weights of 1."""
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    data = Data(Stored(tmp_path / "x.npy"), Stored(tmp_path / "y.npy"))

    def costs(size):
        weight = proportions(size, "f8")
        _, epoch = trained(weight, data=data, validation=(X, Y, weight), chunk_size=0.0002)
        return [epoch.cost, epoch.validation_cost]

    assert costs(size) == pytest.approx(costs(1.0), rel=1e-6)


@pytest.mark.parametrize("size", [2.0**-10, 3.0, 2.0**10])
def test_an_l2_term_of_the_sum_counts_beside_the_weights_as_they_came(size):
    """λ of the sum is divided by Σ s in the user's own unit, as if λ itself were divided by the weights' size."""
    params, epoch = trained(proportions(size, "f8"), l2=0.5, l2_of="sum")
    wanted, plain = trained(proportions(1.0, "f8"), l2=0.5 / size, l2_of="sum")
    np.testing.assert_allclose(params, wanted, rtol=1e-4, atol=1e-7)
    assert epoch.penalty == pytest.approx(plain.penalty, rel=1e-5)


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i4", "u8", "i8"])
def test_whole_weights_are_floats(library, dtype):
    """Integers of every kind weight as floats do, in a training and in what is asked of a network."""
    pytest.importorskip(library)
    array = backends.resolve(library).asarray
    whole, floats = (array((np.arange(40) % 3).astype(kind)) for kind in (dtype, "f4"))
    x, y = array(X), array(Y.astype("i4"))
    costs = [NETWORK.cost(NETWORK.init(), x, y, weight=weight) for weight in (whole, floats)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)
    params, wanted = (trained(weight, (library, "plain"), (x, y))[0] for weight in (whole, floats))
    np.testing.assert_allclose(params, wanted, atol=1e-6)


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("side", ["holds back", "leaves to train on"])
def test_held_out_rows_need_weight(tmp_path, on_disk, side):
    """Rows whose weights are all 0 have no cost to stop by, and none to train by: such a fraction is refused."""
    data = (X, Y)
    if on_disk:
        np.save(tmp_path / "x.npy", X)
        np.save(tmp_path / "y.npy", Y)
        data = Data(Stored(tmp_path / "x.npy"), Stored(tmp_path / "y.npy"))
        parts = [np.concatenate([np.arange(*run) for run in runs]) for runs in cut(40, 8, 0.1)]
    weight = np.ones(40)
    weight[(parts if on_disk else validation_split(40, 0.1, 0))[side == "holds back"]] = 0
    with pytest.raises(InputError, match=f"the rows that it {side} have only weights of 0"):
        trained(weight, data=data, validation_fraction=0.1, patience=2)

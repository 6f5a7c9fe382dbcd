"""Numbers in a form that every library and engine computes with."""

import numpy as np
import pytest

from xpnet import Network, backends, epochs, sgd
from xpnet.backends import BACKENDS
from xpnet.data import portable, readable, refuse_words, scaled_weights
from xpnet.errors import DeviceError, InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)) * 20
Y = np.arange(12) % 2
WAYS = [("numpy", "plain"), ("numpy", "replay"), ("numpy", "compiled"), ("torch", "plain"), ("jax", "plain")]


def trained(x, y=Y, way=("numpy", "plain"), loss="cross_entropy", **terms):
    """The parameters after two epochs, on the host, and the last cost."""
    backend, engine = way
    try:
        backends.resolve(backend).with_engine(engine)
    except DeviceError as error:
        pytest.skip(str(error))
    network = Network([3, 4, 2], loss=loss, input_scale=20.0)
    given = dict(batch_size=4, epochs=2, backend=backend, engine=engine) | terms
    *_, epoch = epochs(network, (x, y), sgd(0.1), **given)
    params = backends.moved(epoch.params, backends.resolve("numpy"))
    return np.concatenate([array.reshape(-1) for layer in params for array in layer]), epoch.cost


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("dtype", ["?", "f2", ">f4", ">f8", "longdouble", ">i4", "u8"])
def test_dtypes_that_few_libraries_have_train_as_those_that_all_have(dtype, way):
    """Booleans, halves, long doubles and bytes in another order are the same numbers on every backend and engine."""
    x = (abs(X) > 10 if dtype == "?" else abs(X)).astype(dtype)
    params, cost = trained(x, way=way, dtype="float32")
    wanted, wanted_cost = trained(x.astype("f8"), dtype="float32")
    np.testing.assert_allclose(params, wanted, atol=1e-5)
    assert cost == pytest.approx(wanted_cost, abs=1e-5)


@pytest.mark.parametrize("library", BACKENDS)
@pytest.mark.parametrize("of", ["x", "y", "y_validation"])
@pytest.mark.parametrize("kind", ["U4", "O", "M8[D]", "c8"])
def test_what_is_no_number_is_refused_on_every_backend(library, of, kind):
    """Strings, objects, dates and complex numbers end in one sentence, which names the array."""
    wrong = np.full(X.shape if of == "x" else Y.shape, "2020", "M8[D]") if kind == "M8[D]" else None
    wrong = (X if of == "x" else Y).astype(kind) if wrong is None else wrong
    x, y, validation = (wrong, Y, None) if of == "x" else (X, wrong, None) if of == "y" else (X, Y, (X, wrong))
    with pytest.raises(InputError, match=f"^{of} holds "):
        trained(x, y, (library, "plain"), validation=validation)


@pytest.mark.parametrize("library", BACKENDS)
@pytest.mark.parametrize("label", [2**32, 2**53, 2**63, 2**64 - 2])
def test_labels_that_32_bits_cannot_hold_are_refused_everywhere(library, label):
    """None of them wraps to one that is right."""
    y = np.full(12, label, "u8" if label >= 2**63 else "i8")
    for labels in (y, y[:, None]):
        with pytest.raises(InputError, match=f"y holds the label {label}"):
            trained(X, labels, (library, "plain"))


@pytest.mark.parametrize("of", ["x", "y", "weight", "x_validation", "weight of cost"])
def test_masked_numbers_are_refused(of):
    """What lies under a mask is no number; an array whose mask is empty is taken as it is."""
    network, weight = Network([3, 2]), np.ones(12)
    arrays = dict(x=X, y=Y, weight=weight)

    def ask(masked):
        if of == "x_validation":
            return trained(X, validation=(masked, Y))
        if of == "weight of cost":
            return network.cost(network.init(), X, Y, weight=masked)
        given = arrays | {of: masked}
        return trained(given.pop("x"), given.pop("y"), **given)

    plain = {"x_validation": X, "weight of cost": weight}.get(of, arrays.get(of))
    mask = np.zeros(plain.shape, bool)
    ask(np.ma.masked_array(plain, mask))
    mask.reshape(-1)[3:5] = True
    with pytest.raises(InputError, match=f"^{of.split()[0]} has 2 masked numbers; fill them"):
        ask(np.ma.masked_array(plain, mask))


def test_frames_of_nullable_numbers_are_their_numbers():
    """A data frame of pandas' nullable dtypes has the dtype that all of its columns fit in, and NaN for what lacks."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :2].astype("f4")).astype("Float32")
    assert readable(frame, name="x").dtype == np.float32
    np.testing.assert_array_equal(readable(frame, name="x"), X[:, :2].astype("f4"))
    frame["whole"] = pandas.array([1, None] * 6, dtype="Int64")
    read = readable(frame, name="x")
    assert np.isnan(read[1::2, 2]).all()
    assert (read[::2, 2] == 1).all()
    assert readable(pandas.Series([1, 2], dtype="Int8"), name="y").dtype == np.int8
    words = pandas.DataFrame({"a": pandas.array(["x"], dtype="string")})
    assert readable(words, name="x") is words
    with pytest.raises(InputError, match="x holds NaN in row 1, column 2"):
        trained(frame)
    np.testing.assert_array_equal(
        trained(pandas.DataFrame(X).astype("Float64"), pandas.Series(Y, dtype="Int64"))[0], trained(X)[0]
    )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_words_are_named(library):
    """In a training and a prediction alike; categories that are numbers, truth values and gaps are none of them."""
    frames = pytest.importorskip(library)
    columns = {"a": np.ones(12), "b": ["x", "y"] * 6, "c": np.ones(12) > 0, "d": ["u"] * 12}
    network = Network([4, 2])
    sentence = r"x holds no numbers in the columns b \(\w+\), d \(\w+\); leave them out, or make an input of each"
    with pytest.raises(InputError, match=sentence):
        trained(frames.DataFrame(columns))
    with pytest.raises(InputError, match=sentence):
        network.predict(network.init(), frames.DataFrame(columns))
    columns["b"] = columns["d"] = [1, 2] * 6
    refuse_words(frames.DataFrame(columns), name="x")
    if library == "pandas":
        refuse_words(frames.DataFrame(columns).astype({"b": "category", "d": "Int64"}), name="x")
    else:
        with pytest.raises(InputError, match=r"x is a LazyFrame, which holds no numbers yet; give x\.collect\(\)"):
            trained(frames.DataFrame(columns).lazy())


def test_arrays_of_every_librarys_dtypes_are_not_copied():
    """So are those of other libraries."""
    for array in (X, Y, X.astype("f4"), X > 0, [1.0], "word"):
        assert portable(array) is array


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-40, 0.3, 1.0, 1.5, 2.0, 1e30, 3e307])
def test_weights_are_scaled_by_a_power_of_two(size):
    """The largest is above ½ and 1 at most, and all are the same up to the factor, to the last bit."""
    weight = np.asarray([1.0, 0.75, 0.0]) * size
    scaled, factor = scaled_weights(weight, xp=np)
    assert 0.5 < scaled.max() <= 1
    exponent = np.frexp(scaled.max())[1] - np.frexp(weight.max())[1]
    assert np.ldexp(scaled, -exponent).tolist() == weight.tolist()
    assert factor == 2.0 ** min(exponent, 1023)
    again, nothing = scaled_weights(scaled, xp=np)
    assert nothing == 1
    assert again.tolist() == scaled.tolist()


@pytest.mark.parametrize("weight", [[-1.0], [0.0], [np.nan], [np.inf], [], [True]])
def test_what_are_no_weights_stay_as_they_are(weight):
    """They are refused by the check of weights."""
    scaled, factor = scaled_weights(np.asarray(weight), xp=np)
    np.testing.assert_array_equal(scaled, weight)
    assert factor == 1

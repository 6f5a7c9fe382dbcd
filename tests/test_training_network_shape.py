"""What a network is made of, and every sentence that refuses what does not fit it."""

from typing import get_args

import numpy as np
import pytest
from helpers.oracles import on

from xpnet import Network
from xpnet.equations import activations, losses
from xpnet.errors import InputError

X, Y = np.ones((4, 6)), np.asarray([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([784, 128, 10],), "784-128-10 (relu, softmax)"),
        (([784, 32, 32, 10], "sigmoid"), "784-32-32-10 (sigmoid, softmax)"),
        (([4, 3, 2, 5], ["tanh", "relu"], "binary_cross_entropy"), "4-3-2-5 (tanh, relu, sigmoid)"),
        (([6, 1], "relu", "squared_error"), "6-1 (identity)"),
        (([6, 2, 2, 1], "sigmoid", "binary_cross_entropy"), "6-2-2-1 (sigmoid)"),
        (([6, 2, 1], "tanh", "poisson"), "6-2-1 (tanh, exp)"),
    ],
)
def test_spelling(arguments, text):
    """A network is spelled as its sizes, with each activation once where that is clear."""
    assert str(Network(*arguments)) == text


def test_parameter_count():
    """Weights and biases are counted."""
    assert Network([784, 32, 32, 10]).parameter_count == 784 * 32 + 32 + 32 * 32 + 32 + 32 * 10 + 10


def test_equal_networks_are_equal():
    """Lists, tuples and NumPy integers make the same network, with an activation a layer."""
    net = Network([3, 4, 5, 2], "tanh")
    assert net == Network((3, np.int64(4), 5, 2), ["tanh", "tanh"])
    assert (net.sizes, net.activation) == ((3, 4, 5, 2), ("tanh", "tanh"))
    assert hash(net) == hash(Network((3, 4, 5, 2), "tanh"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(sizes=[5]), r"sizes is \[5\]; it needs two or more positive integers, inputs first"),
        (dict(sizes=[]), r"sizes is \[\]; it needs two or more"),
        (dict(sizes=4), r"sizes is 4; it needs two or more positive integers, inputs first"),
        (dict(sizes=[4, 8.0, 2]), r"sizes is \[4, 8\.0, 2\]; it needs two or more positive integers"),
        (dict(sizes="784"), "sizes is '784'; it needs two or more positive integers"),
        (dict(sizes=[5, 0, 2]), r"sizes is \[5, 0, 2\]; it needs two or more positive"),
        (dict(sizes=[5, 2], activation="rleu"), "activation is 'rleu'; it can be sigmoid, tanh, relu, identity"),
        (dict(sizes=[5, 4, 2], activation=["tanh", "relu"]), "activation has 2 names for 1 hidden layers; give one"),
        (dict(sizes=[5, 4, 2], activation=["swish"]), "activation is 'swish'"),
        (dict(sizes=[5, 2], loss="hinge"), "loss is 'hinge'; it can be cross_entropy, binary_cross_entropy"),
        (dict(sizes=[5, 4, 2], activation="logistic"), "activation is 'logistic'; use 'sigmoid', which is the same"),
        (dict(sizes=[5, 2], activation="linear"), "activation is 'linear'; use 'identity', which is the same"),
        (dict(sizes=[5, 2], loss="softmax"), "loss is 'softmax'; use 'cross_entropy', which is the same"),
        (dict(sizes=[5, 2], loss="categorical_crossentropy"), "use 'cross_entropy', which is the same"),
        (dict(sizes=[5, 2], loss="MSE"), "loss is 'MSE'; use 'squared_error', which is the same"),
        (dict(sizes=[5, 4, 2], activation=3), "activation is 3; it can be sigmoid, tanh, relu, identity"),
        (dict(sizes=[5, 2], input_scale="bytes"), "input_scale is 'bytes'; inputs are divided by it"),
        (
            dict(sizes=[5, 2], input_scale=0),
            "input_scale is 0; inputs are divided by it, so it must be a number",
        ),
        (dict(sizes=[5, 2], input_scale=-255.0), "input_scale is -255"),
        (dict(sizes=[5, 2], input_scale=float("nan")), "input_scale is nan"),
        (dict(sizes=[5, 1]), 'softmax over one output is always 1; use two outputs, or loss="binary_cross_entropy"'),
    ],
)
def test_what_makes_no_network(arguments, sentence):
    """Sizes, names and scales that make no network are refused with what is needed instead."""
    with pytest.raises(InputError, match=sentence):
        Network(**arguments)


def with_nan(array):
    """A copy with NaN in row 2, column 1."""
    array = array.copy()
    array[2, 1] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (dict(x=np.ones((4, 5))), r"x has 5 columns, but the network 6-3 \(softmax\) takes 6 inputs"),
        (dict(x=np.ones(6)), r"x has shape \(6,\) but needs two axes.*x\.reshape\(1, -1\)"),
        (dict(x=with_nan(X)), "x holds NaN in row 2, column 1"),
        (dict(x=np.ones((0, 6))), r"x has shape \(0, 6\): it is empty"),
        (dict(x=X.astype(complex)), "x holds complex128 but needs"),
        (dict(x=X.astype(str)), "x holds .* but needs"),
        (dict(x=[[1, 2], [3]]), "a list does not make an array: its rows differ in length"),
        (dict(y=Y[:3]), "y has 3 rows but x has 4; every sample needs one label"),
        (dict(y=Y + 1), "y holds the label 3; labels of 3 classes are 0 … 2"),
        (dict(y=Y - 1), "y holds the label -1"),
        (dict(y=Y.astype(float)), "y holds float64 but needs integers"),
        (dict(y=np.stack([Y, Y], 1)), r"labels are a vector\. Give the number of its class for each row"),
        (dict(weight=[1, 2, 3]), "weight has 3 rows but x has 4; every sample needs one weight"),
        (
            dict(weight={0: 1, 1: 2}),
            r"weight is a dict; give a weight for each row instead: \[weight\[label\]",
        ),
        (dict(y=Y.astype(str)), r"y holds .* but needs integers.*np\.unique\(y, return_inverse=True\)"),
        (dict(y=Y.astype(str).astype(object)), r"y holds object but needs integers.*np\.unique"),
        (dict(weight=[1, 2, 3, -1]), "weight must be 0 or more for every sample"),
        (dict(weight=[0, 0, 0, 0]), "weight must be .* above 0 for at least one"),
        (dict(weight=[1, 1, 1, np.inf]), "weight holds infinity in row 3"),
        (dict(weight=np.ones((4, 1))), r"weight has shape \(4, 1\) but needs one number per sample: a vector"),
    ],
)
def test_rows_that_do_not_fit(change, sentence):
    """Rows, labels and weights that do not fit the network, or each other, are refused and named."""
    net = Network([6, 3])
    given = dict(x=X, y=Y, weight=None) | change
    with pytest.raises(InputError, match=sentence):
        net.cost(net.init(), given["x"], given["y"], weight=given["weight"])


@pytest.mark.parametrize(
    ("loss", "y", "sentence"),
    [
        ("binary_cross_entropy", np.full((4, 3), 2.0), "y holds 2 in row 0, column 0 .* needs 0 or 1"),
        ("binary_cross_entropy", np.ones((4, 2)), r"y has shape \(4, 2\) but needs 3 columns"),
        ("squared_error", np.ones(4), r"y has shape \(4,\) but needs 3 columns, one per output"),
        ("poisson", np.full((4, 3), -1.0), "y holds -1 in row 0, column 0 .* needs counts, none below 0"),
    ],
)
def test_targets_that_the_loss_cannot_take(loss, y, sentence):
    """Targets of another shape or range than the loss's are refused."""
    net = Network([6, 3], loss=loss)
    with pytest.raises(InputError, match=sentence):
        net.score(net.init(), X, y)


def test_parameters_of_another_network():
    """Parameters of other shapes are refused with both shapes."""
    with pytest.raises(InputError, match=r"weights of shapes \[\(3, 5\)\], but the network 6-3 .* needs \[\(3, 6\)\]"):
        Network([6, 3]).predict(Network([5, 3]).init(), X)
    other = Network([6, 3]).init()
    with pytest.raises(InputError, match="params have"):
        Network([6, 3]).predict((other[0]._replace(b=np.zeros(4)),), X)


def test_parameters_may_be_pairs_of_arrays():
    """Lists and tuples of (w, b) are taken as the layers that they are."""
    net = Network([6, 3])
    params = net.init()
    for given in (list(params), [tuple(layer) for layer in params], tuple([w, b] for w, b in params)):
        np.testing.assert_array_equal(net.predict(given, X), net.predict(params, X))


@pytest.mark.parametrize("params", [None, 3, "weights", {"w": 1}, [1, 2], [(1, 2)], [("w", "b")], [(np.ones(3),)]])
def test_what_is_no_parameters(params):
    """Anything but pairs of arrays is refused with what to give."""
    with pytest.raises(InputError, match=r"params is a .*; give what init or epoch\.params holds, or a pair of arrays"):
        Network([6, 3]).predict(params, X)


def test_dtypes_and_devices_may_be_a_librarys_own():
    """`init` takes NumPy's and torch's dtypes, and torch's devices; any other dtype is refused."""
    net = Network([6, 3])
    for dtype in (np.float64, np.dtype("float64"), "float64"):
        assert net.init(dtype=dtype)[0].w.dtype == np.float64
    with pytest.raises(InputError, match=r"dtype is .*float16.*; it can be float32 or float64"):
        net.init(dtype=np.float16)
    torch = pytest.importorskip("torch")
    params = net.init(backend="torch", device=torch.device("cpu"), dtype=torch.float64)
    assert params[0].w.dtype == torch.float64


@pytest.mark.parametrize("seed", ["a", 1.5, None, -1])
def test_seeds_are_whole_numbers(seed):
    """Any other seed is refused."""
    with pytest.raises(InputError, match=r"seed is .*; it must be (a whole number, )?0 or more"):
        Network([6, 3]).init(seed)


def test_words_of_a_data_frame_are_no_labels():
    """A column of words is refused with what numbers the classes."""
    pandas = pytest.importorskip("pandas")
    net, words = Network([6, 3]), pandas.Series(["a", "b", "c", "a"])
    with pytest.raises(InputError, match=r"needs integers: number the classes, as names, y = np\.unique\(y, "):
        net.score(net.init(), pandas.DataFrame(X), words)


def test_names_are_those_of_the_tables():
    """What a type checker lets through is what is looked up, and a synonym means one of these."""
    tables = {
        activations.ActivationName: (activations.ACTIVATIONS, activations.SYNONYMS),
        losses.LossName: (losses.LOSSES, losses.SYNONYMS),
    }
    for names, (table, synonyms) in tables.items():
        assert get_args(names) == tuple(table)
        assert set(synonyms.values()) <= set(table)
        assert not set(synonyms) & set(table)


def test_regressions_have_no_classes():
    """To classify by a regression is refused."""
    with pytest.raises(InputError, match="loss='squared_error' predicts numbers, not classes; use predict"):
        Network([6, 3], loss="squared_error").classify((), X)


def test_rows_and_labels_of_two_libraries(backend):
    """Rows and labels of different libraries are refused and both kinds named, on every backend but NumPy's own."""
    net, y = Network([6, 3]), Y
    if backend.name == "numpy":
        pytest.importorskip("array_api_strict", reason="another library to mix with")
        import array_api_strict

        y = array_api_strict.asarray(Y)
    with pytest.raises(InputError, match=r"x is .* but y is .*; give both as arrays of one library on one device"):
        net.score(net.init(), on(backend, X, "float32"), y)

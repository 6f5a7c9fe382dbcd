"""Data in the shapes in which people and other libraries hand them over: taken where certain, else refused in words."""

import re

import numpy as np
import pytest

import xpnet
from xpnet import Data, Network
from xpnet.errors import InputError
from xpnet.training.data_shapes import as_data

X, Y = np.eye(6)[:, :4] + 0.5, np.asarray([0, 1, 2, 0, 1, 2])
NETWORK = Network([4, 3])


def train(data, network=NETWORK, **arguments):
    """Train an epoch."""
    return next(xpnet.epochs(network, data, xpnet.sgd(), **dict(batch_size=2, epochs=1) | arguments))


def refusal(data):
    """Sentence that refuses it, which is said before the first epoch."""
    with pytest.raises(InputError) as error:
        xpnet.epochs(NETWORK, data, xpnet.sgd(), batch_size=2, epochs=1)
    return str(error.value)


def test_keras_load_data_is_taken():
    """((x, y), (x_test, y_test)) is a data set, its images become rows and its column of labels a vector."""
    images = X.reshape(6, 2, 2)
    epoch = train(((images, Y[:, None]), (images[:3], Y[:3, None])))
    reference = train((X, Y, X[:3], Y[:3]))
    assert (epoch.cost, epoch.test_accuracy) == (reference.cost, reference.test_accuracy)
    np.testing.assert_array_equal(NETWORK.predict(epoch.params, images), NETWORK.predict(epoch.params, X))


def test_lists_of_rows_are_not_taken_for_keras_pairs():
    """Two rows and two targets in lists stay rows and targets."""
    network = Network([4, 3], loss="squared_error")
    data = ([X[0], X[1]], [np.ones(3), np.zeros(3)])
    assert train(data, network, dtype="float64").cost == train(tuple(map(np.asarray, data)), network).cost


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (X, r"data is one array, of shape \(6, 4\), without labels or targets; give \(x, y\)"),
        (X[:2], r"data is one array, of shape \(2, 4\)"),
        ((X,), r"data is a tuple of 1; give \(x, y\)"),
        ((X, Y, X, Y, X), r"data is a tuple of 5; give \(x, y\)"),
        (None, r"data is a NoneType; give \(x, y\)"),
        ("digits", r"data is a str; give \(x, y\)"),
        ((X, Y, np.ones(6)), r"data is three arrays; give \(x, y\), and the third, .*sample weights, as weight="),
        ((X, Y, [1.0] * 6), r"data is three arrays; .* as weight="),
        ((X, Y, X), r"data is three arrays; x_test comes without y_test; give \(x, y\), or \(x, y, x_test, y_test\)"),
        ((X, Y, None, Y), "y_test comes without x_test; test rows need both"),
        ((X, Y, X, None), "x_test comes without y_test; test rows need both"),
        (Data(X, Y, X), "x_test comes without y_test; test rows need both"),
        (Data(X, Y, x_validation=X), "x_validation comes without y_validation; validation rows need both"),
        ({"x": X, "y": Y}, r"data is a dict; give \(data\['x'\], data\['y'\]\)"),
        ({"data": X, "target": Y}, r"data is a dict; give \(data\['data'\], data\['target'\]\)"),
        ({"rows": X}, r"data is a dict; give \(x, y\), .* of the arrays in it"),
        (list(zip(X, Y, strict=True)), r"a pair \(row, target\) for each sample; .* map\(np.asarray, zip\(\*data\)\)"),
        (list(zip(X[:2], Y[:2], strict=True)), r"a pair \(row, target\) for each sample"),
        (zip(X, Y, strict=True), r"a pair \(row, target\) for each sample"),
        ((X, Y, X[:, :3], Y), "x_test has 3 columns, but the network"),
        ((X, Y, X, Y + 1), "y_test holds the label 3"),
        ((X, np.eye(3)[Y]), r"y holds float64 but needs integers\. Use y\.argmax\(axis=1\): these rows are one-hot"),
        ((X, np.eye(3, dtype=int)[Y]), r"y has shape \(6, 3\) but labels are a vector\. Use y\.argmax\(axis=1\)"),
        ((X, Y.astype(float)), r"y holds float64 but needs integers\. Use y\.astype\(int\): all are whole"),
        (
            (X, Y + 0.5),
            r"y holds float64 but needs integers\. .* a regression, Network\(\.\.\., loss='squared_error'\)",
        ),
        ((X, np.stack([Y, Y], axis=1)), r"labels are a vector\. Give the number of its class for each row"),
        ((X, np.asarray(list("abcabc"))), r"names, y = np\.unique\(y, return_inverse=True\)"),
    ],
)
def test_other_shapes(data, sentence):
    """Anything else is refused with what came and what to give."""
    assert re.search(sentence, refusal(data))


def advised(sentence, start):
    """Expression of a sentence from `start` on."""
    return re.search(rf"{re.escape(start)}.*?(?=[:;.] |\.$| if )", sentence)[0]


def test_the_advice_for_labels_works():
    """What the sentences about labels say makes labels of one-hot rows, floats and booleans."""
    for y in (np.eye(3)[Y], np.eye(3, dtype=int)[Y], Y.astype(float), Y[:, None].astype("f4")[:, 0], Y == 1):
        labels = eval(advised(refusal((X, y)), "y."), {"y": y})
        assert train((X, labels)).number == 1


def test_the_advice_for_words_works():
    """Labels that are words become numbers as the sentence says."""
    y = np.asarray(list("abcabc"))
    line = re.search(r"names, y = .*?\)", refusal((X, y)))[0]
    scope = {"np": np, "y": y}
    exec(line, scope)
    np.testing.assert_array_equal(scope["y"], Y)


def test_the_advice_for_pairs_works():
    """A list of pairs becomes two arrays as the sentence says."""
    data = list(zip(X, Y, strict=True))
    scope = {"np": np, "data": data}
    exec(re.search(r"x, y = .*\)", refusal(data))[0], scope)
    np.testing.assert_array_equal(scope["x"], X)


def test_data_frames_are_told_apart_from_their_target():
    """A frame with the target in it is refused, with two lines that take it apart."""
    pandas = pytest.importorskip("pandas")
    data = pandas.DataFrame(X, columns=list("abcd")).assign(label=Y)
    sentence = refusal(data)
    assert sentence.startswith("data is a DataFrame with the target in it")
    inputs, target = eval(re.search(r"\(data\.drop.*?\]\)", sentence)[0], {"data": data})
    assert train((inputs, target)).cost == train((X, Y)).cost


def test_tensor_datasets_are_taken():
    """PyTorch's TensorDataset of two tensors is rows and labels; another number of tensors is refused."""
    torch = pytest.importorskip("torch")
    from torch.utils.data import TensorDataset

    data = TensorDataset(torch.asarray(X), torch.asarray(Y))
    epoch = train(data)
    assert isinstance(epoch.params[0].w, torch.Tensor)
    assert epoch.cost == pytest.approx(train((X, Y)).cost)
    assert "TensorDataset of 1 tensors" in refusal(TensorDataset(torch.asarray(X)))


def test_data_loaders_are_refused_with_what_works():
    """Loaders and data sets of PyTorch's are refused with an expression that gives their arrays."""
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, Dataset, TensorDataset

    class Samples(Dataset):
        """Samples one by one, as torchvision has them."""

        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return X[i].reshape(1, 2, 2).astype("f4"), int(Y[i])

    for data in (Samples(), DataLoader(Samples(), batch_size=2)):
        whole = eval(re.search(r"next\(.*\)\)\)\)", refusal(data))[0], {"torch": torch, "data": data})
        assert train(whole).cost == pytest.approx(train((X.astype("f4"), Y)).cost)
    loader = DataLoader(TensorDataset(torch.asarray(X), torch.asarray(Y)), batch_size=2)
    assert "give its data set, data.dataset" in refusal(loader)
    assert as_data(loader.dataset).x_train.shape == (6, 4)


def test_validation_rows_of_the_data_are_validated_on():
    """A data set's own validation rows are used as the argument's would be, and not together with it."""
    data = Data(X, Y, x_validation=X[:2], y_validation=Y[:2])
    assert train(data).validation_cost == train((X, Y), validation=(X[:2], Y[:2])).validation_cost
    for asked in (dict(validation=(X, Y)), dict(validation_fraction=0.5)):
        with pytest.raises(InputError, match=f"{next(iter(asked))} is given, but the data have validation rows"):
            train(data, **asked)
    assert data.fingerprint() != Data(X, Y).fingerprint()

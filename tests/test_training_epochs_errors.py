"""Every sentence with which the loop refuses its arguments, said when it is called and not when it is first asked."""

import numpy as np
import pytest

import xpnet
from xpnet import Data, Network
from xpnet.errors import DeviceError, InputError

X, Y = np.eye(4), np.asarray([0, 1, 2, 0])
NETWORK = Network([4, 3])


def call(data=(X, Y), network=NETWORK, **arguments):
    """Call it without asking for an epoch."""
    return xpnet.epochs(network, data, xpnet.sgd(), **dict(batch_size=2, epochs=1) | arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(batch_size=10**400), "batch_size must be below 2⁶³"),
        (dict(batch_size=0), "batch_size is 0; it must be 1 or more"),
        (dict(epochs=0), "epochs is 0; it must be 1 or more"),
        (dict(seed=-1), "seed is -1; it must be 0 or more"),
        (dict(patience=0), "patience is 0; it must be 1 or more, or None to never stop early"),
        (dict(l2=-0.1), "l2 is -0.1; it must be 0 or more"),
        (dict(l2=float("nan")), "l2 is nan; it must be 0 or more"),
        (dict(l2=float("inf")), "l2 is inf; it must be 0 or more"),
        (dict(validation_fraction=1.5), "validation_fraction is 1.5; it must be at least 0 and below 1"),
        (dict(validation_fraction=1.0), "validation_fraction is 1.0; it must be"),
        (dict(validation_fraction=-0.1), "validation_fraction is -0.1; it must be"),
        (dict(validation_fraction=0.1), "validation_fraction is 0.1, which holds back 0 of 4 rows"),
        (dict(batch_size=None), "batch_size is None; it must be a whole number, 1 or more"),
        (dict(epochs=1.5), "epochs is 1.5; it must be a whole number, 1 or more"),
        (dict(seed="a"), "seed is 'a'; it must be a whole number, 0 or more"),
        (dict(patience="3"), "patience is '3'; it must be a whole number, 1 or more, or None to never stop early"),
        (dict(l2=None), "l2 is None; it must be a number, 0 or more"),
        (dict(l2="0.1"), "l2 is '0.1'; it must be a number"),
        (dict(validation_fraction="some"), "validation_fraction is 'some'; it must be a number"),
        (dict(validation=0.1), r"validation is 0.1; give rows \(x, y\) or .*, or validation_fraction=0.1"),
        (dict(validation=X), r"validation is a ndarray; give \(x, y\) or \(x, y, weight\)"),
        (dict(weight={0: 1, 1: 2}), r"weight is a dict; give a weight for each row instead: \[weight\[label\] for"),
        (dict(order=[0, 1, 2, 3]), r"order is a list; give an iterator with an array of row indices for each epoch"),
        (
            dict(resume="m.safetensors"),
            r"resume is 'm.safetensors'; give epoch.checkpoint, or .*load\(",
        ),
        (dict(l2_of="cost"), "l2_of is 'cost'; it can be mean or sum"),
        (dict(validation=[X]), r"validation holds 1 arrays; give \(x, y\) or \(x, y, weight\)"),
        (dict(validation=(X, Y), validation_fraction=0.5), "validation and validation_fraction are both given"),
        (dict(validation=(X[:, :3], Y)), "x_validation has 3 columns, but the network"),
        (dict(dtype="float16"), "dtype is 'float16'; it can be float32 or float64"),
        (dict(precision="bf16"), "precision is 'bf16'; it can be fp32 or tf32"),
        (dict(precision="tf32"), "precision tf32 needs a GPU, but numpy computes on cpu: use device cuda"),
        (dict(weight=[1, 1, 1]), "weight has 3 rows but x has 4; every sample needs one weight"),
        (dict(weight=[1, 1, 1, -1]), "weight must be 0 or more for every sample"),
        (dict(backend="tensorflow"), "backend 'tensorflow' is not one of auto, numpy, cupy, torch, jax"),
        (dict(device="gpu"), "device 'gpu'"),
        (dict(engine="fast"), "engine is 'fast'; it can be auto, plain, replay, compiled"),
        (dict(params=Network([5, 3]).init()), r"params have weights of shapes \[\(3, 5\)\], but the network 4-3"),
    ],
)
def test_arguments(arguments, sentence):
    """Numbers and names outside their range are refused with what they may be."""
    with pytest.raises(InputError, match=sentence):
        call(**arguments)


@pytest.mark.parametrize(
    ("optimizer", "sentence"),
    [
        (0.01, r"optimizer is 0.01; give adam\(0.01\), sgd\(0.01\) or another with that learning rate"),
        ("adam", r"optimizer is 'adam'; give adam\(\), with a learning rate or without"),
        (xpnet.adam, r"optimizer is the function adam; give adam\(\), with a learning rate or without"),
        (None, r"optimizer is None; give sgd\(0.1\), adam\(0.001\) or another"),
        (object(), r"optimizer is a object; give sgd\(0.1\), adam\(0.001\) or another"),
    ],
)
def test_optimizers(optimizer, sentence):
    """What is no optimizer is refused with the call that was meant."""
    with pytest.raises(InputError, match=sentence):
        xpnet.epochs(NETWORK, (X, Y), optimizer, batch_size=2, epochs=1)


def test_networks():
    """What is no network is refused."""
    with pytest.raises(InputError, match=r"network is the class Network; give a Network, such as Network\(\[784"):
        call(network=Network)


def test_an_epoch_is_not_its_checkpoint():
    """To resume an epoch itself is refused with what to give."""
    with pytest.raises(InputError, match=r"resume is an Epoch; give its checkpoint, epoch.checkpoint"):
        call(resume=next(call()), epochs=2)


def test_dtypes_and_devices_may_be_a_librarys_own():
    """NumPy's and torch's dtypes are taken, and torch's devices."""
    assert next(call(dtype=np.float32)).params[0].w.dtype == np.float32
    torch = pytest.importorskip("torch")
    made = call(backend="torch", device=torch.device("cpu"), dtype=torch.float32)
    assert next(made).params[0].w.dtype == torch.float32


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ((X[:, :3], Y), r"x has 3 columns, but the network 4-3 \(softmax\) takes 4 inputs"),
        ((X * np.nan, Y), "x holds NaN in row 0, column 0"),
        ((X, Y + 1), "y holds the label 3; labels of 3 classes are 0 … 2"),
        ((X, Y[:3]), "y has 3 rows but x has 4; every sample needs one label"),
        ((X, Y.astype(float)), "y holds float64 but needs integers"),
        ((np.ones((4, 4), object), Y), "x holds object"),
        (Data(X, Y + 1), "y_train holds the label 3"),
        (Data(X, Y, X[:, :3], Y), "x_test has 3 columns, but the network"),
        (Data(X, Y, X, Y + 1), "y_test holds the label 3"),
        (Data(X, Y, X, Y[:2]), "y_test has 2 rows but x_test has 4"),
        (Data(X, Y, input_scale=16.0), r"divided by 16, but the network divides them by 1; .*input_scale=16\)"),
        (Data(X.astype(np.uint8), Y, input_scale=1.0), "divided by 1, but the network divides them by 255"),
    ],
)
def test_data(data, sentence):
    """Rows and targets that do not fit are refused by the name that the caller gave them."""
    with pytest.raises(InputError, match=sentence):
        call(data)


def test_the_networks_scale_must_be_the_datas():
    """Data of bytes that are divided by 16 need a network that does so."""
    data = Data((16 * X).astype(np.uint8), Y, input_scale=16.0)
    with pytest.raises(InputError, match=r"divided by 16, but the network divides them by 255"):
        call(data)
    assert next(call(data, Network([4, 3], input_scale=16.0))).number == 1


def test_numpy_has_no_cuda():
    """A device that the backend does not have is found when it is called."""
    with pytest.raises(DeviceError, match="NumPy has no device cuda"):
        call(backend="numpy", device="cuda")


def test_two_libraries():
    """Rows and labels of two libraries are refused, unless a backend is named that both are to go to."""
    strict = pytest.importorskip("array_api_strict")
    data = (X, strict.asarray(Y))
    with pytest.raises(InputError, match=r"x is a numpy array on cpu but y is .*; give both as arrays of one library"):
        call(data)
    assert isinstance(next(call(data, backend="numpy")).params[0].w, np.ndarray)


def test_a_checkpoint_of_another_network():
    """A checkpoint whose parameters do not fit the network is refused."""
    other = next(call((np.eye(4)[:, :3], Y), Network([3, 3]))).checkpoint
    with pytest.raises(InputError, match=r"params have weights of shapes \[\(3, 3\)\], but the network 4-3"):
        call(resume=other, epochs=2)


def test_a_finished_training_has_nothing_to_do():
    """To resume at the last epoch, or where patience has run out, gives no epoch."""
    done = next(call()).checkpoint
    assert list(call(resume=done)) == []
    assert list(call(resume=done._replace(waited=2), epochs=5, patience=2)) == []


def test_epochs_have_a_length():
    """It is how many are still to come; none are, where patience has run out."""
    made = call(epochs=3)
    assert len(made) == 3
    done = next(made).checkpoint
    assert len(made) == 2
    assert len(call(epochs=3, resume=done)) == 2
    assert len(call(epochs=3, resume=done._replace(waited=2), patience=2)) == 0
    assert len(list(call(epochs=3))) == 3

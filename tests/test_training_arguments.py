"""Arguments of another kind than a call takes are refused in a sentence, never in Python's words."""

import numpy as np
import pytest

from xpnet import Network, adam, adamw, epochs, momentum, nesterov, schedules, sgd
from xpnet.errors import InputError

NETWORK = Network([3, 2])
X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
WRONG = [None, "x", "5", 1.5, True, -1, [1, 2], {0: 1.0}, np.nan, np.inf, 1j, np.ones(2), np.ones(()), object()]
TAKEN = {"patience": [None], "l2": [1.5, True, np.ones(())], "chunk_size": [1.5, True, np.ones(())], "engine": [None]}
TAKEN |= {name: [None] for name in ("backend", "order", "weight", "params", "resume", "average", "validation")}
TAKEN |= {"clip_norm": [None, 1.5, True, np.ones(())]}
TAKEN |= {"shuffle": [None, True, -1], "progress": [None, True, -1]}
NAMES = ("batch_size", "epochs", "seed", "patience", "l2", "chunk_size", "validation_fraction", "shuffle", "progress")
NAMES += (
    "engine",
    "backend",
    "precision",
    "l2_of",
    "clip_norm",
    "order",
    "weight",
    "params",
    "resume",
    "average",
    "validation",
)


def trained(optimizer=None, **terms):
    """The first epoch of a training."""
    return next(epochs(NETWORK, (X, Y), optimizer or sgd(0.1), **dict(batch_size=4, epochs=1) | terms))


def same(one, other):
    """Whether two values are the same one, of one type."""
    return (
        type(one) is type(other) and np.shape(one) == np.shape(other) and (one is other or bool(np.all(one == other)))
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_argument_of_a_training_is_taken_or_refused(name):
    """None, words, fractions, lists, dicts, NaN, complex numbers, arrays and any object, for each argument."""
    for value in WRONG:
        if any(same(value, taken) for taken in TAKEN.get(name, ())):
            trained(**{name: value})
        else:
            with pytest.raises(InputError):
                trained(**{name: value})


@pytest.fixture
def unchecked(request):
    """Tests of sentences that the session of shapes cannot run: it refuses such arguments before they are looked at."""
    if request.config.getoption("jaxtyping_packages", None):
        pytest.skip("the types of arguments are checked at run time")


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("make", [sgd, momentum, nesterov, adam, adamw])
@pytest.mark.parametrize("rate", [None, "0.01", -1, np.nan, np.inf, 1j, [0.1], 10**400])
def test_a_learning_rate_is_a_number_or_a_schedule(make, rate):
    """A string of digits is neither."""
    with pytest.raises(InputError, match=r"learning_rate is .*; it must be (a number, )?0 or more, or a schedule"):
        make(rate)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", ["beta1", "beta2", "epsilon", "weight_decay"])
@pytest.mark.parametrize("value", [None, "0.9", -1, np.nan, np.inf, 1j, [0.1]])
def test_settings_of_optimizers_are_numbers(name, value):
    """As are the momentum's."""
    with pytest.raises(InputError, match=f"^{name} is "):
        adamw(**{name: value})
    with pytest.raises(InputError, match=r"^momentum is "):
        nesterov(0.1, value)


@pytest.mark.parametrize("value", [None, "x", -1, np.nan, 1j])
def test_what_changes_a_rate_is_a_number_not_below_0(value):
    """A factor below 0 would lead uphill every other time."""
    for name, schedule in {
        "factor": schedules.Step,
        "power": schedules.InverseScaling,
        "warm_up": schedules.Cosine,
    }.items():
        with pytest.raises(InputError, match=f"^{name} is "):
            schedule(0.1, 2, value)
        with pytest.raises(InputError, match=r"^epochs is "):
            schedule(0.1, value)
        with pytest.raises(InputError, match=r"^learning_rate is "):
            schedule(value, 2)


@pytest.mark.parametrize("rate", [None, "x", -1.0, np.nan, np.inf])
def test_a_schedule_of_the_users_own_gives_numbers(rate):
    """A rate below 0 trains uphill, and NaN nowhere; both are refused when they come."""
    with pytest.raises(InputError, match=r"^the schedule's learning rate after 0.5 epochs is .*; it must be"):
        trained(sgd(lambda epoch: rate))


@pytest.mark.parametrize("ask", [NETWORK.cost, NETWORK.gradients])
@pytest.mark.parametrize("l2", ["1", -1, np.nan, 1j, [0.1]])
def test_l2_is_a_number(ask, l2):
    """In what is asked of a network as in a training."""
    with pytest.raises(InputError, match=r"^l2 is "):
        ask(NETWORK.init(), X, Y, l2=l2)


@pytest.mark.parametrize("dtype", [object, "c8", "i4", "U3"])
def test_parameters_are_real_numbers(dtype):
    """Complex ones gave complex predictions, words an error of NumPy's."""
    params = [(np.ones((2, 3)).astype(dtype), np.zeros(2).astype(dtype))]
    with pytest.raises(InputError, match=r"^params hold .* but need real floating-point numbers"):
        NETWORK.predict(params, X)


def test_dtypes_and_devices_of_libraries_are_taken():
    """NumPy's and torch's own objects mean what their names mean."""
    torch = pytest.importorskip("torch")
    for dtype in (np.float64, np.dtype("f8"), torch.float64):
        assert trained(dtype=dtype, device=torch.device("cpu")).params[0].w.dtype == np.float64


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_bound_beyond_the_dtype_is_its_last_number(library):
    """Gradients of float32 are never longer than 1e300: nothing is clipped; nor is any as short as 1e-300."""
    pytest.importorskip(library)
    terms = dict(backend=library, dtype="float32", engine="plain")
    plain, long, short = (trained(clip_norm=norm, **terms).params[0].w for norm in (None, 1e300, 1e-300))
    assert np.allclose(plain, long)
    assert np.allclose(short, NETWORK.init()[0].w)

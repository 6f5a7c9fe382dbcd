"""Activations have the textbook's values on every backend, and their derivatives are those of central differences."""

import numpy as np
import pytest
from helpers.oracles import DIFFERENCES, FUNCTIONS, ROUNDING, STEP, distance, host, on

from xpnet.backends import dtype_name
from xpnet.equations.activations import ACTIVATIONS, activation
from xpnet.errors import InputError

pytestmark = pytest.mark.current

Z = np.linspace(-6.0, 6.0, 24).reshape(4, 6)
NAMES = list(ACTIVATIONS)


def test_every_activation_has_an_oracle():
    """What is looked up by name is what bears the name, and none is left out here."""
    assert {name: activation.name for name, activation in ACTIVATIONS.items()} == {name: name for name in FUNCTIONS}


@pytest.mark.parametrize("name", NAMES)
def test_values_are_the_textbooks(backend, float_dtype, name):
    """σ(z) equals the plain formula on every backend, for moderate z."""
    a = ACTIVATIONS[name].function(on(backend, Z, float_dtype), xp=backend.xp)
    assert distance(host(backend, a), FUNCTIONS[name](Z)) < ROUNDING[float_dtype]


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_the_derivatives(name):
    """The derivative, told the activation a, equals central differences of the function at z."""
    function, derivative = ACTIVATIONS[name].function, ACTIVATIONS[name].derivative
    differences = (function(Z + STEP, xp=np) - function(Z - STEP, xp=np)) / (2 * STEP)
    assert distance(derivative(function(Z, xp=np), xp=np), differences) < DIFFERENCES


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_the_same_on_every_backend(backend, float_dtype, name):
    """The derivative on a backend equals NumPy's."""
    activation = ACTIVATIONS[name]
    derivative = activation.derivative(on(backend, FUNCTIONS[name](Z), float_dtype), xp=backend.xp)
    assert distance(host(backend, derivative), activation.derivative(FUNCTIONS[name](Z), xp=np)) < ROUNDING[float_dtype]


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(backend, name):
    """Neither function nor derivative widens its argument."""
    a = ACTIVATIONS[name].function(on(backend, Z, "float32"), xp=backend.xp)
    assert dtype_name(a) == dtype_name(ACTIVATIONS[name].derivative(a, xp=backend.xp)) == "float32"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_large_inputs_give_finite_values_without_a_warning(name, dtype):
    """Up to |z| = 1e30 a is finite and rises with z, and the derivative is finite."""
    z = np.asarray([[-1e30, -1e6, -1e4, -100.0, -80.0, 80.0, 100.0, 1e4, 1e6, 1e30]], dtype)
    a = ACTIVATIONS[name].function(z, xp=np)
    assert np.isfinite(a).all()
    assert (np.diff(a) >= 0).all()
    assert np.isfinite(ACTIVATIONS[name].derivative(a, xp=np)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sigmoid_saturates(dtype):
    """Far out it is 1 and nearly 0, and its derivative 0 and nearly 0."""
    a = ACTIVATIONS["sigmoid"].function(np.asarray([[1e4, -1e4]], dtype), xp=np)
    assert a[0, 0] == 1
    assert 0 < a[0, 1] < 1e-34
    assert ACTIVATIONS["sigmoid"].derivative(a, xp=np).tolist() == [[0.0, a[0, 1]]]


def test_a_relu_is_flat_at_zero():
    """At the kink the derivative is the left one, 0, as in torch and JAX."""
    assert ACTIVATIONS["relu"].derivative(np.asarray([[0.0, 1e-300]]), xp=np).tolist() == [[0.0, 1.0]]


def test_gains_of_kinked_activations_keep_the_second_moment():
    """ReLU, which passes on half of it, starts from weights √2 times as wide, its kin likewise, all others from 1."""
    z = np.random.default_rng(0).normal(size=(10**6, 1))
    for name in (*NAMES, "leaky_relu:0.5", "elu:0.3"):
        entry = activation(name)
        kept = np.mean(entry.function(z, xp=np) ** 2) if entry.name in ("relu", "leaky_relu", "elu") else 1
        assert entry.gain == pytest.approx(kept**-0.5, rel=5e-3)


@pytest.mark.parametrize("name", ["leaky_relu:0.3", "leaky_relu:0", "leaky_relu:1", "elu:0.5", "elu:2"])
def test_a_number_behind_the_colon_is_the_slope_or_alpha(name):
    """The number changes what lies below 0, and the derivative with it."""
    entry, kind, number = activation(name), *name.split(":")
    wanted = {"leaky_relu": lambda z: float(number) * z, "elu": lambda z: float(number) * (np.exp(z) - 1)}[kind]
    assert (entry.name, entry.number) == (kind, float(number))
    assert distance(entry.function(Z, xp=np), np.where(Z > 0, Z, wanted(Z))) < ROUNDING["float64"]
    differences = (entry.function(Z + STEP, xp=np) - entry.function(Z - STEP, xp=np)) / (2 * STEP)
    assert distance(entry.derivative(entry.function(Z, xp=np), xp=np), differences) < DIFFERENCES
    assert activation(name) is entry


@pytest.mark.parametrize("name", ["gelu", "SiLU", "swish"])
def test_an_activation_whose_derivative_a_does_not_tell_is_refused(name):
    """GELU and SiLU fall and then rise, so that a does not tell which z it came from."""
    with pytest.raises(InputError, match=f"activation is '{name}', whose derivative is no function of a, .*'elu'"):
        activation(name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("relu:2", "relu takes no number; leave out the colon"),
        ("leaky_relu:-1", "behind the colon stands the slope below 0, from 0 to 1"),
        ("elu:nan", "behind the colon stands α, above 0"),
        ("elu:", "behind the colon stands α"),
        ("LeakyReLU:0.2", "use 'leaky_relu:0.2', which is the same"),
        ("none:2:3", "use 'identity:2:3'"),
        (":3", "it can be sigmoid, tanh"),
    ],
)
def test_a_number_that_makes_no_activation_is_refused(name, sentence):
    """A number where there is none, one out of range and one that is no number each have a sentence."""
    with pytest.raises(InputError, match=sentence):
        activation(name)

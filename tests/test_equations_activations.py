"""Activations have the textbook's values on every backend, and their derivatives are those of central differences."""

import numpy as np
import pytest
from helpers.oracles import DIFFERENCES, FUNCTIONS, ROUNDING, STEP, distance, host, on

from xpnet.backends import dtype_name
from xpnet.equations.activations import ACTIVATIONS

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


def test_gain_is_one_but_for_relu():
    """Only ReLU, which passes on half the variance, starts from weights √2 times as wide."""
    gains = {name: activation.gain for name, activation in ACTIVATIONS.items()}
    assert gains == pytest.approx({"sigmoid": 1, "tanh": 1, "relu": 2**0.5, "identity": 1})

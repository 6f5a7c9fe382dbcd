"""The post's equations, by number, against central differences in float64: (1)-(6) as loops, (7)-(13) as vectors.

Vectors are columns of one sample, as in the post; xpnet's batch of rows is held to them.
"""

import numpy as np
import pytest
from helpers.oracles import DIFFERENCES, distance
from helpers.post_reference import LAST, Net, sigmoid


def slope(a):
    """σ′ from the activation: a(1 − a)."""
    return a * (1 - a)


def dC_da(s, layer):
    """(12), and (13) for the layer before the last."""
    if layer == LAST - 1:
        return s.w[LAST].T @ (s.a[LAST] - s.y)
    return s.w[layer + 1].T @ (slope(s.a[layer + 1]) * dC_da(s, layer + 1))


def printed_slope(a):
    """σ′ as the post prints it: σ(a)(1 − σ(a))."""
    return sigmoid(a) * (1 - sigmoid(a))


@pytest.fixture(scope="module")
def net():
    """The net of 6-5-4-3 neurons: sigmoid, sigmoid, softmax."""
    return Net()


HIDDEN = pytest.mark.parametrize("layer", [1, 2])


@HIDDEN
@pytest.mark.parametrize("number", [1, 4])
def test_equations_1_and_4(net, layer, number):
    """∂C/∂wᵢⱼ = ∂zᵢ/∂wᵢⱼ · ∂aᵢ/∂zᵢ · ∂C/∂aᵢ (1), where ∂zᵢ/∂wᵢⱼ is aⱼ of the layer before (4)."""

    def equation(s):
        a_prev, da_dz, dC_da = s.a[layer - 1], s.da_dz(layer), s.dC_da(layer)
        dC_dw = np.empty(s.w[layer].shape)
        for i, j in np.ndindex(dC_dw.shape):
            dz_dw = s.dz_d(layer, "w", i)[j] if number == 1 else a_prev[j, 0]
            dC_dw[i, j] = dz_dw * da_dz[i] * dC_da[i, 0]
        return dC_dw

    net.check(equation, lambda s: s.dC_dw(layer))


@HIDDEN
@pytest.mark.parametrize("number", [2, 5])
def test_equations_2_and_5(net, layer, number):
    """∂C/∂bᵢ = ∂zᵢ/∂bᵢ · ∂aᵢ/∂zᵢ · ∂C/∂aᵢ (2), where ∂zᵢ/∂bᵢ is 1 (5)."""

    def equation(s):
        da_dz, dC_da = s.da_dz(layer), s.dC_da(layer)
        dC_db = np.empty(s.b[layer].shape)
        for i in range(len(dC_db)):
            dz_db = s.dz_d(layer, "b", i)[0] if number == 2 else 1
            dC_db[i, 0] = dz_db * da_dz[i] * dC_da[i, 0]
        return dC_db

    net.check(equation, lambda s: s.dC_db(layer))


@pytest.mark.parametrize("number", [3, 6])
def test_equations_3_and_6(net, number):
    """∂C/∂aᵢ = Σₖ ∂zₖ/∂aᵢ · ∂aₖ/∂zₖ · ∂C/∂aₖ, k in the next layer (3), where ∂zₖ/∂aᵢ is wₖᵢ (6)."""

    def equation(s):
        w, da_dz, dC_da = s.w[2], s.da_dz(2), s.dC_da(2)
        found = np.zeros(s.a[1].shape)
        for k, i in np.ndindex(w.shape):
            dz_da = s.dz_d(2, "a", k)[i] if number == 3 else w[k, i]
            found[i, 0] += dz_da * da_dz[k] * dC_da[k, 0]
        return found

    net.check(equation, lambda s: s.dC_da(1))


def test_equation_7(net):
    """∂C/∂z = a − y in the last layer."""
    net.check(lambda s: s.a[3] - s.y, lambda s: s.dC_dz(3), rows=net.dC_dz[3])


def test_equation_8(net):
    """∂C/∂w = (a − y) · aᵀ in the last layer, with a of the layer before."""
    net.check(lambda s: (s.a[3] - s.y) @ s.a[2].T, lambda s: s.dC_dw(3), mean=net.gradients[3].w)


def test_equation_9(net):
    """∂C/∂b = a − y in the last layer."""
    net.check(lambda s: s.a[3] - s.y, lambda s: s.dC_db(3), mean=net.gradients[3].b)


@HIDDEN
def test_equation_10(net, layer):
    """∂C/∂w = (σ′(a) ⊙ ∂C/∂a) · aᵀ in the layers before, with a of the layer before each."""
    net.check(
        lambda s: (slope(s.a[layer]) * dC_da(s, layer)) @ s.a[layer - 1].T,
        lambda s: s.dC_dw(layer),
        mean=net.gradients[layer].w,
    )


@HIDDEN
def test_equation_11(net, layer):
    """∂C/∂b = σ′(a) ⊙ ∂C/∂a in the layers before; it is ∂C/∂z too."""
    net.check(
        lambda s: slope(s.a[layer]) * dC_da(s, layer),
        lambda s: s.dC_db(layer),
        rows=net.dC_dz[layer],
        mean=net.gradients[layer].b,
    )


def test_equation_12(net):
    """∂C/∂a = wᵀ · (σ′(a) ⊙ ∂C/∂a), with w and, on the right, a of a next layer that is not the last."""
    net.check(lambda s: dC_da(s, 1), lambda s: s.dC_da(1), rows=net.dC_da[1])


def test_equation_13(net):
    """∂C/∂a = wᵀ · (a − y), with w, a of the last layer, in the layer before it."""
    net.check(lambda s: dC_da(s, 2), lambda s: s.dC_da(2), rows=net.dC_da[2])


def test_the_printed_slope_is_not_the_derivative(net):
    """With σ′(a) = σ(a)(1 − σ(a)) the hidden layers' gradients are off by 29 % and more; the last one's are exact."""
    for sample in net.samples:
        found = {3: sample.a[3] - sample.y}
        for layer in (2, 1):
            found[layer] = printed_slope(sample.a[layer]) * (sample.w[layer + 1].T @ found[layer + 1])
            assert distance(found[layer], sample.dC_db(layer)) > 0.2
            assert distance(found[layer] @ sample.a[layer - 1].T, sample.dC_dw(layer)) > 0.2
        assert distance(found[3], sample.dC_db(3)) < DIFFERENCES

"""Forward pass, deltas, and what is made of them: a batch's gradients, each sample's, and their norms."""

import numpy as np
import pytest
from helpers.oracles import OUTPUTS, ROUNDING, distance, host, on, problem, weighted_inputs

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Layer
from xpnet.equations import backprop, step
from xpnet.equations.activations import ACTIVATIONS
from xpnet.equations.losses import LOSSES

pytestmark = pytest.mark.current

LOSS = pytest.mark.parametrize("loss", list(LOSSES))


def passes(backend, dtype, loss, activation="sigmoid", share=1):
    """The forward pass and the deltas of a problem on a backend, and the problem."""
    given = problem(loss, activation)
    params, batch = on(backend, given[1:3], dtype)
    hidden, output = given.model.hidden, given.model.loss.activation
    a, z = backprop.forward(params, batch.x, hidden, output, xp=backend.xp)
    if share is None:
        share = step.shares(batch.weight, batch.y, xp=backend.xp)
    return given, a, z, backprop.backward(params, a, batch.y, hidden, share, given.model.loss.dC_dz, xp=backend.xp)


@LOSS
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_the_forward_pass_keeps_every_activation(loss, activation):
    """a[0] is the input, a[-1] the output, and z is what the output was made of."""
    given = problem(loss, activation)
    params, x = given.params, given.batch.x
    a, z = backprop.forward(params, x, given.model.hidden, given.model.loss.activation, xp=np)
    wanted = weighted_inputs(params, x, activation)
    assert a[0] is x
    assert [array.shape for array in a] == [(5, 6), (5, 5), (5, 4), (5, 3)]
    assert distance((z, a[-1]), (wanted[-1], OUTPUTS[loss](wanted[-1]))) < ROUNDING["float64"]


def test_an_activation_for_each_hidden_layer_is_needed():
    """Parameters and activations that differ in number are refused."""
    given = problem("squared_error")
    with pytest.raises(ValueError, match="zip"):
        backprop.forward(given.params, given.batch.x, given.model.hidden[:1], given.model.loss.activation, xp=np)


@LOSS
def test_each_samples_gradients_are_those_of_its_row_alone(loss):
    """A row's own gradients are what a batch of only that row gives."""
    given = problem(loss)
    a, _ = backprop.forward(given.params, given.batch.x, given.model.hidden, given.model.loss.activation, xp=np)
    unmatched = given.model.loss.dC_dz
    dC_dz = backprop.backward(given.params, a, given.batch.y, given.model.hidden, unmatched=unmatched, xp=np)
    own = backprop.per_sample_gradients(dC_dz, a)
    for i in range(5):
        row = map_arrays(lambda array, i=i: array[i : i + 1], given.batch)
        alone, _ = step.gradients(given.model, given.params, row, None, xp=np)
        assert distance(map_arrays(lambda array, i=i: array[i], own), alone) < ROUNDING["float64"]


@LOSS
def test_each_samples_gradients_average_to_the_batchs(backend, float_dtype, loss):
    """Weighted by their shares sᵢ / Σ s, the samples' own gradients add up to the batch's, on every backend."""
    given, a, _, dC_dz = passes(backend, float_dtype, loss)
    own = host(backend, backprop.per_sample_gradients(dC_dz, a))
    share = given.batch.weight / given.batch.weight.sum()
    mean = map_arrays(lambda array: np.tensordot(share, array, axes=1), own)
    _, a, _, dC_dz = passes(backend, float_dtype, loss, share=None)
    assert distance(host(backend, backprop.gradients(dC_dz, a, xp=backend.xp)), mean) < ROUNDING[float_dtype]


@LOSS
def test_norms_are_those_of_each_samples_gradients(backend, float_dtype, loss):
    """The norms, for which no gradient is made, equal those of the gradients, on every backend."""
    _, a, _, dC_dz = passes(backend, float_dtype, loss, "tanh")
    norms = backprop.per_sample_gradient_norms(dC_dz, a, xp=backend.xp)
    own = host(backend, backprop.per_sample_gradients(dC_dz, a))
    wanted = tuple(Layer(w=np.linalg.norm(w, axis=(1, 2)), b=np.linalg.norm(b, axis=1)) for w, b in own)
    assert distance(host(backend, norms), wanted) < ROUNDING[float_dtype]


def test_a_share_scales_every_delta():
    """All deltas of a sample are linear in its share; one of 0 silences it."""
    given = problem("cross_entropy")
    a, _ = backprop.forward(given.params, given.batch.x, given.model.hidden, given.model.loss.activation, xp=np)
    share = np.asarray([[0.0], [1.0], [0.5], [2.0], [-1.0]])
    whole, scaled = (
        backprop.backward(given.params, a, given.batch.y, given.model.hidden, by, xp=np) for by in (1, share)
    )
    assert distance(tuple(scaled), tuple(share * delta for delta in whole)) < ROUNDING["float64"]


def test_shapes_are_those_of_the_parameters():
    """Gradients have the parameters' type and shapes, and each sample's own have a row for each sample before them."""
    given, a, _, dC_dz = passes(backends.resolve("numpy"), "float64", "poisson")
    shapes = [array.shape for array in arrays_in(given.params)]
    assert [array.shape for array in arrays_in(backprop.gradients(dC_dz, a, xp=np))] == shapes
    own, norms = backprop.per_sample_gradients(dC_dz, a), backprop.per_sample_gradient_norms(dC_dz, a, xp=np)
    assert [array.shape for array in arrays_in(own)] == [(5, *shape) for shape in shapes]
    assert [array.shape for array in arrays_in(norms)] == [(5,)] * len(shapes)
    assert all(type(layer) is Layer for layer in (*own, *norms))

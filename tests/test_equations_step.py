"""The training step: a pure function, made of the objective's gradients and the optimizer's update."""

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, host, on, problem

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Batch, Layer
from xpnet.equations import step
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import adam, momentum, sgd

pytestmark = pytest.mark.current

TOLERANCE = ROUNDING["float64"]
LOSS = pytest.mark.parametrize("loss", list(LOSSES))


def prepared(optimizer, params, l2=None, backend=None, dtype="float64", learning_rate=0.1):
    """A first carry on a backend, and its namespace."""
    backend = backend or backends.resolve("numpy")
    params = on(backend, params, dtype)
    rate, l2 = on(backend, (np.asarray(learning_rate), None if l2 is None else np.asarray(l2)), dtype)
    return params, step.State(optimizer.init(params, xp=backend.xp), backend.asarray(np.asarray(0, "int32")), rate, l2)


def gradients(given, batch, l2=None):
    """NumPy's gradients of a batch."""
    return step.gradients(given.model, given.params, batch, l2, xp=np)[0]


@LOSS
def test_a_step_is_gradients_and_then_an_update(backend, float_dtype, loss):
    """Two steps equal the optimizer's updates with the gradients, by hand in NumPy, on every backend."""
    given, optimizer = problem(loss), momentum()
    carry = prepared(optimizer, given.params, 0.1, backend, float_dtype)
    run = step.training_step(given.model, optimizer)
    batch = on(backend, given.batch, float_dtype)
    params, slots = given.params, optimizer.init(given.params, xp=np)
    for t in (1, 2):
        carry, metrics = run(carry, batch, xp=backend.xp)
        found, wanted = step.gradients(given.model, params, given.batch, given.l2, xp=np)
        params, slots = optimizer.update(found, slots, params, 0.1, np.asarray(t), xp=np)
        there, state = host(backend, carry)
        assert distance((there, state.slots, host(backend, metrics)), (params, slots, wanted)) < ROUNDING[float_dtype]
        assert (state.count, state.learning_rate, state.l2) == (t, pytest.approx(0.1), pytest.approx(0.1))


@LOSS
def test_without_weights_and_l2_the_cost_is_the_mean(loss):
    """Weights that are all the same and an L2 of 0 change nothing."""
    given = problem(loss)
    plain = step.gradients(given.model, given.params, given.batch._replace(weight=None), None, xp=np)
    same = step.gradients(given.model, given.params, given.batch._replace(weight=np.full(5, 3.0)), 0.0, xp=np)
    *same_metrics, penalty = same[1]
    assert distance((same[0], tuple(same_metrics)), plain) < TOLERANCE
    assert penalty == 0


@LOSS
@pytest.mark.parametrize("factor", [10.0, 1e-20])
def test_only_the_proportions_of_weights_count(backend, float_dtype, loss, factor):
    """Weights s and 10 s, or s and 1e-20 s, give the same gradients and cost, on every backend."""
    given = problem(loss)
    params = on(backend, given.params, float_dtype)
    one, other = (
        host(backend, step.gradients(given.model, params, on(backend, batch, float_dtype), None, xp=backend.xp))
        for batch in (given.batch, given.batch._replace(weight=factor * given.batch.weight))
    )
    assert distance(other, one) < ROUNDING[float_dtype]


@LOSS
def test_whole_weights_are_rows_repeated(loss):
    """A row with weight 3 counts as three rows, one with weight 0 as none."""
    given, times = problem(loss), np.asarray([3, 0, 1, 2, 1])
    weighted = given.batch._replace(weight=times.astype(float))
    repeated = Batch(given.batch.x.repeat(times, axis=0), given.batch.y.repeat(times, axis=0))
    assert distance(gradients(given, weighted), gradients(given, repeated)) < TOLERANCE


@LOSS
@pytest.mark.parametrize("optimizer", [sgd(), adam()], ids=["sgd", "adam"])
@pytest.mark.parametrize("l2", [None, 0.1], ids=["no L2", "L2 of the sum"])
def test_weights_that_are_all_zero_change_nothing(backend, float_dtype, loss, optimizer, l2):
    """Such a batch costs 0 and leaves the parameters as they are, with L2 of the sum of its costs too."""
    given = problem(loss)
    carry = prepared(optimizer, given.params, l2, backend, float_dtype)
    batch = on(backend, given.batch._replace(weight=np.zeros(5)), float_dtype)
    (params, _), (cost, *_) = step.training_step(given.model, optimizer, "sum")(carry, batch, xp=backend.xp)
    assert distance(host(backend, params), host(backend, carry[0])) == 0
    assert float(cost) == 0


@LOSS
@pytest.mark.parametrize("weighted", [True, False], ids=["weights", "no weights"])
def test_l2_of_the_sum_is_divided_like_the_costs(backend, float_dtype, loss, weighted):
    """λ of the sum of the costs is λ / Σ s of their mean, λ / n without weights, in parameters, cost and penalty."""
    given = problem(loss)
    batch = given.batch if weighted else given.batch._replace(weight=None)
    divisor = given.batch.weight.sum() if weighted else 5
    carry = prepared(sgd(), given.params, 0.7, backend, float_dtype)
    found = step.training_step(given.model, sgd(), "sum")(carry, on(backend, batch, float_dtype), xp=backend.xp)
    wanted = step.training_step(given.model, sgd())(prepared(sgd(), given.params, 0.7 / divisor), batch, xp=np)
    (params, _), metrics = host(backend, found)
    assert distance((params, metrics), (wanted[0][0], wanted[1])) < ROUNDING[float_dtype]


@LOSS
def test_the_penalty_is_told_apart(loss):
    """The third metric is what L2 adds to the cost; without L2 there is none."""
    given = problem(loss)
    (cost, error, penalty), plain = (
        step.gradients(given.model, given.params, given.batch, l2, xp=np)[1] for l2 in (0.3, None)
    )
    assert penalty == pytest.approx(0.15 * sum((w**2).sum() for w, _ in given.params))
    assert (cost - penalty, error) == pytest.approx(plain)


@LOSS
def test_l2_is_for_weights_and_not_for_biases(loss):
    """λ adds λ w to each weight's gradient and nothing to a bias's."""
    given = problem(loss)
    with_l2, without = gradients(given, given.batch, 0.3), gradients(given, given.batch)
    added = tuple(Layer(a.w - b.w, a.b - b.b) for a, b in zip(with_l2, without, strict=True))
    wanted = tuple(Layer(0.3 * w, np.zeros(b.shape)) for w, b in given.params)
    assert distance(added, wanted) < TOLERANCE


@pytest.mark.parametrize("jitted", [False, True])
def test_rate_and_l2_are_read_from_the_state(jitted):
    """One step object, compiled or not, follows the state that it is given, and is compiled once for all of them."""
    given, backend, traced = problem("cross_entropy"), backends.resolve("numpy"), []
    if jitted:
        jax = pytest.importorskip("jax")
        backend = backends.resolve("jax")
    pure = step.training_step(given.model, sgd())

    def run(carry, batch):
        traced.append(1)
        return pure(carry, batch, xp=backend.xp)

    batch = on(backend, given.batch, "float64")
    run = jax.jit(run) if jitted else run
    for rate, l2 in ((0.1, 0.0), (0.2, 0.0), (0.1, 0.5)):
        with backend.with_dtypes("float64").current():
            (params, _), _ = run(prepared(sgd(), given.params, l2, backend, learning_rate=rate), batch)
        moves = zip(given.params, gradients(given, given.batch, l2), strict=True)
        wanted = tuple(Layer(w - rate * g.w, b - rate * g.b) for (w, b), g in moves)
        assert distance(host(backend, params), wanted) < TOLERANCE
    assert len(traced) == (1 if jitted else 3)


def test_bytes_are_scaled(backend, float_dtype):
    """Inputs of uint8 are divided by the model's scale, in the parameters' dtype."""
    given = problem("cross_entropy")
    x = np.random.default_rng(4).integers(256, size=(5, 6)).astype("uint8")
    params, batch = on(backend, (given.params, given.batch), float_dtype)
    model, bytes_ = given.model._replace(input_scale=255.0), batch._replace(x=backend.asarray(x))
    found, _ = step.gradients(model, params, bytes_, None, xp=backend.xp)
    assert distance(host(backend, found), gradients(given, given.batch._replace(x=x / 255))) < ROUNDING[float_dtype]


def test_a_scale_of_one_copies_nothing():
    """Inputs that are of the parameters' dtype and need no scaling are taken as they are."""
    given = problem("cross_entropy")
    assert step.inputs(given.model, given.params, given.batch.x, xp=np) is given.batch.x


@LOSS
def test_a_step_changes_nothing_it_is_given(loss):
    """It works on arrays that cannot be written to, and leaves the same values in those that can."""
    given, optimizer = problem(loss), adam()
    carry = prepared(optimizer, map_arrays(np.copy, given.params), 0.1)
    before = map_arrays(np.copy, (carry, given.batch))
    run = step.training_step(given.model, optimizer)
    first = run(carry, given.batch, xp=np)
    assert all(np.array_equal(a, b) for a, b in zip(arrays_in(before), arrays_in((carry, given.batch)), strict=True))
    for array in arrays_in((carry, given.batch)):
        array.flags.writeable = False
    again = run(carry, given.batch, xp=np)
    assert all(np.array_equal(a, b) for a, b in zip(arrays_in(first), arrays_in(again), strict=True))


@LOSS
@pytest.mark.parametrize("library", ["jax", "torch"])
def test_the_mathematics_can_be_traced(loss, library):
    """It reads no value of an array and branches on none: JAX and torch make a graph of it from shapes alone."""
    pytest.importorskip(library)
    given, backend = problem(loss), backends.resolve(library)
    arrays = on(backend, given[1:], "float64")

    def found(params, batch, l2):
        return step.gradients(given.model, params, batch, l2, xp=backend.xp)

    if library == "jax":
        traced = pytest.importorskip("jax").jit(found)
    else:
        # With torch.compile(fullgraph=True) array-api-compat 1.16 cannot take maximum(array, number).
        make_fx = pytest.importorskip("torch.fx.experimental.proxy_tensor").make_fx
        traced = make_fx(found, tracing_mode="fake")(*arrays)
    with backend.with_dtypes("float64").current():
        result = host(backend, traced(*arrays))
    assert distance(result, step.gradients(given.model, *given[1:], xp=np)) < TOLERANCE


@LOSS
def test_answers_and_measures_are_the_forward_passs(backend, float_dtype, loss):
    """Outputs, and each row's cost and error, are those that a training sees; one model has one function for each."""
    given = problem(loss)
    params, (x, y, _) = on(backend, given[1:3], float_dtype)
    a, z = step.forward(given.model, params, x, xp=backend.xp)
    answer, measure = step.answers(given.model), step.measures(given.model)
    functions = given.model.loss
    wanted = (a[-1], functions.cost(z, y, xp=backend.xp), functions.error(a[-1], y, xp=backend.xp))
    found = (answer(params, x, xp=backend.xp), *measure(params, (x, y), xp=backend.xp))
    assert distance(host(backend, found), host(backend, wanted)) == 0
    assert answer is step.answers(problem(loss).model)
    assert measure is step.measures(problem(loss).model)


@LOSS
def test_a_descent_leaves_gradients_in_the_parameters_place(backend, float_dtype, loss):
    """Run as a block of one step, planned or not, it gives the cost and its gradients where the parameters were."""
    given = problem(loss)
    batch = on(backend, given.batch, float_dtype)
    wanted, (cost, _) = step.gradients(given.model, given.params, given.batch, None, xp=np)
    for engine in backend.engines[:2]:
        params = on(backend, given.params, float_dtype)
        rows = np.arange(5)[None, :]
        found, (costs,) = backend.with_engine(engine).run_block(step.descent(given.model), params, batch, rows)
        assert distance(host(backend, found), wanted) < ROUNDING[float_dtype]
        assert backend.to_host(costs) == pytest.approx([cost], rel=ROUNDING[float_dtype])

"""Update rules take the steps of torch's and scikit-learn's optimizers, on every backend."""

import pickle

import numpy as np
import pytest
from helpers.oracles import ROUNDING, distance, host, on

from xpnet import backends
from xpnet._support.trees import arrays_in, map_arrays
from xpnet._support.typing import Layer
from xpnet.backends import dtype_name
from xpnet.equations.losses import LOSSES
from xpnet.equations.optimizers import OPTIMIZERS, adam, adamw, default_rate, momentum, nesterov, sgd
from xpnet.equations.step import Model, training_step
from xpnet.errors import InputError

pytestmark = pytest.mark.current

RULES = {name: make() for name, make in OPTIMIZERS.items()} | {"adam ε̂": adam(0.01, epsilon_hat=True)}
EVERY = pytest.mark.parametrize("name", list(RULES))
SLOTS = {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2, "adam ε̂": 2, "adamw": 2}
STEPS = 20


def walk(seed=9):
    """Parameters of two layers, and gradients for every step, of sizes from 1e-3 to 1."""
    rng = np.random.default_rng(seed)

    def layers(scale=1.0):
        shapes = ((4, 3), (2, 4))
        return tuple(Layer(scale * rng.normal(size=shape), scale * rng.normal(size=shape[0])) for shape in shapes)

    return layers(), [layers(scale) for scale in 10 ** rng.uniform(-3, 0, STEPS)]


def after(optimizer, params, found, rates=None, backend=None, dtype="float64"):
    """Parameters and slots after the steps, on the host."""
    backend = backend or backends.resolve("numpy")
    params = on(backend, params, dtype)
    slots = optimizer.init(params, xp=backend.xp)
    for t, gradients in enumerate(found, 1):
        rate = backend.asarray(np.asarray(rates[t - 1] if rates else optimizer.learning_rate, dtype))
        count = backend.asarray(np.asarray(t, "int32"))
        params, slots = optimizer.update(on(backend, gradients, dtype), slots, params, rate, count, xp=backend.xp)
    return params, slots


def by_torch(make, params, found):
    """The parameters after the steps of the torch optimizer that `make(weights, biases)` gives."""
    torch = pytest.importorskip("torch")
    params = map_arrays(torch.tensor, params)
    optimizer = make(torch.optim, [layer.w for layer in params], [layer.b for layer in params])
    for gradients in found:
        for array, gradient in zip(arrays_in(params), arrays_in(gradients), strict=True):
            array.grad = torch.tensor(gradient)
        optimizer.step()
    return map_arrays(lambda array: array.numpy(), params)


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (sgd(0.1), lambda optim, w, b: optim.SGD(w + b, lr=0.1)),
        (momentum(0.1, 0.8), lambda optim, w, b: optim.SGD(w + b, lr=0.1, momentum=0.8)),
        (momentum(0.1, 1.0), lambda optim, w, b: optim.SGD(w + b, lr=0.1, momentum=1.0)),
        (nesterov(0.1, 0.8), lambda optim, w, b: optim.SGD(w + b, lr=0.1, momentum=0.8, nesterov=True)),
        (adam(0.01), lambda optim, w, b: optim.Adam(w + b, lr=0.01)),
        (adam(0.01, 0.5, 0.9, 1e-3), lambda optim, w, b: optim.Adam(w + b, lr=0.01, betas=(0.5, 0.9), eps=1e-3)),
        (
            adamw(0.01, weight_decay=0.3),
            lambda optim, w, b: optim.AdamW([{"params": w}, {"params": b, "weight_decay": 0}], 0.01, weight_decay=0.3),
        ),
    ],
    ids=["sgd", "momentum", "momentum 1", "nesterov", "adam", "adam with other numbers", "adamw"],
)
def test_steps_are_torchs(ours, make):
    """Twenty steps in float64 lead where torch's lead; AdamW's decay is for weights and not for biases."""
    params, found = walk()
    assert distance(after(ours, params, found)[0], by_torch(make, params, found)) < ROUNDING["float64"]


@pytest.mark.parametrize(
    ("ours", "kind", "options"),
    [
        (momentum(0.1, 0.8), "SGDOptimizer", {"momentum": 0.8, "nesterov": False}),
        (nesterov(0.1, 0.8), "SGDOptimizer", {"momentum": 0.8, "nesterov": True}),
        (adam(0.1, epsilon=1e-3, epsilon_hat=True), "AdamOptimizer", {"epsilon": 1e-3}),
    ],
    ids=["momentum", "nesterov", "adam ε̂"],
)
def test_steps_are_scikit_learns(ours, kind, options):
    """Twenty steps in float64 lead where scikit-learn's lead, whose Adam has ε̂."""
    theirs = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    params, found = walk()
    arrays = [array.copy() for array in arrays_in(params)]
    optimizer = getattr(theirs, kind)(arrays, learning_rate_init=0.1, **options)
    for gradients in found:
        optimizer.update_params(arrays, arrays_in(gradients))
    assert distance(tuple(arrays_in(after(ours, params, found)[0])), tuple(arrays)) < ROUNDING["float64"]


def test_the_two_adams_differ():
    """ε inside and ε̂ outside the bias corrections are different steps, the more so early on."""
    params, found = walk()
    one, other = (after(adam(0.1, epsilon=1e-3, epsilon_hat=hat), params, found)[0] for hat in (False, True))
    assert distance(one, other) > 1e-4


BY_HAND = {
    # g = 2, then 4, with η = 0.1 and μ = 0.5: v = −0.2, then 0.5 · −0.2 − 0.4 = −0.5.
    "sgd": (sgd(0.1), [0.8, 0.4]),
    "momentum": (momentum(0.1, 0.5), [0.8, 0.3]),
    "nesterov": (nesterov(0.1, 0.5), [0.7, 0.05]),
    # β₁ = β₂ = ½: m̂ = 2, then (½ · 1 + 2) / ¾; v̂ = 4, then (½ · 2 + 8) / ¾.
    "adam": (adam(0.1, 0.5, 0.5, 0.0), [0.9, 0.9 - 0.1 * (2.5 / 0.75) / 12**0.5]),
    "adamw": (adamw(0.1, 0.5, 0.5, 0.0, 0.2), [0.88, 0.88 * 0.98 - 0.1 * (2.5 / 0.75) / 12**0.5]),
}
"""Each rule, and where its first two steps lead, as worked out on paper."""


def test_every_rule_has_an_oracle():
    """A rule comes with two steps worked out on paper, those of that rule, and a number of slots."""
    assert set(BY_HAND) == set(OPTIMIZERS), "a rule needs its first two steps in BY_HAND"
    assert set(SLOTS) == set(RULES), "a rule needs its number of slots in SLOTS"
    for name, (optimizer, _) in BY_HAND.items():
        assert (optimizer.name, RULES[name].learning_rate) == (name, default_rate(name))


@pytest.mark.parametrize("name", list(BY_HAND))
def test_first_steps_by_hand(name):
    """Two steps of one weight from 1, with gradients 2 and 4, as worked out on paper."""
    optimizer, places = BY_HAND[name]
    found = [(Layer(np.full((1, 1), g), np.full(1, g)),) for g in (2.0, 4.0)]
    start = (Layer(np.ones((1, 1)), np.ones(1)),)
    ways = [after(optimizer, start, found[:n])[0][0].w[0, 0] for n in (1, 2)]
    assert ways == pytest.approx(places, rel=1e-12)


@pytest.mark.parametrize("make", [momentum, nesterov])
def test_a_velocity_keeps_the_rates_it_was_made_at(make):
    """When η changes, v ← μ v − η g goes on with the old v, unlike torch's, which takes the new rate for all of it."""
    params, found = walk()
    rates = [0.1 / t for t in range(1, STEPS + 1)]
    w = {i: array.copy() for i, array in enumerate(arrays_in(params))}
    v = {i: np.zeros(array.shape) for i, array in w.items()}
    for rate, gradients in zip(rates, found, strict=True):
        for i, g in enumerate(arrays_in(gradients)):
            v[i] = 0.9 * v[i] - rate * g
            w[i] = w[i] + (v[i] if make is momentum else 0.9 * v[i] - rate * g)
    there, (slot,) = after(make(), params, found, rates)
    assert distance(tuple(arrays_in(there)), tuple(w.values())) < ROUNDING["float64"]
    assert distance(tuple(arrays_in(slot)), tuple(v.values())) < ROUNDING["float64"]


@pytest.mark.parametrize("epsilon_hat", [False, True])
def test_adam_without_memory(epsilon_hat):
    """With β₁ = β₂ = 0 each step is −η g / (|g| + ε), with no bias to correct."""
    params, found = walk()
    there, _ = after(adam(0.01, 0.0, 0.0, epsilon_hat=epsilon_hat), params, found)
    moved = [sum(0.01 * g / (np.abs(g) + 1e-8) for g in arrays) for arrays in zip(*map(arrays_in, found), strict=True)]
    wanted = tuple(w - step for w, step in zip(arrays_in(params), moved, strict=True))
    assert distance(tuple(arrays_in(there)), wanted) < ROUNDING["float64"]


@pytest.mark.parametrize(("beta1", "beta2"), [(0.0, 0.999), (0.9, 0.0)])
def test_either_beta_can_be_zero(beta1, beta2):
    """One of the two memories may be off; the steps are torch's."""
    params, found = walk()
    wanted = by_torch(lambda optim, w, b: optim.Adam(w + b, lr=0.01, betas=(beta1, beta2)), params, found)
    assert distance(after(adam(0.01, beta1, beta2), params, found)[0], wanted) < ROUNDING["float64"]


@EVERY
def test_steps_are_the_same_on_every_backend(backend, float_dtype, name):
    """Any library's arrays go NumPy's way, and so do the slots."""
    params, found = walk()
    there = host(backend, after(RULES[name], params, found, backend=backend, dtype=float_dtype))
    assert distance(there, after(RULES[name], params, found)) < ROUNDING[float_dtype]


@EVERY
def test_slots_are_of_the_parameters_kind(backend, name):
    """Slots start at 0, have the parameters' shapes, and with them stay float32 from step to step."""
    params, found = walk()
    slots = RULES[name].init(on(backend, params, "float32"), xp=backend.xp)
    assert len(slots) == SLOTS[name]
    assert all(not np.any(array) for array in arrays_in(host(backend, slots)))
    assert all([a.shape for a in arrays_in(slot)] == [a.shape for a in arrays_in(params)] for slot in slots)
    there = after(RULES[name], params, found[:2], backend=backend, dtype="float32")
    assert {dtype_name(array) for array in arrays_in((slots, there))} == {"float32"}


@pytest.mark.parametrize("t", [1, 1000, 10**6])
def test_bias_corrections_keep_their_digits_in_float32(t):
    """A first or a millionth float32 step is float64's to rounding, though 1 − β₂ᵗ is small or β₂ᵗ vanishes."""
    params, found = walk()
    optimizer, ways = adam(0.01, beta2=0.99999, epsilon_hat=True), []
    for dtype in ("float32", "float64"):
        start = map_arrays(lambda a, dtype=dtype: np.zeros(a.shape, dtype), params)
        gradients = map_arrays(lambda a, dtype=dtype: a.astype(dtype), found[-1])
        numbers = (np.asarray(0.01, dtype), np.asarray(t, "int32"))
        ways.append(optimizer.update(gradients, optimizer.init(start, xp=np), start, *numbers, xp=np)[0])
    assert distance(*ways) < ROUNDING["float32"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: sgd(-0.1), r"learning_rate is -0\.1; it must be 0 or more"),
        (lambda: sgd(float("nan")), "learning_rate is nan"),
        (lambda: momentum(0.1, 1.5), r"momentum is 1\.5; it must be from 0 to 1"),
        (lambda: nesterov(0.1, -0.5), r"momentum is -0\.5"),
        (lambda: adam(beta1=1.0), r"beta1 is 1\.0"),
        (lambda: adam(beta2=-0.1), r"beta2 is -0\.1"),
        (lambda: adam(epsilon=-1.0), r"epsilon is -1\.0; it must be 0 or more"),
        (lambda: adamw(weight_decay=-1.0), r"weight_decay is -1\.0"),
    ],
)
def test_arguments_outside_their_range_are_refused(make, sentence):
    """What no rule can work with is refused when the optimizer is made."""
    with pytest.raises(InputError, match=sentence):
        make()


@pytest.mark.parametrize("rate", ["fast", None])
def test_a_rate_that_is_no_number_is_refused(rate, request):
    """Neither a word nor nothing is a learning rate."""
    if request.config.getoption("jaxtyping_packages", None):
        pytest.skip("types are checked before")
    with pytest.raises(InputError, match=f"learning_rate is {rate!r}; it must be a number, 0 or more, or a schedule"):
        adam(rate)


def test_an_optimizer_is_shown_by_name_and_rate():
    """Its repr is one short line."""
    assert [repr(adam(1e-2)), repr(adamw()), repr(sgd(0.5))] == [
        "adam(learning_rate=0.01)",
        "adamw(learning_rate=0.001)",
        "sgd(learning_rate=0.5)",
    ]


@pytest.mark.parametrize("make", list(OPTIMIZERS.values()), ids=list(OPTIMIZERS))
def test_optimizers_can_be_pickled(make):
    """What comes back is equal, and its step is the one that is compiled already."""
    rule = make(0.5)
    back = pickle.loads(pickle.dumps(rule))
    assert back == rule
    assert hash(back.update) == hash(rule.update)
    model = Model((), LOSSES["cross_entropy"])
    assert training_step(model, back) is training_step(model, rule)


def test_rules_with_other_settings_are_other_rules():
    """Momentum of 0.9 and Nesterov's of 0.9 are not taken for each other, nor 0.9 for 0.5."""
    rules = [momentum(), nesterov(), momentum(0.05, 0.5), sgd()]
    assert len({rule.update for rule in rules}) == 4

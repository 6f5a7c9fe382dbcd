"""Private training: each step is what DP-SGD says, ε is dp-accounting's, and nothing of the rows is in a file."""

import json
import math
import secrets

import numpy as np
import pytest
from helpers.oracles import distance, problem
from helpers.threads_as_ranks import together
from safetensors import safe_open

import xpnet
from xpnet import Network, Privacy, backends, serialization
from xpnet._support.philox import Key
from xpnet._support.trees import arrays_in
from xpnet._support.typing import Batch, Layer
from xpnet.data import Stored
from xpnet.equations import backprop, step
from xpnet.equations.optimizers import sgd
from xpnet.equations.private_step import clipped_sums, noisy, private_step
from xpnet.errors import InputError
from xpnet.training.privacy import Spent, epsilon, with_steps
from xpnet.training.private_batches import PrivateBatches, drawn, parts, secret

NETWORK = Network([5, 7, 3], "tanh")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 5)), RNG.integers(3, size=60)
ENGINES = ["plain", "replay", "compiled"]


def trained(privacy, data=(X, Y), rate=0.5, **settings):
    """Epochs of a private training."""
    return xpnet.epochs(NETWORK, data, sgd(rate), **{"batch_size": 12, "epochs": 2} | settings, privacy=privacy)


def insecure(sigma, clip_norm=1.0):
    """Settings of a private training that can be run again."""
    return Privacy(noise_multiplier=sigma, clip_norm=clip_norm, insecure_seed=1)


def tensor_sum(given, rows, bound):
    """Σ cᵢ gᵢ over some rows, from every sample's gradient by itself."""
    own = backprop.per_sample_gradients(*step.deltas(*given[:3], xp=np))
    norms = np.sqrt(sum((array**2).sum(axis=tuple(range(1, array.ndim))) for array in arrays_in(own)))
    share = rows * np.minimum(1, bound / norms)
    return tuple(Layer(*(np.tensordot(share, array, axes=1) for array in layer)) for layer in own)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_a_step_is_the_formula(loss):
    """It moves by −η (Σ cᵢgᵢ + σC·noise) / b, the sums over two parts, with rows that count nothing."""
    given = problem(loss)
    n, bound, b = len(given.batch.y), 0.3, 7
    counts = (np.arange(n) != 1).astype(float)
    batch = Batch(given.batch.x, given.batch.y, counts)
    parts = private_step(given.model, sgd(0.5), bound, 1.5, b)
    key = Key(*(np.asarray(number, np.int32) for number in (123, -456, 0)))
    state = step.State((), np.asarray(4, np.int32), np.asarray(0.5), None)
    zero = np.zeros(())
    carry, _ = parts.first((given.params, state, step.Sums(given.params, zero, zero), key), batch, xp=np)
    carry, _ = parts.more(carry, batch, xp=np)
    (params, after, _, _), _ = parts.update(carry, None, xp=np)
    zeros = tuple(Layer(np.zeros_like(w), np.zeros_like(b)) for w, b in given.params)
    noise = noisy(zeros, 1.5 * bound, key, state.count, xp=np)
    sums = tensor_sum(given, counts, bound)
    expected = tuple(
        Layer(*(p - 0.5 * (2 * g + z) / b for p, g, z in zip(*layers, strict=True)))
        for layers in zip(given.params, sums, noise, strict=True)
    )
    assert distance(params, expected) < 1e-12
    assert after.count == 5
    assert min(np.abs(array).max() for array in arrays_in(noise)) > 0


def test_filling_up_is_exact():
    """A row that fills up adds exactly nothing, whatever its numbers are."""
    given = problem("cross_entropy")
    n = len(given.batch.y)
    counts = (np.arange(n) < n - 2).astype(float)
    sums = []
    for scale in (1, 1000):
        x = np.where(counts[:, None] > 0, given.batch.x, scale * given.batch.x)
        sums.append(clipped_sums(given.model, given.params, Batch(x, given.batch.y, counts), 0.3, xp=np))
    for one, other in zip(*map(arrays_in, sums), strict=True):
        assert np.array_equal(one, other)


def test_a_batch_is_cut_into_parts_and_filled_up():
    """Nothing is left out of a large batch, and an empty one is a part of filler."""
    assert parts(np.arange(5), 2, filler=9).tolist() == [[0, 1], [2, 3], [4, 9]]
    assert parts(np.arange(0), 2, filler=9).tolist() == [[9, 9]]
    assert parts(np.arange(4), 2, filler=9).tolist() == [[0, 1], [2, 3]]


def test_without_noise_and_bound_every_row_is_full_batch_descent():
    """With q = 1, σ = 0 and a bound that is never reached a step is one of plain gradient descent."""
    (private,) = trained(insecure(0.0, 1e6), batch_size=60, epochs=1)
    (plain,) = xpnet.epochs(NETWORK, (X, Y), sgd(0.5), batch_size=60, epochs=1)
    assert distance(private.params, plain.params) < 1e-12
    assert private.cost == pytest.approx(plain.cost)
    assert private.train_accuracy == plain.train_accuracy


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree_and_a_seed_repeats_itself(engine):
    """With further parts and noise every engine does the plain one's steps."""
    if engine == "compiled":
        pytest.importorskip("llvmlite")
    small = {"batch_size": 3, "epochs": 3, "engine": engine}
    first, again = (trained(insecure(1.0), **small).history().last.params for _ in range(2))
    assert distance(first, again) == 0
    assert distance(first, trained(insecure(1.0), **small | {"engine": "plain"}).history().last.params) < 1e-9


def test_rows_are_drawn_by_themselves(monkeypatch):
    """Over many steps each row is drawn with probability q, and the batches' sizes have a binomial's variance."""
    batches = []
    monkeypatch.setattr(
        "xpnet.training.private_batches.parts",
        lambda rows, size, filler: batches.append(rows) or parts(rows, size, filler),
    )
    trained(insecure(1.0), epochs=200).history()
    times = np.bincount(np.concatenate(batches), minlength=60)
    assert len(batches) == 1000
    assert np.abs(times - 200).max() < 5 * math.sqrt(1000 * 0.2 * 0.8)
    assert np.var([len(rows) for rows in batches]) == pytest.approx(60 * 0.2 * 0.8, rel=0.2)
    assert max(map(len, batches)) > PrivateBatches.part(type("Drawn", (), {"_probability": 0.2}), 60)


@pytest.mark.parametrize("q", [0.02, 0.3, 0.9, 1.0])
def test_draws_are_independent(q):
    """Each row's indicator has mean q and variance q(1 − q), and none tells of another's."""
    rng, n, times = np.random.default_rng(0), 12, 20_000
    seen = np.zeros((times, n))
    for line in seen:
        line[drawn(rng, n, q)] = 1
    error = 5 / math.sqrt(times)
    assert np.abs(seen.mean(axis=0) - q).max() <= error * math.sqrt(q * (1 - q))
    assert np.abs(np.cov(seen.T) - q * (1 - q) * np.eye(n)).max() <= error * q * (1 - q) * 3


def test_noise_moves_a_batch_without_rows():
    """An empty batch is a step like any other: of noise, divided by the same constant."""
    one = (np.zeros((1, 5)), np.zeros(1, int))
    network = Network([5, 3])
    moved = [
        xpnet.epochs(network, one, sgd(1.0), batch_size=1, epochs=1, params=network.init(0), privacy=insecure(sigma))
        .history()
        .last.params[0]
        .w
        for sigma in (0.0, 1.0)
    ]
    assert np.std(moved[1] - moved[0]) == pytest.approx(1, rel=0.5)


def test_keys_are_the_systems(monkeypatch):
    """Without an insecure seed two trainings differ, and so do batches: keys are asked of `secrets`."""
    asked = []
    monkeypatch.setattr(secrets, "token_bytes", lambda size, ask=secrets.token_bytes: asked.append(size) or ask(size))
    pytest.importorskip("dp_accounting")
    one, other = (trained(Privacy(noise_multiplier=1.0)).history().last.params for _ in range(2))
    assert asked == [24, 24]
    assert distance(one, other) > 1e-3


@pytest.mark.parametrize(
    ("q", "sigma", "steps", "prv"),
    [
        (256 / 60000, 1.3, 3515, 0.8655),
        (256 / 60000, 1.1, 14062, 2.3827),
        (256 / 60000, 0.7, 10546, 5.6408),
        (0.01, 4.0, 10000, 0.9479),
    ],
)
def test_epsilon_is_that_of_dp_accounting(q, sigma, steps, prv):
    """It is what its accountant says when it is asked directly, within 1 % of Opacus' PRV accountant.

    The first three are the trainings of TensorFlow Privacy's MNIST tutorial, of 15, 60 and 45 epochs; the last is that
    of Abadi et al. (2016), figure 2. Opacus 1.6.0 says `prv`: PRVAccountant with history [(sigma, q, steps)] and
    get_epsilon(1e-5, eps_error=0.001).
    """
    accounting = pytest.importorskip("dp_accounting")
    accountant = pytest.importorskip("dp_accounting.pld").PLDAccountant(
        accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
    )
    accountant.compose(accounting.PoissonSampledDpEvent(q, accounting.GaussianDpEvent(sigma)), steps)
    assert epsilon([Spent(q, sigma, steps)], 1e-5) == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-9)
    assert epsilon([Spent(q, sigma, steps)], 1e-5) == pytest.approx(prv, rel=0.01)


def test_every_epoch_has_its_epsilon():
    """In the record, its numbers and its line; the target is reached at the end, and not exceeded."""
    pytest.importorskip("dp_accounting")
    epochs = list(trained(Privacy(target_epsilon=3.0, delta=1e-4), batch_size=60, epochs=3))
    spent = [epoch.epsilon for epoch in epochs]
    assert spent == sorted(spent)
    assert 2.97 < spent[-1] <= 3.0
    assert [epoch.numbers()["epsilon"] for epoch in epochs] == spent
    assert f"ε {spent[0]:.3f} at δ 0.0001" in str(epochs[0])


def test_a_seed_that_is_known_reports_no_epsilon():
    """Neither in its epochs nor to a training that goes on from it, whose ε is infinite."""
    epoch = trained(insecure(1.0)).history().last
    assert epoch.epsilon is None
    pytest.importorskip("dp_accounting")
    following = trained(Privacy(noise_multiplier=1.0), epochs=3, resume=epoch.checkpoint).history().last
    assert following.epsilon == math.inf


def test_a_resumed_training_goes_on_spending(tmp_path):
    """After a file its steps are counted on, with fresh keys, and a target holds for all of them."""
    pytest.importorskip("dp_accounting")
    settings = Privacy(noise_multiplier=1.3)
    whole = trained(settings, epochs=4).history().last
    half = trained(settings, epochs=2).history().last
    serialization.save(tmp_path / "half", NETWORK, half.params, half.checkpoint)
    checkpoint = serialization.load(tmp_path / "half").checkpoint
    rest = trained(settings, epochs=4, resume=checkpoint).history().last
    assert rest.epsilon == pytest.approx(whole.epsilon)
    assert rest.checkpoint.privacy == ((0.2, 1.3, 20),)
    with pytest.raises(InputError, match="has spent"):
        trained(Privacy(target_epsilon=half.epsilon / 2), epochs=4, resume=checkpoint)
    # A target that the noise of before meets is met with it, not with a little less.
    again = trained(Privacy(target_epsilon=whole.epsilon * 1.005), epochs=4, resume=checkpoint).training.private
    assert again.per_step.noise_multiplier == 1.3


def test_a_resumed_target_holds_for_all_steps():
    """Those before it counted, however they were spent."""
    pytest.importorskip("dp_accounting")
    spent, target = [Spent(1.0, 20.0, 5)], 1.0
    sigma = Privacy(target_epsilon=target).multiplier(1.0, 5, spent)
    assert sigma < 20
    assert target - 0.01 < epsilon([*spent, Spent(1.0, sigma, 5)], 1e-5) <= target


@pytest.mark.parametrize("count", [1, 2, 3, 9])
@pytest.mark.parametrize("engine", ["plain", "replay"])
def test_processes_that_train_together_add_noise_once(count, engine):
    """They come to what one does, though keys are drawn by one of them, and some have no share of a part."""
    settings = {"batch_size": 3, "epochs": 3, "engine": engine}
    members = together(count, lambda member: trained(insecure(1.0), average=member, **settings).history().last)
    alone = trained(insecure(1.0), **settings).history().last
    for each in members:
        assert distance(each.params, members[0].params) == 0
        assert distance(each.params, alone.params) < 1e-9
        assert each.cost == pytest.approx(alone.cost)


def test_processes_have_one_secret():
    """What one of them draws is what all have, though each would draw another."""
    backend = backends.resolve("numpy")
    words = together(3, lambda member: secret(backend, member.number, member, "float32").tolist())
    own = [secret(backend, number, None, "float32").tolist() for number in range(3)]
    assert words[0] == words[1] == words[2]
    assert words[0] in own
    assert own[0] != own[1] != own[2]


def test_files_hold_nothing_of_the_rows(tmp_path):
    """No order, no keys, no cost, no accuracy of the private rows; ε and what it was computed from."""
    pytest.importorskip("dp_accounting")
    epochs = list(trained(Privacy(noise_multiplier=1.0)))
    records = [epoch.numbers() for epoch in epochs]
    serialization.save(tmp_path / "model", NETWORK, epochs[-1].params, epochs[-1].checkpoint, history=records)
    with safe_open(tmp_path / "model", framework="numpy") as file:
        training = json.loads(file.metadata()["xpnet"])["training"]
    assert training["order"] == {}
    assert training["best_cost"] == math.inf
    assert training["privacy"] == [[0.2, 1.0, 10]]
    assert training["epsilon"] == epochs[-1].epsilon
    assert training["delta"] == 1e-5
    for record in serialization.load(tmp_path / "model").history:
        assert record["cost"] is None
        assert record["train_accuracy"] is None


def test_steps_that_are_alike_are_counted_together():
    """Those of other settings stand by themselves."""
    spent = with_steps(with_steps((), Spent(0.1, 1.0, 5)), Spent(0.1, 1.0, 2))
    assert spent == (Spent(0.1, 1.0, 7),)
    assert with_steps(spent, Spent(0.1, 2.0, 1)) == (*spent, Spent(0.1, 2.0, 1))
    assert epsilon([Spent(0.1, 0.0, 1)], 1e-5) == math.inf


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"weight": np.ones(60)}, "weight does not go with privacy"),
        ({"order": iter([])}, "order does not go with privacy"),
        ({"validation_fraction": 0.1}, "validation_fraction does not go with privacy"),
        ({"patience": 2}, "patience does not go with privacy"),
        ({"clip_norm": 1.0}, "clip_norm does not go with privacy"),
        ({"batch_size": 61}, "probability batch_size / n"),
        ({"privacy": 1.0}, "give xpnet.Privacy"),
    ],
)
def test_what_cannot_be_private_is_refused(settings, sentence):
    """Each in a sentence."""
    with pytest.raises(InputError, match=sentence):
        trained(settings.pop("privacy", insecure(1.0)), **settings)


def test_rows_on_disk_are_refused(tmp_path):
    """Their order is not drawn row by row."""
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(InputError, match="rows on disk"):
        trained(insecure(1.0), data=(Stored(tmp_path / "x.npy"), Y))


def test_patience_goes_by_rows_that_are_others():
    """With rows to validate on that are not private it is allowed."""
    assert trained(insecure(1.0), patience=2, validation=(X, Y)).history().last.validation_cost > 0


def test_private_and_other_trainings_do_not_go_on_from_each_other():
    """What was learned without noise stays known, and what was learned with it would be spent."""
    plain = xpnet.epochs(NETWORK, (X, Y), sgd(0.5), batch_size=12, epochs=1).history().last
    with pytest.raises(InputError, match="was not private"):
        trained(insecure(1.0), resume=plain.checkpoint)
    private = trained(insecure(1.0), epochs=1).history().last
    with pytest.raises(InputError, match="give privacy too"):
        trained(None, resume=private.checkpoint)


def test_dropout_is_refused():
    """A private step draws no masks, and does not leave them out in silence."""
    with pytest.raises(InputError, match="dropout does not go with privacy"):
        xpnet.epochs(Network([5, 7, 3], dropout=0.5), (X, Y), sgd(0.5), batch_size=12, epochs=1, privacy=insecure(1.0))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "either noise_multiplier or target_epsilon"),
        ({"noise_multiplier": 1.0, "target_epsilon": 1.0}, "either noise_multiplier or target_epsilon"),
        ({"noise_multiplier": -1.0}, "noise_multiplier"),
        ({"target_epsilon": 0.0}, "target_epsilon"),
        ({"noise_multiplier": 1.0, "delta": 0.0}, "delta"),
        ({"noise_multiplier": 1.0, "clip_norm": 0.0}, "clip_norm"),
    ],
)
def test_settings_are_checked(settings, sentence):
    """Before anything is trained."""
    with pytest.raises(InputError, match=sentence):
        Privacy(**settings)

"""Flags become a network and an optimizer; what is not given fits the data."""

import numpy as np
import pytest

from xpnet._cli.presets import configure
from xpnet._cli.resume import resumed
from xpnet._cli.spellings import fractions, schedule
from xpnet.data import Data, load
from xpnet.errors import InputError, ModelFileError
from xpnet.schedules import Constant, Cosine, InverseScaling, Step


def test_a_flag_goes_before_the_preset_before_the_data():
    """Each source of a value gives way to the one nearer to the user."""
    assert configure({}).batch_size == 32
    assert configure({"data": "mnist"}).hidden == (512,)
    assert configure({"data": "mnist"}, "post").hidden == (32, 32)
    assert configure({"data": "mnist", "hidden": (7,)}, "post").hidden == (7,)


def test_the_preset_is_the_posts_network():
    """784-32-32-10, sigmoid, one sample at a time, learning rate 0.1."""
    post = configure({"data": "mnist"}, "post")
    assert (post.activation, post.optimizer, post.batch_size, post.learning_rate) == (("sigmoid",), "sgd", 1, 0.1)


def test_another_rule_has_a_learning_rate_of_its_own():
    """Adam's rate is not taken for SGD; a rate that is given is."""
    assert configure({"optimizer": "sgd"}).learning_rate == 0.1
    assert configure({"optimizer": "sgd", "learning_rate": 0.3}).learning_rate == 0.3
    assert configure({}).learning_rate == 0.003


def test_sgd_with_a_momentum_is_the_momentum_rule():
    """`--optimizer sgd --momentum` is what others call it; Adam takes none."""
    assert configure({"optimizer": "sgd", "momentum": 0.8}).optimizer == "momentum"
    assert configure({"optimizer": "nesterov", "momentum": 0.8}).optimizer == "nesterov"
    with pytest.raises(InputError, match="--momentum goes with --optimizer sgd, momentum or nesterov"):
        configure({"momentum": 0.8})


def test_targets_choose_loss_and_outputs():
    """Labels make a softmax, a matrix of 0 and 1 sigmoids, floating-point numbers a regression."""
    x = np.zeros((4, 3))
    for y, loss, outputs in (
        (np.array([0, 1, 2, 1]), "cross_entropy", 3),
        (np.array([[0, 1], [1, 1], [0, 0], [1, 0]]), "binary_cross_entropy", 2),
        (np.array([0.5, 1.0, 2.0, 3.0]), "squared_error", 1),
    ):
        network = configure({"hidden": (5,)}).network(Data(x, y))
        assert (network.sizes, network.loss) == ((3, 5, outputs), loss)


@pytest.mark.parametrize("loss", ["absolute_error", "huber:0.5", "pinball:0.9", "poisson", "squared_error"])
def test_a_loss_for_numbers_can_be_chosen(loss):
    """`--loss` takes each loss of a regression for floating-point targets, be they 0 and 1, and says so."""
    for y in (np.array([0.5, 1.0, 2.0, 3.0]), np.array([[0.0], [1.0], [1.0], [0.0]])):
        chosen = configure({"loss": loss})
        assert chosen.network(Data(np.zeros((4, 3)), y)).loss == loss
        assert str(chosen).startswith(f"loss {loss}, adam, ")
    assert resumed(chosen.__dict__, {}, None, "m") == chosen
    before = {name: value for name, value in configure({}).__dict__.items() if name != "loss"}
    assert resumed(before, {}, None, "m").loss == "auto"


@pytest.mark.parametrize(
    ("loss", "y", "sentence"),
    [
        (
            "huber",
            [0, 1, 2, 1],
            "is not for these targets: y_train holds int64, which calls for cross_entropy; save the numbers",
        ),
        ("cross_entropy", [0.5, 1.0, 2.0, 3.0], "which calls for squared_error; leave the flag out"),
        ("binary_cross_entropy", [0, 1, 0, 1], "which calls for cross_entropy; leave the flag out"),
        ("quantile:0.9", [0.5, 1.0, 2.0, 3.0], "use 'pinball:0.9', which is the same"),
    ],
)
def test_a_loss_for_other_targets_is_refused(loss, y, sentence):
    """Labels have no distance, numbers no classes; the sentence says what the targets call for."""
    with pytest.raises(InputError, match=sentence):
        configure({"loss": loss}).network(Data(np.zeros((4, 3)), np.array(y)))


def test_the_networks_classes_are_the_datas():
    """Names that the data have for their labels are kept by the network, and so by the model file."""
    data = Data(np.zeros((4, 3)), np.array([0, 1, 2, 1]), classes=("ant", "bee", "cat"))
    assert configure({}).network(data).classes == ("ant", "bee", "cat")


def test_the_networks_scale_is_the_datas():
    """The digits are divided by 16."""
    assert configure({}).network(load("digits")).input_scale == 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("constant", Constant(0.1)),
        ("inverse-scaling", InverseScaling(0.1)),
        ("inverse-scaling:3:1", InverseScaling(0.1, 3, 1)),
        ("step:10", Step(0.1, 10)),
        ("step:10:0.5", Step(0.1, 10, 0.5)),
        ("cosine:20:2", Cosine(0.1, 20, 2)),
    ],
)
def test_a_schedule_is_spelled_with_its_length(text, expected):
    """NAME, NAME:EPOCHS or NAME:EPOCHS:NUMBER."""
    assert schedule(text, 0.1) == expected


@pytest.mark.parametrize("text", ["linear", "step", "step:x", "cosine:1:2:3", ""])
def test_other_schedules_are_refused(text):
    """The sentence lists what there is."""
    with pytest.raises(InputError, match=r"--schedule .* is not constant, inverse-scaling"):
        schedule(text, 0.1)


def test_a_cosine_keeps_the_length_that_it_began_with():
    """Without a length it takes the first run's; going past its end is refused, not trained at a rate of 0."""
    first = configure({"schedule": "cosine", "epochs": 3})
    assert first.schedule == "cosine:3"
    longer = resumed(first.__dict__, {"epochs": 6}, None, "m")
    with pytest.raises(
        InputError, match=r"ends after 3 epochs, but --epochs is 6; start anew with --schedule cosine:6"
    ):
        longer.rule()


def test_a_resumed_training_keeps_its_configuration():
    """Flags that say the same pass, the number of epochs may change, anything else is a contradiction."""
    kept = configure({"hidden": (7,), "epochs": 3})
    assert resumed(kept.__dict__, {"hidden": (7,)}, None, "m") == kept
    assert resumed(kept.__dict__, {"epochs": 6}, None, "m").epochs == 6
    assert resumed(kept.__dict__, {"device": "cpu", "backend": "auto"}, None, "m") == kept
    with pytest.raises(InputError, match="--hidden none contradicts m, which was trained with 7; leave the flag out"):
        resumed(kept.__dict__, {"hidden": ()}, None, "m")
    with pytest.raises(InputError, match="--precision tf32 contradicts m, which was trained with fp32; leave"):
        resumed(kept.__dict__, {"precision": "tf32"}, None, "m")
    with pytest.raises(InputError, match="--patience 3 contradicts m, which was trained without it; leave"):
        resumed(kept.__dict__, {"patience": 3}, None, "m")
    with pytest.raises(InputError, match="m was not trained by this command"):
        resumed({}, {}, None, "m")


def test_a_resumed_momentum_may_be_named_again():
    """The rule that a momentum belongs to is the saved one; where that has none, the flag is refused as ever."""
    for flags in ({"optimizer": "sgd", "momentum": 0.8}, {"optimizer": "nesterov", "momentum": 0.8}):
        kept = configure(flags)
        assert resumed(kept.__dict__, {"momentum": 0.8}, None, "m") == kept == resumed(kept.__dict__, flags, None, "m")
        with pytest.raises(InputError, match=r"--momentum 0\.5 contradicts m, which was trained with 0\.8"):
            resumed(kept.__dict__, {"momentum": 0.5}, None, "m")
    with pytest.raises(InputError, match="--momentum goes with"):
        resumed(configure({}).__dict__, {"momentum": 0.8}, None, "m")


def test_cupy_has_its_own_device():
    """The device is the CPU where none is named, but for CuPy, which has none."""
    assert (configure({}).device, configure({"backend": "torch"}).device) == ("cpu", "cpu")
    assert configure({"backend": "cupy"}).device == "cuda"
    assert configure({"backend": "cupy", "device": "cuda:1"}).device == "cuda:1"


def test_an_activation_is_checked_where_there_is_no_hidden_layer():
    """A name that is none is refused although nothing would use it."""
    with pytest.raises(InputError, match="activation is 'swish'"):
        configure({"hidden": (), "activation": ("swish",)}).network(load("digits"))


def test_a_setting_of_a_newer_version_is_named():
    """A configuration with a flag that this version lacks says so, and is not called damaged."""
    with pytest.raises(
        ModelFileError,
        match=r"m was trained with --skips, but this is xpnet .*, which has no such flag; update xpnet",
    ):
        resumed({**configure({}).__dict__, "skips": 0.2}, {}, None, "m")


def test_dropout_is_a_flag():
    """`--dropout` has one fraction for all hidden layers or one for each, and models without it resume."""
    digits = load("digits")
    network = configure({"hidden": (8, 7), "dropout": (0.5,)}).network(digits)
    assert (network.dropout, network.model.dropout) == ((0.5, 0.5), (0.5, 0.5))
    chosen = configure({"hidden": (8, 7), "dropout": fractions("0.2,0")})
    assert chosen.network(digits).dropout == (0.2, 0.0)
    assert configure({"dropout": fractions("none")}).network(digits).dropout == ()
    assert resumed(chosen.__dict__, {}, None, "m") == chosen
    before = {name: value for name, value in configure({}).__dict__.items() if name != "dropout"}
    assert resumed(before, {}, None, "m").dropout == ()


def test_clipping_is_a_flag():
    """`--clip-norm` goes to the training under its own name and is told with the settings; older models resume."""
    clipped = configure({"clip_norm": 0.5})
    assert (clipped.arguments()["clip_norm"], configure({}).arguments()["clip_norm"]) == (0.5, None)
    assert "gradients of rows clipped to 0.5" in str(clipped)
    assert resumed(clipped.__dict__, {"clip_norm": 0.5}, None, "m") == clipped
    with pytest.raises(InputError, match=r"--clip-norm 1 contradicts m, which was trained with 0\.5"):
        resumed(clipped.__dict__, {"clip_norm": 1.0}, None, "m")
    before = {name: value for name, value in configure({}).__dict__.items() if name != "clip_norm"}
    assert resumed(before, {}, None, "m").clip_norm is None
